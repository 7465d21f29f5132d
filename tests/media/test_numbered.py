"""Numbered pictures as a film: every picture once, in order, at the rate that was asked for."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from films import luma_of, numbered_picture, read_number
from kuleshov.errors import NotWritten
from kuleshov.media.decode import Film, open_file
from kuleshov.media.kinds import kind_of
from kuleshov.media.numbered import described, is_numbered, opening, runs_in, write_film
from kuleshov.media.sampling import ChecksumRequest, checksum
from kuleshov.render.frame_readers import Reader
from kuleshov.timeline import Media

F = Fraction
CODECS = {".png": ("png", "rgb24"), ".dpx": ("dpx", "gbrp10le"), ".tif": ("tiff", "rgb24")}


def pictures(folder: Path, name: str, numbers: list[int]) -> None:
    """Pictures `name` % number, each of which shows its number."""
    folder.mkdir(exist_ok=True)
    codec, form = CODECS[Path(name).suffix]
    for number in numbers:
        plain = numbered_picture(number, (160, 90))
        frame = av.VideoFrame.from_ndarray(plain, format="yuv420p").reformat(format=form)
        context = av.CodecContext.create(codec, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = 160, 90, form
        context.time_base = F(1, 25)
        data = b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])
        (folder / (name % number)).write_bytes(data)


def shown(path: Path, start: F | None = None) -> list[tuple[F, int | None]]:
    with Film(path) as film:
        return [
            (picture.time, read_number(luma_of(picture.frame.to_ndarray(format="yuv420p"))))
            for picture in film.pictures(start)
        ]


def listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def film_of(folder: Path, rate: F = F(18)) -> Path:
    (run,) = runs_in(folder, listed(folder))
    return write_film(run, rate)


@pytest.mark.parametrize("name", ["scan_%04d.png", "it's 100%% %d.dpx", "%03d.tif"])
@pytest.mark.parametrize("rate", [F(18), F(24000, 1001)])
def test_every_picture_is_shown_once_at_its_time(name: str, rate: F, tmp_path: Path) -> None:
    folder = tmp_path / "a scan, with 50%"
    pictures(folder, name, [*range(7, 27)])
    path = film_of(folder, rate)
    with Film(path) as film:
        assert film.video.rate == rate
        assert film.probe.audio is None
    seen = shown(path)
    assert [number for _, number in seen] == [*range(7, 27)]
    assert [time for time, _ in seen] == [F(n) / rate for n in range(20)]
    # Found at once, wherever one begins: seeks aim one picture early.
    assert shown(path, 12 / rate)[0] == (11 / rate, 18)
    assert opening(path).format == "image2"


def test_where_numbers_are_missing_the_film_goes_on_with_the_next(tmp_path: Path) -> None:
    numbers = [1, 2, 3, 5, 6, 9, 10, 11, 12, 20]
    pictures(tmp_path / "gaps", "g%d.png", numbers)
    (run,) = runs_in(tmp_path / "gaps", listed(tmp_path / "gaps"))
    assert run.missing == 10
    path = write_film(run, F(16))
    assert shown(path) == [(F(n, 16), number) for n, number in enumerate(numbers)]
    reader = Reader(Media(path), Film(path))
    at = [reader.at(F(n, 16), F(9)).picture.time for n in (7, 2, 9)]
    reader.close()
    assert at == [F(7, 16), F(2, 16), F(9, 16)]


def test_several_runs_lie_in_one_folder(tmp_path: Path) -> None:
    names = [f"a{n:03d}.dpx" for n in range(8)] + [f"b_{n}.png" for n in range(9, 18)]
    names += ["c1.png", "c2.png", "notes.txt", ".h1.png", "a1.wav", "7.png", "007.png"]
    runs = runs_in(tmp_path, names)
    assert [(run.path.name, len(run.names)) for run in runs] == [
        ("a.dpx.ffconcat", 8), ("b.png.ffconcat", 9),
    ]  # fmt: skip
    assert runs[1].numbers == tuple(range(9, 18))
    assert runs[1].names[:2] == ("b_9.png", "b_10.png")  # in the order of numbers, not of letters


def test_its_checksum_is_that_of_the_pictures_wherever_they_lie(tmp_path: Path) -> None:
    def sha(path: Path) -> str:
        return [*checksum(ChecksumRequest(path))][-1].sha256

    pictures(tmp_path / "a", "s%02d.png", [*range(10)])
    path = film_of(tmp_path / "a")
    first, when = sha(path), path.stat().st_mtime_ns
    assert film_of(tmp_path / "a").stat().st_mtime_ns == when  # left alone
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert sha(tmp_path / "b" / path.name) == first
    assert [number for _, number in shown(tmp_path / "b" / path.name)] == [*range(10)]
    shutil.copy(tmp_path / "b" / "s03.png", tmp_path / "b" / "s04.png")
    assert sha(film_of(tmp_path / "b")) != first
    assert sha(film_of(tmp_path / "b", F(24))) != sha(film_of(tmp_path / "b", F(18)))


def test_only_one_picture_is_open_at_a_time(tmp_path: Path) -> None:
    pictures(tmp_path / "a", "s%02d.png", [*range(40)])
    path = film_of(tmp_path / "a")
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files are counted in /proc")
    most = 0
    with Film(path) as film:
        before = len(listed(Path("/proc/self/fd")))
        for _ in film.pictures():
            most = max(most, len(listed(Path("/proc/self/fd"))) - before)
    assert most <= 3


def test_such_a_text_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    pictures(tmp_path / "a", "s%02d.png", [*range(10)])
    path = film_of(tmp_path / "a")
    assert is_numbered(path)
    assert kind_of(path) == "film"
    assert described(tmp_path / "a") == {f"s{n:02d}.png" for n in range(10)}
    other = tmp_path / "list.ffconcat"
    other.write_text("ffconcat version 1.0\nfile 'a.mp4'\n")
    assert not is_numbered(other)
    assert kind_of(other) == "text"
    assert opening(other).options == {}


def test_it_reads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """A list from a stranger may name what is no file."""
    pictures(tmp_path / "a", "s%02d.png", [*range(10)])
    path = film_of(tmp_path / "a")
    text = path.read_text().replace("file 's03.png'", "file 'http://127.0.0.1:9/s03.png'")
    path.write_text(text)
    assert opening(path).options["protocol_whitelist"] == "file"
    with open_file(path) as container:
        assert container.format.name == "concat"


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    pictures(tmp_path / "a", "s%02d.png", [*range(10)])
    (run,) = runs_in(tmp_path / "a", listed(tmp_path / "a"))
    run.path.mkdir()
    with pytest.raises(NotWritten):
        write_film(run, F(18))


def test_ten_bits_keep_their_light(tmp_path: Path) -> None:
    pictures(tmp_path / "a", "s%02d.dpx", [*range(10)])
    with Film(film_of(tmp_path / "a")) as film:
        frame = next(film.pictures()).frame
    assert "10" in frame.format.name
    shown = luma_of(frame.to_ndarray(format="yuv420p"))
    assert abs(int(np.median(shown)) - 120) <= 2
