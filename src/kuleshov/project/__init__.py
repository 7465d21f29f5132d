"""Read and write project files: a film as OpenTimelineIO, with what Kuleshov remembers."""
