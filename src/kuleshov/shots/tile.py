"""Turn boundaries into shots that tile the footage."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from kuleshov.footage import Shot, Transition
from kuleshov.shots.fades import BlackStretch
from kuleshov.timecode import FrameRange

__all__ = ["NEAR", "merge", "near", "tile"]

NEAR = 4
"""Frames around a fade in which a network's boundary is the same event."""


def merge(
    found: Iterable[Transition | FrameRange], black: Iterable[BlackStretch], frames: int
) -> tuple[list[Transition], list[FrameRange]]:
    """Return all transitions of a film in order, and its long black stretches.

    `found` are transitions, or a detector's boundaries: empty ranges for cuts, else the frames of
    a dissolve. Where one lies within a fade or black it is the same event, and the fade's range is
    the better one.
    """
    stretches = list(black)
    dark = [stretch.whole for stretch in stretches]
    transitions = [
        one
        for one in (_typed(one) for one in found)
        if not any(near(one.frames, whole) for whole in dark)
    ]
    shots_of_black = []
    for stretch in stretches:
        # At the ends of a film nothing lies on the other side, however short the black is.
        inside = stretch.frames.first > 0 and stretch.frames.end < frames
        through = stretch.transition() if inside else None
        if through is not None:
            transitions.append(through)
            continue
        transitions += _edges(stretch, frames)
        shots_of_black.append(stretch.frames)
    return sorted(transitions, key=lambda t: (t.frames.first, t.frames.end)), shots_of_black


def tile(transitions: Iterable[Transition], black: Iterable[FrameRange], frames: int) -> list[Shot]:
    """Return shots that tile `frames` frames, with a boundary in the middle of each transition.

    A transition that would leave a shot without a frame is dropped; the first shot's transition is
    `none`. A shot is black where its core is, or where it is nothing but the fade at one end.
    """
    kept: list[tuple[int, Transition]] = []
    for transition in transitions:
        middle = transition.black or transition.frames
        border = (middle.first + middle.end) // 2
        earlier = kept[-1][0] if kept else 0
        if earlier < border < frames:
            kept.append((border, transition))
    dark = list(black)
    borders = [0, *(border for border, _ in kept), frames]
    into = [Transition("none", FrameRange(0, 0)), *(transition for _, transition in kept)]
    shots = []
    for index, (first, end) in enumerate(pairwise(borders)):
        core_first = max(first, into[index].frames.end)
        core_end = end if index + 1 == len(into) else min(end, into[index + 1].frames.first)
        core = FrameRange(core_first, max(core_first, core_end))
        is_black = any(
            run.first <= core.first
            and core.end <= run.end
            and (len(core) or first <= run.end <= end)
            for run in dark
        )
        shots.append(Shot(index, FrameRange(first, end), core, into[index], is_black))
    return shots if frames else []


def near(one: FrameRange, other: FrameRange) -> bool:
    """Return whether a boundary lies within, or next to, the gradual one `other`.

    Then they are one event.
    """
    return one.first < other.end + NEAR and other.first - NEAR < one.end + (not len(one))


def _typed(one: Transition | FrameRange) -> Transition:
    if isinstance(one, Transition):
        return one
    return Transition("dissolve" if len(one) else "cut", one)


def _edges(stretch: BlackStretch, frames: int) -> list[Transition]:
    edges = []
    for fade in (stretch.before, stretch.after):
        if len(fade):
            edges.append(Transition("fade", fade))
        elif 0 < fade.first < frames:
            edges.append(Transition("cut", FrameRange(fade.first, fade.first)))
    return edges
