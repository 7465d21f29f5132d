"""From timelines to films and contact sheets."""
