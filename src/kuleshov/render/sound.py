"""Make the sound of a film: one file under all of it, or each clip's, levelled and cross-faded.

Of a clip one hears what one sees: sample n of the film is the footage's sound at the media time
that its picture shows, to the sample (far into Matroska files, to the millisecond of their clock).
Clips that go on where the last one ended, in the same footage, are one piece and are not faded.
What is left out is silent, and `warnings` say so: footage without sound, and clips that do not run
at their own speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import MediaError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.audio import EncodedSound, SoundReader, open_sound, sound_notes
from kuleshov.media.levels import SILENT, limited, loudness, rising
from kuleshov.notes import Note
from kuleshov.timeline import Clip, ClipSound, Span, Timeline

if TYPE_CHECKING:
    from kuleshov.media.write import SoundTrack

__all__ = ["LAYOUT", "RATE", "ClipsMixed", "film_sound"]

RATE = 48000
"""Samples a second of clips' sound, whatever that of the footage."""
LAYOUT = "stereo"

_CHANNELS = 2
_CHUNK = 8192  # samples mixed at once
_MOST, _LEAST = 20.0, -30.0  # dB; noise is not brought up to the level of speech
_NAMED = 3  # of the films without sound

Block = NDArray[np.float32]


def film_sound(timeline: Timeline, job: Job = QUIET) -> tuple[SoundTrack | None, list[Note]]:
    """Return the sound of a timeline for a `FilmWriter`, None where nothing is heard, and warnings.

    Raises `MediaError` where the file of a sound under all cannot be read.
    """
    if not isinstance(timeline.sound, ClipSound):
        if timeline.sound is None:
            return None, []
        notes = sound_notes(timeline.sound.media.path, job)
        return open_sound(timeline.sound, timeline.rate), notes
    mixed = ClipsMixed(timeline, timeline.sound, job)
    if not mixed.pieces:
        return None, mixed.warnings
    return EncodedSound(mixed), mixed.warnings


@dataclass(frozen=True)
class Piece:
    """A piece of sound of one footage over samples `begin` to `end` of the film, fades included.

    It rises over `rise` samples from `begin`, and falls over the `fall` samples before `end`.
    `start` is the media time, in s, of sample `begin`; it may lie before the footage begins.
    """

    reader: SoundReader
    start: Fraction
    begin: int
    end: int
    rise: int
    fall: int
    gain: float
    job: Job = QUIET

    def blocks(self) -> Iterator[Block]:
        """Yield all its samples, faded, at its gain."""
        at = self.begin
        for block in self._plain(self.start, self.end - self.begin):
            end = at + block.shape[1]
            weight = rising(at, end, self.begin, self.rise)
            if end > self.end - self.fall:
                weight = weight * rising(-end, -at, -self.end, self.fall)[::-1]
            yield block * (weight * np.float32(self.gain))
            at = end

    def loudness(self) -> float:
        """Return the loudness, in LUFS, of what is heard of it."""
        return loudness(self._plain(self.start, self.end - self.begin), self.reader.rate)

    def _plain(self, start: Fraction, samples: int) -> Iterator[Block]:
        return self.job.over(self.reader.blocks(start, Fraction(samples, self.reader.rate)))


class ClipsMixed:
    """The sound of the clips of a film, (2, n) pieces of 48 kHz, as `media.audio.Heard`.

    Only as much is held as is heard at a time; what lies in a clip is read twice, first to learn
    how loud it is.
    """

    rate = RATE
    layout = LAYOUT
    channels = _CHANNELS

    def __init__(self, timeline: Timeline, how: ClipSound, job: Job = QUIET) -> None:
        self.warnings: list[Note] = []
        self._job = job
        self._how, self._frame_rate = how, timeline.rate
        self._readers: dict[Path, SoundReader | None] = {}
        self._samples = self._sample(timeline.duration)
        self.pieces = self._pieces(timeline)

    def blocks(
        self, start: Fraction = Fraction(0), duration: Fraction | None = None
    ) -> Iterator[Block]:
        """Yield the whole film's sound, or part of it, in seconds of the film."""
        first = round(start * RATE)
        end = self._samples if duration is None else first + round(duration * RATE)
        at = 0
        for block in limited(self._mixed(), RATE):
            yield block[:, max(0, first - at) : max(0, end - at)]
            at += block.shape[1]
            if at >= end:
                return

    def _mixed(self) -> Iterator[Block]:
        waiting = iter(self.pieces)
        following = next(waiting, None)
        heard: list[_Player] = []
        for at in self._job.over(range(0, self._samples, _CHUNK)):
            end = min(at + _CHUNK, self._samples)
            while following is not None and following.begin < end:
                heard.append(_Player(following, self._gain(following)))
                following = next(waiting, None)
            block = np.zeros((_CHANNELS, end - at), np.float32)
            for player in heard:
                player.add_to(block, at)
            heard = [player for player in heard if player.piece.end > end]
            yield block

    def _gain(self, piece: Piece) -> float:
        """Return the factor that brings a piece to the common level."""
        if self._how.level is None:
            return 1.0
        found = piece.loudness()
        if found < SILENT:
            return 1.0
        return float(10 ** (min(max(self._how.level - found, _LEAST), _MOST) / 20))

    def _sample(self, frame: Fraction | int) -> int:
        return round(Fraction(frame) / self._frame_rate * RATE)

    def _reader(self, path: Path) -> SoundReader | None:
        if path not in self._readers:
            try:
                found = SoundReader.open(path)
            except MediaError:
                found = None
            self._readers[path] = None if found is None else found.resampled(RATE, LAYOUT)
        return self._readers[path]

    def _pieces(self, timeline: Timeline) -> list[Piece]:
        track, pieces = timeline.recut, []
        quiet: dict[str, None] = {}
        changed = 0
        for run in self._job.over(self._runs(track.spans(), track.items)):
            clip = track.items[run[0].item]
            if not isinstance(clip, Clip):
                continue
            reader = self._reader(clip.media.path)
            if reader is None:
                quiet[clip.media.path.name] = None
            elif clip.speed != 1:
                changed += 1
            elif clip.gain > 0:
                pieces.append(self._piece(reader, clip, run))
        if quiet:
            more = f" and {len(quiet) - _NAMED} more" if len(quiet) > _NAMED else ""
            text = (
                f"Clips of {', '.join([*quiet][:_NAMED])}{more} are silent: there is no sound in "
                "them."
            )
            self.warnings.append(Note("clips-without-sound", text, {"names": [*quiet]}))
        self.warnings += _of_many({piece.reader.path: piece for piece in pieces}, self._job)
        if changed:
            clips = "1 clip is" if changed == 1 else f"{changed} clips are"
            text = f"{clips} silent: not at the footage's own speed."
            self.warnings.append(Note("clips-silent", text, {"clips": changed}))
        return pieces

    def _runs(self, spans: tuple[Span, ...], items: tuple[object, ...]) -> Iterator[list[Span]]:
        """Yield spans of clips that go on where the last one ended, together."""
        run: list[Span] = []
        for span in spans:
            last, item = items[run[-1].item] if run else None, items[span.item]
            if (
                isinstance(last, Clip)
                and isinstance(item, Clip)
                and item.speed == last.speed == 1
                and (item.media.path, item.gain) == (last.media.path, last.gain)
                and item.start == last.start + last.duration / self._frame_rate
            ):
                run.append(span)
                continue
            if run:
                yield run
            run = [span]
        if run:
            yield run

    def _piece(self, reader: SoundReader, clip: Clip, run: list[Span]) -> Piece:
        first, last = run[0], run[-1]
        own = self._sample(first.own.first), self._sample(last.own.end)
        rise, begin = self._fade(first.rising.first, len(first.rising), own[0], own)
        fall, end = self._fade(last.falling.first, len(last.falling), own[1], own)
        begin, end = max(0, begin), min(self._samples, end + fall)
        start = clip.start - Fraction(own[0] - begin, RATE)
        return Piece(reader, start, begin, end, rise, fall, clip.gain, self._job)

    def _fade(self, first: int, frames: int, border: int, own: tuple[int, int]) -> tuple[int, int]:
        """Return the samples of a fade, and where it begins.

        It is that of the dissolve, or else lies around the cut.
        """
        if frames:
            begin = self._sample(first)
            return self._sample(first + frames) - begin, begin
        length = min(round(self._how.fade * RATE), own[1] - own[0])
        if border in (0, self._samples):  # no sound lies beyond the film's ends
            return length // 2, border if border == 0 else border - length // 2
        return length, border - length // 2


def _of_many(paths: Iterable[Path], job: Job) -> list[Note]:
    """Return a few notes on what is not heard of the sound of many files."""
    noted = [said for path in paths if (said := sound_notes(path, job))]
    told = [note for said in noted[:_NAMED] for note in said]
    if len(noted) > _NAMED:
        text = f"Nor is all of the sound of {len(noted) - _NAMED} more films heard."
        told.append(Note("sound-in-part", text, {"films": len(noted) - _NAMED}))
    return told


class _Player:
    """A piece that is being heard."""

    def __init__(self, piece: Piece, gain: float) -> None:
        self.piece, self._gain = piece, np.float32(gain)
        self._blocks = piece.blocks()
        self._rest = np.zeros((_CHANNELS, 0), np.float32)

    def add_to(self, block: Block, at: int) -> None:
        """Add what is heard of it to the samples of the film from `at` on."""
        first = max(0, self.piece.begin - at)
        wanted = min(self.piece.end - at, block.shape[1]) - first
        if wanted <= 0:
            return
        pieces = [self._rest]
        have = self._rest.shape[1]
        while have < wanted:
            more = next(self._blocks)
            pieces.append(more)
            have += more.shape[1]
        whole = np.concatenate(pieces, axis=1)
        block[:, first : first + wanted] += whole[:, :wanted] * self._gain
        self._rest = whole[:, wanted:]
