"""Know the same material again, whatever file it lies in."""
