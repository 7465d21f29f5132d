"""Measure out the clips of a film in whole frames: freely, or from beat to beat of music."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kuleshov.notes import Note
from kuleshov.timecode import frame_at

__all__ = ["Lengths", "in_frames", "on_beats"]

_FRAME = Fraction(1)


@dataclass(frozen=True)
class Lengths:
    """The wanted length of each clip, in order, and the most that its shot allows, in s."""

    wanted: tuple[Fraction, ...]
    most: tuple[Fraction, ...]


def in_frames(
    lengths: Lengths, length: Fraction, rate: Fraction, shot: tuple[Fraction, Fraction]
) -> list[int]:
    """Return the frames of each clip in a film of `length` s at most; 0 where there is no room."""
    left, frames = frame_at(length, rate), []
    least = max(1, frame_at(shot[0], rate))
    for wanted, most in zip(lengths.wanted, lengths.most, strict=True):
        taken = min(max(1, frame_at(wanted, rate)), int(most * rate), left)
        if 0 < left - taken < least:  # too little for another
            taken = min(left, int(most * rate), frame_at(shot[1], rate))
        # The last one may be cut short by the film's end, but not to nothing.
        taken = taken if taken >= min(least, left) else 0
        frames.append(taken)
        left -= taken
    return frames


def on_beats(
    lengths: Lengths,
    beats: Sequence[float],
    length: Fraction,
    rate: Fraction,
    shot: tuple[Fraction, Fraction],
) -> tuple[list[int], tuple[Note, ...]]:
    """Return the frames of each clip with cuts on the frames nearest to beats, and notes.

    Of the beats within `shot`, the one that comes nearest to the wanted length is taken. Shots too
    short for that are left out (0).
    """
    end = frame_at(length, rate)
    cuts = sorted({frame_at(Fraction(beat), rate) for beat in beats} - {0})
    cuts = [cut for cut in cuts if cut < end] + [end]
    low, high = shot[0] * rate, shot[1] * rate
    at, frames, unkept = 0, [], False
    for wanted, most in zip(lengths.wanted, lengths.most, strict=True):
        room = int(most * rate)
        ahead = [cut for cut in cuts[bisect_right(cuts, at) :] if cut - at <= max(room, 1)]
        fitting = [cut for cut in ahead if low <= cut - at + _FRAME and cut - at - _FRAME <= high]
        if not fitting:
            # No number of beats is as long as asked for: the fewest that are long enough.
            fitting = [cut for cut in ahead if cut - at >= low][:1]
            unkept |= bool(fitting) and fitting != [end]
        if not fitting:
            frames.append(0)
            continue
        # What is left to the end must be enough for another, or nothing.
        whole = [cut for cut in fitting if cut == end or end - cut >= low]
        cut = min(whole or fitting, key=lambda cut: abs(cut - at - wanted * rate))
        frames.append(cut - at)
        at = cut
    if not unkept:
        return frames, ()
    text = "Some shots last longer than was asked for: no number of beats is that short."
    return frames, (Note("shots-too-long", text),)
