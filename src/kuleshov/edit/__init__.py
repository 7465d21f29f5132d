"""Build films from what was found: recuts as values, supercuts, grids and loops."""
