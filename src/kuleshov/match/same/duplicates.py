"""Find duplicates: footage, or parts of it, that other files show as well.

Known by prints (16 x 16 cells of luma), as copies of a source are (`match.align.candidates`):
features of networks do not tell a copy from a like picture. Nothing is decoded.

A shot's middle row is looked up among all rows (coarsely: 8 x 8 cells, in the lists of the pivots
nearest to it, so that the work grows with N to the power of 1.5, not 2), and where something like
it lies the whole shot is laid beside it, row by row. Prints of skies and walls are alike by chance:
a slow change of light over the picture is taken off first, and where nothing is left nothing is
told. Shots that follow one another in both files make one part.

Found are copies in other sizes, encodings and rates, cut out of or into longer films, and mirrored
ones; lightly cropped ones (a few per cent); not those that are cropped hard, turned, or run at
another speed. Rows lie half a second apart: of a copy that begins between two rows what moves fast
may be missed. Within one file nothing is looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kuleshov.archive.catalogue import Footage
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.facet import PRINT
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job, Step
from kuleshov.match.same.prints import COARSELY, COPY, coarse, flipped, is_whole, same_picture

__all__ = [
    "Group",
    "Shared",
    "duplicates",
    "grouped",
    "quality",
    "same_files",
    "without_copies",
]

_EXACT = 20_000  # rows up to which all are compared with all
_PROBED = 6  # lists that are looked into
_BLOCK = 2048  # shots looked up at once
_BEST = 40  # rows looked at for each shot
_FINELY = 200  # likenesses nearer than a 200th are one
_JOINED = 1.0  # s; shots nearer than this, at one offset, make one part
_SHIFT = 0.75  # s; so near may be the offsets of such shots
_SAME = 0.25  # s; offsets nearer than this are one
_SHARED = 0.25  # of a part that another may tell otherwise
_WHOLE = 0.8  # of footage's time that another shows: it is a copy of it

Prints = NDArray[np.float32]
Halves = NDArray[np.float16]


@dataclass(frozen=True)
class Shared:
    """A part of `one` that `other` shows too.

    `one` shows from `begin` to `end` s of media time what `other` does from `other_begin` on.
    `likeness` is the mean correlation of their prints; `mirrored` where one is the other's mirror
    image.
    """

    one: Footage
    begin: float
    end: float
    other: Footage
    other_begin: float
    likeness: float
    mirrored: bool = False

    @property
    def other_end(self) -> float:
        """The end of the part in the other, in s."""
        return self.other_begin + self.end - self.begin


@dataclass(frozen=True)
class Group:
    """A group of footage that shows the same material, the best file first.

    `whole` where all but the first are, for the most part, contained in others of the group.
    `shared` says what and where.
    """

    footage: tuple[Footage, ...]
    shared: tuple[Shared, ...]
    whole: bool


@dataclass(frozen=True)
class _Found:
    """A shot of film `one` that was found in film `other`, later by `offset` s."""

    one: int
    shot: int
    other: int
    offset: float
    likeness: float
    mirrored: bool


def same_files(archive: ArchiveRows) -> list[tuple[Footage, tuple[Path, ...]]]:
    """Return the footage that lies in the archive as several equal files, with their paths.

    Links to one file count as one.
    """
    found = []
    for film in archive.films:
        files: dict[object, Path] = {}
        for location in film.footage.locations:
            if not location.missing and location.path.is_file():
                known = location.path.stat()
                # Some file systems number no files.
                files.setdefault((known.st_dev, known.st_ino or location.path), location.path)
        if len(files) > 1:
            found.append((film.footage, tuple(files.values())))
    return found


def duplicates(archive: ArchiveRows, job: Job = QUIET) -> list[Shared]:
    """Return all parts that any two files of the archive share, each pair once.

    Only shots that are offered are compared, so that a few of a large archive cost little.
    """
    films = job.over(archive.films)
    if not all(PRINT in film.rows and is_whole(film.rows[PRINT]) for film in films):
        return []
    shots = sum(len(film.shots) for film in archive.films)
    found: list[_Found] = []
    with job.step("looking for copies", of=2 * shots, unit="shots") as step:
        looked = _Looked(archive, job)
        for mirrored in (False, True) if len(looked.number) else ():
            found += _looked_up(looked, step, mirrored=mirrored)
        return _told(archive.films, found, job)


def grouped(archive: ArchiveRows, shared: Sequence[Shared]) -> list[Group]:
    """Return groups: first copies, then pairs of footage that share a part."""
    films = {film.footage.id: film for film in archive.films}
    held: dict[tuple[int, int], float] = {}
    for s in shared:
        for one, other in ((s.one, s.other), (s.other, s.one)):
            key = one.id, other.id
            held[key] = held.get(key, 0.0) + s.end - s.begin
    length = {number: _offered(film) for number, film in films.items()}
    copies = {pair for pair, time in held.items() if time >= _WHOLE * length[pair[0]]}
    group = {number: number for number in films}

    def root(number: int) -> int:
        while group[number] != number:
            number = group[number]
        return number

    for pair in sorted(copies):
        group[root(pair[0])] = root(pair[1])
    parts: dict[tuple[int, ...], list[Shared]] = {}
    for s in shared:
        a, b = root(s.one.id), root(s.other.id)
        files = (a,) if a == b else tuple(sorted((s.one.id, s.other.id)))
        parts.setdefault(files, []).append(s)
    made = []
    for files, inside in parts.items():
        footage = {f.id: f for s in inside for f in (s.one, s.other)}
        best = sorted(footage.values(), key=quality, reverse=True)
        made.append(Group(tuple(best), tuple(inside), whole=len(files) == 1))
    return sorted(made, key=lambda one: (not one.whole, one.footage[0].path.name))


def without_copies(archive: ArchiveRows, job: Job = QUIET) -> ArchiveRows:
    """Return the archive without the shots that better files show as well."""
    if PRINT not in archive.facets:
        return archive
    dropped: set[ShotRef] = set()
    films = {film.footage.id: film for film in archive.films}
    for s in duplicates(archive, job):
        poorer, begin, end = s.one, s.begin, s.end
        if quality(s.other) < quality(s.one):
            poorer, begin, end = s.other, s.other_begin, s.other_end
        film = films[poorer.id]
        _, seconds = film.edges()
        for shot, (first, last) in zip(film.shots, seconds.tolist(), strict=True):
            if min(last, end) - max(first, begin) > (last - first) / 2:
                dropped.add(film.ref(shot))
    kept = [
        replace(f, shots=tuple(s for s in f.shots if f.ref(s) not in dropped))
        for f in archive.films
    ]
    return ArchiveRows([f for f in kept if f.shots], archive.left_out, archive.unwanted)


def quality(footage: Footage) -> tuple[float, float, float]:
    """Return the quality by which files of the same material are ranked.

    Pixels of the picture, length in s, bytes a second.
    """
    width, height = footage.probe.video.display_size
    size = max((location.size for location in footage.locations), default=0)
    seconds = float(footage.duration)
    return float(width * height), seconds, size / max(seconds, 1e-3)


class _Looked:
    """The shots of an archive, and the rows among which they are looked for, plain and mirrored."""

    def __init__(self, archive: ArchiveRows, job: Job) -> None:
        films = self.films = archive.films
        edges = self.edges = [film.edges()[0] for film in job.over(films)]
        self.owner, self.number, prints = _coarse_rows(films, edges, job)
        self.shots = [(n, k) for n, film in enumerate(films) for k in range(len(film.shots))]
        self.middle = [
            min(int(edges[n][k].sum()) // 2, len(films[n].shown) - 1) for n, k in self.shots
        ]
        if len(prints):
            self.index = _Index(prints, job)


def _looked_up(looked: _Looked, step: Step, *, mirrored: bool) -> list[_Found]:
    """Return every shot whose middle, and then whole, another film shows."""
    films, shots, edges, middle = looked.films, looked.shots, looked.edges, looked.middle
    owner, number, index = looked.owner, looked.number, looked.index
    found: dict[tuple[int, int, int, int], _Found] = {}
    for begin in range(0, len(shots), _BLOCK):
        asked = range(begin, min(begin + _BLOCK, len(shots)))
        rows_asked = np.stack([films[shots[i][0]].rows[PRINT][middle[i]] for i in asked])
        near = index.near(coarse(flipped(rows_asked, mirrored)))
        for which, rows in step.over(zip(asked, near, strict=True)):
            n, k = shots[which]
            for row in rows[owner[rows] != n]:
                other = int(owner[row])
                shift = int(number[row]) - middle[which]
                likeness, shift = _beside(films[n], edges[n][k], films[other], shift, mirrored)
                key = n, k, other, round(shift / 2)
                if likeness >= COPY and (key not in found or found[key].likeness < likeness):
                    offset = shift / films[n].grid
                    found[key] = _Found(n, k, other, offset, likeness, mirrored)
    return list(found.values())


def _coarse_rows(
    films: Sequence[ArchiveFilm], edges: Sequence[NDArray[np.int64]], job: Job
) -> tuple[NDArray[np.int32], NDArray[np.int64], Halves]:
    """Return the film of each row that belongs to a shot, its number there, and its coarse print.

    Prints are in half precision.
    """
    owner, number, parts = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], []
    waiting: list[NDArray[np.float16]] = []  # of short films many together
    for index, film in enumerate(job.over(films)):
        rows = _rows_of_shots(film, edges[index])
        waiting.append(film.rows[PRINT][rows])
        number.append(rows)
        owner.append(np.full(len(rows), index, np.int32))
        if sum(map(len, waiting)) >= _BLOCK or index == len(films) - 1:
            parts.append(coarse(np.concatenate(waiting)).astype(np.float16))
            waiting.clear()
    prints = np.concatenate(parts) if parts else np.zeros((0, 1), np.float16)
    return np.concatenate(owner), np.concatenate(number), prints


def _rows_of_shots(film: ArchiveFilm, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the rows that lie in a shot that is offered."""
    last = len(film.shown) - 1
    inside = np.zeros(last + 1, np.bool_)
    for first, end in edges.tolist():
        inside[min(first, last) : max(end, min(first, last) + 1)] = True
    return np.flatnonzero(inside)


class _Index:
    """An index of rows by the pivot nearest to each; up to 20,000 rows it is one list."""

    def __init__(self, rows: Halves, job: Job) -> None:
        self._rows = rows
        self._whole: Prints | None = None
        count = 1 if len(rows) <= _EXACT else round(len(rows) ** 0.5)
        rng = np.random.default_rng(0)
        self._pivots = rows[np.sort(rng.choice(len(rows), count, replace=False))].astype("f4")
        nearest = np.zeros(len(rows), np.int64)
        for begin in job.over(range(0, len(rows) if count > 1 else 0, _BLOCK)):
            part = rows[begin : begin + _BLOCK].astype(np.float32)
            nearest[begin : begin + _BLOCK] = (part @ self._pivots.T).argmax(axis=1)
        order = np.argsort(nearest, kind="stable")
        self._lists = np.split(order, np.searchsorted(nearest[order], np.arange(1, count)))

    def near(self, asked: Prints) -> Iterable[NDArray[np.int64]]:
        """Yield for each row of `asked` the rows that are coarsely alike, the most alike first."""
        if len(self._lists) == 1:
            if self._whole is None:
                self._whole = self._rows.astype(np.float32)
            whole = asked @ self._whole.T
            line, rows = np.nonzero(whole >= COARSELY)
            edges = np.searchsorted(line, np.arange(len(asked) + 1)).tolist()
            for n, (first, end) in enumerate(pairwise(edges)):
                alike = rows[first:end]
                yield _best(alike, whole[n, alike])
            return
        close = np.argsort(-(asked @ self._pivots.T), axis=1)[:, :_PROBED]
        for line, pivots in zip(asked, close, strict=True):
            rows = np.concatenate([self._lists[p] for p in pivots])
            yield _best(rows, self._rows[rows].astype(np.float32) @ line)


def _best(rows: NDArray[np.int64], likeness: NDArray[np.float32]) -> NDArray[np.int64]:
    alike = np.flatnonzero(likeness >= COARSELY)
    return np.asarray(rows[alike[np.argsort(-likeness[alike], kind="stable")[:_BEST]]])


def _beside(
    film: ArchiveFilm, edge: NDArray[np.int64], other: ArchiveFilm, shift: int, mirrored: bool
) -> tuple[float, int]:
    """Return how far the other film shows a shot about `shift` rows later, and the exact shift.

    It is 0 where the other film ends before the shot does.
    """
    first, end = int(edge[0]), max(int(edge[1]), int(edge[0]) + 1)
    begin, stop = max(first, -shift), min(end, len(other.shown) - shift, len(film.shown))
    if stop - begin < (end - first) / 2:
        return 0.0, shift
    ours = flipped(film.rows[PRINT][begin:stop], mirrored)
    best = 0.0, shift
    for step in (0, -1, 1):  # coarsely the row beside it may have been as like
        at = np.clip(np.arange(begin, stop) + shift + step, 0, len(other.shown) - 1)
        likeness = same_picture(ours, other.rows[PRINT][at].astype(np.float32))
        told = likeness > 0
        # Rows in which nothing can be told do not count, where in most something can.
        if told.sum() * 2 > len(told) and float(likeness[told].mean()) > best[0]:
            best = float(likeness[told].mean()), shift + step
    return best


def _told(films: Sequence[ArchiveFilm], found: Sequence[_Found], job: Job) -> list[Shared]:
    """Return the shots found in other films as parts, telling no instant of two films twice.

    Of a static shot many offsets are alike: the likest counts, then the one of most other shots.
    """
    made: list[Shared] = []
    for hit in job.over(found):
        film, other = films[hit.one], films[hit.other]
        core = film.core(film.shots[hit.shot])
        begin = max(float(core.start), -hit.offset)
        end = min(float(core.end), float(other.footage.duration) - hit.offset)
        if end <= begin:
            continue
        one = Shared(
            film.footage, begin, end, other.footage, begin + hit.offset, hit.likeness, hit.mirrored
        )
        # Each pair once, told from the footage that came first.
        made.append(one if film.footage.id < other.footage.id else _turned(one))
    votes: Counter[tuple[int, int, bool, float]] = Counter()
    for s in made:
        votes[_line(s)] += round(100 * (s.end - s.begin))
    made.sort(key=lambda s: (-round(s.likeness * _FINELY), -votes[_line(s)], -s.likeness, s.begin))
    kept: dict[tuple[int, int], list[Shared]] = {}
    for s in job.over(made):
        known = kept.setdefault((s.one.id, s.other.id), [])
        if not any(_contradicts(s, other) for other in known):
            known.append(s)
    joined: list[Shared] = []
    parts = sorted((s for known in kept.values() for s in known), key=lambda s: (s.begin, s.end))
    for s in job.over(parts):
        for number, before in enumerate(joined):
            if (whole := _together(before, s)) is not None:
                joined[number] = whole
                break
        else:
            joined.append(s)
    return sorted(joined, key=lambda s: (s.one.id, s.other.id, s.begin))


def _line(s: Shared) -> tuple[int, int, bool, float]:
    """Return what parts at one offset have in common."""
    return s.one.id, s.other.id, s.mirrored, round(2 * (s.other_begin - s.begin)) / 2


def _contradicts(s: Shared, known: Shared) -> bool:
    """Return whether a part contradicts what is already told of the same instants."""
    shift = (s.other_begin - s.begin) - (known.other_begin - known.begin)
    if s.mirrored == known.mirrored and abs(shift) <= _SAME:
        return False
    most = _SHARED * (s.end - s.begin)
    return (
        min(s.end, known.end) - max(s.begin, known.begin) > most
        or min(s.other_end, known.other_end) - max(s.other_begin, known.other_begin) > most
    )


def _turned(s: Shared) -> Shared:
    return Shared(s.other, s.other_begin, s.other_end, s.one, s.begin, s.likeness, s.mirrored)


def _together(one: Shared, other: Shared) -> Shared | None:
    """Return two parts as one, or None.

    They must be of the same files, at one offset, and touch.
    """
    same = one.one.id == other.one.id and one.other.id == other.other.id
    shift = (other.other_begin - other.begin) - (one.other_begin - one.begin)
    if not same or one.mirrored != other.mirrored or abs(shift) > _SHIFT:
        return None
    if other.begin > one.end + _JOINED:
        return None
    likeness = max(one.likeness, other.likeness)
    return replace(one, end=max(one.end, other.end), likeness=likeness)


def _offered(film: ArchiveFilm) -> float:
    """Return the seconds of footage that are offered at all."""
    return sum(float(film.core(shot).duration) for shot in film.shots)
