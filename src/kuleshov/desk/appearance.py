"""The appearance of a film: how it is laid out, how it looks, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from kuleshov.edit.layouts import Arrangement, arranged, check_size
from kuleshov.media.codecs import WriteOptions
from kuleshov.render.options import Cadence, Finishing
from kuleshov.timeline import Fit, Layout, Timeline

__all__ = ["Appearance"]


@dataclass(frozen=True)
class Appearance:
    """The layout, look and encoding of a film; None keeps what the timeline has.

    `size` is (width, height) of the recut's picture in pixels, its width None where its shape
    tells; `gap` pixels lie between two pictures. `burn_in` burns name and time of what is shown
    into the picture, `credits` puts end credits after the film. Raises `UsageError` for sizes that
    no film can have.
    """

    arrangement: Arrangement | None = None
    size: tuple[int | None, int] | None = None
    gap: int = 0
    fit: Fit | None = None
    write: WriteOptions = field(default_factory=WriteOptions)
    cadence: Cadence = "nearest"
    finishing: Finishing = field(default_factory=Finishing)
    burn_in: bool = False
    credits: bool = False

    def __post_init__(self) -> None:
        # Said before any film is looked at. A width that is to be reckoned is even, and any gap
        # that is too wide for it is said later.
        width, height = self.size or (None, 16)
        check_size(width or max(16, self.gap + self.gap % 2), height, self.gap)

    @property
    def shape(self) -> Fraction | None:
        """The width over the height of the recut's picture; None where it keeps its own."""
        if self.size is None or self.size[0] is None:
            return None
        return Fraction(self.size[0], self.size[1])

    def arrange(self, timeline: Timeline) -> Timeline:
        """Return the timeline as it is to be rendered; by default the recut alone.

        A timeline of other programs that has no track `recut` keeps its layout but for its size.
        """
        shown = timeline.layout.region(timeline.recut.region)
        width, height = shown.width, shown.height
        if self.size is not None:
            height = self.size[1]
            width = self.size[0] or max(2, 2 * round(shown.width * height / shown.height / 2))
        if self.arrangement or any(track.name == "recut" for track in timeline.tracks):
            kind: Arrangement = self.arrangement or "alone"
            return arranged(timeline, kind, size=(width, height), gap=self.gap, fit=self.fit)
        if (self.size is None and self.fit is None) or len(timeline.layout.regions) > 1:
            return timeline
        layout = Layout.single(width, height, self.fit or shown.fit)
        return timeline.with_layout(layout)
