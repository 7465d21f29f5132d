"""Find media of a project that are not where the project says, and put them right.

Media are known again by their checksum (`archive.relink`). Those without one, as other programs
write them, can only be guessed by name and length; a guess is always said to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import Any

from kuleshov.archive.catalogue import Location, parts_of
from kuleshov.errors import MediaError
from kuleshov.jobs import QUIET, Job
from kuleshov.media.guard import asked
from kuleshov.project.memory import ShotMemory
from kuleshov.timeline import Clip, Media, Timeline, Track

__all__ = [
    "Need",
    "film_length",
    "film_lengths",
    "found_beside",
    "guess",
    "is_there",
    "lost_media",
    "media_of",
    "namesakes",
    "relinked",
]

_SHORTER = Fraction(1, 10)  # s, by which a film may be shorter than it is said to be
_LONGER = Fraction(2)  # s, or a twentieth: a file is as long as its sound, a film as its pictures


@dataclass(frozen=True)
class Need:
    """Media that are missing, and the end (media time in s) of what the project shows of them."""

    media: Media
    end: Fraction


def media_of(timeline: Timeline) -> Iterator[Media]:
    """Yield the media of each clip, and of the sound."""
    for track in timeline.tracks:
        for item in track.items:
            if isinstance(item, Clip):
                yield item.media
    if timeline.under is not None:
        yield timeline.under.media


def is_there(path: Path) -> bool:
    """Return whether a file lies at a path, as far as one may know."""
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be looked into
        return False


def lost_media(timeline: Timeline, sizes: Mapping[str, int]) -> tuple[Need, ...]:
    """Return the media that are not where the timeline says, each file once.

    `sizes` in bytes by checksum, as far as they are known: a file of another size is another film.
    """
    found: dict[Path, Media] = {}
    for media in media_of(timeline):
        found.setdefault(media.path, media)
    ends = _ends(timeline)
    return tuple(
        Need(media, ends[path])
        for path, media in found.items()
        if not is_there(path) or _another(path, sizes.get(media.checksum))
    )


def relinked(
    timeline: Timeline, paths: Mapping[Path, Path], checksums: Mapping[str, Path] | None = None
) -> Timeline:
    """Return the timeline with other `paths` for its media.

    `checksums` give those of the other candidates that it remembers.
    """
    checksums = checksums or {}

    def moved(media: Media) -> Media:
        return replace(media, path=paths.get(media.path, media.path))

    def track(old: Track) -> Track:
        items = tuple(
            replace(
                item,
                media=moved(item.media),
                metadata=_candidates_moved(item.metadata, checksums),
            )
            if isinstance(item, Clip)
            else item
            for item in old.items
        )
        return replace(old, items=items)

    sound = timeline.under
    return replace(
        timeline,
        tracks=tuple(track(old) for old in timeline.tracks),
        sound=timeline.sound if sound is None else replace(sound, media=moved(sound.media)),
    )


def guess(
    need: Need, locations: Iterable[Location], length: Callable[[Path], Fraction | None]
) -> Path | str:
    """Return the one file that can be these media by name and length, or why there is none.

    `length` gives the seconds of a film, None where it does not say. Where several files can be it
    the one whose folders are most alike is taken, if there is one.
    """
    parts = _folded(need.media.path)
    same = namesakes(need, locations)
    if not same:
        return "no file has its name."
    fitting = [path for path in same if _fits(need, length(path))]
    if not fitting:
        return f"{_few(same)} has its name, but not its length."
    alike = {path: _shared_tail(parts, _folded(path)) for path in fitting}
    best = [path for path in fitting if alike[path] == max(alike.values())]
    if len(best) > 1:
        return f"several files have its name and length: {_few(best)}."
    return best[0]


def film_length(path: Path) -> Fraction | None:
    """Return the length in seconds that a file's header says; None where it says nothing.

    Raises `MediaError` where it is not a film. Files are asked in a process of their own
    (`film_lengths`).
    """
    from kuleshov.media.decode import open_file

    with open_file(path) as container:
        duration = container.duration
    return None if duration is None else Fraction(duration, 1_000_000)


def film_lengths(paths: Iterable[Path], job: Job = QUIET) -> dict[Path, Fraction | None]:
    """Return the lengths of files as `film_length` gives them.

    The length is 0 for a file that is not a film or cannot be read.
    """
    told = asked(film_length, paths, job)
    return {
        path: Fraction(0) if isinstance(length, MediaError) else length
        for path, length in told.items()
    }


def namesakes(need: Need, locations: Iterable[Location]) -> list[Path]:
    """Return the files that have the name of media that are missing."""
    name = _folded(need.media.path)[-1:]
    return [location.path for location in locations if _folded(location.path)[-1:] == name]


def found_beside(timeline: Timeline, folder: Path) -> Timeline:
    """Return the timeline with missing media taken from below the project's `folder`.

    A file is taken where the end of a path is there: /films/sea/a.mp4 as sea/a.mp4, or else, if it
    is as long, as a.mp4 in it.
    """
    paths: dict[Path, Path] = {}
    tails = [(need, _tail_in(folder, need)) for need in lost_media(timeline, {})]
    # Cameras count from one on every card: a name alone says too little.
    lengths = film_lengths(tail[0] for _, tail in tails if tail is not None and tail[1])
    for need, tail in tails:
        if tail is not None and (not tail[1] or _fits(need, lengths[tail[0]])):
            paths[need.media.path] = tail[0]
    taken = list(paths.values())
    single = {old: new for old, new in paths.items() if taken.count(new) == 1}
    return relinked(timeline, single) if single else timeline


def _ends(timeline: Timeline) -> dict[Path, Fraction]:
    """Return for each file the end of what is shown or heard of it, in media time."""
    ends: dict[Path, Fraction] = {}
    for track in timeline.tracks:
        for span in track.spans():
            item, shown = track.items[span.item], track.media_range(span, timeline.rate)
            if isinstance(item, Clip) and shown is not None:
                path = item.media.path
                ends[path] = max(shown.end, ends.get(path, Fraction(0)))
    if timeline.under is not None:
        # Beyond its end sound is silent: nothing is wrong with such a file.
        path = timeline.under.media.path
        ends[path] = max(timeline.under.start, ends.get(path, Fraction(0)))
    return ends


def _another(path: Path, size: int | None) -> bool:
    return size is not None and Location(path, size, 0).now() != "there"


def _candidates_moved(
    metadata: Mapping[str, Any], checksums: Mapping[str, Path]
) -> Mapping[str, Any]:
    about = ShotMemory.read(metadata)
    if not checksums or not about.offers:
        return metadata
    moved = [
        replace(one, footage=str(checksums[one.checksum])) if one.checksum in checksums else one
        for one in about.offers
    ]
    return about.with_offers(metadata, moved)


def _fits(need: Need, length: Fraction | None) -> bool:
    if length is None:
        return True
    available = need.media.available
    if available is None:
        return length + _SHORTER >= need.end
    return -_SHORTER <= length - available.end <= max(_LONGER, available.end / 20)


def _tail_in(folder: Path, need: Need) -> tuple[Path, bool] | None:
    """Return the file in a folder that the longest end of a path names, or None.

    It comes with whether that end is the file's name alone.
    """
    parts = parts_of(need.media.path)
    for count in range(len(parts), 0, -1):
        tail = parts[-count:]
        if ".." not in tail and is_there(beside := folder.joinpath(*tail)):
            return beside, count == 1
    return None


def _folded(path: Path) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts_of(path))


def _shared_tail(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _few(paths: Sequence[Path]) -> str:
    shown = ", ".join(str(path) for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown
