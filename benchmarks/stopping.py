"""How soon every long call answers a stop.

    python benchmarks/stopping.py [--films 4000] [--footage DIR] [--stops 5] [--seed 0]
                                  [--only WORD …] [--keep FOLDER] [--longest 30]

Each call is made once whole, or for `--longest` seconds, and then stopped from another thread at
random instants of that time; told are the median and the longest time from the stop until `Stopped`
is raised, by the clock and in processor time of this process, which a busy machine does not make
longer. The first time it is also noted how long the thread that works did not look at its job at
most, by the clock, and between which lines: no stop is answered later than that, but for what is
tidied up.
Whatever a call had begun to write must be gone afterwards: what is not is named.

Calls are those of a `Desk` where there is one, and what they are made of. The archive of most is
made up (`made_up`); those that need pictures are made only with a folder of films (`--footage`), of
which the largest is the source. The *first* calls are each made in a new process, in which nothing
is loaded or compiled yet; what a processor compiles is kept nowhere.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from align import choices
from choosing import source_of
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.ingest import ingest
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.relink import LostFootage, RelinkSummary, find_again, look_into
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.sources import SourceCache
from kuleshov.desk.appearance import Appearance
from kuleshov.desk.asking import Ask
from kuleshov.desk.desk import Desk
from kuleshov.desk.loops import cells_of, gif, grid
from kuleshov.desk.loops import clusters as desk_clusters
from kuleshov.desk.pages import page_of_film, page_of_project
from kuleshov.desk.products import write_made, write_moving
from kuleshov.desk.relinking import relink_all
from kuleshov.desk.supercuts import listened
from kuleshov.edit.choosing import chosen, offered
from kuleshov.edit.cut import Cut, RecutOptions, begun
from kuleshov.edit.grid import GridOptions
from kuleshov.edit.layouts import arranged
from kuleshov.edit.supercut import SupercutOptions, supercut
from kuleshov.errors import KuleshovError, Stopped
from kuleshov.exchange.export import export
from kuleshov.features.specs import bundled_reference, bundled_rows
from kuleshov.jobs import Job, Step
from kuleshov.match.align.by_example import middles
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions, select
from kuleshov.match.likeness.clusters import clusters
from kuleshov.match.likeness.places import different
from kuleshov.match.likeness.tour import best_order
from kuleshov.match.same.duplicates import duplicates
from kuleshov.match.same.own import own_material
from kuleshov.match.text.by_words import find_words
from kuleshov.media.beats import beats
from kuleshov.media.decode import Film
from kuleshov.media.guard import spared
from kuleshov.media.worker import Worker
from kuleshov.render.film import render
from kuleshov.render.finishing import tones
from kuleshov.render.gif import Moving, render_gif
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.report.film import sound_levels
from kuleshov.see.bundled import bundled_lenses, lens_path
from kuleshov.see.films import view
from kuleshov.see.lens import read_lens
from kuleshov.see.training.gathering import GatherOptions, gather
from kuleshov.see.training.pictures import FilmPart
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Timeline
from made_up import build, queries
from measure import machine

Call = Callable[[Job], Any]


class Watched(Job):
    """A job that notes how long at most the thread that made it did not look at it, and where."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._last, self._where = time.perf_counter(), "the beginning"
        self.silence, self.between = 0.0, ("", "")

    def check(self) -> None:
        """Look whether to stop, and note when."""
        self._looked()
        super().check()

    def check_waiting(self) -> None:
        """Look whether to stop while something else is waited for, and note when."""
        self._looked()
        super().check_waiting()

    def _began(self, step: Step) -> None:
        self._looked()
        super()._began(step)

    def _ended(self, step: Step) -> None:
        self._looked()
        super()._ended(step)

    def over_now(self) -> None:
        """Note that the call has ended."""
        self._looked("the end")

    def _looked(self, where: str = "") -> None:
        if threading.get_ident() != self._thread:
            return
        now, where = time.perf_counter(), where or _caller()
        if now - self._last > self.silence:
            self.silence, self.between = now - self._last, (self._where, where)
        self._last, self._where = now, where


def _caller() -> str:
    """The two innermost lines of the library that look at the job."""
    frame: FrameType | None = sys._getframe(2)
    found: list[str] = []
    while frame is not None and len(found) < 2:
        path = Path(frame.f_code.co_filename)
        if "kuleshov" in path.parts and path.name != "jobs.py":
            found.append(f"{path.stem}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found) or "elsewhere"


@dataclass(frozen=True)
class Late:
    """How late a stop was answered, in s: by the clock, and in processor time of this process."""

    clock: float
    processor: float


@dataclass
class Answers:
    """How long a call took, or was let run, in s, and how late it answered stops."""

    whole: float
    silence: float
    between: tuple[str, str]
    late: list[Late]

    def __str__(self) -> str:
        told = f"{'not stopped in time':<58}"
        if self.late:
            clock, processor = ([getattr(o, n) for o in self.late] for n in ("clock", "processor"))
            told = (
                f"median {np.median(clock):5.2f} s, worst {max(clock):5.2f} s; processor "
                f"{np.median(processor):5.2f} s, {max(processor):5.2f} s"
            )
        where = f"  {self.between[0]} → {self.between[1]}" if self.silence > 0.25 else ""
        return f"{self.whole:7.1f} s   {told}   unheard {self.silence:5.2f} s{where}"


def stopped_after(call: Call, job: Job, seconds: float) -> tuple[float, Late | None]:
    """How long a call took that is stopped after so many seconds, and how late it answered (None:
    it had ended before)."""
    asked: list[tuple[float, float]] = []

    def stop() -> None:
        asked.append((time.perf_counter(), time.process_time()))
        job.stop()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    began = time.perf_counter()
    timer.start()
    late = None
    try:
        call(job)
    except Stopped:
        clock, processor = asked[0]
        late = Late(time.perf_counter() - clock, time.process_time() - processor)
    finally:
        took = time.perf_counter() - began
        timer.cancel()
        timer.join()
    return took, late


def answers(call: Call, stops: int, longest: float, rng: np.random.Generator) -> Answers:
    """Make a call whole, and then stop it at random instants."""
    gc.collect()
    watched = Watched()
    whole, late = stopped_after(call, watched, longest)
    watched.over_now()
    found = [] if late is None else [late]
    for part in sorted(rng.uniform(0, 0.98, stops)):
        gc.collect()
        _, late = stopped_after(call, Job(), part * min(whole, longest))
        if late is not None:
            found.append(late)
    return Answers(min(whole, longest), watched.silence, watched.between, found)


# The calls


def archive_calls(root: Path, films: int, folder: Path) -> Iterator[tuple[str, Call]]:
    """What is asked of the made-up archive."""
    reference, specs = bundled_reference(), bundled_rows()

    def opened(job: Job) -> ArchiveRows:
        with open_archive(root) as archive:
            return ArchiveRows.load(archive, specs, job)

    def packed(job: Job) -> None:
        with open_archive(root) as archive, archive.indexing(job):
            for pack in archive.packs.all():
                pack.remove()
            pack_archive(archive, [specs], job)

    yield "open, film by film", opened
    yield "pack", packed
    with open_archive(root) as archive, archive.indexing():
        pack_archive(archive, [specs])
    yield "open, packed", opened
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, specs)
        yield from row_calls(rows, films, reference)
    yield from desk_calls(root, folder)


def desk_calls(root: Path, folder: Path) -> Iterator[tuple[str, Call]]:
    """What a desk is asked that needs rows only, and what is kept in order."""

    def opened(job: Job) -> None:
        with Desk(root) as desk:
            desk.rows(job=job)

    yield "desk: opened, rows", opened
    with Desk(root) as desk:
        for words in ("close-up", "snow", "snow, slow"):
            yield f"desk: find {words!r}", lambda job, w=words: desk.find(Ask(w), job=job)  # type: ignore[misc]
        terms = parse_terms(["tag:close-up"], ["tag:slow"])
        yield "desk: rows by tags", lambda job: desk.rows(terms, job=job)
        wide = SupercutOptions(length=Fraction(300))
        yield (
            "desk: supercut",
            lambda job: desk.supercut(Ask("close-up", drift=0.1), wide, job=job),
        )
        yield "desk: cells of a grid", lambda job: cells_of(desk, Ask("snow", drift=0.1), job=job)
        yield "desk: clusters", lambda job: desk_clusters(desk, 6, job=job)

    def relinked(job: Job) -> None:
        relink_all([root], root, dry_run=True, job=job)

    yield "desk: relink", relinked
    moved = folder / "moved"
    shutil.copytree(root, moved, ignore=shutil.ignore_patterns("films", "*.safetensors"))
    elsewhere = folder / "elsewhere"
    for number in range(200):
        (elsewhere / f"{number}").mkdir(parents=True)
        for name in range(20):
            (elsewhere / f"{number}" / f"{name}.bin").write_bytes(bytes(1000))
    yield (
        "desk: relink, all moved",
        lambda job: relink_all([elsewhere], moved, dry_run=True, job=job),
    )


def row_calls(rows: ArchiveRows, films: int, reference: Any) -> Iterator[tuple[str, Call]]:
    """What is asked of its rows."""
    some = queries(120, films)
    source = source_of(some)
    one = source_of(some[:1])
    options = RecutOptions(select=SelectOptions(time_limit_s=20))
    yield "own material of 120 shots", lambda job: own_material(_prints(some), rows, job)
    yield (
        "begin a recut of 120 shots",
        lambda job: begun(source, Stock(rows, reference), options, job=job),
    )
    # A stock of its own each time: it keeps what it found.
    cut = _cut(source, rows, reference, options)
    yield "candidates for 120 shots", lambda job: offered(cut, Stock(rows, reference), job=job)
    single = _cut(one, rows, reference, options)
    yield "first look for one shot", lambda job: offered(single, Stock(rows, reference), job=job)
    few = queries(16, films)
    mirror = _cut(source_of(few), rows, reference, options)
    yield "first look for 16 shots", lambda job: offered(mirror, Stock(rows, reference), job=job)
    full = offered(cut, Stock(rows, reference))
    yield "choose for these", lambda job: chosen(full, job=job)
    for name, hours, scenes in (
        ("choose for 150 shots", 1, False),
        ("the same, scenes", 100, True),
    ):
        stretches = choices(hours, 200, scenes)
        pairs = [(i, i + 2, 1.0) for i in range(len(stretches) - 2)]
        wanted = SelectOptions(variants=2, time_limit_s=20)
        yield (
            name,
            lambda job, s=stretches, p=pairs, w=wanted: select(  # type: ignore[misc]
                s, w, returns=p, job=job
            ),
        )
    yield "duplicates", lambda job: duplicates(rows, job)
    yield "clusters", lambda job: clusters(rows, reference, 6, 9, job=job)
    for words in ("close-up", "snow", "slow dark faces"):
        yield f"words: {words}", lambda job, w=words: find_words(w, Fraction(2), rows, job=job)  # type: ignore[misc]
    found = middles(rows, Fraction(2))
    yield "different of all shots", lambda job: different(found, 100, reference, job)
    for order in ("similar", "flow"):
        long = SupercutOptions(length=Fraction(400), order=order)
        part = found[:: max(1, len(found) // 2000)]
        yield (
            f"supercut --order {order}",
            lambda job, o=long, p=part: supercut(  # type: ignore[misc]
                "x", p, reference, o, job=job
            ),
        )
    cost = np.random.default_rng(0).random((200, 200))
    yield "shortest way through 200", lambda job: best_order(cost, job=job)


def _prints(some: list[Query]) -> np.ndarray:
    return np.concatenate([query.rows["print"] for query in some])


def _cut(source: Any, rows: ArchiveRows, reference: Any, options: RecutOptions) -> Cut:
    return begun(source, Stock(rows, reference), options)


def film_calls(footage: Path, folder: Path) -> Iterator[tuple[str, Call]]:
    """What is done with films."""
    films = sorted(path for path in footage.rglob("*") if path.suffix in (".mp4", ".mov", ".webm"))
    largest = max(films, key=lambda path: path.stat().st_size)
    number = iter(range(1000))
    out = folder / "out"
    out.mkdir()
    with Desk(folder / "archive", sources=SourceCache(folder / "seen")) as desk:
        analyst = desk.networks.analyst

        def index(job: Job) -> None:
            with write_archive(folder / f"index{next(number)}") as archive:
                ingest(archive, [footage], analyst, job)

        yield "index", index
        yield "look at a film", lambda job: analyst.analyse(largest, job=job)
        yield "checksum", lambda job: desk.checksum(largest, job=job)
        desk.index([footage])
        yield "index what is known", lambda job: desk.index([footage], job=job)
        yield from cut_calls(desk, largest, out)
    yield from made_calls(films, folder, number)


def cut_calls(desk: Desk, source: Path, out: Path) -> Iterator[tuple[str, Call]]:
    """What a desk is asked about one film, and what it writes."""

    def unseen(job: Job) -> None:
        desk.sources.empty()
        desk.find(Ask(like=source, begin=Fraction(2)), job=job)

    yield "desk: find like a film", unseen
    # A film does not answer itself: what it shows may.
    options = RecutOptions(match=MatchOptions(allow_same=True))
    yield "desk: recut", lambda job: desk.recut(source, options, job=job)
    yield "desk: cut", lambda job: desk.cut(source, options, job=job)
    made = desk.recut(source, options)[0]
    whole = folder_of(out, "whole")
    write_made(made, whole / "a.mp4")
    yield "desk: resume", lambda job: desk.resume(whole / "a.otio", job=job)
    looks = [Appearance(arrangement="side-by-side", burn_in=True, credits=True)]
    yield (
        "desk: write film, sheet, project",
        clean(lambda at, job: write_made(made, at / "a.mp4", looks, job=job), out),
    )
    ask = Ask(like=source, begin=Fraction(2))
    yield "desk: gif", lambda job: gif(desk, ask, "x", job=job)
    cells = cells_of(desk, ask, GridOptions(columns=3, rows=2)).cells
    yield "desk: grid", lambda job: grid("x", cells, job=job)
    yield "desk: page on a film", lambda job: page_of_film(desk, source, job=job)
    yield "desk: page on a recut", lambda job: page_of_project(desk, whole / "a.otio", job=job)
    song = next((f for f in source.parent.rglob("*.mp4") if has_sound(f)), source)
    yield "desk: listen for beats", lambda job: listened(song, job=job)
    timeline = made.timeline
    for suffix in (".gif", ".webp", ".png"):
        yield (
            f"desk: write {suffix}",
            clean(lambda at, job, s=suffix: write_moving(timeline, at / f"m{s}", job=job), out),  # type: ignore[misc]
        )
    yield from timeline_calls(timeline, source, song, out)


def timeline_calls(
    timeline: Timeline, source: Path, song: Path, out: Path
) -> Iterator[tuple[str, Call]]:
    """The same without a process of its own: what a program calls that watches over it itself."""
    yield "render", clean(lambda at, job: render(timeline, at / "a.mp4", job=job), out)
    large = arranged(timeline, "side-by-side", size=(1920, 540))
    yield "render, large", clean(lambda at, job: render(large, at / "a.mp4", job=job), out)
    yield "sheet", clean(lambda at, job: sheet(timeline, at / "s.png", SheetOptions(), job), out)
    for suffix in (".gif", ".webp"):
        yield (
            f"moving picture {suffix}",
            clean(
                lambda at, job, s=suffix: render_gif(  # type: ignore[misc]
                    timeline, at / f"m{s}", Moving(), job=job
                ),
                out,
            ),
        )
    limited = Moving(limit=400_000)
    yield (
        "GIF of at most 400 kB",
        clean(lambda at, job: render_gif(timeline, at / "m.gif", limited, job=job), out),
    )
    yield "tones", lambda job: tones(timeline, 1.0, job)
    span = TimeRange(Fraction(0), Fraction(600))
    yield "levels of sound", lambda job: sound_levels(song, span, job)
    yield "beats", lambda job: beats(song, job=job)
    for suffix in (".edl", ".fcpxml", ".csv"):
        yield (
            f"export {suffix}",
            clean(lambda at, job, s=suffix: export(timeline, at / f"e{s}", job=job), out),  # type: ignore[misc]
        )
    path = source.parent
    yield "relink, unknown sizes", lambda job: look_for([path], job)


def made_calls(
    films: Sequence[Path], folder: Path, number: Iterator[int]
) -> Iterator[tuple[str, Call]]:
    """What is trained, and looked at through it."""
    out = folder / "out"
    spans = [FilmPart(path) for path in films]
    options = GatherOptions(size=128, most=400, least=0)
    yield "gather pictures", lambda job: gather(spans, options, job)
    yield "gather, in a process of its own", lambda job: spared(gather, spans, options, job=job)
    lens = read_lens(lens_path(next(iter(bundled_lenses()))))
    short = min(films, key=lambda path: path.stat().st_size)
    yield (
        "look through a lens",
        clean(lambda at, job: view(short, [lens], at / "v.mp4", job=job), out),
    )
    with contextlib.suppress(ImportError):
        from kuleshov.see.training.course import Course
        from kuleshov.see.training.train import train
        from kuleshov.see.training.trainer import Knobs

        pictures = np.random.default_rng(0).integers(0, 255, (60, 320, 320, 3), np.uint8)
        for knobs in (Knobs(size=128, crop=128), Knobs()):

            def trained(job: Job, knobs: Any = knobs) -> None:
                target = folder / f"lens{next(number)}.see"
                course = Course(minutes=0.5, preview=0.1)
                train(list(pictures), list(pictures[:32]), target, knobs, course, job=job)

            yield f"train a lens, crops of {knobs.crop}", trained


def look_for(folders: Sequence[Path], job: Job) -> None:
    """Look for footage of unknown size."""
    summary = RelinkSummary()
    locations = look_into(folders, summary.unreadable, job)
    with Worker() as worker:
        find_again([LostFootage("0" * 64, Path("x.mp4"))], locations, worker, summary, job=job)


def folder_of(out: Path, name: str) -> Path:
    """A new folder in `out`."""
    made = out / name
    made.mkdir()
    return made


def clean(call: Callable[[Path, Job], Any], out: Path) -> Call:
    """A call that writes into a new folder, in which nothing may be left where it is stopped."""

    def made(job: Job) -> None:
        with tempfile.TemporaryDirectory(dir=out) as folder:
            try:
                call(Path(folder), job)
            except Stopped:
                # A project is whole before the film that is made of it is begun.
                left = [p.name for p in Path(folder).iterdir() if p.suffix not in (".otio", ".png")]
                if left:
                    print("left behind:", *left)
                raise

    return made


def has_sound(path: Path) -> bool:
    """Whether a film has sound."""
    with Film(path) as film:
        return film.probe.audio is not None


# What is done for the first time in a process

FIRST = ("look at a film", "find words", "recut", "beats")


def first_call(name: str, film: Path, folder: Path) -> Call:
    """A call in a process in which nothing was loaded yet."""

    def made(job: Job) -> None:
        with Desk(folder / "archive", sources=SourceCache(folder / "none")) as desk:
            if name == "look at a film":
                desk.source(film, job=job)
            elif name == "find words":
                desk.find(Ask("snow"), job=job)
            elif name == "recut":
                desk.recut(film, RecutOptions(match=MatchOptions(allow_same=True)), job=job)
            else:
                listened(film, job=job)

    return made


def print_first(footage: Path, name: str, folder: str, seconds: str) -> None:
    """Make one such call, stopped after so many seconds; print how long it took, how late it
    answered (-1: not at all), and how long at most it did not look."""
    watched = Watched()
    took, late = stopped_after(first_call(name, footage, Path(folder)), watched, float(seconds))
    watched.over_now()
    clock, processor = (-1.0, 0.0) if late is None else (late.clock, late.processor)
    print(f"{took} {clock} {processor} {watched.silence} {'|'.join(watched.between)}", flush=True)


def report_first(footage: Path, folder: Path, given: argparse.Namespace) -> None:
    """Report on calls that are each made in a new process."""
    films = sorted(path for path in footage.rglob("*") if path.suffix == ".mp4")
    film = min((f for f in films if has_sound(f)), key=lambda path: path.stat().st_size)
    rng = np.random.default_rng(given.seed)

    def measured(name: str, seconds: float) -> tuple[float, Late, float, tuple[str, str]]:
        with tempfile.TemporaryDirectory() as cache:
            said = subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--footage",
                    film,
                    "--first",
                    name,
                    folder,
                    f"{seconds}",
                ],
                capture_output=True,
                check=True,
                text=True,
                env={**os.environ, "XDG_CACHE_HOME": cache},
            ).stdout.splitlines()[-1]
        took, clock, processor, silence, where = said.split(maxsplit=4)
        first, _, last = where.partition("|")
        late = Late(float(clock), float(processor))
        return float(took), late, float(silence), (first, last)

    for name in FIRST:
        if given.only and not any(word in f"first: {name}" for word in given.only):
            continue
        whole, _, silence, between = measured(name, given.longest)
        parts = sorted(rng.uniform(0, 0.98, given.stops))
        late = [measured(name, part * min(whole, given.longest))[1] for part in parts]
        told = Answers(whole, silence, between, [one for one in late if one.clock >= 0])
        print(f"first: {name:<29}{told}", flush=True)


def report(calls: Iterator[tuple[str, Call]], given: argparse.Namespace) -> None:
    rng = np.random.default_rng(given.seed)
    for name, call in calls:
        if given.only and not any(word in name for word in given.only):
            continue
        try:
            told = str(answers(call, given.stops, given.longest, rng))
        except KuleshovError as error:
            told = f"        not made: {error}"
        print(f"{name:<32}{told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--films", type=int, default=4000, help="of the made-up archive; 0: none")
    parser.add_argument("--footage", type=Path, help="a folder of films")
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=30, help="s that a call is let run")
    parser.add_argument("--only", nargs="+", default=(), help="words of the names of calls")
    parser.add_argument("--keep", type=Path, help="where the archive is made, or lies")
    parser.add_argument("--first", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.first is not None:
        print_first(given.footage, *given.first)
        return
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if given.films:
            root = given.keep or folder / "made-up"
            if not root.exists():
                build(root, given.films)
            report(archive_calls(root, given.films, folder), given)
        if given.footage:
            report(film_calls(given.footage, folder), given)
            report_first(given.footage, folder, given)


if __name__ == "__main__":
    main()
