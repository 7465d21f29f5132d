"""What was found as a timeline: the answers one after another, to be looked at as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kuleshov.edit.focus import focus_of
from kuleshov.errors import UsageError
from kuleshov.match.candidates import Candidate
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track

__all__ = ["answers"]

_RATE = Fraction(25)
_SIZE = (640, 360)


def answers(
    name: str, found: Sequence[Candidate], reasons: Sequence[Sequence[str]] = ()
) -> Timeline:
    """The candidates in their order, each as long as it is, with score and facets.

    `reasons` are short words for each that a sheet shows beside it. Raises `UsageError` where
    there are none.
    """
    if not found:
        raise UsageError("Nothing was found, so there is no sheet to draw.")
    why = reasons or [()] * len(found)
    clips = tuple(_clip(each, words) for each, words in zip(found, why, strict=True))
    track = Track("recut", clips)
    about = {"kuleshov": {"answers": len(clips)}}
    return Timeline(name, _RATE, Layout.single(*_SIZE), (track,), metadata=about)


def _clip(found: Candidate, reasons: Sequence[str]) -> Clip:
    footage = found.film.footage
    whole = TimeRange(Fraction(0), footage.duration)
    return Clip(
        media=Media(footage.path, footage.checksum, footage.probe.video.bars, whole),
        start=found.media.start,
        duration=max(1, int(found.media.duration / found.speed * _RATE)),
        speed=found.speed,
        mirrored=found.mirrored,
        caption=footage.slate.title or footage.path.stem,
        usable=found.usable,
        metadata={
            "kuleshov": {
                "score": round(found.score, 4),
                "facets": {facet: round(value, 4) for facet, value in found.facets.items()},
                "marks": list(reasons),
            }
        },
        focus=focus_of(found.film, found.film.shot(found.shot), found.media, Fraction(*_SIZE)),
    )
