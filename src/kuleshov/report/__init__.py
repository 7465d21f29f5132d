"""Make a page on a film's language: measured, said in words, drawn, and written as HTML."""
