"""The tags of shots: of the archive's films, and of films that were just looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features.tagging import NEEDED, tag_shot
from kuleshov.features.tags import Tag
from kuleshov.footage import Shot

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis
    from kuleshov.match.rows import Film

__all__ = ["tags_of", "tags_of_analysis"]


def tags_of(film: Film, shot: Shot) -> tuple[Tag, ...]:
    """The tags of a shot of the archive, by its rows; a shot between two rows is read by the next.

    A shot without picture has none.
    """
    seconds = float(film.core(shot).duration)
    return _tags(film.rows, film.shown, shot, seconds, film.grid)


def tags_of_analysis(analysis: Analysis) -> tuple[tuple[Tag, ...], ...]:
    """The tags of every shot of a film that was looked at."""
    return tuple(
        _tags(
            analysis.features,
            analysis.shown,
            shot,
            float(analysis.range_of(shot.core).duration),
            analysis.grid,
        )
        for shot in analysis.shots
    )


def _tags(
    rows: Mapping[str, NDArray[Any]],
    shown: NDArray[np.int64],
    shot: Shot,
    seconds: float,
    grid: int,
) -> tuple[Tag, ...]:
    if shot.black or not len(shot.core) or not len(shown):
        return ()
    first, end = (int(row) for row in np.searchsorted(shown, [shot.core.first, shot.core.end]))
    first = min(first, len(shown) - 1)
    part = slice(first, max(end, first + 1))
    return tag_shot({n: rows[n][part] for n in NEEDED if n in rows}, seconds, grid)
