"""From matches to timelines, and from timelines to project files and back."""
