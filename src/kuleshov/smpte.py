"""Count timecode as editing programs do: hours, minutes, seconds and frames (SMPTE 12M).

A label counts frames, not time: at 23.976 frames a second it counts 24 to the second and falls
behind the clock. Drop-frame labels, written with a semicolon, leave out the first 2 numbers (4 at
59.94) of every minute but each tenth, and so keep up with it. No frame is dropped, only numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from kuleshov.errors import UsageError
from kuleshov.timecode import exact_rate

__all__ = ["Counting"]

_LABEL = re.compile(r"(\d{1,2}):(\d\d):(\d\d)([:;.,])(\d{2,3})")


@dataclass(frozen=True)
class Counting:
    """A counting of labels: `nominal` frames to a second, with numbers dropped or not.

    Raises `UsageError` where numbers are to be dropped at a rate that knows no drop frame.
    """

    nominal: int
    drop: bool = False

    def __post_init__(self) -> None:
        if self.nominal < 1 or (self.drop and self.nominal % 30):
            raise UsageError(f"There is no drop-frame timecode at {self.nominal} frames a second.")

    @staticmethod
    def of(rate: Fraction, drop: bool | None = None) -> Counting:
        """Return the counting of a frame rate.

        Without `drop` numbers are dropped at 29.97 and 59.94.
        """
        exact = exact_rate(rate)
        nominal = max(1, int(exact + Fraction(1, 2)))
        able = nominal % 30 == 0
        wanted = exact.denominator == 1001 if drop is None else drop
        return Counting(nominal, able and wanted)

    @property
    def _dropped(self) -> int:
        return self.nominal // 15 if self.drop else 0

    @property
    def day(self) -> int:
        """The frames in 24 hours of labels."""
        return 24 * 6 * (600 * self.nominal - 9 * self._dropped)

    def label(self, frame: int) -> str:
        """Return the label of a frame: `01:00:00:00`, or `01:00:00;00` with dropped numbers.

        24 hours wrap around.
        """
        frame %= self.day
        if self.drop:
            tens, rest = divmod(frame, 600 * self.nominal - 9 * self._dropped)
            minutes = max(0, rest - self._dropped) // (60 * self.nominal - self._dropped)
            frame += self._dropped * (9 * tens + minutes)
        seconds, frames = divmod(frame, self.nominal)
        hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
        mark = ";" if self.drop else ":"
        width = 2 if self.nominal <= 100 else 3
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:0{width}d}"

    def frame(self, label: str) -> int:
        """Return the number of the frame that has this label, whatever its last mark is.

        Raises `UsageError` where it is not a label, or not one that this counting has.
        """
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise UsageError(f"{label!r} is not a timecode: write hh:mm:ss:ff, as in 01:00:00:00.")
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= self.nominal:
            raise UsageError(f"{label!r} is not a timecode at {self.nominal} frames a second.")
        if self.drop and minutes % 10 and not seconds and frames < self._dropped:
            raise UsageError(f"{label!r} does not exist: drop frame leaves this number out.")
        whole = 60 * hours + minutes
        return (
            self.nominal * (60 * whole + seconds) + frames - self._dropped * (whole - whole // 10)
        )

    def converted(self, label: str, nominal: int) -> int:
        """Return the frame of this counting at the hour, minute and second of a label.

        The label counts `nominal` to the second, and its frames are scaled; the nearest frame where
        drop frame has none.
        """
        match = _LABEL.fullmatch(label.strip())
        if match is None:
            raise UsageError(f"{label!r} is not a timecode: write hh:mm:ss:ff, as in 01:00:00:00.")
        frames = int(match[5]) * self.nominal // nominal
        head = f"{match[1]}:{match[2]}:{match[3]}"
        try:
            return self.frame(f"{head}:{frames:02d}")
        except UsageError:
            return self.frame(f"{head}:{self._dropped:02d}")
