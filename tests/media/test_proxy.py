"""Proxies hold the pictures of the original, all of them, at their times to the tick."""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from films import (
    bars_around,
    join_ts,
    luma_of,
    make_film,
    numbered,
    numbered_picture,
    read_number,
    turn,
)
from kuleshov.errors import MediaError, MediaNotFound
from kuleshov.footage import Bars
from kuleshov.media.decode import Film, Picture
from kuleshov.media.proxy import Decoded, Proxies, ShapeChanged
from kuleshov.render.frame_readers import Reader
from kuleshov.timeline import Media

F = Fraction
LARGE = (720, 404)

CODINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "b-frames": ("a.mp4", {"gop": 12, "b_frames": 3}),
    "one group": ("a.mp4", {"gop": 250, "b_frames": 2}),
    "open groups": ("a.mkv", {"gop": 10, "options": {"x264-params": "open-gop=1:scenecut=0"}}),
    "transport stream": ("a.ts", {"gop": 25}),
    "mpeg-2": ("a.mpg", {"codec": "mpeg2video", "gop": 15, "b_frames": 2}),
    "film rate": ("a.mp4", {"rate": F(24000, 1001), "gop": 30}),
    "late picture": ("a.mkv", {"picture_start": F(13, 25)}),
}


def number(picture: Picture) -> int | None:
    frame = picture.frame
    return read_number(luma_of(frame.to_ndarray(format="yuv420p")))


def shown(film: Decoded, times: list[F]) -> list[tuple[F, int | None]]:
    """Time and number of the picture that a film shows at each of some times."""
    reader = Reader(Media(film.path), film)
    try:
        found = [reader.at(time, F(10**6)).picture for time in times]
        return [(picture.time, number(picture)) for picture in found]
    finally:
        reader.close()


def pieces(proxies: Proxies) -> list[Path]:
    return sorted(proxies.folder.rglob("*.mp4"))


@pytest.fixture
def proxies(tmp_path: Path) -> Proxies:
    return Proxies(tmp_path / "proxies")


@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_shown_at_any_time_is_the_originals_picture(
    coding: str, tmp_path: Path, proxies: Proxies
) -> None:
    name, how = CODINGS[coding]
    source = make_film(tmp_path / name, numbered(120, LARGE), **{"rate": 25, **how})
    rate = F(how.get("rate", 25))
    rng = random.Random(coding)
    for _ in range(4):
        # A way through the film as clips take it: forward for a while, then somewhere else.
        times = [
            (first + index) / rate + F(rng.randrange(-400, 400), 1000) / rate
            for first in rng.sample(range(110), 4)
            for index in range(rng.randrange(4, 20))
        ]
        times = [max(F(0), time) for time in times]
        with Film(source) as film, proxies.film(source) as small:
            assert max(small.video.width, small.video.height) <= 480
            assert shown(small, times) == shown(film, times)
    assert pieces(proxies)


def test_every_picture_is_decoded_once(
    tmp_path: Path, proxies: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(100, LARGE), gop=20)
    opened: list[F | None] = []
    pictures = Film.pictures

    def counted(self: Film, start: F | None = None) -> Iterator[Picture]:
        if self.path == source:
            opened.append(start)
        return pictures(self, start)

    monkeypatch.setattr(Film, "pictures", counted)
    for first in (50, 45, 40, 55):
        with proxies.film(source) as film:
            wanted = [F(n, 25) for n in range(first, first + 20)]
            assert [n for _, n in shown(film, wanted)] == list(range(first, first + 20))
    assert len(opened) == 2, "the second time only for what comes after picture 70"
    with proxies.film(source) as film:
        assert [n for _, n in shown(film, [F(n, 25) for n in range(40, 74)])] == [*range(40, 74)]
    assert len(opened) == 2


def test_times_of_a_variable_rate_are_kept(tmp_path: Path, proxies: Proxies) -> None:
    rng = random.Random(3)
    times = [F(0)]
    for _ in range(59):
        times.append(times[-1] + F(rng.choice([1500, 3003, 3600, 7200, 90000]), 90000))
    source = make_film(tmp_path / "a.mp4", numbered(60, LARGE), times=times)
    with Film(source) as film:
        wanted = [(picture.pts, picture.time) for picture in film.pictures()]
    assert len({b - a for (a, _), (b, _) in itertools.pairwise(wanted)}) > 3
    for _ in range(2):
        with proxies.film(source) as small:
            assert [(picture.pts, picture.time) for picture in small.pictures()] == wanted
    assert [path.name for path in pieces(proxies)] == ["0_end.mp4"]


def test_a_film_whose_clock_restarts_can_be_sought_in_once_it_was_read(
    tmp_path: Path, proxies: Proxies
) -> None:
    parts = [
        make_film(tmp_path / f"{index}.ts", numbered(50, first=50 * index), gop=10)
        for index in range(3)
    ]
    source = join_ts(parts, tmp_path / "joined.ts")
    times = [F(n, 25) for n in (120, 121, 122, 3, 4, 46, 47, 48, 49, 50, 51)]
    with Film(source) as film:
        wanted = shown(film, times)
    assert [n for _, n in wanted] == [120, 121, 122, 3, 4, 46, 47, 48, 49, 50, 51]
    for _ in range(2):
        with proxies.film(source) as small:
            assert shown(small, times) == wanted
            assert not small.video.discontinuous


def test_small_films_are_read_as_they_are(tmp_path: Path, proxies: Proxies) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(20, (640, 360)))
    for _ in range(2):
        with proxies.film(source, bars=Bars(top=10)) as film:
            assert not film.bare
            assert (film.video.width, film.video.height) == (640, 360)
            assert [n for _, n in shown(film, [F(7, 25)])] == [7]
    assert not pieces(proxies)


def test_proxies_are_upright_without_bars_and_of_the_same_shape(
    tmp_path: Path, proxies: Proxies
) -> None:
    bars = Bars(left=40, top=62, right=40, bottom=22)
    upright = bars_around(numbered_picture(1234, (640, 400)), bars)
    height, width = luma_of(upright).shape
    turned = np.rot90(luma_of(upright), 1)  # a phone held so
    coded = np.full((width * 3 // 2, height), 128, np.uint8)
    coded[:width] = turned
    source = make_film(tmp_path / "a.mp4", [coded] * 15, aspect=F(4, 3))
    turn(source, 90)
    for _ in range(2):
        with proxies.film(source, bars=bars) as film:
            picture = next(iter(film.pictures()))
            assert film.bare
            assert (film.video.rotation, film.video.mirrored) == (0, False)
            size = (picture.frame.width, picture.frame.height)
            assert size == (film.video.width, film.video.height)
            shape = F(*size) * film.video.aspect
            assert shape == F(640, 400) / F(4, 3) == film.video.active_aspect
            luma = luma_of(picture.frame.to_ndarray(format="yuv420p"))
            assert read_number(luma) == 1234
            assert luma.min() > 30


def test_a_film_that_changes_its_size_is_read_as_it_is(tmp_path: Path, proxies: Proxies) -> None:
    parts = [
        make_film(tmp_path / f"{k}.ts", numbered(30, size, 30 * k), 25)
        for k, size in enumerate((LARGE, (768, 576)))
    ]
    source = join_ts(parts, tmp_path / "joined.ts")
    with proxies.film(source) as film, pytest.raises(ShapeChanged):
        list(film.pictures())
    with proxies.film(source) as film:
        assert [number(picture) for picture in film.pictures()] == list(range(60))
        assert not film.bare


def test_bars_and_content_make_another_proxy(tmp_path: Path, proxies: Proxies) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(20, LARGE))
    for checksum, bars in (("x", Bars()), ("x", Bars(top=20)), ("y", Bars()), ("x", Bars())):
        with proxies.film(source, checksum, bars) as film:
            list(film.pictures())
    assert len(pieces(proxies)) == 3


def test_damaged_and_missing_pieces_are_made_again(tmp_path: Path, proxies: Proxies) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(60, LARGE))
    for harm in (lambda path: path.write_bytes(b"no film"), Path.unlink):
        with proxies.film(source) as film:
            assert [number(p) for p in film.pictures()] == list(range(60))
        (piece,) = pieces(proxies)
        with proxies.film(source) as film:
            pictures = iter(film.pictures())
            harm(piece)
            assert [number(p) for p in pictures] == list(range(60))


def test_together_they_take_no_more_than_the_limit(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(60, LARGE))
    proxies = Proxies(tmp_path / "proxies", limit=60_000)
    assert pickle.loads(pickle.dumps(proxies)).limit == proxies.limit
    for index in range(8):
        with proxies.film(source, str(index)) as film:
            list(film.pictures())
    assert 0 < proxies.kept.usage().bytes <= proxies.limit
    assert proxies.kept.empty().entries > 0
    assert not list(proxies.folder.rglob("*"))


def test_without_room_pictures_come_all_the_same(
    tmp_path: Path, proxies: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(60, LARGE))

    def full(*what: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kuleshov.media.proxy.new_beside", full)
    with proxies.film(source) as film:
        assert [number(p) for p in film.pictures()] == list(range(60))


def test_what_cannot_be_read_says_so_though_there_are_proxies(
    tmp_path: Path, proxies: Proxies
) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(30, LARGE))
    with proxies.film(source, "x") as film:
        list(film.pictures())
    source.unlink()
    with pytest.raises(MediaNotFound):
        proxies.film(source, "x")
    source.write_bytes(b"no film at all")
    with pytest.raises(MediaError):
        proxies.film(source, "y")
