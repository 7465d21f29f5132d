"""Tags in the catalogue: written when footage is indexed, gone with its shots, asked for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import CutDetector, Inline, Log, MeanEncoder, film_of_shots
from kuleshov.archive import tag_table as tags_module
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.ingest import ingest
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.shot_tags import tags_of
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.analyse import Analyst
from kuleshov.features.motion import Motion
from kuleshov.features.movement import Movement
from kuleshov.features.tags import Tag
from kuleshov.features.tone import Tone


@pytest.fixture
def analyst() -> Analyst:
    parts = (Tone(), Motion(), Movement())
    return Analyst(Inline(), CutDetector, MeanEncoder(), parts)  # type: ignore[arg-type]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    film_of_shots(folder / "a.mp4", (30, 220), size=(96, 64))
    film_of_shots(folder / "b.mp4", (120, 40, 225), size=(96, 64))
    return folder


def index(root: Path, analyst: Analyst, folder: Path) -> dict[str, str]:
    log = Log()
    with write_archive(root) as archive:
        ingest(archive, [folder], analyst, log)
    return log.outcomes


def keys(root: Path) -> list[list[str]]:
    """For each film the key of each shot."""
    with open_archive(root) as archive:
        catalogue = archive.catalogue
        return [
            [
                next(t.word for t in shot if t.kind == "light")
                for shot in catalogue.tags(f.id).values()
            ]
            for f in catalogue.all()
        ]


EXPECTED = [["low key", "high key"], ["even light", "low key", "high key"]]


@pytest.mark.slow
def test_shots_are_tagged_when_they_are_indexed(tmp_path, films, analyst):
    root = tmp_path / "archive"
    index(root, analyst, films)
    assert keys(root) == EXPECTED
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, analyst.rows)
        for film in rows.films:
            stored = archive.catalogue.tags(film.footage.id)
            assert stored == {shot.index: tags_of(film, shot) for shot in film.shots}
        table = archive.catalogue.tag_table
        assert table.words("light") == ("even light", "high key", "low key")
        assert len(table.shots("light", "low key")) == 2
        assert table.footage() == archive.catalogue.checksums()


@pytest.mark.slow
def test_footage_indexed_before_is_tagged_without_being_decoded(tmp_path, films, analyst):
    root = tmp_path / "archive"
    index(root, analyst, films)
    with write_archive(root) as archive:
        for film in archive.catalogue.all():
            archive.catalogue.tag_table.write(film.id, {})
    analyst.index = analyst.look_again = None
    assert set(index(root, analyst, films).values()) == {"known"}
    assert keys(root) == EXPECTED


@pytest.mark.slow
def test_an_archive_of_before_tags_gets_them(tmp_path, films, analyst):
    root = tmp_path / "archive"
    index(root, analyst, films)
    with closing(sqlite3.connect(root / "catalogue.sqlite")) as db, db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for table in ("word_example", "word", "revision", "tag"):
            db.execute(f"DROP TABLE {table}")
        db.execute("ALTER TABLE footage DROP COLUMN revision")
        db.execute(f"PRAGMA user_version = {version - 3}")
    index(root, analyst, films)
    assert keys(root) == EXPECTED


@pytest.mark.slow
def test_better_rules_tag_anew(tmp_path, films, analyst, monkeypatch):
    root = tmp_path / "archive"
    index(root, analyst, films)
    with write_archive(root) as archive:
        (first, _) = archive.catalogue.all()
        old = {number: (Tag("light", "low key", 1.0),) for number in range(2)}
        archive.catalogue.tag_table.write(first.id, old)
    index(root, analyst, films)
    assert keys(root)[0] == ["low key", "low key"]  # by the rules of now
    monkeypatch.setattr(tags_module, "VERSION", 99)
    index(root, analyst, films)
    assert keys(root) == EXPECTED


@pytest.mark.slow
def test_tags_go_with_their_shots(tmp_path, films, analyst):
    root = tmp_path / "archive"
    index(root, analyst, films)
    film_of_shots(films / "a.mp4", (230,), size=(96, 64))
    index(root, analyst, films)
    with open_archive(root) as archive:
        assert archive.catalogue.tag_table.footage() == archive.catalogue.checksums()
    with closing(sqlite3.connect(root / "catalogue.sqlite")) as db, db:
        query = "SELECT COUNT(*) FROM tag WHERE footage NOT IN (SELECT id FROM footage)"
        assert db.execute(query).fetchone() == (0,)
    assert sorted(keys(root)) == [["even light", "low key", "high key"], ["high key"]]


@pytest.fixture
def loaded(tmp_path, films, analyst):
    root = tmp_path / "archive"
    index(root, analyst, films)
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, analyst.rows)
        yield rows, archive.catalogue.tag_table


def left(loaded, only=(), exclude=()):
    rows, tags = loaded
    found = [
        parse_terms(only, exclude).apply(rows, {}, tags=known).films
        for known in (tags, None)  # from the catalogue, and from the rows
    ]
    numbers = [
        {film.footage.path.stem: [s.index for s in film.shots] for film in films} for films in found
    ]
    assert numbers[0] == numbers[1]
    return numbers[0]


@pytest.mark.slow
def test_filters_by_tag(loaded):
    assert left(loaded, ["tag:low key"]) == {"a": [0], "b": [1]}
    assert left(loaded, ["tag:Low-Key", "tag:high key"]) == {"a": [0, 1], "b": [1, 2]}
    assert left(loaded, ["tag:static camera", "b.mp4"]) == {"b": [0, 1, 2]}
    assert left(loaded, exclude=["tag:high key"]) == {"a": [0], "b": [0, 1]}
    assert left(loaded, exclude=["tag:pan left"]) == {"a": [0, 1], "b": [0, 1, 2]}
    with pytest.raises(MatchError, match="tag:pan left"):
        left(loaded, ["tag:pan left"])


@pytest.mark.slow
def test_footage_that_is_not_tagged_yet_is_read_from_its_rows(tmp_path, loaded):
    rows, _ = loaded
    with write_archive(tmp_path / "archive") as archive:
        archive.catalogue.tag_table.write(rows.films[0].footage.id, {})
    with open_archive(tmp_path / "archive") as archive:
        assert left((rows, archive.catalogue.tag_table), ["tag:low key"]) == {"a": [0], "b": [1]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "close"), [("closup", "tag:close-up"), ("pan lef", "tag:pan left"), ("xyzzy", "tag:")]
)
def test_an_unknown_word_is_answered_with_close_ones(loaded, word, close):
    with pytest.raises(UsageError, match=close) as caught:
        left(loaded, [f"tag:{word}"])
    assert word in str(caught.value)


@pytest.mark.slow
def test_recognised_things_are_words_too(tmp_path, loaded):
    rows, _ = loaded
    with write_archive(tmp_path / "archive") as archive:
        footage = rows.films[0].footage.id
        tags = archive.catalogue.tags(footage)
        tags[1] = (*tags[1], Tag("thing", "steam locomotive", 0.8, 0.9))
        archive.catalogue.tag_table.write(footage, tags)
    with open_archive(tmp_path / "archive") as archive:
        table = archive.catalogue.tag_table
        found = parse_terms(["tag:steam locomotive"], []).apply(rows, {}, tags=table)
    assert [[s.index for s in film.shots] for film in found.films] == [[1]]


@pytest.mark.slow
def test_a_shot_between_two_rows_has_tags(loaded):
    (film, _), _ = loaded[0].films, loaded[1]
    shot = film.shots[0]
    short = replace(shot, core=replace(shot.core, first=1, end=2))
    assert {tag.kind for tag in tags_of(film, short)} >= {"light", "length"}
    assert tags_of(film, replace(shot, black=True)) == ()
    assert np.isfinite([tag.share for tag in tags_of(film, shot)]).all()
