from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from films import bars_around, flat, make_film, with_tags
from kuleshov.desk.asking import Ask
from kuleshov.desk.seeing import footage_to_see, origins
from kuleshov.errors import MediaError, UsageError
from kuleshov.footage import Bars, Slate
from kuleshov.notes import texts
from kuleshov.see.training.files import found_in
from kuleshov.see.training.gathering import FLOOR, GatherOptions, gather
from kuleshov.see.training.holdout import held_out
from kuleshov.see.training.pictures import FilmPart, PictureOrigin, Pictures
from kuleshov.see.training.reading import WantedPicture, film_of, read_film, read_still
from kuleshov.see.training.sheet import sheet
from kuleshov.see.training.sifting import is_blank, sharpness
from told import Told

SMALL = GatherOptions(size=64, most=100, least=0)
SIDE = SMALL.side


def scene(seed: int, width: int = 160, height: int = 96, smooth: float = 0) -> NDArray[np.uint8]:
    """A picture with shapes of all sizes, as nature has: no two seeds alike."""
    rng = np.random.default_rng(seed)
    light = np.zeros((height, width))
    for cells in (3, 6, 12, 24, 48, 96):
        grain = rng.integers(0, 256, (cells * height // width + 1, cells), np.uint8)
        grown = Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)
        light += (np.asarray(grown, float) - 128) / cells**0.7
    tint = rng.uniform(0.6, 1, 3)
    pixels = np.clip((light[..., None] * 1.2 + 128) * tint, 0, 255).astype(np.uint8)
    if smooth:
        blur = ImageFilter.GaussianBlur(smooth)
        return np.asarray(Image.fromarray(pixels).filter(blur))
    return pixels


def still(path: Path, pixels: NDArray[Any], **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)
    return path


def stills(folder: Path, count: int, first: int = 0) -> Path:
    for number in range(first, first + count):
        still(folder / f"{number:04}.png", scene(number))
    return folder


def yuv(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Its light, as tests/films.py has pictures."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), float)
    made = flat(128, size=(pixels.shape[1], pixels.shape[0]))
    made[: pixels.shape[0]] = (16 + grey * 219 / 255).astype(np.uint8)
    return made


def panned(count: int, step: int = 4, seed: int = 0) -> list[NDArray[np.uint8]]:
    """A camera that moves along a landscape."""
    wide = scene(seed, 160 + step * count, 96)
    return [yuv(np.ascontiguousarray(wide[:, k : k + 160])) for k in range(0, step * count, step)]


def seen(folder: Path, options: GatherOptions = SMALL) -> Pictures:
    return gather(found_in(folder), options)


# ---------------------------------------------------------------- what is found


def test_films_and_pictures_are_found_in_folders_and_nothing_else(tmp_path: Path) -> None:
    stills(tmp_path / "b", 1)
    make_film(tmp_path / "a.mp4", [flat(90)] * 3)
    for name in ("notes.txt", ".hidden.png", "b/.git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [span.path.name for span in found_in(tmp_path)] == ["a.mp4", "0000.png"]
    assert found_in(tmp_path / "notes.txt") == [FilmPart(tmp_path / "notes.txt")]


def test_what_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist: name a film"):
        found_in(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no film and no picture"):
        found_in(tmp_path)


# ---------------------------------------------------------------- how it is read


@pytest.mark.slow
def test_pictures_keep_their_shape_and_are_made_no_larger_than_needed(tmp_path: Path) -> None:
    stills(tmp_path, 30)
    still(tmp_path / "tall.png", scene(77, 200, 320))
    still(tmp_path / "middling.png", scene(78, 96, 70))
    still(tmp_path / "little.png", scene(79, 90, 50))
    got = seen(tmp_path)
    shapes = {place.path.stem: p.shape for place, p in zip(got.places, got.pixels, strict=True)}
    assert shapes["0000"] == (SIDE, round(SIDE * 160 / 96), 3)
    assert shapes["tall"] == (round(SIDE * 320 / 200), SIDE, 3)
    assert shapes["middling"] == (70, 96, 3)  # between the crop's side and 1.3 times that
    assert shapes["little"][0] == 64  # enlarged to the crop's side, and said
    assert any("Enlarged to 64 pixels: 1 of 33 pictures" in note for note in texts(got.notes))


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.full((80, 160, 3), 60, np.uint8)
    pixels[:, :80] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise for display
    turned = read_still(still(tmp_path / "a.jpg", pixels, exif=exif), 80)
    assert turned.shape == (160, 80, 3)
    assert turned[20].mean() > 190
    assert turned[140].mean() < 70


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp"])
def test_all_usual_kinds_of_pictures_are_read(tmp_path: Path, suffix: str) -> None:
    pixels = scene(5)
    got = read_still(still(tmp_path / f"a.{suffix}", pixels), 96)
    assert np.abs(got.astype(int) - pixels).mean() < 8


def test_what_is_transparent_lies_on_grey_and_deep_grey_is_not_clipped(tmp_path: Path) -> None:
    clear = np.zeros((80, 80, 4), np.uint8)
    assert (read_still(still(tmp_path / "clear.png", clear), 80) == 128).all()
    deep = np.full((80, 80), 32768, np.uint16)
    assert (read_still(still(tmp_path / "deep.png", deep), 80) == 128).all()


def test_a_film_is_cut_to_its_picture_and_stands_upright(tmp_path: Path) -> None:
    bars = Bars(0, 24, 0, 24)
    pictures = [bars_around(picture, bars) for picture in panned(40)]
    film = make_film(tmp_path / "a.mp4", pictures, rotation=90)
    video, _ = film_of(film)
    (_, pixels), *_ = read_film(
        film, video, [WantedPicture(Fraction(0), Fraction(1), Fraction(0))], SIDE
    )
    height, width = pixels.shape[:2]
    assert height / width == pytest.approx(160 / 96, rel=0.1)
    assert pixels.min(axis=(0, 2)).max() > 30  # no bar is left


def test_only_the_part_of_a_film_that_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", panned(200), gop=50)
    got = gather(
        [FilmPart(film, Fraction(2), Fraction(4)), FilmPart(film, Fraction(6), Fraction(7))], SMALL
    )
    times = [place.time for place in got.places]
    assert all(time is not None and (2 <= time < 4 or 6 <= time < 7) for time in times)
    assert times == sorted(set(times), key=lambda time: time or 0)


@pytest.mark.slow
def test_pictures_far_apart_are_sought_and_each_is_given_once(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", panned(300), gop=20)
    video, _ = film_of(film)
    wanted = [WantedPicture(Fraction(k), Fraction(k) + 1, Fraction(0)) for k in (0, 4, 5, 9)]
    times = [time for time, _ in read_film(film, video, wanted, SIDE)]
    assert [int(time) for time in times] == [0, 4, 5, 9]
    # Key frames, at most 0.8 s apart, may be early.
    early = [time for time, _ in read_film(film, video, wanted, SIDE, 0.5)]
    assert len(set(early)) == 4
    for want, time in zip(wanted, early, strict=True):
        assert want.begin - Fraction(4, 5) < time < want.end


@pytest.mark.slow
def test_a_film_with_one_key_frame_is_read_all_the_same(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", panned(250), gop=1000)
    video, _ = film_of(film)
    wanted = [WantedPicture(Fraction(k), Fraction(k) + 1, Fraction(0)) for k in range(10)]
    assert len(list(read_film(film, video, wanted, SIDE, 0.5))) == 10


# ---------------------------------------------------------------- what is left out


@pytest.mark.slow
def test_black_and_blank_pictures_are_left_out(tmp_path: Path) -> None:
    stills(tmp_path, 26)
    for name, level in (("black", 5), ("grey", 130)):
        still(tmp_path / f"{name}.png", np.full((96, 160, 3), level, np.uint8))
    got = seen(tmp_path)
    assert got.refused == {"black or blank": 2}
    assert len(got) == 26
    assert {one.place.path.stem for one in got.dropped} == {"black", "grey"}
    haze = np.linspace(100, 140, 160)[None, :, None] * np.ones((96, 1, 3))
    assert not is_blank(haze.astype(np.uint8))


@pytest.mark.slow
def test_what_is_blurred_beside_the_others_is_left_out(tmp_path: Path) -> None:
    stills(tmp_path, 26)
    still(tmp_path / "soft.png", scene(300, smooth=4))
    got = seen(tmp_path)
    assert got.refused == {"blurred": 1}
    assert all(place.path.stem != "soft" for place in got.places)


@pytest.mark.slow
def test_where_all_is_soft_nothing_is_blurred(tmp_path: Path) -> None:
    for number in range(30):
        still(tmp_path / f"{number}.png", scene(number, smooth=4))
    got = seen(tmp_path)
    assert "blurred" not in got.refused
    assert len(got) == 30


def test_sharpness_does_not_go_by_contrast() -> None:
    sharp, soft = scene(1, 300, 180), scene(1, 300, 180, smooth=4)
    faint = (sharp.astype(float) * 0.4 + 80).astype(np.uint8)
    assert sharpness(faint) == pytest.approx(sharpness(sharp), rel=0.25)
    assert sharpness(soft) < 0.7 * sharpness(faint)


@pytest.mark.slow
def test_a_picture_that_is_there_already_is_left_out_and_the_sharper_one_stays(
    tmp_path: Path,
) -> None:
    stills(tmp_path, 26)
    still(tmp_path / "again.jpg", scene(3), quality=70)
    still(tmp_path / "0004.jpg", scene(4, smooth=0.7))
    got = seen(tmp_path)
    assert got.refused == {"near-duplicate": 2}
    assert PictureOrigin(tmp_path / "0004.png", None) in got.places


@pytest.mark.slow
def test_a_camera_that_stands_still_gives_few_pictures_and_that_is_said(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", [yuv(scene(1))] * 100 + panned(60))
    got = gather([FilmPart(film)], GatherOptions(size=64, most=400, least=100))
    assert FLOOR <= len(got) <= 62
    assert got.refused["near-duplicate"] >= 90
    assert any("more are nearly the same" in note for note in texts(got.notes))


@pytest.mark.slow
def test_pictures_that_are_too_small_are_counted_and_a_size_is_named(tmp_path: Path) -> None:
    stills(tmp_path, 30)
    with pytest.raises(UsageError, match=r"30 too small\): try a size of 128\."):
        seen(tmp_path, GatherOptions(size=256))


@pytest.mark.slow
def test_what_cannot_be_read_is_counted_and_named(tmp_path: Path) -> None:
    stills(tmp_path, 26)
    whole = (tmp_path / "0001.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    (tmp_path / "no.mp4").write_bytes(b"no film")
    got = seen(tmp_path)
    assert got.refused == {"unreadable": 3}
    assert sum("Not read: " in note for note in texts(got.notes)) == 3


def test_one_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no film")
    with pytest.raises(MediaError, match="no film"):
        gather([FilmPart(tmp_path / "no.mp4")], SMALL)


# ---------------------------------------------------------------- too few


@pytest.mark.slow
def test_too_few_pictures_are_refused_with_the_reasons(tmp_path: Path) -> None:
    stills(tmp_path, FLOOR - 4)
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    sentence = r"24 pictures are needed .* and 20 pictures .*\(of 21 looked at, 1 unreadable\): add"
    with pytest.raises(UsageError, match=sentence):
        seen(tmp_path)


@pytest.mark.slow
def test_pictures_that_are_all_one_are_refused_and_that_is_said(tmp_path: Path) -> None:
    for number in range(40):
        still(tmp_path / f"{number}.png", scene(0))
    with pytest.raises(UsageError, match=r"The 40 pictures in .* are nearly all alike: 1 differs"):
        seen(tmp_path)


@pytest.mark.slow
def test_few_pictures_are_taken_with_a_warning(tmp_path: Path) -> None:
    got = seen(stills(tmp_path, 30), GatherOptions(size=64, least=200))
    assert len(got) == 30
    assert got.notes[0].text.startswith("Only 30 pictures to train on: 200 or more are better")


@pytest.mark.parametrize(
    "wrong", [{"size": 100}, {"size": 32}, {"most": 5}, {"least": -1}, {"apart": Fraction(0)}]
)
def test_options_check_themselves(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        GatherOptions(**wrong)


# ---------------------------------------------------------------- how many, and from where


@pytest.mark.slow
def test_all_footage_has_its_even_share_of_the_most(tmp_path: Path) -> None:
    first = make_film(tmp_path / "a.mp4", panned(200, seed=1))
    second = make_film(tmp_path / "b.mp4", panned(100, seed=2))
    got = gather([FilmPart(first), FilmPart(second)], GatherOptions(size=64, most=30, least=0))
    assert len(got) <= 30
    count = sum(place.path == first for place in got.places)
    assert count == pytest.approx(2 * (len(got) - count), abs=4)
    times = [float(p.time or 0) for p in got.places if p.path == first]
    assert times[0] < 1
    assert times[-1] > 7


@pytest.mark.slow
def test_the_same_footage_gives_the_same_pictures_and_another_seed_others(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", panned(200))
    one, two = (
        gather([FilmPart(film)], GatherOptions(size=64, most=30, least=0)) for _ in range(2)
    )
    assert one.places == two.places
    assert all(np.array_equal(a, b) for a, b in zip(one.pixels, two.pixels, strict=True))
    other = gather([FilmPart(film)], GatherOptions(size=64, most=30, least=0, seed=1))
    assert other.places != one.places


@pytest.mark.slow
def test_it_is_told_how_far_one_is(tmp_path: Path) -> None:
    job = Told()
    gather(found_in(stills(tmp_path, 26)), SMALL, job)
    assert [done for _, done, _ in job.moves] == list(range(27))
    assert {of for _, _, of in job.moves} == {26}


# ---------------------------------------------------------------- held out, sheet, origins


def pictures(count: int, step: Fraction = Fraction(1, 10), films: int = 1) -> Pictures:
    pixels = np.zeros((8, 8, 3), np.uint8)
    each = -(-count // films)
    places = [PictureOrigin(Path(f"{k // each:02}.mp4"), k % each * step) for k in range(count)]
    return Pictures((pixels,) * count, tuple(places))


@pytest.mark.parametrize(("count", "films"), [(30, 1), (100, 1), (500, 7), (400, 1)])
def test_what_is_held_out_has_no_neighbours_in_training(count: int, films: int) -> None:
    whole = pictures(count, films=films)
    train, held = held_out(whole)
    assert len(held) == max(4, round(count / 10))
    assert len(train) >= 0.6 * count
    for one in held.places:
        for other in train.places:
            apart = (one.time or Fraction()) - (other.time or Fraction())
            assert one.path != other.path or abs(apart) >= Fraction(1, 2)
    assert held_out(whole)[1].places == held.places


def test_little_is_held_out_of_little(tmp_path: Path) -> None:
    train, held = held_out(pictures(6, Fraction(2)))
    assert (len(train), len(held)) == (4, 2)
    train, held = held_out(pictures(40), 0)
    assert (len(train), len(held)) == (40, 0)
    with pytest.raises(UsageError, match="At most half"):
        held_out(pictures(40), 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_sheet_shows_what_was_taken_and_what_was_not(tmp_path: Path, suffix: str) -> None:
    stills(tmp_path / "in", 26)
    still(tmp_path / "in" / "white.png", np.full((96, 160, 3), 255, np.uint8))
    sheet(seen(tmp_path / "in"), tmp_path / f"sheet{suffix}", "Träume")
    with Image.open(tmp_path / f"sheet{suffix}") as drawn:
        pixels = np.asarray(drawn.convert("RGB"), int)
    assert pixels.shape[1] > 1600
    white = np.all(pixels > 250, axis=2)
    assert white[-200:].sum() > 3000  # what was left out is at its end
    taken = pixels[100:190, 40:180].reshape(-1, 3)
    assert taken.std() > 20


def test_a_sheet_is_a_png_or_a_jpeg(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PNG or JPEG"):
        sheet(pictures(3), tmp_path / "sheet.pdf")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_origins_come_from_slates_then_from_the_files(tmp_path: Path) -> None:
    plain = make_film(tmp_path / "plain.mp4", panned(3))
    film = with_tags(plain, tmp_path / "a.mp4", title="Surf", artist="Ada")
    exif = Image.Exif()
    exif[0x013B] = "Lin"
    photo = still(tmp_path / "b.jpg", scene(1), exif=exif)
    pixels = np.zeros((8, 8, 3), np.uint8)
    places = (
        PictureOrigin(film, Fraction(0)),
        PictureOrigin(film, Fraction(1)),
        PictureOrigin(photo, None),
    )
    got = origins(Pictures((pixels,) * 3, places), {film: Slate(author="Bo", licence="CC0 1.0")})
    assert [(o.name, o.pictures, o.title, o.author, o.licence) for o in got] == [
        ("a.mp4", 2, "Surf", "Bo", "CC0 1.0"),
        ("b.jpg", 1, "", "Lin", ""),
    ]


def test_what_is_named_is_taken_and_something_must_be(tmp_path: Path) -> None:
    stills(tmp_path, 3)
    twice = footage_to_see([tmp_path, tmp_path / "0001.png"], None, None)
    assert [span.path.name for span in twice.spans] == ["0000.png", "0001.png", "0002.png"]
    with pytest.raises(UsageError, match="Name films, pictures or folders"):
        footage_to_see([], None, None)
    with pytest.raises(UsageError, match="no archive to search"):
        footage_to_see([], Ask(words="waves"), None)


# ---------------------------------------------------------------- real footage


@pytest.mark.slow
def test_slow_waves_are_not_called_blurred_and_give_enough(footage: Path) -> None:
    film = footage / "archive" / "ocean.mp4"
    if not film.is_file():
        pytest.skip(f"{film} is not there")
    got = gather([FilmPart(film)], GatherOptions(size=64))
    assert len(got) >= 60
    assert "blurred" not in got.refused
    assert got.refused["near-duplicate"] > 40  # it is slowed down
