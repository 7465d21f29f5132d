"""Answer a camera from an archive, moment for moment."""
