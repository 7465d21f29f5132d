"""Find the archive clips that answer each stretch of a source, and choose among them."""
