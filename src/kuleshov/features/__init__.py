"""What pictures are described by, facet by facet, and the pass that does it."""
