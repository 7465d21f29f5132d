"""The archive on disk: catalogue, feature files, stills, and how footage gets in."""
