"""A page on a film's language: what is measured, said in words, drawn, and written as HTML."""
