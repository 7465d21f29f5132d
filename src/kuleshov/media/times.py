"""Make times of pictures out of what containers say.

Their clocks may restart, or know only the order of decoding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import av.packet

__all__ = ["Clock", "DecodeOrder", "Delays", "Retimer", "shown_delay"]

_MAX_BACK_STEP = Fraction(1)  # s; timestamps that fall back further have restarted
_MAX_GAP = Fraction(10)  # s; in formats whose clock may jump (MPEG), a longer gap is a jump
_MAX_HOLD = Fraction(4 * 3600)  # s; no picture is held for longer in any format
_LEAST_DELAY, _DELAY = 2, 10  # hundredths of a second
_REORDERED = {"h264": 17, "hevc": 17, "vvc": 17}  # pictures that may wait to be shown, and one
_REORDERED_ELSE = 3


class Clock:
    """A clock that makes timestamps grow, straightening restarts, jumps, repeats and gaps.

    `step` is the nominal length of a frame in ticks; `may_jump` says that the container's clock
    is known to jump forward (MPEG streams) where others mean a long gap as they say it, up to four
    hours.
    """

    def __init__(self, time_base: Fraction, step: int, may_jump: bool) -> None:
        self._step = max(1, step)
        self._back = int(_MAX_BACK_STEP / time_base)
        self._gap = int((_MAX_GAP if may_jump else _MAX_HOLD) / time_base)
        self._offset = 0
        self._last: int | None = None
        self.discontinuous = False

    def __call__(self, raw: int | None) -> int:
        """Return the straightened timestamp of the next frame, in ticks, after the one before."""
        if self._last is None:
            self._last = raw or 0
            return self._last
        expected = self._last + self._step
        if raw is None:
            self._last = expected
            return expected
        pts = raw + self._offset
        if pts < self._last - self._back or pts > self._last + max(self._gap, self._step):
            self._offset = expected - raw
            self.discontinuous = True
            pts = expected
        self._last = max(pts, self._last + 1)
        return self._last


class Retimer(Protocol):
    """An order that gives pictures other times than those that they come with.

    `sent` is called with each packet before it is decoded, `shown` with each picture as it comes
    out, `rest` at the end.
    """

    def sent(self, packet: av.packet.Packet[av.VideoStream]) -> None:
        """Record the time of a packet that is going to be decoded."""

    def shown(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take a picture in, and yield those whose times are settled."""

    def rest(self) -> Iterator[av.VideoFrame]:
        """Yield the pictures that are left at the end."""


def shown_delay(delay: int | None) -> int:
    """Return how long browsers show a picture of a GIF that asks for `delay`.

    In hundredths of a second; what stays for less than two stays for ten.
    """
    return delay if delay and delay >= _LEAST_DELAY else _DELAY


class Delays:
    """The delays of a GIF's pictures, as browsers show them.

    The GIF must be read from its first picture.
    """

    def __init__(self) -> None:
        self._time = 0

    def sent(self, packet: av.packet.Packet[av.VideoStream]) -> None:
        """Let the picture of a packet take its delay along."""

    def shown(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Yield a picture with its time, and how long it stays."""
        frame.pts, frame.duration = self._time, shown_delay(frame.duration)
        self._time += frame.duration
        yield frame

    def rest(self) -> Iterator[av.VideoFrame]:
        """Return nothing: no picture waits."""
        return iter(())


@dataclass(eq=False)
class _Slot:
    """The time of one packet, and whether a picture came out of it."""

    number: int
    time: int | None
    shown: bool = False


class DecodeOrder:
    """An order for containers that stamp packets in the order of decoding (AVI).

    The nth picture that is shown takes the nth packet's time: the container has one packet for each
    picture, and none knows its place among those shown. So that packets without a picture (damaged,
    or left out after a seek) take no time away from others, pictures wait until nothing can come
    out of the packets before theirs.
    """

    def __init__(self, codec: str) -> None:
        self._depth = _REORDERED.get(codec, _REORDERED_ELSE)
        self._slots: deque[_Slot] = deque()
        self._waiting: deque[av.VideoFrame] = deque()
        self._sent = self._newest = 0
        self._first = True

    def sent(self, packet: av.packet.Packet[av.VideoStream]) -> None:
        """Record the time of a packet that is going to be decoded."""
        if packet.dts is None:  # the one that ends a stream
            return
        slot = _Slot(self._sent, packet.dts)
        self._sent += 1
        self._slots.append(slot)
        packet.opaque = slot  # comes out with the picture

    def shown(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take a picture in, and yield those whose times are settled."""
        slot = frame.opaque
        if isinstance(slot, _Slot):
            slot.shown = True
            self._newest = max(self._newest, slot.number)
        self._waiting.append(frame)
        if len(self._waiting) > self._depth:
            yield self._timed()

    def rest(self) -> Iterator[av.VideoFrame]:
        """Yield the pictures that are left at the end."""
        self._newest = self._sent + self._depth
        while self._waiting:
            yield self._timed()

    def _timed(self) -> av.VideoFrame:
        frame = self._waiting.popleft()
        self._drop_empty()
        frame.pts = self._slots.popleft().time if self._slots else None
        if self._first:
            # After a seek, pictures shown before the key picture that need what lies before it are
            # left out by the decoder: their places are before its own.
            left_out = self._drop_empty()
            frame.pts = frame.pts if left_out is None else left_out
            self._first = False
        return frame

    def _drop_empty(self) -> int | None:
        """Drop the next packets that no picture came out of; return the time of the last."""
        last = None
        while self._slots and not self._slots[0].shown:
            if self._slots[0].number + self._depth > self._newest:
                break
            last = self._slots.popleft().time
        return last
