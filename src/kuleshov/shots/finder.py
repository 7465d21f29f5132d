"""Find the shots of one film, by a network and by rules for what it misses.

    finder = ShotFinder(detector())
    for batch in batches:
        finder.feed(batch.tiny)
    shots = finder.finish()

Light alone knows fades, wipes and flashes, the detector dissolves; cuts are judged by both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.footage import Shot, Transition
from kuleshov.shots.detector import SLOW, Detector, Prediction, boundaries, ranges
from kuleshov.shots.dissolves import fit_ramp
from kuleshov.shots.fades import BlackStretch, find_black, find_plain, find_white, without_titles
from kuleshov.shots.flashes import is_flash
from kuleshov.shots.judgement import judged_cuts
from kuleshov.shots.light import LightMeter
from kuleshov.shots.pushes import find_pushes
from kuleshov.shots.ramps import has_ramp
from kuleshov.shots.tile import NEAR, merge, near, tile
from kuleshov.shots.wipes import find_wipes
from kuleshov.timecode import FrameRange

if TYPE_CHECKING:
    from kuleshov.shots.light import Light

__all__ = ["ShotFinder", "find_transitions"]

_FEWEST = 3  # frames of a gradual transition; what is quicker is a cut
_APART = 3  # frames between boundaries
_NOTION = 0.1  # probability; twice that at the most certain frame
_OFF = 0.35  # of the way; a fit that is worse says nothing
_ONE, _STRAIGHT = 0.25, 0.05  # what two dissolves may be off, and how bent, to be a single one
_ALONE = 0.9  # probability from which the detector's word makes a cut that light does not see
_FLASH = 8  # frames of the longest transition that may be a flash


class ShotFinder:
    """A finder of the shots of one film.

    Make a new one, with a new detector, for each film.

    Keeps 146 bytes a frame, and what the detector keeps.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._meter = LightMeter()

    def feed(self, frames: NDArray[np.uint8]) -> None:
        """Look at the next frames, (N, 27, 48, 3) uint8 RGB, any N."""
        self._detector.feed(frames)
        self._meter.feed(frames)

    def finish(self) -> tuple[Shot, ...]:
        """Return the shots of all frames fed; they tile them."""
        light = self._meter.finish()
        transitions, black = find_transitions(light, self._detector.finish())
        return tuple(tile(transitions, black, len(light)))


def find_transitions(
    light: Light, prediction: Prediction
) -> tuple[list[Transition], list[FrameRange]]:
    """Return all transitions of a film in order, each with its kind, and its long black stretches.

    Fades and wipes are known by light alone, dissolves by the detector, cuts are judged by both.
    Flashes are left out, and the ends of dissolves are fitted to the frames.
    """
    cuts = judged_cuts(light, prediction)
    black = [
        _edged(part, cuts)
        for stretch in find_black(light)
        for part in without_titles(light, stretch, cuts)
    ]
    taken = [stretch.whole for stretch in black]
    known = []
    for transition in _by_light(light):
        if not _taken(transition.frames, taken) and not _divided(transition, cuts):
            taken.append(transition.frames)
            known.append(transition)
    found = [one for one in _detected(light, prediction, cuts) if not _taken(one, taken)]
    known += _fitted(light, found, taken)
    return merge(known, black, len(light))


def _by_light(light: Light) -> list[Transition]:
    """Return fades through what is plain, wipes and pushes.

    Of two that overlap the first is right.
    """
    white = [one for one in find_white(light) + find_plain(light) if not _flash(light, one.frames)]
    wipes = [wipe.frames for wipe in find_wipes(light)] + find_pushes(light)
    return white + [Transition("wipe", frames) for frames in wipes]


def _divided(transition: Transition, cuts: list[int]) -> bool:
    """Return whether a wipe holds a cut: then it is not a wipe but a run of very short shots."""
    frames = transition.frames
    return transition.kind == "wipe" and any(frames.first < cut < frames.end for cut in cuts)


def _flash(light: Light, one: FrameRange) -> bool:
    return len(one) <= _FLASH and is_flash(light.grid, one)


def _taken(one: FrameRange, by: Iterable[FrameRange]) -> bool:
    return any(near(one, other) for other in by)


def _edged(stretch: BlackStretch, cuts: list[int]) -> BlackStretch:
    """Return a black stretch with its hard edges where the cuts are.

    A dark shot may be black but for its first or last frames.
    """
    first, end = stretch.frames.first, stretch.frames.end
    if not len(stretch.before):
        first = _nearest(first, cuts)
    if not len(stretch.after):
        end = _nearest(end, cuts)
    if first >= end:
        return stretch
    before = stretch.before if len(stretch.before) else FrameRange(first, first)
    after = stretch.after if len(stretch.after) else FrameRange(end, end)
    return BlackStretch(FrameRange(first, end), before, after)


def _nearest(edge: int, cuts: list[int]) -> int:
    """Return the cut nearest to an edge that is not known to the frame, or the edge."""
    return min(
        (cut for cut in cuts if abs(cut - edge) <= NEAR),
        key=lambda cut: abs(cut - edge),
        default=edge,
    )


def _detected(light: Light, prediction: Prediction, judged: list[int]) -> list[FrameRange]:
    """Return the judged cuts and the detector's other boundaries, in order."""
    cuts = [FrameRange(cut, cut) for cut in judged]
    found = list(cuts)
    others = [
        one
        for one in boundaries(prediction)
        if len(one) or float(prediction.single[one.first - 1]) >= _ALONE
    ]
    others += _slow(light, prediction, sorted(found + others))
    found += [
        one for one in others if all(_clear_of(one, cut) for cut in cuts) and not _flash(light, one)
    ]
    return sorted(found)


def _clear_of(one: FrameRange, other: FrameRange) -> bool:
    return one.first - other.end >= _APART or other.first - one.end >= _APART


def _slow(light: Light, prediction: Prediction, found: list[FrameRange]) -> list[FrameRange]:
    """Return slow dissolves of which the detector is unsure, where the pictures confirm them."""
    runs = ranges(prediction.many >= _NOTION)
    return [
        run
        for run in runs
        if len(run) >= SLOW
        and prediction.many[run.first : run.end].max() >= 2 * _NOTION
        and all(run.first - one.end >= _APART or one.first - run.end >= _APART for one in found)
        and has_ramp(light, run)
    ]


def _fitted(light: Light, found: list[FrameRange], taken: list[FrameRange]) -> list[Transition]:
    """Return boundaries as cuts, and as dissolves with their ends where the frames have them."""
    edges = sorted([FrameRange(0, 0), *found, *taken, FrameRange(len(light), len(light))])
    transitions: list[Transition] = []
    for one in found:
        if not len(one):
            transitions.append(Transition("cut", one))
            continue
        last = transitions[-1].frames if transitions else FrameRange(0, 0)
        frames = _ends(light, one, edges)
        if len(last) and frames.first - last.end < max(len(last), len(frames)):
            both = FrameRange(last.first, frames.end)
            between = [edge for edge in taken if edge.overlaps(both)]
            if not between and _one_ramp(light, both):
                transitions.pop()
                frames = both
        if len(frames) < _FEWEST:
            middle = (frames.first + frames.end) // 2
            transitions.append(Transition("cut", FrameRange(middle, middle)))
        else:
            transitions.append(Transition("dissolve", frames))
    return transitions


def _ends(light: Light, one: FrameRange, edges: list[FrameRange]) -> FrameRange:
    """Return the frames of a dissolve, not further than the boundaries before and after it."""
    before = max(edge.end for edge in edges if edge.end <= one.first)
    after = min(edge.first for edge in edges if edge.first >= one.end)
    ramp = fit_ramp(light.grid, one, FrameRange(before, after))
    return one if ramp is None or ramp.off > _OFF else ramp.frames


def _one_ramp(light: Light, both: FrameRange) -> bool:
    """Return whether what was found as two dissolves is a single slow one."""
    around = FrameRange(max(0, both.first - _APART), min(len(light), both.end + _APART))
    ramp = fit_ramp(light.grid, both, around)
    return ramp is not None and ramp.off < _ONE and ramp.wrong < _STRAIGHT
