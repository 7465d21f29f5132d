"""Ask media files what other programs must be told about them.

An editing program finds a frame in a file by the file's own timecode. A list that counts from 0
where the file counts from 10:00:00:00 shows other pictures, or none. So the embedded timecode, the
frame rate and the sound are read from each file; where a file is missing, what the project knows
takes its place, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuleshov.errors import MediaError, UsageError
from kuleshov.footage import Audio
from kuleshov.jobs import QUIET, Job
from kuleshov.notes import Note
from kuleshov.smpte import Counting
from kuleshov.timecode import exact_rate, frame_at, nearest_standard_rate
from kuleshov.timeline import Clip, Media, Timeline

if TYPE_CHECKING:
    import av.container

__all__ = ["Facts", "facts_of", "picture_size", "read_facts"]


@dataclass(frozen=True)
class Facts:
    """The facts that a media file tells of itself.

    `timecode` is the label of its first picture as embedded, empty where there is none; `reel` the
    name of the tape or card; `rate` in frames a second; `size` the upright picture in square
    pixels; `duration` in seconds. `why` says why a file could not be asked.
    """

    path: Path
    why: str = ""
    timecode: str = ""
    reel: str = ""
    rate: Fraction = Fraction(25)
    variable: bool = False
    pictures: bool = True
    size: tuple[int, int] | None = None
    duration: Fraction | None = None
    audio: Audio | None = None

    @property
    def found(self) -> bool:
        """Whether the file itself was asked."""
        return not self.why

    @property
    def counting(self) -> Counting:
        """The counting of the file's own timecode: with dropped numbers if its label says so."""
        return Counting.of(self.rate, ";" in self.timecode)

    @property
    def first(self) -> int:
        """The frame number, at the file's own rate, of its first picture."""
        return self.counting.frame(self.timecode) if self.timecode else 0

    @property
    def origin(self) -> Fraction:
        """The time of the first picture on the file's own clock of timecode, in seconds."""
        return self.first / self.rate

    def first_in(self, counting: Counting) -> int:
        """Return the first picture's frame number in another counting.

        It is the same number where both count as many frames to the second, and else has the same
        hour, minute and second.
        """
        if not self.timecode or self.counting.nominal == counting.nominal:
            return self.first
        return counting.converted(self.timecode, self.counting.nominal)

    def label(self, time: Fraction) -> str:
        """Return the file's own timecode at a media time, in seconds."""
        return self.counting.label(self.first + frame_at(time, self.rate))


def facts_of(timeline: Timeline, job: Job = QUIET) -> tuple[dict[Path, Facts], list[Note]]:
    """Return the facts of every file of a timeline, and notes on those that could not be asked."""
    media: dict[Path, Media] = {}
    for item in (item for track in timeline.tracks for item in track.items):
        if isinstance(item, Clip):
            media.setdefault(item.media.path, item.media)
    if timeline.under is not None:
        media.setdefault(timeline.under.media.path, timeline.under.media)
    with job.step("asking the files", of=len(media), unit="files") as step:
        found = {p: read_facts(one, timeline.rate) for p, one in step.over(media.items())}
    return found, _notes(found.values())


def read_facts(media: Media, rate: Fraction) -> Facts:
    """Return the facts of a file.

    Where it cannot be asked, the project's own knowledge and the timeline's `rate` stand in;
    nothing is raised.
    """
    from kuleshov.media.decode import Film, open_file

    known = media.available.end if media.available is not None else None
    try:
        with open_file(media.path) as container:
            tags = [_tags(container), *(_tags(stream) for stream in container.streams)]
            seconds = _seconds(container)
        duration = known if known is not None else seconds
        try:
            with Film(media.path) as film:
                video, audio = film.video, film.probe.audio
        except MediaError:
            audio = _audio_of(media.path)
            if audio is None:
                raise
            return Facts(media.path, rate=rate, pictures=False, duration=duration, audio=audio)
    except MediaError as error:
        return Facts(media.path, why=error.reason, rate=exact_rate(rate), duration=known)
    shown = exact_rate(video.rate)
    if video.variable_rate:
        shown = nearest_standard_rate(video.rate)
    return Facts(
        media.path,
        timecode=_timecode(tags, shown),
        reel=next((tag["reel_name"] for tag in tags if tag.get("reel_name")), ""),
        rate=shown,
        variable=video.variable_rate,
        size=video.display_size,
        duration=duration,
        audio=audio,
    )


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a file's upright picture in square pixels.

    None where it cannot be asked.
    """
    from kuleshov.media.decode import Film

    try:
        with Film(path) as film:
            return film.video.display_size
    except MediaError:
        return None


def _tags(thing: Any) -> Mapping[str, str]:
    # Matroska writes the names in capitals, others do not.
    return {str(key).lower(): str(value).strip() for key, value in thing.metadata.items()}


def _timecode(tags: Iterable[Mapping[str, str]], rate: Fraction) -> str:
    """Return the first timecode that is valid at this rate; empty for none.

    It is that of the container, of a stream, or of a `tmcd` track (FFmpeg gives that as a tag of
    the track's stream).
    """
    for tag in tags:
        label = tag.get("timecode", "")
        try:
            Counting.of(rate, ";" in label).frame(label)
        except UsageError:
            continue
        return label
    return ""


def _seconds(container: av.container.InputContainer) -> Fraction | None:
    for stream in (*container.streams.video, *container.streams.audio):
        if stream.duration and stream.time_base:
            return stream.duration * Fraction(stream.time_base)
    return Fraction(container.duration, 1_000_000) if container.duration else None


def _audio_of(path: Path) -> Audio | None:
    """Return the record of the sound of a file without pictures."""
    from kuleshov.media.channels import taken
    from kuleshov.media.decode import open_file

    with open_file(path) as container:
        for stream in container.streams.audio:
            context = stream.codec_context
            if context is not None:
                return Audio(context.name, context.rate, taken(context).count)
    return None


def _notes(found: Iterable[Facts]) -> list[Note]:
    notes = []
    for one in found:
        if not one.found:
            text = (
                f"{one.path} could not be asked for its timecode and frame rate ({one.why[:-1]}): "
                f"counted from 00:00:00:00 at {float(one.rate):.3f} frames a second."
            )
            notes.append(Note("footage-unreadable", text, {"footage": str(one.path)}))
        elif one.variable:
            text = (
                f"{one.path.name} has no constant frame rate; editing programs are told "
                f"{float(one.rate):.3f} frames a second."
            )
            notes.append(Note("rate-variable", text, {"footage": str(one.path)}))
    return notes
