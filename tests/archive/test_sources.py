"""What was seen of sources: kept, found again, and the same of a part as of the whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.test_cli import scene
from films import make_film
from kuleshov.archive.sources import SourceCache, analysed, described
from kuleshov.errors import UsageError
from kuleshov.features import analyse
from kuleshov.features.analyse import Analysis
from kuleshov.features.networks import Networks
from kuleshov.features.specs import AnalystSpec
from kuleshov.timecode import TimeRange

pytestmark = pytest.mark.slow

ONLY = ("subject", "tone", "motion", "movement")
PART = TimeRange(Fraction(21, 5), Fraction(31, 5))


@pytest.fixture(scope="module")
def loaded() -> Iterator[Networks]:
    with AnalystSpec().networks() as made:
        yield made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight shots of 37 frames, 12 s."""
    pictures = [p for shot in range(8) for p in scene(70 + shot, 37, shot * 37)]
    return make_film(tmp_path_factory.mktemp("sources") / "film.mp4", pictures, 25)


@pytest.fixture
def cache(tmp_path: Path) -> SourceCache:
    return SourceCache(tmp_path / "kept")


def look(film: Path, loaded: Networks, cache: SourceCache | None, **how: Any) -> Analysis:
    checksum = loaded.analyst.worker.checksum(film)
    return analysed(film, checksum, loaded.analyst, cache, **({"only": ONLY} | how))


def same(one: Analysis, other: Analysis) -> bool:
    """Whether two analyses agree in all, to the bit."""
    flat = [
        (a.path, a.probe, a.shots, a.grid, a.damaged, a.first_row, a.pts.tolist(), a.shown.tolist())
        for a in (one, other)
    ]
    if flat[0] != flat[1] or set(one.features) != set(other.features):
        return False
    return all(np.array_equal(rows, other.features[name]) for name, rows in one.features.items())


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A patch by which no film is looked at any more."""

    def looked(*_: object, **__: object) -> None:
        raise AssertionError("the film was looked at again")

    def forbid() -> None:
        monkeypatch.setattr(analyse.Analyst, "analyse", looked)
        monkeypatch.setattr(analyse.Analyst, "describe", looked)

    return forbid  # type: ignore[return-value]


@pytest.mark.slow
def test_a_film_is_looked_at_once(film: Path, loaded: Networks, cache: SourceCache, never: Any):
    first = look(film, loaded, cache, grid=2, only=("tone",))
    span = TimeRange(Fraction(1), Fraction(2))
    checksum = loaded.analyst.worker.checksum(film)
    example = described(film, checksum, loaded.analyst, cache, span)
    assert cache.usage().entries == 2
    never()
    assert same(look(film, loaded, cache, grid=2, only=("tone",)), first)
    again = described(film, checksum, loaded.analyst, cache, span)
    assert np.array_equal(again.time, example.time)
    assert all(np.array_equal(rows, again.features[n]) for n, rows in example.features.items())
    assert again.mirrored is None
    for other in ({"grid": 4}, {"only": ("tone", "motion")}, {"mirrored": True}):
        with pytest.raises(AssertionError, match="again"):
            look(film, loaded, cache, **({"grid": 2, "only": ("tone",)} | other))
    assert cache.empty().entries == 2
    assert cache.usage().bytes == 0
    with pytest.raises(AssertionError, match="again"):
        look(film, loaded, cache, grid=2, only=("tone",))


@pytest.mark.slow
def test_an_entry_that_is_damaged_is_made_anew(film: Path, loaded: Networks, cache: SourceCache):
    first = look(film, loaded, cache, grid=2, only=("tone",))
    (entry,) = cache.folder.iterdir()
    whole = entry.read_bytes()
    for damaged in (b"", whole[:40], whole[:-3], whole[:-3] + b"abc", whole[40:]):
        entry.write_bytes(damaged)
        assert same(look(film, loaded, cache, grid=2, only=("tone",)), first)
        assert entry.read_bytes() == whole


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path):
    cache = SourceCache(tmp_path, limit=4000)
    rows = {"rows": np.zeros(1000, np.uint8)}
    for number, name in enumerate("abc"):
        cache.put(name, {}, rows)
        os.utime(tmp_path / f"{name}.look", (number, number))
    assert cache.get("a") is not None  # which makes it the one that was used last
    cache.put("d", {}, rows)
    assert {path.stem for path in tmp_path.glob("*.look")} == {"a", "c", "d"}
    cache.put("large", {}, {"rows": np.zeros(9000, np.uint8)})
    assert cache.get("large") is None
    assert cache.usage().entries == 3


class Read:
    """A reader of files that counts what it reads."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, path: Path) -> str:
        self.count += 1
        return hashlib.sha256(path.read_bytes()).hexdigest()


def settled(path: Path, data: bytes) -> Path:
    """A file that was written a while ago."""
    path.write_bytes(data)
    os.utime(path, (1e9, 1e9))
    return path


def test_a_checksum_is_remembered_as_long_as_the_file_is_as_it_was(
    cache: SourceCache, tmp_path: Path
):
    read, film = Read(), settled(tmp_path / "film.mp4", b"one")
    for kept in (cache, cache, SourceCache(cache.folder)):
        assert kept.checksum(film, read) == hashlib.sha256(b"one").hexdigest()
    assert read.count == 1
    settled(film, b"two")  # of the same length, and of the same time as before
    assert cache.checksum(film, read) == hashlib.sha256(b"two").hexdigest()
    other = settled(tmp_path / "other.mp4", b"two")
    assert cache.checksum(other, read) == cache.checksum(film, read)
    assert read.count == 3
    cache.empty()
    cache.checksum(film, read)
    assert read.count == 4, "what was emptied is forgotten"


def test_a_checksum_of_a_file_that_may_still_change_is_not_remembered(
    cache: SourceCache, tmp_path: Path
):
    read, film = Read(), tmp_path / "film.mp4"
    film.write_bytes(b"one")
    cache.checksum(film, read)
    cache.checksum(film, read)
    assert read.count == 2
    settled(film, b"one")

    def written_meanwhile(path: Path) -> str:
        before = read(path)
        settled(path, b"more")
        return before

    cache.checksum(film, written_meanwhile)
    assert cache.checksum(film, read) == hashlib.sha256(b"more").hexdigest()


def test_a_remembered_checksum_that_is_damaged_is_made_anew(cache: SourceCache, tmp_path: Path):
    read, film = Read(), settled(tmp_path / "film.mp4", b"one")
    cache.checksum(film, read)
    (kept,) = cache.folder.glob("*.sum")
    for damaged in (b"", kept.read_bytes()[:-3], b"\xff\x00 " + b"0" * 64):
        kept.write_bytes(damaged)
        assert cache.checksum(film, read) == hashlib.sha256(b"one").hexdigest()


@pytest.mark.slow
def test_where_nothing_can_be_kept_all_goes_on(film: Path, loaded: Networks, tmp_path: Path):
    (tmp_path / "file").touch()
    cache = SourceCache(tmp_path / "file" / "folder")
    assert len(look(film, loaded, cache, grid=2, only=("tone",)).shots) == 8
    assert cache.usage().entries == 0


@pytest.mark.slow
def test_a_part_is_what_it_is_in_the_whole_film(
    film: Path, loaded: Networks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(analyse, "MARGIN", Fraction(3, 2))
    whole = look(film, loaded, None)
    part = look(film, loaded, None, part=PART)
    assert part.frames < whole.frames * 0.6
    known = whole.within(PART)
    first = int(np.searchsorted(whole.pts, part.pts[0]))
    assert np.array_equal(part.pts, whole.pts[first : first + part.frames])
    borders = [shot.frames.first + first for shot in part.shots[1:]]
    assert borders == [shot.frames.first for shot in known.shots[1:]] == [111, 148]
    assert [shot.index for shot in part.shots] == [0, 1, 2]
    rows = slice(part.first_row, part.first_row + len(part.shown))
    assert rows.start / 8 <= PART.start - 1 < rows.start / 8 + 1 / 8
    assert np.array_equal(part.shown + first, whole.shown[rows])
    for name in ONLY:
        # Sums are taken in other blocks, so the last digit may differ.
        np.testing.assert_allclose(part.features[name], whole.features[name][rows], atol=2e-3)


@pytest.mark.slow
def test_the_whole_serves_for_its_parts(
    film: Path, loaded: Networks, cache: SourceCache, never: Any
):
    whole = look(film, loaded, cache)
    never()
    assert same(look(film, loaded, cache, part=PART), whole.within(PART))


@pytest.mark.slow
def test_a_film_of_variable_rate_is_looked_at_as_a_whole(
    film: Path, loaded: Networks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(analyse, "MARGIN", Fraction(1))
    plain = analyse.Analyst.analyse

    def varies(*given: Any, **how: Any) -> Analysis:
        made = plain(*given, **how)
        video = replace(made.probe.video, variable_rate=True)
        return replace(made, probe=replace(made.probe, video=video))

    monkeypatch.setattr(analyse.Analyst, "analyse", varies)
    assert look(film, loaded, None, part=PART, only=("tone",)).frames == 296


def test_a_part_behind_the_end_is_refused(film: Path, loaded: Networks):
    for begin in (13, 40):
        with pytest.raises(UsageError, match=rf"shorter: it has no picture at {begin} s"):
            look(film, loaded, None, part=TimeRange(Fraction(begin), Fraction(begin + 1)))
