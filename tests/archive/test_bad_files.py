"""Whatever lies in a folder: what cannot be used is skipped with one clear reason, the rest is
indexed, and the run ends. Decoding happens in a real `Worker`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from fakes import Log, film_of_shots, quick_analyst
from films import flat, make_film, noise
from kuleshov.archive.archive import open_archive, write_archive
from kuleshov.archive.ingest import IngestSummary, ingest
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import Analyst
from kuleshov.media.worker import ReadLimits

PATIENT = ReadLimits(stall_s=40)
posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such files or signals")


class Watch(Log):
    """A job that meddles: `at_file` when a film is next, `at_frames` when frames of it came."""

    def __init__(
        self,
        at_file: Callable[[str], None] | None = None,
        at_frames: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._at_file, self._at_frames = at_file, at_frames

    def file(self, name: str) -> None:
        self.name = name
        if self._at_file is not None:
            self._at_file(name)

    def progress(self, frames: float) -> None:
        super().progress(frames)
        if self._at_frames is not None:
            self._at_frames(self.name)


def run(root: Path, folder: Path, analyst: Analyst, log: Log) -> tuple[IngestSummary, dict]:
    with write_archive(root) as archive:
        summary = ingest(archive, [folder], analyst, log)
    reasons = {failure.path.name: failure.reason for failure in summary.failed}
    assert len(reasons) == len(summary.failed)
    for name, reason in reasons.items():
        assert re.fullmatch(r"[a-z][^\n]*[.?]", reason), f"{name}: {reason!r} is no clear reason"
        assert str(folder) not in reason, f"the path is said twice: {reason!r}"
        assert "Error" not in reason, f"{name}: {reason!r} is for programmers"
    return summary, reasons


def sound_only(path: Path) -> None:
    with av.open(path, "w") as out:
        stream = out.add_stream("aac", rate=48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(noise(0.5), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        for piece in av.AudioResampler("fltp", "stereo", 48000, 1024).resample(frame):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def no_pictures(path: Path) -> None:
    """A film with a video track, and nothing in it."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()


def boxes(data: bytes) -> dict[str, tuple[int, int]]:
    """The top boxes of an MP4: where each begins and ends."""
    found, at = {}, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        found[kind.decode()] = (at, at + size)
        at += size
    return found


BAD = {
    "cut_short.mp4": r"cut short: [\d,]+ bytes are missing",
    "cut_in_header.mp4": "damaged, cut short, or no film",
    "empty.mp4": "empty",
    "fifo.mp4": "not a regular file",
    "gone.mp4": "not there",
    "no_header.mp4": "damaged, cut short, or no film",
    "no_pictures.mp4": "no picture",
    "noise.mp4": "damaged, cut short, or no film",
    "sound.mp4": "sound only",
    "text.mp4": "damaged, cut short, or no film",
    "zeros.mkv": "damaged, cut short, or no film",
}
GOOD = ("a_first.mp4", "folder.mp4/inside.mp4", "odd_end.mp4", "z_last.mp4")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[IngestSummary, dict, Path, Path]:
    """One run over a folder of all that is bad, with good films before, between and behind."""
    if sys.platform == "win32":
        pytest.skip("there are no FIFOs there")
    root, folder = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("films")
    (folder / "folder.mp4").mkdir()
    film_of_shots(folder / "a_first.mp4", (40, 200))
    film_of_shots(folder / "z_last.mp4", (140,))
    film_of_shots(folder / "folder.mp4" / "inside.mp4", (90, 60))
    pictures = [flat(20 * k % 200 + 20, size=(64, 48)) for k in range(40)]
    whole = make_film(folder / "whole.mp4", pictures, 10).read_bytes()
    fast = make_film(
        folder / "fast.mp4", pictures, 10, container="mp4", header={"movflags": "faststart"}
    ).read_bytes()
    (folder / "whole.mp4").unlink()
    (folder / "fast.mp4").unlink()
    order = boxes(fast)
    assert order["moov"] < order["mdat"], "the header must come first"
    middle = sum(order["mdat"]) // 2
    (folder / "cut_short.mp4").write_bytes(fast[:middle])
    (folder / "cut_in_header.mp4").write_bytes(fast[: sum(order["moov"]) // 2])
    (folder / "no_header.mp4").write_bytes(whole[: boxes(whole)["moov"][0]])
    # What is behind the film harms nobody: half of a box that says what nobody needs.
    (folder / "odd_end.mp4").write_bytes(fast + b"\0\0\1\0free" + b"\0" * 20)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("This is the story of a film that was none.\n" * 50)
    (folder / "noise.mp4").write_bytes(bytes(range(7, 256)) * 100)
    (folder / "zeros.mkv").write_bytes(bytes(100_000))
    (folder / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    os.mkfifo(folder / "fifo.mp4")
    sound_only(folder / "sound.mp4")
    no_pictures(folder / "no_pictures.mp4")
    with quick_analyst(PATIENT) as analyst:
        return *run(root, folder, analyst, Log()), root, folder


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_is_skipped_with_its_reason(found, name):
    assert re.search(BAD[name], found[1][name])


def test_nothing_else_is_skipped(found):
    summary, reasons, _, folder = found
    assert set(reasons) == set(BAD)
    assert set(summary.added) == {folder / name for name in GOOD}


def test_the_rest_can_be_matched(found):
    _, _, root, _ = found
    with open_archive(root) as archive, quick_analyst() as analyst:
        rows = ArchiveRows.load(archive, analyst.rows)
        assert len(rows.films) == len(GOOD)
        assert not rows.left_out
        assert {path.name for path in (root / "footage").glob("??/*")} == (
            archive.catalogue.checksums()
        )


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing is unreadable for this user"
)
def test_unreadable(tmp_path):
    folder = tmp_path / "films"
    (folder / "closed").mkdir(parents=True)
    film_of_shots(folder / "a.mp4", (40,)).chmod(0)
    film_of_shots(folder / "b.mp4", (60,))
    (folder / "closed").chmod(0)
    with quick_analyst(PATIENT) as analyst:
        summary, reasons = run(tmp_path / "archive", folder, analyst, Log())
    (folder / "closed").chmod(0o700)
    assert [path.name for path in summary.added] == ["b.mp4"]
    assert set(reasons) == {"a.mp4", "closed"}
    assert all("permissions" in reason for reason in reasons.values())


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three films; the middle one is long enough to be caught in the middle."""
    folder = tmp_path / "films"
    folder.mkdir()
    film_of_shots(folder / "a.mp4", (40, 200))
    film_of_shots(folder / "b.mp4", range(30, 230, 2), frames=20)
    film_of_shots(folder / "c.mp4", (140,))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def at(path: Path, act: Callable[[Path], object]) -> Callable[[str], None]:
    """Do something to this film, once, when it is told of by its name."""
    done: list[Path] = []

    def once(name: str) -> None:
        if path.name == name and not done:
            done.append(path)
            act(path)

    return once


def only_b_fails(root: Path, films: Path, analyst: Analyst, log: Log) -> str:
    summary, reasons = run(root, films, analyst, log)
    assert [path.name for path in summary.added] == ["a.mp4", "c.mp4"]
    assert list(reasons) == ["b.mp4"]
    assert log.outcomes == {"a.mp4": "added", "b.mp4": "failed", "c.mp4": "added"}
    # Nothing is wrong with the file any more: the next run adds it.
    if (films / "b.mp4").exists():
        with write_archive(root) as archive:
            again = ingest(archive, [films], analyst, Log())
        assert [path.name for path in again.added] == ["b.mp4"]
        assert len(again.known) == 2
    return reasons["b.mp4"]


@pytest.mark.slow
def test_vanishes_after_it_was_listed(root, films):
    with quick_analyst(PATIENT) as analyst:
        reason = only_b_fails(root, films, analyst, Watch(at_file=at(films / "b.mp4", Path.unlink)))
    assert "not there" in reason


@pytest.mark.slow
@posix
def test_vanishes_while_it_is_read(root, films):
    with quick_analyst(PATIENT) as analyst:
        reason = only_b_fails(
            root, films, analyst, Watch(at_frames=at(films / "b.mp4", Path.unlink))
        )
    assert "not there" in reason


@pytest.mark.slow
@posix
def test_becomes_a_folder_while_it_is_read(root, films):
    def replace(path: Path) -> None:
        path.unlink()
        path.mkdir()

    log = Watch(at_frames=at(films / "b.mp4", replace))
    with quick_analyst(PATIENT) as analyst:
        _, reasons = run(root, films, analyst, log)
    assert list(reasons) == ["b.mp4"]


@pytest.mark.slow
@posix
def test_is_cut_short_while_it_is_read(root, films):
    def cut(path: Path) -> None:
        os.truncate(path, path.stat().st_size // 2)

    with quick_analyst(PATIENT) as analyst:
        summary, reasons = run(root, films, analyst, Watch(at_frames=at(films / "b.mp4", cut)))
    assert [path.name for path in summary.added] == ["a.mp4", "c.mp4"]
    assert list(reasons) == ["b.mp4"]


@pytest.mark.slow
@posix
def test_grows_while_it_is_read(root, films):
    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"\0\0\0\10free")

    with quick_analyst(PATIENT) as analyst:
        reason = only_b_fails(root, films, analyst, Watch(at_frames=at(films / "b.mp4", grow)))
    assert "changed while it was read" in reason


def signalled(analyst: Analyst, what: int) -> Callable[[str], None]:
    def send(_: Path) -> None:
        process = analyst.worker._process
        assert process is not None
        os.kill(process.pid, what)

    return at(Path("b.mp4"), send)


@pytest.mark.slow
@posix
def test_the_decoder_stops_answering_half_way(root, films):
    with quick_analyst(ReadLimits(stall_s=4)) as analyst:
        log = Watch(at_frames=signalled(analyst, signal.SIGSTOP))
        reason = only_b_fails(root, films, analyst, log)
    assert reason == "it gave no picture for 4 seconds."
    assert log.frames, "it was to be stopped in the middle"


@pytest.mark.slow
@posix
def test_the_decoder_never_answers(root, films):
    with quick_analyst(ReadLimits(stall_s=4)) as analyst:
        log = Watch(at_file=signalled(analyst, signal.SIGSTOP))
        assert "no picture for 4 seconds" in only_b_fails(root, films, analyst, log)


@pytest.mark.slow
@posix
def test_the_decoder_dies_half_way(root, films):
    with quick_analyst(PATIENT) as analyst:
        log = Watch(at_frames=signalled(analyst, signal.SIGKILL))
        reason = only_b_fails(root, films, analyst, log)
    assert reason == f"the process that decoded it ended with status {-signal.SIGKILL}."


@pytest.mark.slow
@posix
def test_the_decoder_died_between_two_films(root, films):
    """Nobody's fault: it is started again."""
    with quick_analyst(PATIENT) as analyst:
        log = Watch(at_file=signalled(analyst, signal.SIGKILL))
        summary, reasons = run(root, films, analyst, log)
        died = analyst.worker._process
    assert died is not None
    # The signal may come to be felt only after the question was put.
    assert set(reasons) <= {"b.mp4"}
    assert len(summary.added) + len(reasons) == 3


@pytest.mark.slow
def test_a_bad_copy_of_a_good_film_changes_nothing(root, films):
    with quick_analyst() as analyst:
        run(root, films, analyst, Log())
        data = (films / "b.mp4").read_bytes()
        (films / "b2.mp4").write_bytes(data[: len(data) // 2])
        shutil.copy(films / "b.mp4", films / "b3.mp4")
        summary, reasons = run(root, films, analyst, Log())
    assert list(reasons) == ["b2.mp4"]
    assert [path.name for path in summary.copies] == ["b3.mp4"]
    assert len(summary.known) == 3
