"""Every long call can be stopped wherever it is, and then leaves nothing half-written.

Rendering and training have theirs beside their other tests (`render/test_film`, `see/test_train`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edit.sources import cut, source
from fakes import CutDetector, MeanEncoder, Mood, film_of_shots, quick_analyst
from films import make_film, noise, numbered, read_film
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.catalogue import Location
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.ingest import IngestSummary, ingest, plan
from kuleshov.archive.relink import LostFootage, RelinkSummary, find_again, look_into
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.staging import Staging
from kuleshov.desk.products import write_made
from kuleshov.edit.loop import decoded, find_loop
from kuleshov.edit.recut import RecutOptions, recut
from kuleshov.edit.supercut import Supercut, SupercutOptions, supercut
from kuleshov.errors import Stopped
from kuleshov.exchange.export import export
from kuleshov.features.analyse import Analyst, FacetGroup
from kuleshov.features.encoder import Maker
from kuleshov.features.faces import Faces
from kuleshov.features.facet import PRINT
from kuleshov.jobs import Job
from kuleshov.match.align.aligner import SHORTEST
from kuleshov.match.align.by_example import middles
from kuleshov.match.align.candidates import MatchOptions, find_candidates, longest_answer
from kuleshov.match.align.recall import Recall
from kuleshov.match.choose import programme
from kuleshov.match.choose.select import Choice, SelectOptions, select
from kuleshov.match.likeness import clusters as clustering
from kuleshov.match.likeness.clusters import clusters
from kuleshov.match.likeness.copies import Copies
from kuleshov.match.likeness.places import different, members
from kuleshov.match.likeness.tour import best_order
from kuleshov.match.same.duplicates import duplicates
from kuleshov.match.same.own import own_material
from kuleshov.match.text.by_words import find_words
from kuleshov.media.decode import Film
from kuleshov.media.worker import Worker
from kuleshov.project.file import read_otio
from kuleshov.render.apart import apart
from kuleshov.render.finishing import tones
from kuleshov.render.gif import Moving, render_gif, render_still
from kuleshov.render.sheet import SheetOptions, sheet
from kuleshov.report.film import sound_levels
from kuleshov.see.training.gathering import GatherOptions, gather
from kuleshov.see.training.pictures import FilmPart
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track
from match.rows import film, query, reference
from told import Told, everything_in, stops_anywhere

pytestmark = pytest.mark.slow

F = Fraction
SHORT = F(1)


def rows(count: int = 5) -> ArchiveRows:
    return ArchiveRows(film(number, 20.0, (6.0, 13.0)) for number in range(1, count + 1))


def whole_prints(archive: ArchiveRows) -> ArchiveRows:
    """The same with prints of 16 x 16 cells."""
    rng = np.random.default_rng(0)
    made = []
    for one in archive.films:
        prints = rng.normal(size=(len(one.shown), 256))
        prints /= np.linalg.norm(prints, axis=1, keepdims=True)
        made.append(replace(one, rows={**one.rows, PRINT: prints.astype(np.float16)}))
    made.append(replace(film(9, 20.0, (6.0, 13.0)), rows=made[0].rows))
    return ArchiveRows(made)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, levels in (("a", (60, 180)), ("b", (90, 30, 200))):
        film_of_shots(folder / f"{name}.mp4", levels)
    make_film(folder / "c.mp4", numbered(50, (64, 64)), 25, sound=noise(2.0))
    return folder


@pytest.fixture
def analyst() -> Iterator[Analyst]:
    with quick_analyst() as made:
        yield made


def timeline(films: Path) -> Timeline:
    clips = tuple(Clip(Media(films / "c.mp4"), F(n, 5), 5) for n in range(8))
    source = (Clip(Media(films / "c.mp4"), F(0), 40),)
    tracks = (Track("recut", clips), Track("source", source))
    return Timeline("test", F(25), Layout.single(64, 64), tracks)


class TestFootage:
    def test_indexing_keeps_whole_films_only(self, tmp_path, films, analyst):
        """What was added before stays; the next run goes on, and nothing is left over."""

        def index(root: Path, job: Job) -> IngestSummary:
            with write_archive(root) as archive:
                return ingest(archive, [films], analyst, job)

        index(tmp_path / "whole", whole := Told())
        for at in range(1, whole.looks + 1, max(1, whole.looks // 9)):
            root = tmp_path / f"{at}"
            with pytest.raises(Stopped):
                index(root, Told(look=at))
            with open_archive(root) as archive:
                known = archive.catalogue.checksums()
                loaded = ArchiveRows.load(archive, analyst.rows)
            assert {path.name for path in (root / "footage").glob("??/*")} == known
            assert not loaded.left_out
            assert len(index(root, Told()).added) == 3 - len(known)
            footage = everything_in(tmp_path / "whole" / "footage")
            assert everything_in(root / "footage") == footage

    def test_analysing(self, films, analyst):
        stops_anywhere(lambda job: analyst.analyse(films / "b.mp4", job=job))
        stops_anywhere(lambda job: analyst.describe(films / "b.mp4", job=job))

    def test_a_process_that_decodes_is_not_heard_again(self, films):
        """The next film does not get what is left of the one before."""
        with quick_analyst() as whole:
            wanted = whole.analyse(films / "a.mp4")
        with Worker() as worker, quick_analyst() as made:
            made._worker = worker
            for at in (1, 2, 4):
                with pytest.raises(Stopped):
                    made.analyse(films / "b.mp4", job=Told(look=at))
            assert made.analyse(films / "a.mp4").pts.tolist() == wanted.pts.tolist()
            stops_anywhere(lambda job: worker.checksum(films / "a.mp4", job))

    @pytest.mark.parametrize("what", ["shots", "pictures", "faces"])
    def test_a_network_that_looks_is_not_waited_for(self, films, what):
        """It cannot be interrupted: nothing more is asked of it, and the film is let go."""
        job, free, asked, answered = Job(), threading.Event(), list[int](), list[int]()

        def held(call):
            def slowly(given):
                asked.append(1)
                job.stop()
                free.wait(30)
                answered.append(1)
                return call(given)

            return slowly

        class Detector(CutDetector):
            def feed(self, frames):
                held(super().feed)(frames)

        eye, faces = MeanEncoder(), Faces(reference())
        if what == "pictures":
            call = staticmethod(held(eye.__call__))
            eye.__class__ = type("Held", (MeanEncoder,), {"__call__": call})
        if what == "faces":
            faces.describe = held(faces.describe)  # type: ignore[method-assign]
        new = Detector if what == "shots" else CutDetector
        with Worker() as worker:
            analyst = Analyst(worker, new, eye, (faces,))
            with pytest.raises(Stopped):
                analyst.analyse(films / "b.mp4", job=job)
            assert asked == [1]
            assert not answered
            assert worker._process is None
        free.set()

    def test_networks_that_are_compiled_are_not_waited_for(self, monkeypatch):
        """Whoever asks next gets what the one before had begun."""
        from kuleshov.features import networks

        job, free, made, done = Job(), threading.Event(), list[str](), list[str]()

        def compiled(name: str = "") -> MeanEncoder:
            made.append(name)
            job.stop()
            free.wait(30)
            done.append(name)
            return MeanEncoder()

        monkeypatch.setattr(networks, "encoder", compiled)
        with networks.Networks() as loaded:
            with pytest.raises(Stopped):
                loaded.looking(job)
            assert not done
            free.set()
            assert loaded.looking(Job()) is loaded.analyst
            assert made == [""]

    def test_opening_an_archive(self, tmp_path, films, analyst):
        with write_archive(tmp_path / "archive") as archive:
            ingest(archive, [films], analyst)
            stops_anywhere(lambda job: ArchiveRows.load(archive, analyst.rows, job))

    def test_looking_for_what_was_moved(self, films):
        def call(job: Job) -> RelinkSummary:
            summary = RelinkSummary()
            places = look_into([films], summary.unreadable, job)
            with Worker() as worker:
                find_again([LostFootage("0" * 64, Path("x.mp4"))], places, worker, summary, job=job)
            return summary

        stops_anywhere(call, steps=5)

    def test_looking_for_what_was_moved_it_looks_at_every_folder(self, tmp_path):
        """Also where there is no file in them, and before anything is read."""
        for number in range(9):
            (tmp_path / f"{number}" / "inner").mkdir(parents=True)
        job = Told()
        assert look_into([tmp_path], RelinkSummary().unreadable, job) == []
        assert job.looks >= 18
        locations = [Location(tmp_path / f"{n}.mp4", 9, 0) for n in range(30)]
        job = Told(look=20)
        wanted = [LostFootage("0" * 64, Path("x.mp4"))]
        with Worker() as worker, pytest.raises(Stopped):
            find_again(wanted, locations, worker, RelinkSummary(), job=job)
        assert not job.begun, "while it is found out what may have to be read"


class TestMatching:
    def test_finding_candidates(self):
        asked = [[query(n, 2.0, 2.0)] for n in (1, 2)]
        made = stops_anywhere(
            lambda job: find_candidates(asked, [F(2)] * 2, rows(), reference(), job=job), steps=2
        )
        assert all(made)

    def test_finding_own_material(self):
        archive = whole_prints(rows())
        prints = archive.films[0].rows[PRINT]
        assert stops_anywhere(lambda job: own_material(prints, archive, job), steps=0).ranges

    def test_a_recut(self):
        analysis = source(120, [cut(24), cut(60)])
        options = RecutOptions(select=SelectOptions(variants=2))

        def call(job: Job):
            return recut(analysis, "source", rows(), reference(), options, job)

        assert len(stops_anywhere(call, steps=3, points=9)) == 2

    def test_choosing(self):
        rng = np.random.default_rng(1)
        stretches = [
            [Choice(int(rng.integers(4)), n, 0.0, 2.0, float(rng.normal(6, 2))) for n in range(9)]
            for _ in range(12)
        ]
        stops_anywhere(lambda job: select(stretches, SelectOptions(variants=2), job=job))

    def test_looking_for_copies(self):
        archive = whole_prints(rows(3))
        assert stops_anywhere(lambda job: duplicates(archive, job))
        found = middles(archive, F(2))
        stops_anywhere(lambda job: Copies.among(found, job))

    def test_clusters_and_places(self):
        archive = rows(6)
        stops_anywhere(lambda job: clusters(archive, reference(), 2, 3, job=job))
        found = middles(archive, F(2))
        stops_anywhere(lambda job: different(found, 5, reference(), job), steps=0)

    def test_words(self):
        made = stops_anywhere(lambda job: find_words("close-up, slow", F(1), rows(), job=job))
        assert made.hits

    def test_the_shortest_way(self):
        cost = np.random.default_rng(0).random((12, 12))
        stops_anywhere(lambda job: best_order(cost, job=job), steps=0)

    def test_a_supercut(self):
        found = middles(rows(4), F(3))
        for order in ("similar", "flow"):
            options = SupercutOptions(length=F(12), order=order)
            stops_anywhere(partial(supercut, "x", found, reference(), options, None))


class TestFilms:
    def test_a_sheet_is_written_whole_or_not_at_all(self, tmp_path, films):
        options = SheetOptions(page_rows=2)
        made = stops_anywhere(
            lambda job: sheet(timeline(films), tmp_path / "s.png", options, job),
            folder=tmp_path,
        )
        assert len(made) == 4

    def test_moving_and_still_pictures(self, tmp_path, films):
        for suffix in (".gif", ".webp"):
            out = tmp_path / f"m{suffix}"
            small = Moving(limit=4000)
            stops_anywhere(
                partial(render_gif, timeline(films), out, small, None),
                folder=tmp_path,
            )
        out = tmp_path / "p.png"
        stops_anywhere(lambda job: render_still(timeline(films), out, job=job), folder=tmp_path)

    def test_pictures_made_in_another_process(self, tmp_path, films):
        out = tmp_path / "s.png"
        stops_anywhere(
            lambda job: apart(sheet, timeline(films), out, SheetOptions(), job=job),
            folder=tmp_path,
            points=3,
            part=0.5,
        )

    def test_a_project_is_whole_or_not_there(self, tmp_path, films):
        """It is written before the film that is made of it, and beside nothing half-written."""
        made = Supercut(timeline(films), (), (), 0.0)
        wanted = {"a.mp4", "a.otio", "a.sheet.png"}
        (tmp_path / "whole").mkdir()
        write_made(made, tmp_path / "whole" / "a.mp4", job=(whole := Told()))
        assert {path.name for path in (tmp_path / "whole").iterdir()} == wanted
        for at in range(1, whole.looks, max(1, whole.looks // 6)):
            (folder := tmp_path / f"{at}").mkdir()
            job = Told(look=at)
            with contextlib.suppress(Stopped):
                write_made(made, folder / "a.mp4", job=job)
            left = {path.name for path in folder.iterdir()}
            assert left <= wanted
            if "a.mp4" in left:  # stopped once it was whole
                assert len(read_film(folder / "a.mp4")) == 40
            assert read_otio(folder / "a.otio").recut.duration == 40

    def test_tones_loops_and_levels(self, films):
        stops_anywhere(lambda job: tones(timeline(films), 1.0, job))
        with Film(films / "c.mp4") as opened:
            video = opened.video
        window = TimeRange(F(0), F(2))
        looked = stops_anywhere(
            lambda job: decoded(Media(films / "c.mp4"), video, window, F(25), job), steps=0
        )
        stops_anywhere(lambda job: find_loop(looked, 10, 40, job=job), steps=0)
        stops_anywhere(lambda job: sound_levels(films / "c.mp4", window, job), steps=0)

    def test_an_export(self, tmp_path, films):
        out = tmp_path / "e.edl"
        stops_anywhere(
            lambda job: export(timeline(films), out, job=job), folder=tmp_path, points=3, part=0.5
        )

    def test_gathering_pictures(self, films):
        options = GatherOptions(size=64, most=24, least=0)
        assert len(
            stops_anywhere(lambda job: gather([FilmPart(films / "c.mp4")], options, job), steps=2)
        )


class TestHowOftenItLooks:
    """Between two looks at the job no more is done than so many rows, films or shots."""

    def test_own_material_is_looked_for_some_rows_at_a_time(self, monkeypatch):
        from kuleshov.match.same import own

        monkeypatch.setattr(own, "_AT_ONCE", 8)
        archive = whole_prints(rows())
        job = Told()
        whole = own_material(archive.films[0].rows[PRINT], archive, job)
        assert job.looks >= len(archive) // 8
        monkeypatch.setattr(own, "_AT_ONCE", 1 << 20)
        at_once = own_material(archive.films[0].rows[PRINT], archive)
        assert whole.ranges.keys() == at_once.ranges.keys()
        for number, part in whole.ranges.items():
            assert part.tolist() == at_once.ranges[number].tolist()

    def test_rows_are_read_film_by_film(self):
        archive, job = rows(6), Told()
        (block,) = archive.blocks([*sorted(archive.facets)[:2]], job)
        assert len(block.time) == len(archive)
        assert job.looks >= 6 * (1 + 1 + 2), "as films are chosen, laid out, and read by facet"

    def test_facets_are_compared_one_by_one(self):
        """At the first look of a single stretch, of which it is kept what was found."""
        archive = rows(3)
        recall, job = Recall(archive, reference()), Told()
        find_candidates(
            [[query(1, 2.0, 2.0)]], [F(2)], archive, reference(), recall=recall, job=job
        )
        again = Told()
        find_candidates(
            [[query(1, 2.0, 2.0)]], [F(2)], archive, reference(), recall=recall, job=again
        )
        facets = len(recall._facets)
        assert facets > 1
        assert job.looks - again.looks >= facets * (1 + len(archive.films))

    def test_shots_are_listed_film_by_film(self):
        archive = rows(7)
        for call in (
            lambda job: members(archive, SHORT, job),
            lambda job: middles(archive, F(2), job),
            lambda job: archive.of_shots_from(SHORT, job).films,
            lambda job: longest_answer(archive, MatchOptions(), job),
            lambda job: parse_terms(["*.mp4"], []).apply(archive, {}, job=job).films,
        ):
            job = Told()
            assert call(job)
            assert job.looks >= 7
            stops_anywhere(call, steps=0)

    def test_the_longest_answer_is_that_of_exact_times(self):
        archive = ArchiveRows(film(n, 20.0, (6.0, 13.0 + n / 7)) for n in range(1, 30))
        cores = sorted(
            (f.core(shot).duration for f in archive.films for shot in f.shots), reverse=True
        )
        found = longest_answer(archive, MatchOptions())
        assert found is not None
        longest, usual, count = found
        assert (longest * SHORTEST, count) == (cores[0], len(cores))
        assert usual == cores[11] * F(5, 4)
        assert longest_answer(ArchiveRows([]), MatchOptions()) is None

    def test_shots_are_clustered_in_small_blocks(self):
        assert clustering._BLOCK * clustering._EXACT <= 500_000, "likenesses between two looks"

    def test_the_integer_programme_is_built_row_by_row(self):
        rng = np.random.default_rng(2)
        stretches = [
            [Choice(int(rng.integers(3)), n, 0.0, 2.0, float(rng.normal(6, 2))) for n in range(9)]
            for _ in range(10)
        ]
        made: list[tuple[int, int]] = []
        job = Told()
        with pytest.MonkeyPatch.context() as patch:
            row = programme._Programme._row

            def counted(self, *given, **how):
                made.append((job.looks, len(made)))
                row(self, *given, **how)

            patch.setattr(programme._Programme, "_row", counted)
            select(stretches, SelectOptions(), returns=[(0, 4, 1.0), (1, 5, 1.0)], job=job)
        assert len(made) >= 8
        looks = [at for at, _ in made]
        assert max(looks.count(at) for at in set(looks)) <= 3

    def test_packs_are_copied_in_parts(self, tmp_path, monkeypatch):
        from kuleshov.archive import pack

        monkeypatch.setattr(pack, "_COPIED", 64)
        monkeypatch.setattr(pack, "_SYNCED", 256)
        many = {name: np.arange(200, dtype=np.int64) for name in ("pts", "shown")}
        films = [pack.Packed(f"{n:064x}", 0, many) for n in range(4)]
        types = {"pts": "I64", "shown": "I64"}
        kind = pack.kind_of("frames", {"kind": "frames"})
        for folder, given in (("a", Told()), ("b", Job())):
            (tmp_path / folder).mkdir()
            pack.write_pack(tmp_path / folder / "1.frames.pack", kind, films, types, given)
            if isinstance(given, Told):
                assert given.looks >= 4 * 200 * 8 // 64
        assert everything_in(tmp_path / "a") == everything_in(tmp_path / "b")
        stops_anywhere(
            lambda job: pack.write_pack(tmp_path / "c.pack", kind, films, types, job),
            steps=0,
            folder=tmp_path,
        )

    def test_faces_are_looked_for_picture_by_picture(self):
        from kuleshov.features.analyse import _Rows

        faces = Faces(reference())
        pictures = np.random.default_rng(0).integers(0, 255, (3, 96, 96, 3), np.uint8)
        eye = MeanEncoder()
        seen = eye(pictures[:, ::3, ::3])
        seen = replace(seen, large=pictures)
        job = Told()
        one_by_one = _Rows(FacetGroup(eye, (faces,)), 2, False, None, job)._described(faces, seen)
        assert job.looks == 6, "before each picture, and as it is given away"
        assert one_by_one.tobytes() == faces.describe(seen).tobytes()

    def test_folders_are_looked_through_file_by_file(self, tmp_path, analyst):
        for number in range(9):
            (tmp_path / f"{number}.txt").write_text("no film")
        with write_archive(tmp_path / "archive") as archive:
            job = Told()
            plan(archive, [tmp_path], analyst.groups, job)
        assert job.looks >= 9

    def test_a_checksum_is_stopped_while_indexing(self, tmp_path, films, analyst):
        asked: list[Job] = []
        given = analyst.worker.checksum

        def heard(path, job=None):
            asked.append(job)
            return given(path)

        analyst.worker.checksum = heard
        job = Told()
        with write_archive(tmp_path / "archive") as archive:
            ingest(archive, [films / "a.mp4"], analyst, job)
        assert asked == [job]


def test_a_stopped_indexing_leaves_nothing_staged_of_either_encoder(tmp_path, films, monkeypatch):
    """Wherever it is stopped: before the first encoder is done, or while the second looks."""
    other = FacetGroup(MeanEncoder("other"), (Mood(Maker("other", "7")),))

    def index(root: Path, job: Job) -> None:
        with write_archive(root) as archive, quick_analyst() as made:
            both = Analyst(
                made.worker,
                CutDetector,
                made.facet_groups[0].encoder,
                made.facet_groups[0].facets,
                other,
            )
            ingest(archive, [films / "b.mp4"], both, job)

    # The folder of the process is kept, to see what was in it when the call ended.
    left: list[list[Path]] = []
    leave = Staging.__exit__

    def looked_into(self, *error):
        left.append([path for path in self.path.rglob("*") if path.is_file()])
        leave(self, *error)

    monkeypatch.setattr(Staging, "__exit__", looked_into)
    index(tmp_path / "whole", whole := Told())
    assert left == [[]]
    assert whole.begun.count("looking at b.mp4") == 2
    for at in range(1, whole.looks + 1, max(1, whole.looks // 12)):
        root = tmp_path / f"{at}"
        with pytest.raises(Stopped):
            index(root, Told(look=at))
        assert not any(left), at
        assert not list((root / "staging").glob("*")), at
