"""Kuleshov re-makes films out of other films.

    from kuleshov.features.analyse import Analyst     # look at a film
    from kuleshov.archive.ingest import ingest        # add footage to an archive
    from kuleshov.edit.recut import recut             # remake a source from it
    from kuleshov.render.film import render           # write the film

`docs/architecture.md` shows how the parts stand to each other.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
