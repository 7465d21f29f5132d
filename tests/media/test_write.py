import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from films import SIZE, flat, numbered, read_film
from kuleshov.errors import RenderError
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.write import FilmWriter

F = Fraction

FAST = WriteOptions(crf=4, preset="veryfast")


@pytest.mark.parametrize("rate", [F(24000, 1001), F(25), F(30000, 1001), F(25, 2), F(60)])
def test_frames_and_times_are_exact(rate: F, tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "o.mp4", *SIZE, rate, FAST) as writer:
        for picture in numbered(30):
            writer.write(picture)
    seen = read_film(tmp_path / "o.mp4")
    assert [picture.number for picture in seen] == list(range(30))
    assert [picture.time for picture in seen] == [index / rate for index in range(30)]
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]


@pytest.mark.parametrize(("height", "number"), [(576, 6), (720, 1)])
def test_colour_is_tagged_by_size(height: int, number: int, tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "o.mp4", 64, height, F(25), FAST) as writer:
        writer.write(np.full((height, 64, 3), (0, 255, 0), np.uint8))
    with av.open(str(tmp_path / "o.mp4")) as container:
        frame = next(container.decode(video=0))
        tags = (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range)
        assert [int(tag) for tag in tags] == [number, number, number, 1]
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
    seen = read_film(tmp_path / "o.mp4")[0]
    green = {6: (145, 54, 34), 1: (173, 42, 26)}[number]
    levels = [seen.luma[8, 8], *seen.chroma[:, 4, 4]]
    assert np.abs(np.subtract(levels, [float(level) for level in green])).max() <= 2


def test_full_range_is_converted(tmp_path: Path) -> None:
    picture = av.VideoFrame.from_ndarray(flat(255), format="yuv420p")
    picture.color_range, picture.colorspace = 2, 6
    with FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), FAST) as writer:
        writer.write(picture)
    assert abs(int(read_film(tmp_path / "o.mp4")[0].luma[90, 90]) - 235) <= 1


def test_the_index_comes_first(tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), FAST) as writer:
        writer.write(flat(100))
    data = (tmp_path / "o.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_leaving_by_an_exception_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    def broken() -> None:
        with FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), FAST) as writer:
            writer.write(flat(100))
            raise error

    with pytest.raises(error):
        broken()
    assert not list(tmp_path.iterdir())


def test_a_wrong_size_and_a_film_without_pictures(tmp_path: Path) -> None:
    wrong = flat(100, size=(64, 64))
    writer = FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), FAST)
    with pytest.raises(ValueError, match="cannot take"), writer:
        writer.write(wrong)
    with pytest.raises(RenderError, match="no pictures"):
        FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), FAST).close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="could not be written"):
        FilmWriter(tmp_path / "none" / "o.mp4", *SIZE, F(25), FAST)


FULL = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from kuleshov.errors import RenderError
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.write import FilmWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
try:
    with FilmWriter(Path(sys.argv[1]), 64, 64, Fraction(25), WriteOptions(1, "ultrafast")) as film:
        for _ in range(120):
            film.write(rng.integers(0, 255, (96, 64), np.uint8))
except RenderError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize("limit", [10, 40_000, 300_000, 700_000])
def test_a_full_disk_is_one_clear_sentence(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "o.mp4"
    call = [sys.executable, "-c", FULL, str(path), str(limit)]
    said = subprocess.run(
        call, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "src"}
    )
    assert said.stdout.startswith("The disk is full"), (said.stdout, said.stderr)
    assert said.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system tells of no threads")
def test_an_encoder_does_not_put_the_process_before_all_others(tmp_path: Path) -> None:
    """SVT-AV1 does, where it is run by root: the thread that opens it, and its own."""

    def in_real_time() -> list[str]:
        threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
        return [str(t) for t in threads if os.sched_getscheduler(t) != os.SCHED_OTHER]

    options = WriteOptions(codec="av1", preset="ultrafast")
    with FilmWriter(tmp_path / "o.mp4", *SIZE, F(25), options) as writer:
        for number in range(3):
            writer.write(flat(80 * number))
            assert in_real_time() == []
    assert in_real_time() == []
    assert len(read_film(tmp_path / "o.mp4")) == 3
