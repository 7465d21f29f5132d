"""A real cluster answers as one machine does, to the last bit, whoever dies on the way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kuleshov.archive.archive import Archive, open_archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import ArchiveError, Stopped
from kuleshov.features.facet import FACES, FACETS, MOTION, MOVEMENT, PRINT, SUBJECT, TONE
from kuleshov.features.specs import bundled_reference, bundled_rows, only
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align import coarse
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.query import Query
from kuleshov.match.align.stock import Stock
from kuleshov.ray.cluster import Cluster
from kuleshov.ray.errors import ClusterError
from kuleshov.ray.shards import Sharing
from kuleshov.timecode import FrameRange
from ray_actors import SMALL
from told import Told

pytestmark = [
    pytest.mark.slow,
    # What Ray leaves to be collected is its affair.
    pytest.mark.filterwarnings("default"),
]

SPECS = only(bundled_rows(), (*FACETS, MOVEMENT, PRINT))
SIZES = {SUBJECT: 256, "composition": 512, TONE: 60, MOTION: 30, FACES: 212, MOVEMENT: 12}
FILMS, ROWS, RATE = 14, 90, 24


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(coarse, "LEAST", 400)


def rows_of(number: int) -> dict[str, np.ndarray]:
    """The rows of a film: of the last four they are the same all along, and in all of them."""
    rng = np.random.default_rng(min(number, FILMS - 4))
    found = {}
    for spec in SPECS:
        size = SIZES.get(spec.facet, 256)
        whole = np.cumsum(rng.normal(size=(ROWS, size)), axis=0) + rng.normal(size=size)
        if number >= FILMS - 4:
            whole = np.repeat(whole[:1], ROWS, axis=0)
        found[spec.facet] = (whole / np.linalg.norm(whole, axis=1, keepdims=True)).astype("f2")
    return found


def fill(archive: Archive, root: Path, numbers: range) -> None:
    video = Video("h264", 64, 36, Fraction(RATE), Fraction(1, RATE))
    shown = np.arange(ROWS) * RATE // 2
    edges = [0, 10, 31, 32, 60, ROWS]
    spans = [FrameRange(a * RATE // 2, b * RATE // 2) for a, b in pairwise(edges)]
    shots = [
        Shot(n, span, span, Transition("cut" if n else "none", FrameRange(0, 0)))
        for n, span in enumerate(spans)
    ]
    for number in numbers:
        checksum = f"{number:064x}"[::-1]
        for spec in SPECS:
            archive.store.write_features(checksum, spec, rows_of(number)[spec.facet])
        archive.store.write_frames(checksum, np.arange(ROWS * RATE // 2), shown)
        path = root / f"{number}.mp4"
        path.touch()
        place = Location(path, 0, path.stat().st_mtime_ns)
        length = Fraction(ROWS, 2)
        probe = Probe(video, None, float(length))
        archive.catalogue.add(checksum, ROWS * RATE // 2, length, probe, shots, place)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of which most is packed, and the rest lies in files of its own."""
    root = tmp_path_factory.mktemp("archive")
    with write_archive(root) as archive:
        fill(archive, root, range(FILMS - 3))
    with open_archive(root) as archive, archive.indexing():
        pack_archive(archive, [SPECS], least=2)
    with write_archive(root) as archive:
        fill(archive, root, range(FILMS - 3, FILMS))
    return root


@pytest.fixture(scope="module")
def sharing(cluster: Cluster, root: Path) -> Iterator[Sharing]:
    with cluster.sharing(root, at_once=2) as sharing:
        yield sharing


def loaded(root: Path) -> ArchiveRows:
    with open_archive(root) as archive:
        return ArchiveRows.load(archive, SPECS)


def queries() -> list[list[Query]]:
    """Stretches of several films, with noise; some mirrored, too, one a title card."""
    rng, found = np.random.default_rng(1), []
    for number, first, count in ((2, 12, 4), (7, 33, 20), (11, 5, 3), (0, 40, 1), (5, 61, 7)):
        rows = {}
        for name, part in rows_of(number).items():
            noisy = part[first : first + count].astype("f4")
            noisy += 0.5 * rng.normal(size=noisy.shape).astype("f4") / np.sqrt(noisy.shape[1])
            rows[name] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
        plain = Query(count / 2, np.arange(count) / 2 + 0.25, rows)
        sides = [plain, replace(plain, mirrored=True)] if number % 2 else [plain]
        found.append([replace(side, title=number == 5) for side in sides])
    return found


WAYS = (
    MatchOptions(candidates=6),
    MatchOptions(candidates=6, tightness=0.3, weights={SUBJECT: 0.4, MOTION: 1.0}),
    MatchOptions(candidates=3, exact=True),
)


def answered(stock: Stock, terms: tuple[str, ...] = (), job: Job = QUIET, ways=WAYS):
    asked = queries()
    durations = [Fraction(sides[0].duration) for sides in asked]
    prints = np.concatenate([sides[0].rows[PRINT] for sides in asked])
    own = stock.own(np.concatenate([prints, rows_of(4)[PRINT][:9].astype("f4")]), job)
    found = [
        stock.candidates(asked, durations, options, parse_terms(terms, ()), own=own, job=job)
        for options in ways
    ]
    return own, [[[told(c) for c in one] for one in part] for part in found]


def told(candidate):
    return (
        *(candidate.film.footage.id, candidate.shot, candidate.media, candidate.usable),
        *(candidate.strength, candidate.score, candidate.speed, candidate.held),
        *(candidate.mirrored, candidate.facets),
    )


def same(found, alone):
    assert found[1] == alone[1]
    assert {n: part.tolist() for n, part in found[0].ranges.items()} == {
        n: part.tolist() for n, part in alone[0].ranges.items()
    }
    assert any(any(part) for part in alone[1])


def stocks(root: Path, sharing: Sharing) -> tuple[Stock, Stock]:
    """One whose shards lie on the cluster, and one that has all here."""
    rows = loaded(root)
    shards = sharing(rows, SPECS)
    assert shards is not None
    assert len(shards.edges) > 4
    return Stock(rows, bundled_reference(), shards=shards), Stock(loaded(root), bundled_reference())


def asked_of(signs: Path) -> list[list[str]]:
    return [line.split() for line in (signs / "log").read_text().splitlines()]


def test_many_answer_as_one(sharing, signs, root):
    many, one = stocks(root, sharing)
    # Of all; of some films; of so few that they are looked at here.
    some = tuple(f"{number}.mp4" for number in (0, 2, 3, 5, 6, 11, 12, 13))
    for terms in ((), some, ("2.mp4", "12.mp4")):
        same(answered(many, terms), answered(one, terms))
    asked = asked_of(signs)
    assert {call for call, *_ in asked} == {"own", "ranked", "close", "scanned", "refined"}
    assert len({process for *_, process in asked}) == 2


def test_two_die_on_the_way_and_the_answers_are_the_same(sharing, signs, root):
    many, one = stocks(root, sharing)
    (signs / "ranked.dies").touch()
    (signs / "refined.dies").touch()
    heard = Told()
    same(answered(many, job=heard), answered(one))
    assert [note.code for note in heard.notes] == ["holder-gone"] * 2
    times = Counter((call, shard) for call, shard, _ in asked_of(signs))
    assert times["ranked", "0"] >= 2
    assert len({process for *_, process in asked_of(signs)}) > 2


def test_what_ends_every_process_ends_the_call_in_a_sentence(sharing, signs, root):
    many, one = stocks(root, sharing)
    (signs / "close.kills").touch()
    with pytest.raises(ClusterError, match=r"3 processes of the cluster ended .* \d+\.mp4 to \d"):
        answered(many, ways=WAYS[:1])
    (signs / "close.kills").unlink()
    same(answered(many, ways=WAYS[:1]), answered(one, ways=WAYS[:1]))


def test_it_is_stopped_at_once_and_can_be_asked_again(sharing, signs, root):
    many, one = stocks(root, sharing)
    (signs / "scanned.waits").touch()
    job = Job()

    def stop() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (signs / "waiting").exists():
            time.sleep(0.02)
        job.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Stopped):
        answered(many, job=job, ways=WAYS[2:])
    thread.join()
    assert (signs / "waiting").exists()
    # Those that waited have heard it, too: they are free, though the sign is still there.
    same(answered(many, ways=WAYS[:1]), answered(one, ways=WAYS[:1]))


def test_a_small_archive_is_looked_through_here(sharing, root, monkeypatch):
    monkeypatch.setattr(coarse, "LEAST", 1 << 20)
    heard = Told()
    assert sharing(loaded(root), SPECS, heard) is None
    assert [note.code for note in heard.notes] == ["cluster-unneeded"]


def test_rows_that_are_gone_are_named(sharing, signs, root):
    many, _ = stocks(root, sharing)
    checksum = f"{FILMS - 1:064x}"[::-1]
    with open_archive(root) as archive:
        folder = archive.store.folder(checksum)
    aside = folder.with_suffix(".aside")
    folder.rename(aside)
    try:
        with pytest.raises(ArchiveError, match=checksum[:12]):
            answered(many, ways=WAYS[:1])
    finally:
        aside.rename(folder)
