"""Random timelines at the rates of editing, and facts of files that are not there."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from hypothesis import strategies as st

from kuleshov.footage import Audio
from kuleshov.media.facts import Facts
from kuleshov.timeline import Clip, Dissolve, Gap, Layout, Media, Sound, Timeline, Track

F = Fraction
RATES = (
    *(F(24000, 1001), F(24), F(25), F(30000, 1001), F(30), F(50), F(60000, 1001), F(60)),
    F(120),
)
"""The last is a camera's, not an editing program's."""
ROOT = Path("/media/films").absolute()
NAMES = ("night sky.mov", "night_sky.mp4", "Ænima 1.mkv", "東京.mp4", "source.mp4")
SPEEDS = (F(1), F(1), F(1), F(0), F(1, 2), F(15, 16), F(5, 4), F(2), F(9, 10))
TIMECODES = ("", "", "01:00:00:00", "10:59:58:23", "23:00:00:05")


@st.composite
def facts(draw: st.DrawFn) -> dict[Path, Facts]:
    found = {}
    for name in NAMES:
        rate = draw(st.sampled_from(RATES))
        timecode = draw(st.sampled_from(TIMECODES))
        if timecode and rate.denominator == 1001 and rate > 29 and draw(st.booleans()):
            timecode = f"{timecode[:8]};{timecode[9:]}"
        found[ROOT / name] = Facts(
            ROOT / name,
            timecode=timecode,
            rate=rate,
            size=(640, 480),
            duration=F(1000),
            audio=Audio("aac", 48000, 2),
        )
    return found


@st.composite
def films(draw: st.DrawFn) -> Timeline:
    """A film with its source beside it; clips have room for all handles."""
    rate = draw(st.sampled_from(RATES[:-1]))
    items: list[Clip | Gap] = []
    for _ in range(draw(st.integers(1, 6))):
        length = draw(st.integers(6, 40))
        if draw(st.integers(0, 4)) == 0:
            items.append(Gap(length))
            continue
        start = draw(st.fractions(10, 900, max_denominator=90_000))
        if draw(st.booleans()):
            start = round(start * rate) / rate
        media = Media(ROOT / draw(st.sampled_from(NAMES[:-1])), "sha256:1")
        clip = Clip(media, start, length, draw(st.sampled_from(SPEEDS)), draw(st.booleans()))
        items.append(replace(clip, metadata={"kuleshov": {"score": 0.5, "candidates": []}}))
    transitions = []
    for after in range(len(items) - 1):
        offsets = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
        if any(offsets) and draw(st.booleans()):
            transitions.append(Dissolve(after, *offsets))
    source, first = [], 0
    for item in items:
        source.append(Clip(Media(ROOT / NAMES[-1]), 2 + first / rate, item.duration))
        first += item.duration
    tracks = (
        Track("recut", tuple(items), tuple(transitions)),
        Track("source", tuple(source), region="source"),
    )
    sound = draw(st.none() | st.just(Sound(Media(ROOT / NAMES[-1]), F(2))))
    return Timeline("Film", rate, Layout.side_by_side(640, 360), tracks, sound)


def film_of(*items: Clip | Gap, rate: Fraction = F(25), **fields: object) -> Timeline:
    track = Track("recut", items, fields.pop("transitions", ()))  # type: ignore[arg-type]
    return Timeline("Film", rate, Layout.single(640, 360), (track,))


def known_for(*names: str, **fields: object) -> dict[Path, Facts]:
    return {ROOT / name: Facts(ROOT / name, **fields) for name in names}  # type: ignore[arg-type]
