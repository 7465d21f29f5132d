"""Compare shots and clips: places, clusters, joins, moments, and copies among clips."""
