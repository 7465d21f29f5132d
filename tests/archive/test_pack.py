"""Packs: the same answers as from the files of each footage, however a pack fares."""

from __future__ import annotations

import shutil
import sqlite3
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fakes import film_of_shots, quick_analyst
from kuleshov.archive import packing
from kuleshov.archive.archive import Archive, make_archive, open_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.ingest import ingest
from kuleshov.archive.pack import Damaged, Pack, Packed, Packs, kind_of, write_pack
from kuleshov.archive.packing import pack_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.shots import ShotTable
from kuleshov.archive.store import Store
from kuleshov.errors import ArchiveError
from kuleshov.features.material import Trait
from kuleshov.features.specs import RowsSpec
from kuleshov.footage import Probe, Shot, Transition, TransitionKind, Video
from kuleshov.match.likeness.places import members, pooled
from kuleshov.timecode import FrameRange

SKETCHED = ("subject", "composition", "tone")
SPECS = tuple(
    RowsSpec(name, 1, "eye", "1")
    for name in ("subject", "composition", "tone", "print", "material")
)
SIZES = {"subject": 5, "composition": 6, "tone": 60, "print": 7, "material": 8}
ROWS, RATE = 24, 4


def shots_of(number: int) -> list[Shot]:
    """Three shots; of the second film one is black, the last comes in by a dissolve."""
    spans = [(0, 16), (16, 24 + 4 * (number % 3)), (24 + 4 * (number % 3), 48)]
    made = []
    for at, (first, end) in enumerate(spans):
        black = number == 1 and at == 0
        into = FrameRange(first, first + 3 * (at == 2))
        way: TransitionKind = "none" if not at else "dissolve" if at == 2 else "cut"
        core = FrameRange(into.end, end)
        made.append(Shot(at, FrameRange(first, end), core, Transition(way, into), black))
    return made


def add(archive: Archive, number: int, seed: int = 0) -> str:
    """Footage with random rows; shots of a leader, a title and a picture."""
    rng = np.random.default_rng((number, seed))
    checksum = f"{number + 1:064x}"
    path = archive.root / f"{number}.mp4"
    path.touch()
    with archive.writing() as writing:
        shown = np.arange(ROWS, dtype=np.int64) * 2
        writing.store.write_frames(checksum, np.arange(48, dtype=np.int64) * 3, shown)
        for spec in SPECS:
            rows = rng.normal(size=(ROWS, SIZES[spec.facet])).astype(np.float16)
            if spec.facet == "material":
                rows[:] = 0
                rows[:, Trait.PICTURE] = 1
                kinds = (Trait.LEADER, Trait.TITLE, Trait.PICTURE)
                rows[:8] = np.eye(8)[kinds[(number + seed) % 3]]
            writing.store.write_features(checksum, spec, rows)
        video = Video("h264", 64, 64, Fraction(RATE), Fraction(1, 3 * RATE))
        place = Location(path, 0, path.stat().st_mtime_ns)
        probe = Probe(video, None, 12.0)
        writing.catalogue.add(checksum, 48, Fraction(12), probe, shots_of(number + seed), place)
    return checksum


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "archive"
    make_archive(made)
    with open_archive(made) as archive:
        for number in range(7):
            add(archive, number)
    return made


def pack(root: Path, least: int = 1) -> None:
    with open_archive(root) as archive, archive.indexing():
        pack_archive(archive, [SPECS], least=least)


def told(root: Path, specs: tuple[RowsSpec, ...] = SPECS) -> list[object]:
    """All that is known of an archive's rows, to the bit."""
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, specs)
        (block,) = rows.blocks([spec.facet for spec in specs])
        means = pooled(members(rows), [spec.facet for spec in specs if spec.facet != "material"])
        said: list[object] = [rows.unwanted, [(f.checksum, why) for f, why in rows.left_out]]
        for film in rows.films:
            said += [film.footage, tuple(film.shots), film.titles, film.lettered, film.grey]
            said += [film.pts.tobytes(), film.shown.tobytes(), *(e.tobytes() for e in film.edges())]
            said += [(name, part.tobytes()) for name, part in film.rows.items()]
            spans, codes = film.sketched(SKETCHED)
            offered = np.isin(spans[:, 0], [shot.index for shot in film.shots])
            said += [spans[offered].tobytes()]
            said += [(name, codes[name][offered].tobytes()) for name in SKETCHED]
        said += [(name, part.tobytes()) for name, part in block.rows.items()]
        said += [block.shot.tobytes(), block.start.tobytes(), block.title.tobytes()]
        said += [(name, part.shape, part.tobytes()) for name, part in means.items()]
    return said


def files(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (root / "packs").glob("*")}


def without_files(root: Path, *kept: str) -> None:
    """Take the files of footage away, so that it is plain what is read from packs."""
    for path in (root / "footage").rglob("*.safetensors"):
        if path.name not in kept:
            path.unlink()


def test_what_is_packed_is_read_to_the_bit(root):
    before = told(root)
    assert not (root / "packs").exists()
    pack(root)
    assert told(root) == before
    without_files(root)
    assert told(root) == before  # nothing else was read


def test_some_rows_are_read_by_specs_of_their_own(root):
    """Without rows of material no shot is judged, whatever was packed."""
    some = tuple(spec for spec in SPECS if spec.facet != "material")
    before = told(root, some)
    pack(root)
    assert told(root, some) == before != told(root)
    other = RowsSpec("subject", 2, "eye", "1")
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, [other])
    assert not rows.films
    assert all("another version" in reason.text for _, reason in rows.left_out)


def test_nothing_is_packed_of_a_few_films(root):
    pack(root, least=8)
    assert not files(root)
    pack(root, least=7)
    assert files(root)


@pytest.mark.slow
def test_new_films_are_packed_beside_old_ones_and_with_them_where_they_are_as_many(root):
    pack(root)
    first = files(root)
    pack(root)
    assert files(root) == first
    with open_archive(root) as archive:
        add(archive, 7)
        before = told(root)
        add(archive, 8)
    pack(root, least=2)
    assert set(first.items()) < set(files(root).items())  # two films do not move seven
    assert len(before) < len(told(root))
    with open_archive(root) as archive:
        for number in range(9, 18):
            add(archive, number)
    before = told(root)
    pack(root, least=2)
    assert len(files(root)) == len(first)
    without_files(root)
    assert told(root) == before


def test_footage_that_is_indexed_again_is_not_answered_from_a_pack(root):
    pack(root)
    with open_archive(root) as archive:
        add(archive, 2, seed=1)
    before = told(root)
    shutil.rmtree(root / "packs")
    assert told(root) == before


def test_footage_that_goes_and_comes_again_is_not_answered_from_a_pack(root):
    pack(root)
    with open_archive(root) as archive:
        last = archive.catalogue.all()[-1]
        with archive.writing() as writing, writing.catalogue._transaction() as db:
            db.execute("DELETE FROM footage WHERE id = ?", (last.id,))
        add(archive, 6, seed=1)
    before = told(root)
    shutil.rmtree(root / "packs")
    assert told(root) == before


def test_a_pack_is_written_anew_where_a_quarter_of_it_is_waste(root):
    pack(root)
    first = files(root)
    with open_archive(root) as archive:
        add(archive, 0, seed=1)
    pack(root, least=9)
    assert files(root) == first
    with open_archive(root) as archive:
        add(archive, 1, seed=1)
    before = told(root)
    pack(root, least=9)
    assert len(files(root)) == len(first)
    assert not set(files(root)) & set(first)
    without_files(root)
    assert told(root) == before


@pytest.mark.parametrize(
    "kind",
    ["frames", "subject.eye", "shots", "print.eye.means", "segments", "tone.eye.sketches"],
)
def test_damaged_rows_are_found_and_read_from_their_own_files(root, kind):
    before = told(root)
    pack(root)
    [path] = (root / "packs").glob(f"*.{kind}.pack")
    data = bytearray(path.read_bytes())
    for at in range(4096, 4096 + 300, 97):
        data[at] ^= 0xFF
    path.write_bytes(data)
    assert told(root) == before
    assert path.with_suffix(".damaged").exists()
    pack(root, least=99)  # the next `index`
    assert not path.exists()
    assert not list((root / "packs").glob("*.damaged"))
    without_files(root)
    assert told(root) == before


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 100, 4096, -20, -500])
def test_a_pack_that_is_cut_short_is_passed_over(root, cut):
    before = told(root)
    pack(root)
    for path in (root / "packs").glob("*.pack"):
        path.write_bytes(path.read_bytes()[:cut])
    assert told(root) == before
    pack(root)
    without_files(root)
    assert told(root) == before


def test_one_byte_that_is_wrong_costs_one_film(tmp_path):
    kind = kind_of("some", {"kind": "test"})
    parts = [np.arange(12, dtype=np.float16).reshape(-1, 3) + n for n in range(3)]
    films = [Packed(f"{n:064x}", n, {"rows": part}) for n, part in enumerate(parts)]
    path = tmp_path / "packs" / f"000001.{kind.name}.pack"
    assert write_pack(path, kind, films, {"rows": "F16"}) == 3
    data = bytearray(path.read_bytes())
    data[4096 + 24 + 5] ^= 1
    path.write_bytes(data)
    found = Pack(path)
    assert found.kind == kind
    assert np.array_equal(found.part("rows", 0), parts[0])
    with pytest.raises(Damaged, match="index"):
        found.part("rows", 1)
    assert np.array_equal(found.part("rows", 2), parts[2])
    data[-1] ^= 1  # of the list of films
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="list of films"):
        Pack(path)


def test_a_pack_is_written_whole_or_not_at_all(tmp_path):
    def films():
        yield Packed("0" * 64, 0, {"rows": np.zeros((2, 3), np.float16)})
        raise OSError(28, "No space left on device")

    path = tmp_path / "packs" / "000001.some.pack"
    with pytest.raises(OSError, match="space"):
        write_pack(path, kind_of("some", {}), films(), {"rows": "F16"})
    assert not list(path.parent.iterdir())
    assert write_pack(path, kind_of("some", {}), [], {"rows": "F16"}) == 0
    assert not list(path.parent.iterdir())


def test_an_open_archive_notices_new_packs_and_keeps_old_maps(root):
    before = told(root)
    with open_archive(root) as archive:
        pack(root)
        rows = ArchiveRows.load(archive, SPECS)
        mapped = rows.films[0].rows["subject"]
        assert not mapped.flags.writeable
        for path in (root / "packs").glob("*"):
            path.unlink()
        again = ArchiveRows.load(archive, SPECS)
        assert np.array_equal(mapped, again.films[0].rows["subject"])
        assert np.array_equal(rows.films[3].rows["print"], again.films[3].rows["print"])
    assert told(root) == before


def test_where_the_rules_have_changed_shots_are_judged_anew(root, monkeypatch):
    pack(root)
    first = files(root)
    monkeypatch.setattr(packing, "rules", lambda: "others")
    before = told(root)
    pack(root)
    changed = {name.partition(".")[2] for name in set(first) - set(files(root))}
    assert changed == {"shots.pack"} | {
        f"{name}.means.pack" for name in ("subject.eye", "composition.eye", "tone.eye", "print.eye")
    }
    assert told(root) == before


def test_where_the_rules_of_sketches_have_changed_they_are_made_anew(root, monkeypatch):
    pack(root)
    first = files(root)
    monkeypatch.setattr(packing, "sketch_rules", lambda: "others")
    before = told(root)  # of the rows: what was kept is of other rules
    pack(root)
    changed = {name.partition(".")[2] for name in set(first) - set(files(root))}
    assert changed == {"segments.pack"} | {f"{name}.eye.sketches.pack" for name in SKETCHED}
    assert told(root) == before


def test_sketches_that_lack_a_facet_are_made_of_the_rows(root):
    before = told(root)
    pack(root)
    [path] = (root / "packs").glob("*.tone.eye.sketches.pack")
    path.unlink()
    assert told(root) == before
    pack(root)
    assert list((root / "packs").glob("*.tone.eye.sketches.pack"))
    assert told(root) == before


def test_what_a_killed_process_began_is_tidied_away(root):
    (root / "packs").mkdir()
    (root / "packs" / ".000001.some.pack.123.part").touch()
    pack(root)
    assert not list((root / "packs").glob(".*"))


def test_footage_whose_files_are_damaged_is_not_packed(root):
    [path] = Store(root).folder(f"{1:064x}").glob("print*")
    path.write_bytes(b"nothing")
    pack(root)
    with open_archive(root) as archive:
        rows = ArchiveRows.load(archive, SPECS)
    assert [footage.checksum for footage, _ in rows.left_out] == [f"{1:064x}"]


def test_an_older_archive_is_opened_and_packed_without_a_look_at_its_films(root):
    before = told(root)
    database = sqlite3.connect(root / "catalogue.sqlite")
    with database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        # As it was before footage had a revision, and people taught words.
        for table in ("word_example", "word", "revision"):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE footage DROP COLUMN revision")
        database.execute(f"PRAGMA user_version = {version - 2}")
    database.close()
    after = told(root)
    assert len(after) == len(before)
    pack(root)
    without_files(root)
    assert told(root) == after


def test_indexing_packs(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "LEAST", 2)
    root, folder = tmp_path / "archive", tmp_path / "films"
    folder.mkdir()
    for number in range(3):
        film_of_shots(folder / f"{number}.mp4", (40 + 9 * number, 200), frames=6)
    make_archive(root)
    with quick_analyst() as analyst, open_archive(root) as archive:
        ingest(archive, [folder], analyst)
        assert {name.partition(".")[2] for name in files(root)} >= {"frames.pack", "mood.mean.pack"}
        without_files(root)
        rows = ArchiveRows.load(archive, analyst.rows)
        assert len(rows.films) == 3
        assert isinstance(rows.films[0].shots, ShotTable)


def test_shots_of_a_table_are_the_shots_it_was_made_of():
    shots = shots_of(0)
    table = ShotTable.of(shots, [0, 1, 2], [0, 1, 0])
    assert tuple(table) == tuple(shots)
    assert table == ShotTable.of(shots, [0, 0, 0], [0, 0, 0])
    assert (table[1], table[-1], list(table[:2])) == (shots[1], shots[2], shots[:2])


def test_packs_of_an_archive_without_any_are_none(tmp_path):
    packs = Packs(tmp_path)
    packs.refresh()
    packs.tidy()
    assert not packs.all()
    assert packs.new_path(kind_of("some", {})).name == "000001.some.pack"
