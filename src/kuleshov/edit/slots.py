"""How long the clips of a film last, in whole frames: freely, or from beat to beat of music."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kuleshov.timecode import frame_at

__all__ = ["Slots", "in_frames", "on_beats"]

_FRAME = Fraction(1)


@dataclass(frozen=True)
class Slots:
    """For each clip, in order, how long it is wanted, and how long its shot is at most, in s."""

    wanted: tuple[Fraction, ...]
    most: tuple[Fraction, ...]


def in_frames(
    slots: Slots, length: Fraction, rate: Fraction, shot: tuple[Fraction, Fraction]
) -> list[int]:
    """Frames of each clip of a film of `length` s at most; 0 for those that it has no room for."""
    left, frames = frame_at(length, rate), []
    least = max(1, frame_at(shot[0], rate))
    for wanted, most in zip(slots.wanted, slots.most, strict=True):
        taken = min(max(1, frame_at(wanted, rate)), int(most * rate), left)
        if 0 < left - taken < least:  # too little for another
            taken = min(left, int(most * rate), frame_at(shot[1], rate))
        # The last one may be cut short by the film's end, but not to nothing.
        taken = taken if taken >= min(least, left) else 0
        frames.append(taken)
        left -= taken
    return frames


def on_beats(
    slots: Slots,
    beats: Sequence[float],
    length: Fraction,
    rate: Fraction,
    shot: tuple[Fraction, Fraction],
    notes: list[str],
) -> list[int]:
    """The same with each cut on the frame nearest to a beat: of the beats within `shot` the one
    that comes nearest to what is wanted. Shots too short for that are left out (0)."""
    end = frame_at(length, rate)
    cuts = sorted({frame_at(Fraction(beat), rate) for beat in beats} - {0})
    cuts = [cut for cut in cuts if cut < end] + [end]
    low, high = shot[0] * rate, shot[1] * rate
    at, frames, unkept = 0, [], False
    for wanted, most in zip(slots.wanted, slots.most, strict=True):
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
    if unkept:
        notes.append("Some shots last longer than --shot: no number of beats is that short.")
    return frames
