"""Find clips by words."""
