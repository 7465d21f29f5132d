"""Still pictures: whole, upright, in their colours, as a film of one picture."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kuleshov.errors import MediaError
from kuleshov.media.decode import Film, open_file
from kuleshov.media.pictures import as_film, is_heic, is_picture, open_picture

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 30)
HEIC = base64.b64decode(
    """
    AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAwBtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA
    AAAAAAAAAAAAABBpZGF0AAACAQCAAMAAAACwaWxvYwEAAABEQAAIAAEAAQAAAAAAAAABAAAAAAAAAAgAAgAAAAAA
    AAMkAAEAAAAAAAAAHQADAAAAAAAAA0EAAQAAAAAAAAAcAAQAAAAAAAADXQABAAAAAAAAADwABQAAAAAAAAOZAAEA
    AAAAAAAAKgAGAAAAAAAAA8MAAQAAAAAAAAAcAAcAAAAAAAAD3wABAAAAAAAAABwACAAAAAAAAAP7AAEAAAAAAAAA
    JAAAALZpaW5mAAAAAAAIAAAAFWluZmUCAAAAAAEAAGdyaWQAAAAAFWluZmUCAAABAAIAAGh2YzEAAAAAFWluZmUC
    AAABAAMAAGh2YzEAAAAAFWluZmUCAAABAAQAAGh2YzEAAAAAFWluZmUCAAABAAUAAGh2YzEAAAAAFWluZmUCAAAB
    AAYAAGh2YzEAAAAAFWluZmUCAAABAAcAAGh2YzEAAAAAFWluZmUCAAABAAgAAEV4aWYAAAAADnBpdG0AAAAAAAEA
    AAEdaXBycAAAANRpcGNvAAAAFGlzcGUAAAAAAAAAgAAAAMAAAAB4aHZjQwEDcAAAAJAAAAAAAB7wAPz9+PgAAA8D
    YAABABhAAQwB//8DcAAAAwCQAAADAAADAB66AkBhAAEAK0IBAQNwAAADAJAAAAMAAAMAHqAggQWW6kkprm4CGgwI
    AAADAMgAAAMACEBiAAEAB0QBwXKwIkAAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAQ
    cGl4aQAAAAADCAgIAAAACWlyb3QDAAAAQWlwbWEAAAAAAAAABwABBAGFA4YAAgSCAwQFAAMEggMEBQAEBIIDBAUA
    BQSCAwQFAAYEggMEBQAHBIIDBAUAAAAyaXJlZgAAAAAAAAAYZGltZwABAAYAAgADAAQABQAGAAcAAAAOY2RzYwAI
    AAEAAQAAAQNtZGF0AAAAGSgBrxOA5qhw0//9oFH/8AmeH5Pcy0nm/fAAAAAYKAGvE4DmqHDTv8lR//cs6v/YUOtJ
    5v3wAAAAOCgBrxOAeNZTVEf//mCdv/aF6f/BplA/4P/8KOCP6heH/5NREBuSAA2/3M8/F7P7vWLgPC/ADymAAAAA
    JigBrxOA5qhw07/JUf/3LOr/2FDrQljj+kKG/9BCufprJXNE+Eu6AAAAGCgBrxOA5TPAn//1eKK/9kF1f6HUrVD1
    PgAAABgoAa8TgOUzwJ3/9gKj//aIs8Omma1Q9T4AAAAGRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAA=
    """
)
"""A photo of 128 x 192 in six tiles, red and green above blue and yellow, taken with the camera on
its side (orientation 6)."""


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green above blue and yellow."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return Image.fromarray(pixels)


def corners(path: Path) -> list[tuple[int, int, int]]:
    """The colours of the four quarters of what a reader of films is shown, as their nearest."""
    with as_film(path) as readable, Film(readable) as film:
        shown = next(film.pictures()).frame.to_ndarray(format="rgb24")
        assert film.video.rotation == 0
    height, width = shown.shape[:2]
    found = []
    for y, x in ((1, 1), (1, 3), (3, 1), (3, 3)):
        pixel = shown[y * height // 4, x * width // 4].astype(int)
        nearest = min(
            (RED, GREEN, BLUE, YELLOW, (128, 128, 128)), key=lambda c: abs(pixel - c).sum()
        )
        assert abs(pixel - nearest).max() < 30, (pixel, nearest)
        found.append(nearest)
    return found


@pytest.mark.slow
def test_a_photo_in_tiles_is_shown_whole_and_upright(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif", reason="HEIC is read with kuleshov[heic]")
    path = tmp_path / "photo.jpg"  # whatever it is called
    path.write_bytes(HEIC)
    assert open_picture(path, 2160).size == (192, 128)
    assert corners(path) == [BLUE, RED, YELLOW, GREEN]


def test_without_the_package_a_photo_in_heic_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    path = tmp_path / "photo.heic"
    path.write_bytes(HEIC)
    assert is_picture(path)
    assert is_heic(path)
    with pytest.raises(MediaError, match=r"kuleshov\[heic\]"):
        open_picture(path, 64)


def test_a_photo_in_heic_is_never_a_film_of_one_of_its_tiles(tmp_path: Path) -> None:
    path = tmp_path / "photo.mp4"
    path.write_bytes(HEIC)
    with pytest.raises(MediaError, match="photo in HEIC, and no film"):
        open_file(path)


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_stand_upright(kind: str, orientation: int, tmp_path: Path) -> None:
    """All eight ways in which a camera may be held, mirrored ones too."""
    upright = [RED, GREEN, BLUE, YELLOW]
    turn = [None, 0, 3, 1, 5, 2, 6, 4][orientation - 1]  # the way back, by Pillow's numbers
    coded = quarters() if turn is None else quarters().transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.bin"
    coded.save(path, kind, exif=exif, quality=95)
    assert corners(path) == upright


@pytest.mark.slow
def test_cmyk_palettes_and_alpha_have_their_colours(tmp_path: Path) -> None:
    whole = [RED, GREEN, BLUE, YELLOW]
    quarters().convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert corners(tmp_path / "c.jpg") == whole
    quarters().quantize(16).save(tmp_path / "p.png")
    assert corners(tmp_path / "p.png") == whole
    clear = quarters().convert("RGBA")
    clear.paste((255, 0, 0, 0), (0, 0, 48, 32))
    for name in ("a.png", "a.webp", "a.tif"):
        clear.save(tmp_path / name)
        assert corners(tmp_path / name) == [(128, 128, 128), GREEN, BLUE, YELLOW]


def test_sixteen_bits_keep_their_light(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(1, -1).repeat(64, 0)
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        grey = np.asarray(open_picture(tmp_path / name, 64))[0, :, 0].astype(int)
        assert abs(grey - np.arange(256)).max() <= 1


def test_a_bomb_costs_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for name in ("a.jpg", "a.png", "a.webp", "a.tif", "a.bmp", "a.avif"):
        quarters().save(tmp_path / name)
        with pytest.raises(MediaError, match="too many pixels"):
            open_picture(tmp_path / name, 64)


def test_what_moves_and_what_is_a_film_is_left_to_the_reader_of_films(tmp_path: Path) -> None:
    moving = [quarters(), quarters().rotate(180)]
    for name in ("a.webp", "a.png", "a.gif"):
        moving[0].save(tmp_path / name, save_all=True, append_images=moving[1:])
        assert not is_picture(tmp_path / name)
    quarters().save(tmp_path / "film.mjpeg", "JPEG")
    quarters().save(tmp_path / "photo.mp4", "JPEG")
    assert not is_picture(tmp_path / "film.mjpeg")
    assert is_picture(tmp_path / "photo.mp4")
    assert not is_picture(tmp_path / "none.jpg")
    with as_film(tmp_path / "a.gif") as same:
        assert same == tmp_path / "a.gif"


def test_damaged_pictures_cost_a_sentence(tmp_path: Path) -> None:
    quarters(960, 640).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError, match="damaged"), as_film(tmp_path / "a.jpg"):
        pass


def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quarters().save(tmp_path / "a.png")
    with as_film(tmp_path / "a.png") as readable:
        assert readable.name == "a.png"
        assert readable.is_file()
    assert not readable.exists()
