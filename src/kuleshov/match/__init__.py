"""Which archive clip answers which stretch of a source."""
