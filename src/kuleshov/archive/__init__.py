"""Keep an archive on disk: catalogue, rows, how footage gets in, and what may be used of it."""
