"""Films are indexed by the processes of a real Ray cluster, on this machine; some are killed."""

from __future__ import annotations

import builtins
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from fakes import film_of_shots, quick_analyst
from kuleshov.archive.archive import make_archive, open_archive
from kuleshov.archive.ingest import IngestSummary, ingest, ingest_by
from kuleshov.archive.rows import ArchiveRows
from kuleshov.cli.main import main
from kuleshov.errors import Stopped, UsageError
from kuleshov.features.specs import AnalystSpec
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align import coarse
from kuleshov.match.align.shards import own_of
from kuleshov.ray.cluster import Cluster
from kuleshov.ray.errors import ClusterError
from told import Told

pytestmark = [
    pytest.mark.slow,
    # What Ray leaves to be collected is its affair.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def folder(tmp_path: Path, signs: Path) -> Path:
    made = tmp_path / "films"
    made.mkdir()
    for number in range(5):
        film_of_shots(made / f"{number}.mp4", (40 + 25 * number, 210 - 30 * number))
    (made / "bad.mp4").write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 400)
    return made


def indexed(cluster: Cluster, root: Path, folder: Path, job: Job = QUIET) -> IngestSummary:
    make_archive(root)
    with quick_analyst() as analyst:
        groups = analyst.groups
    with (
        cluster.lookers(AnalystSpec(), root, groups, at_once=2, job=job) as lookers,
        open_archive(root) as archive,
    ):
        return ingest_by(lookers, archive, [folder], groups, job)


def known(root: Path) -> dict[str, Any]:
    """All that an archive knows, but for the numbers of its footage, and times."""
    with open_archive(root) as archive:
        every = {
            footage.checksum: (
                [location.path for location in footage.locations],
                (footage.frames, footage.duration, footage.probe),
                archive.catalogue.shots(footage.id),
                archive.catalogue.tags(footage.id),
            )
            for footage in archive.catalogue.all(with_missing=True)
        }
    files = (root / "footage").rglob("*.*")
    return {"footage": every} | {
        str(p.relative_to(root)): p.read_bytes() for p in files if p.is_file()
    }


def made_alone(root: Path, folder: Path) -> dict[str, Any]:
    make_archive(root)
    with quick_analyst() as analyst, open_archive(root) as archive:
        ingest(archive, [folder], analyst)
    return known(root)


def looked(signs: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in (signs / "log").read_text().splitlines())


def test_two_die_on_the_way_and_the_archive_is_the_one_made_alone(cluster, signs, folder, tmp_path):
    (signs / "1.dies").touch()
    (signs / "3.dies").touch()
    heard, root = Told(), tmp_path / "archive"
    summary = indexed(cluster, root, folder, heard)
    assert [path.name for path in summary.added] == [f"{number}.mp4" for number in range(5)]
    assert [failure.path.name for failure in summary.failed] == ["bad.mp4"]
    assert sorted(note.about["path"] for note in heard.notes) == [
        str(folder / "1.mp4"),
        str(folder / "3.mp4"),
    ]
    assert looked(signs) == {"0": 1, "1": 2, "2": 1, "3": 2, "4": 1, "bad": 1}
    assert known(root) == made_alone(tmp_path / "alone", folder)
    assert not list((root / "staging").iterdir())


def test_a_film_that_ends_every_process_is_named_and_the_rest_is_done(
    cluster, signs, folder, tmp_path
):
    (signs / "2.kills").touch()
    summary = indexed(cluster, tmp_path / "archive", folder)
    assert [path.name for path in summary.added] == ["0.mp4", "1.mp4", "3.mp4", "4.mp4"]
    said = {failure.path.name: failure.reason for failure in summary.failed}
    assert "3 processes of the cluster ended" in said["2.mp4"]
    assert looked(signs)["2"] == 3
    (signs / "2.kills").unlink()
    again = indexed(cluster, tmp_path / "archive", folder)
    assert [path.name for path in again.added] == ["2.mp4"]
    assert len(again.known) == 4


def test_it_is_stopped_and_goes_on_later(cluster, signs, folder, tmp_path):
    (signs / "3.waits").touch()
    root, job = tmp_path / "archive", Job()

    def stop() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (
            (signs / "log").exists() and "3 " in (signs / "log").read_text()
        ):
            time.sleep(0.05)
        job.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Stopped):
        indexed(cluster, root, folder, job)
    thread.join()
    assert (signs / "stopped").exists()
    assert not list((root / "staging").iterdir())
    (signs / "3.waits").unlink()
    indexed(cluster, root, folder)
    assert known(root) == made_alone(tmp_path / "alone", folder)


def test_what_does_not_fit_is_said(cluster, folder, tmp_path):
    with quick_analyst() as analyst:
        groups = analyst.groups
    unseen = cluster.lookers(AnalystSpec(), tmp_path / "nowhere", groups, at_once=1)
    with pytest.raises(ClusterError, match="does not see the archive"), unseen:
        pass
    make_archive(tmp_path / "archive")
    other = cluster.lookers(AnalystSpec(), tmp_path / "archive", (), at_once=1)
    with pytest.raises(ClusterError, match="install the same on all machines"), other:
        pass


def test_a_machine_that_does_not_see_the_archive_to_be_looked_through_is_named(
    cluster, signs, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(coarse, "LEAST", 0)
    made_alone(tmp_path / "archive", folder)
    with quick_analyst() as analyst, open_archive(tmp_path / "archive") as archive:
        rows, specs = ArchiveRows.load(archive, analyst.groups[0]), analyst.groups[0]
    with cluster.sharing(tmp_path / "nowhere", at_once=1) as sharing:
        shards = sharing(rows, specs)
        with pytest.raises(ClusterError, match="does not see the archive"):
            own_of(shards, np.zeros((1, 256), np.float32))


def test_where_nobody_listens_it_is_said_at_once(cluster):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and it does not listen
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        for address in (where, f"ray://{where}"):
            with pytest.raises(ClusterError, match=rf"no Ray cluster at {address}"):
                Cluster.joined(address)


def test_without_ray_every_verb_says_how_to_get_it(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name: str, *given: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return real(name, *given)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'kuleshov\[ray\]'"):
        Cluster.joined()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KULESHOV_ARCHIVE", str(tmp_path / "none"))
    film_of_shots(tmp_path / "film.mp4", (40, 210))
    made_alone(tmp_path / "archive", tmp_path)
    for verb in (
        "index . --ray",
        "recut film.mp4 -o out.mp4 --archive archive --ray",
        "search --like film.mp4 --archive archive --ray 127.0.0.1:9",
        "supercut water -o out.mp4 --archive archive --ray local",
    ):
        said = CliRunner().invoke(main, verb.split()).exception
        assert isinstance(said, UsageError)
        assert str(said) == "Many machines need Ray: install it with `pip install 'kuleshov[ray]'`."
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "out.mp4").exists()
