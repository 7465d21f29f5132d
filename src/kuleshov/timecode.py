"""Calculate with exact time. Standard library only.

Media time is a `Fraction` of seconds counted from the first picture of a film: `pts` times its
time base is exactly such a fraction, so nothing is rounded until a person reads it. Frame numbers
count from 0. Ranges are half-open: `end` is the first instant, or frame, that is not in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from kuleshov.errors import UsageError

__all__ = [
    "STANDARD_RATES",
    "FrameRange",
    "TimeRange",
    "exact_rate",
    "format_rate",
    "format_time",
    "frame_at",
    "nearest_standard_rate",
    "parse_rate",
    "parse_time",
]

STANDARD_RATES: tuple[Fraction, ...] = (
    Fraction(10),
    Fraction(12),
    Fraction(12000, 1001),
    Fraction(15000, 1001),
    Fraction(15),
    Fraction(16),
    Fraction(18),
    Fraction(20),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
    Fraction(100),
    Fraction(120000, 1001),
    Fraction(120),
)
"""Frame rates that players and editing programs know, in frames a second."""

_SPOKEN = Fraction(1, 2500)  # as near, by ratio, lies what people write, 23.98, to what they mean


@dataclass(frozen=True, order=True)
class FrameRange:
    """The frames from `first` up to, not including, `end`."""

    first: int
    end: int

    def __post_init__(self) -> None:
        if self.first < 0 or self.end < self.first:
            raise ValueError(f"not a range of frames: [{self.first}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.first

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame < self.end

    def overlaps(self, other: FrameRange) -> bool:
        """Return whether the two share at least one frame."""
        return self.first < other.end and other.first < self.end


@dataclass(frozen=True, order=True)
class TimeRange:
    """The media time from `start` up to, not including, `end`; exact seconds."""

    start: Fraction
    end: Fraction

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"not a range of time: [{self.start}, {self.end})")

    @property
    def duration(self) -> Fraction:
        """The length in seconds."""
        return self.end - self.start

    def overlaps(self, other: TimeRange) -> bool:
        """Return whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: TimeRange) -> bool:
        """Return whether `other` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end


def frame_at(time: Fraction, rate: Fraction) -> int:
    """Return the frame whose instant is nearest to `time` at a constant `rate`.

    Of two as near it is the later.
    """
    return int((time * rate + Fraction(1, 2)) // 1)


def nearest_standard_rate(rate: Fraction) -> Fraction:
    """Return the standard rate that differs least from `rate`, by ratio."""
    return min(STANDARD_RATES, key=lambda known: max(known / rate, rate / known))


@lru_cache(maxsize=256)
def exact_rate(rate: Fraction, near: Fraction = Fraction(1, 10_000)) -> Fraction:
    """Return the standard rate that is meant by one a file claims: 30000/1001 for 2997/100.

    One that is not as `near` to any, by ratio, is taken as it is.
    """
    known = nearest_standard_rate(rate)
    return known if abs(rate / known - 1) < near else rate


def parse_rate(text: str) -> Fraction:
    """Return the frame rate that a person wrote, as 25, 23.98 or 24000/1001, exactly.

    Raises `UsageError` for anything else.
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise UsageError(f"{text!r} is not a frame rate: write 25, 23.976 or 24000/1001.")
    return exact_rate(rate, _SPOKEN)


def format_rate(rate: Fraction) -> str:
    """Return a rate as FFmpeg and OpenTimelineIO users write it: `30000/1001` or `25`, exact."""
    return str(rate)


def format_time(seconds: Fraction | float) -> str:
    """Return a time for people: `0:01:02.500`, rounded to the millisecond."""
    milliseconds = round(seconds * 1000)
    sign = "-" if milliseconds < 0 else ""
    whole, thousandths = divmod(abs(milliseconds), 1000)
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{secs:02d}.{thousandths:03d}"


_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?|\.\d+)")


def parse_time(text: str) -> Fraction:
    """Return the seconds that `83.5`, `1:23.5` or `0:01:23.5` mean, exactly.

    Raises `UsageError` for anything else.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a time: write seconds (83.5) or h:mm:ss (0:01:23.5).")
    hours, minutes, seconds = match.groups()
    if minutes is not None and Fraction(seconds) >= 60:
        raise UsageError(f"{text!r} is not a time: seconds after a colon must be below 60.")
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)
