"""Measure what the page says of a film: shots and tags, rhythm, light, rhymes.

Everything follows from one `Analysis` and the sound; nothing here knows of HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.shot_tags import tags_of_analysis
from kuleshov.edit.rhythm import rhythm_of
from kuleshov.errors import MediaError
from kuleshov.features.analyse import Analysis
from kuleshov.features.facet import MOVEMENT, TONE, Reference
from kuleshov.features.movement import SAMPLES, speeds_of
from kuleshov.features.tags import WORDS, Tag
from kuleshov.features.tone import colours_of, rgb
from kuleshov.footage import Shot, Slate
from kuleshov.jobs import QUIET, Job
from kuleshov.media.audio import SoundReader
from kuleshov.media.guard import guarded
from kuleshov.notes import Note
from kuleshov.report.rhymes import Rhyme, rhymes
from kuleshov.timecode import TimeRange

__all__ = ["TALLIED", "FilmReport", "ShotReport", "clock", "read_film", "sound_levels"]

TALLIED = ("scale", "faces", "camera", "speed", "light", "contrast", "colour", "hue")
"""The kinds of tags of which the page says how much of the film they take."""

_BINS = 500  # of a curve: two pixels each where the page is widest
_STRIPES = 240  # of the bar of colours
_HOP = 0.05  # s over which sound is added up
_QUIET = -60.0  # dB below full scale; what is quieter counts as silence
_AROUND = 0.25  # s before and after a cut, in which the sound is listened to

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class ShotReport:
    """A shot as the page tells it.

    Its number, counted from 1, when it is seen, the time of a picture that stands for it (None
    where it is black), how it begins, and its tags.
    """

    number: int
    span: TimeRange
    still: Fraction | None
    transition: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class FilmReport:
    """A film, or the part `span` of it, as the page tells it.

    `loudness` (K,) is the sound's level in dB below full scale, None without sound; `movement`
    (K,) how fast the picture moves, in picture sizes a second; `colours` (C, 3) uint8 sRGB the mean
    colours; all from the beginning of `span` to its end. `louder` counts the cuts at which the
    sound is louder than its median. `tally`: for each kind of `TALLIED` the share of the time that
    each word takes. `notes` say what could not be told.
    """

    path: Path
    slate: Slate
    facts: tuple[tuple[str, str], ...]
    span: TimeRange
    shots: tuple[ShotReport, ...]
    loudness: Curve | None
    movement: Curve
    colours: NDArray[np.uint8]
    louder: int | None
    tally: Mapping[str, Mapping[str, float]]
    rhymes: tuple[Rhyme, ...]
    notes: tuple[Note, ...] = ()

    @property
    def pictured(self) -> tuple[ShotReport, ...]:
        """The shots that show something: people do not count black between two shots as one."""
        return tuple(shot for shot in self.shots if shot.still is not None)

    @property
    def cuts(self) -> tuple[Fraction, ...]:
        """The times at which each shot but the first begins."""
        return tuple(shot.span.start for shot in self.shots[1:])

    def shot(self, number: int) -> ShotReport:
        """Return the shot of this number."""
        return next(shot for shot in self.shots if shot.number == number)


def read_film(
    analysis: Analysis,
    reference: Reference,
    span: TimeRange | None = None,
    job: Job = QUIET,
) -> FilmReport:
    """Return what is told of a film, or of the part `span` of it (media time)."""
    with job.step(f"reading {analysis.path.name}"):
        return _read(analysis, reference, span, job)


def _read(analysis: Analysis, reference: Reference, span: TimeRange | None, job: Job) -> FilmReport:
    whole = TimeRange(Fraction(0), analysis.time_of(analysis.frames))
    span = span or whole
    # Of a part the shots are those of its recut, and counted as there.
    shown = rhythm_of(analysis, span.start, span.end).shots
    within = [shot for shot in analysis.shots if shot.index in shown]
    job.check()
    tags = tags_of_analysis(analysis, job)
    shots = tuple(_shot(analysis, shot, tags[shot.index], shown.start) for shot in within)
    job.check()
    notes: list[Note] = []
    levels = None
    try:
        levels = guarded(sound_levels, analysis.path, span, job=job)
    except MediaError as error:
        text = f"Its sound could not be read: {error.reason}"
        notes.append(Note("sound-unreadable", text, {"footage": str(analysis.path)}))
    return FilmReport(
        path=analysis.path,
        slate=analysis.probe.tags,
        facts=_facts(analysis, span),
        span=span,
        shots=shots,
        loudness=None if levels is None else _binned(levels, "max"),
        movement=_movement(analysis, span),
        colours=_colours(analysis, span),
        louder=None if levels is None else _louder(levels, [s.span.start for s in shots[1:]], span),
        tally=_tally(shots),
        rhymes=tuple(
            replace(
                rhyme, first=rhyme.first - shown.start + 1, second=rhyme.second - shown.start + 1
            )
            for rhyme in rhymes(analysis, within, tags, reference)
        ),
        notes=tuple(notes),
    )


def _shot(analysis: Analysis, shot: Shot, tags: tuple[Tag, ...], first: int) -> ShotReport:
    seen = not shot.black and len(shot.core) > 0
    middle = (shot.core.first + shot.core.end) // 2
    return ShotReport(
        number=shot.index - first + 1,
        span=analysis.range_of(shot.frames),
        still=analysis.time_of(middle) if seen else None,
        transition=shot.transition.kind,
        tags=tags,
    )


def _facts(analysis: Analysis, span: TimeRange) -> tuple[tuple[str, str], ...]:
    """Return what the file says of itself."""
    video, audio, slate = analysis.probe.video, analysis.probe.audio, analysis.probe.tags
    width, height = video.display_size
    rate = f"{float(video.rate):.5g} pictures a second"
    channels = {1: "mono", 2: "stereo"}
    sound = "none"
    if audio is not None:
        how = channels.get(audio.channels, f"{audio.channels} channels")
        sound = f"{audio.codec.upper()}, {how}, {audio.rate / 1000:.5g} kHz"
    whole = analysis.time_of(analysis.frames)
    part = f" (a part of {clock(whole)})" if span.duration < whole * Fraction(99, 100) else ""
    told = [
        ("File", analysis.path.name),
        ("Author", slate.author),
        ("Licence", slate.licence),
        ("Address", slate.url),
        ("Length", clock(span.duration) + part),
        ("Picture", f"{width} x {height}, {rate}" + (", variable" if video.variable_rate else "")),
        ("Sound", sound),
    ]
    return tuple((name, value) for name, value in told if value)


def clock(seconds: Fraction | float) -> str:
    """Return a time as `1:02:03` or `2:03`; below ten seconds as `4.2 s`."""
    if seconds < 10:
        return f"{float(seconds):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def sound_levels(path: Path, span: TimeRange, job: Job = QUIET) -> Curve | None:
    """Return the level of a film's sound, in dB, every `_HOP` seconds; None where it has none.

    Raises `MediaError` where it cannot be read.
    """
    reader = SoundReader.open(path)
    if reader is None:
        return None
    hop = max(1, round(reader.rate * _HOP))
    energy: list[NDArray[np.float64]] = []
    rest = np.zeros(0)
    for block in job.over(reader.blocks(span.start, span.duration)):
        square = np.square(block, dtype=np.float64).mean(axis=0)
        rest = np.concatenate((rest, square))
        full = len(rest) // hop * hop
        energy.append(rest[:full].reshape(-1, hop).mean(axis=1))
        rest = rest[full:]
    whole = np.concatenate([*energy, np.zeros(1) if not energy else np.zeros(0)])
    if not len(whole):
        return None
    return np.asarray(np.maximum(10 * np.log10(np.maximum(whole, 1e-12)), _QUIET))


def _binned(values: Curve, how: str = "mean") -> Curve:
    """Return a curve with at most `_BINS` values."""
    if len(values) <= _BINS:
        return values
    edges = np.linspace(0, len(values), _BINS + 1).round().astype(int)
    pick = np.max if how == "max" else np.mean
    return np.array([pick(values[a:b]) for a, b in pairwise(edges.tolist())])


def _louder(levels: Curve, cuts: Sequence[Fraction], span: TimeRange) -> int:
    """Return at how many cuts the sound is louder than its median."""
    usual, found = float(np.median(levels)), 0
    for cut in cuts:
        at = float(cut - span.start)
        first, end = (round((at + way) / _HOP) for way in (-_AROUND, _AROUND))
        near = levels[max(0, first) : max(1, end)]
        found += int(len(near) > 0 and float(near.max()) > usual)
    return found


def _movement(analysis: Analysis, span: TimeRange) -> Curve:
    speeds = speeds_of(analysis.features[MOVEMENT]).ravel()
    first, end = (round(float(time) * SAMPLES) for time in (span.start, span.end))
    return _binned(speeds[first:end] if len(speeds[first:end]) else np.zeros(1))


def _colours(analysis: Analysis, span: TimeRange) -> NDArray[np.uint8]:
    """Return mean colours, (C, 3) uint8, each of an equal part of the film."""
    first, end = (round(float(time) * analysis.grid) for time in (span.start, span.end))
    rows = analysis.features[TONE][first : max(end, first + 1)]
    means = colours_of(rows).mean(axis=1)
    stripes = min(_STRIPES, len(means))
    parts = np.array_split(means, stripes)
    return rgb(np.array([part.mean(axis=0) for part in parts]))


def _tally(shots: Sequence[ShotReport]) -> dict[str, dict[str, float]]:
    """Return for each kind how much of the film's time its words take, in the order of `WORDS`."""
    times: dict[str, dict[str, float]] = {kind: {} for kind in TALLIED}
    total = sum(float(shot.span.duration) for shot in shots) or 1.0
    for shot in shots:
        said: set[str] = set()
        for tag in shot.tags:
            # Of several movements or scales the first is the shot's; hues stand side by side.
            if tag.kind in times and (tag.kind == "hue" or tag.kind not in said):
                part = float(shot.span.duration) / total
                times[tag.kind][tag.word] = times[tag.kind].get(tag.word, 0.0) + part
            said.add(tag.kind)
    return {
        kind: {word: counted[word] for word in WORDS[kind] if word in counted}
        for kind, counted in times.items()
        if counted
    }
