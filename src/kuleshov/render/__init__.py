"""Render timelines to films, GIFs, contact sheets and single frames."""
