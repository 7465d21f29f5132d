"""Train lenses on one kind of footage."""
