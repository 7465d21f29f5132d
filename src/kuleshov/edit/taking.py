"""Take what a select shows in the end: its candidate moved, mirrored, sped up or held."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.cut import Select
from kuleshov.edit.rhythm import Slot
from kuleshov.errors import UsageError
from kuleshov.match.align.candidates import Candidate, in_point
from kuleshov.timecode import TimeRange

__all__ = ["fitted", "slip_room", "slip_to", "taken"]


def taken(select: Select, slot: Slot, rate: Fraction) -> Candidate:
    """Return the clip that a select shows, as long as its slot can be seen.

    One of which nothing was changed is its candidate. Raises `UsageError` where it reaches beyond
    the shot that it is cut from, `ValueError` where the select has no candidate.
    """
    one = select.candidate
    if one is None:
        raise ValueError("what an editing program put there has no candidate")
    if select.as_offered:
        return one
    base = _at_speed(one, select, slot, rate)
    if not select.slip:
        return base
    least, most = _room(base)
    if not least <= select.slip <= most:
        raise UsageError(
            f"It can be slipped by {least} to {most} pictures, not by {select.slip}: the shot "
            "that it is cut from has no more."
        )
    film = base.film
    start = film.time_of(_frame(film, base.media.start) + select.slip)
    start = min(start, max(base.usable.start, base.usable.end - base.media.duration))
    return replace(base, media=TimeRange(start, start + base.media.duration))


def slip_room(select: Select, slot: Slot, rate: Fraction) -> tuple[int, int]:
    """Return the least and the most pictures by which a select may be slipped."""
    if select.candidate is None:
        return 0, 0
    return _room(_at_speed(select.candidate, select, slot, rate))


def slip_to(select: Select, slot: Slot, rate: Fraction, start: Fraction) -> int:
    """Return the slip of a select, in pictures, whose visible part begins at media time `start`."""
    if select.candidate is None:
        return 0
    base = _at_speed(select.candidate, select, slot, rate)
    return _frame(base.film, start) - _frame(base.film, base.media.start)


def fitted(one: Candidate, duration: Fraction) -> Candidate:
    """Return a candidate of another slot made `duration` s long, around the same instant.

    How alike it is there is not known: its numbers are gone.
    """
    needed = duration * one.speed
    media = _around(one, needed)
    held = duration - media.duration / one.speed
    return replace(one, media=media, held=held, strength=0.0, score=0.0, facets={})


def _at_speed(one: Candidate, select: Select, slot: Slot, rate: Fraction) -> Candidate:
    """Return a candidate at the speed, side and length that a select wants, not yet slipped."""
    speed = one.speed if select.speed is None else select.speed
    after = slot.visible.end - slot.own.end
    still = select.hold + after if select.hold else 0
    running = (len(slot.visible) - still) / rate
    one = replace(one, mirrored=select.mirrored)
    if speed == one.speed and not still:
        return one
    needed = running * speed
    start = one.media.start
    media = TimeRange(start, min(start + needed, one.usable.end))
    if speed != one.speed:
        media = _around(one, needed)
    held = len(slot.visible) / rate - media.duration / speed
    return replace(one, speed=speed, media=media, held=held)


def _around(one: Candidate, needed: Fraction) -> TimeRange:
    """Return so much media time around the middle of a candidate, as far as its shot has it."""
    core = one.usable
    middle = (one.media.start + one.media.end) / 2
    latest = max(core.start, core.end - needed)
    start = in_point(one.film, core, middle - min(needed, core.duration) / 2, latest)
    return TimeRange(start, min(start + needed, core.end))


def _room(base: Candidate) -> tuple[int, int]:
    film, core = base.film, base.usable
    own = _frame(film, base.media.start)
    first = _frame(film, core.start)
    latest = core.end - base.media.duration
    ticks = latest / film.footage.probe.video.time_base
    last = int(np.searchsorted(film.pts, floor(ticks), side="right")) - 1
    return min(0, first - own), max(0, last - own)


def _frame(film: ArchiveFilm, time: Fraction) -> int:
    """Return the frame of a film that begins nearest to `time`."""
    base = film.footage.probe.video.time_base
    ticks = time / base
    after = int(np.searchsorted(film.pts, ceil(ticks)))
    near = [i for i in (after - 1, after) if 0 <= i < len(film.pts)]
    return min(near, key=lambda i: abs(int(film.pts[i]) - ticks))
