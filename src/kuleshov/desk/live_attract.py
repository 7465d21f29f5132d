"""Play an archive slowly by itself while nobody moves before the camera, until somebody does.

loop = AttractLoop(films, after=30.0)
loop.shown(12.04, speed)                 # the clip to show, or None while somebody moves
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from kuleshov.archive.catalogue import Footage
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.errors import UsageError

__all__ = ["AttractClip", "AttractLoop"]

_STILL, _MOVES = 0.02, 0.05  # of the picture's size a second: nobody moves below, somebody above
_RATE = 0.5  # of the speed at which footage was shot
_LEAST, _MOST = 1.0, 6.0  # s of a shot that are shown
_PICTURE = 0.04  # s before the end of a shot that are not shown


@dataclass(frozen=True)
class AttractClip:
    """A clip of the loop: media time `start` to `end` of its footage, shown at a `rate`.

    `number` counts down from -1, so that no answer has it; `since` is when it began, in s of the
    camera's clock.
    """

    number: int
    footage: Footage
    start: float
    end: float
    since: float
    rate: float = _RATE


class AttractLoop:
    """A loop over all shots of some films, in an order of chance, each once before one comes again.

    It begins when nobody has moved for `after` s. Used by one thread at a time.
    """

    def __init__(self, films: Sequence[ArchiveFilm], after: float, seed: int = 0) -> None:
        if not after > 0:
            raise UsageError("A loop begins after a time above 0 s.")
        self.after = after
        self._films = [film for film in films if len(film.shots)]
        self._count = sum(len(film.shots) for film in self._films)
        self._chance = random.Random(seed)
        self._left: list[int] = []
        self._number = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew, with another camera."""
        self._moved: float | None = None
        self._clip: AttractClip | None = None

    def shown(self, at: float, speed: float) -> AttractClip | None:
        """Return what is shown at `at` s, when the picture moves so fast; None for an answer.

        `speed` is in picture sizes a second.
        """
        if self._moved is None or at < self._moved:
            self._moved = at
        if speed > (_STILL if self._clip is None else _MOVES):
            self._moved, self._clip = at, None
        if at - self._moved < self.after or not self._count:
            return None
        one = self._clip
        if one is None or (at - one.since) * one.rate >= one.end - one.start:
            self._clip = self._next(at)
        return self._clip

    def _next(self, at: float) -> AttractClip:
        self._number -= 1
        for _ in range(self._count):
            film, place = self._drawn()
            core = film.core(film.shots[place])
            start, end = float(core.start), float(core.end) - _PICTURE
            if end - start >= _LEAST:
                break
        length = min(max(end - start, _PICTURE), _MOST)
        start += self._chance.uniform(0, max(0.0, end - start - length))
        return AttractClip(self._number, film.footage, start, start + length, at)

    def _drawn(self) -> tuple[ArchiveFilm, int]:
        """Return a film and a place among its shots that was not drawn lately."""
        if not self._left:
            self._left = list(range(self._count))
            self._chance.shuffle(self._left)
        number = self._left.pop()
        for film in self._films:
            if number < len(film.shots):
                return film, number
            number -= len(film.shots)
        raise AssertionError("numbers count all shots")
