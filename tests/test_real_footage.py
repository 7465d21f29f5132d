"""The real networks on a few real films."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import Log
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import Analysis, Analyst
from kuleshov.features.encoder import encoder
from kuleshov.features.facet import FACETS, facets, load_reference
from kuleshov.media.worker import Worker
from kuleshov.shots.detector import detector

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def analyst(footage: Path) -> Iterator[Analyst]:
    eyes = encoder()
    with Worker() as worker:
        yield Analyst(worker, detector, eyes, facets(FACETS, load_reference(eyes)))


def find(footage: Path, name: str) -> Path:
    found = sorted(footage.rglob(name))
    if not found:
        pytest.skip(f"{name} is not in {footage}")
    return found[0]


def test_one_cut(footage, analyst):
    film: Analysis = analyst.analyse(find(footage, "shot_change.mp4"))
    first, second = film.shots
    assert second.transition.kind == "cut"
    assert float(film.time_of(second.frames.first)) == pytest.approx(3.2, abs=0.1)
    assert first.core.end == second.core.first == second.frames.first
    assert {name: len(rows) for name, rows in film.features.items()} == dict.fromkeys(
        FACETS, len(film.shown)
    )


def test_fades(footage, analyst):
    film: Analysis = analyst.analyse(find(footage, "fades.mp4"))
    lit = [shot for shot in film.shots if not shot.black]
    borders = [shot.frames.first for shot in lit[1:]]
    assert len(borders) == 2
    assert borders[0] == pytest.approx(84, abs=2)
    assert borders[1] == pytest.approx(167, abs=2)
    assert film.shots[0].black
    assert film.shots[-1].black
    assert all(shot.transition.kind != "cut" for shot in film.shots)


def test_index(footage, analyst, tmp_path):
    """A joined transport stream, old film with pillars, and sound that is broken."""
    names = ("bbb_60s_hls.ts", "chaplin.mp4", "plane_bad_audio.mp4")
    paths = [find(footage, name) for name in names]
    with write_archive(tmp_path) as archive:
        summary = ingest(archive, paths, analyst, Log())
    assert not summary.failed
    assert summary.added == paths
    with open_archive(tmp_path) as archive:
        films = {film.path.name: film for film in archive.catalogue.all()}
        rows = ArchiveRows.load(archive, analyst.rows)
        assert len(rows.films) == 3
        for film in films.values():
            assert archive.catalogue.shots(film.id)[-1].frames.end == film.frames
    assert films["bbb_60s_hls.ts"].frames == 1068
    bars = films["chaplin.mp4"].probe.video.bars
    assert bars.left == pytest.approx(74, abs=3)
    assert bars.right == pytest.approx(74, abs=3)
    assert (bars.top, bars.bottom) == (0, 0)
