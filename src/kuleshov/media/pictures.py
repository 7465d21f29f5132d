"""Open still pictures, whole and upright, in the colours of screens.

    open_picture(path, 1080)          # JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP: by Pillow
    with as_film(path) as readable:   # what a reader of films takes: a picture as a plain PNG
        ...

FFmpeg decodes pictures as well, but of a photo in tiles, as telephones write HEIC and AVIF, it
gives the first tile; it leaves photos lying on their side, shows what lies behind transparency, and
takes CMYK for RGB. HEIC needs pi-heif (`kuleshov[heic]`), which brings libheif, without encoders.
"""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.errors import NOT_THERE, MediaError, MediaNotFound
from kuleshov.media.guard import guarded
from kuleshov.media.hand import check_openable, in_hand

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

__all__ = ["STILLS", "as_film", "is_heic", "is_picture", "open_picture", "resized"]

STILLS = frozenset(
    {".avif", ".bmp", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg", ".jpg"}
    | {".png", ".tif", ".tiff", ".webp"}
)
"""Names of files that are pictures."""

_GREY = (128, 128, 128)  # behind what is transparent: the middle of what a lens sees
_LARGEST = 2160  # pixels of the shorter side; no network looks at more
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"II*\0", b"MM\0*", b"BM")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_AVIF = (b"avif",)
_FILMS_OF_JPEGS = (".mjpeg", ".mjpg")


def is_picture(path: Path) -> bool:
    """Return whether a file holds one still picture that `open_picture` knows, by its beginning."""
    head = _head(path)
    if head.startswith(b"\x89PNG"):
        return b"acTL" not in head.partition(b"IDAT")[0]  # else it moves
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return not (head[12:16] == b"VP8X" and head[20] & 2)  # else it moves
    if head.startswith(b"\xff\xd8\xff"):
        return path.suffix.lower() not in _FILMS_OF_JPEGS
    return head.startswith(_BEGINNINGS) or _brand(head) in (*_HEIC, *_AVIF)


def is_heic(path: Path) -> bool:
    """Return whether a file is a photo, or several, in HEIC."""
    head = _head(path)
    # `mif1` says only that there are pictures; what they are compressed with stands behind it.
    return _brand(head) in _HEIC and b"avif" not in head[12:40]


def open_picture(path: Path, side: int) -> Image:
    """Return a picture in 8-bit RGB, turned as its camera says, no shorter side above `side`.

    Colours are brought to sRGB; what is transparent lies on middle grey. Raises `MediaError`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Of damaged tags, and of pictures above 89 megapixels: those are wanted as well.
            warnings.simplefilter("ignore")
            check_openable(path)
            with in_hand(path), _opened(path) as opened:
                opened.draft("RGB", (2 * side, 2 * side))
                profile = opened.info.get("icc_profile")
                picture = _plain(ImageOps.exif_transpose(opened))
            return _in_srgb(resized(picture, side), profile)
    except FileNotFoundError as error:
        raise MediaNotFound(path, NOT_THERE) from error
    except UnidentifiedImageError as error:
        raise MediaError(
            path, "it is damaged, or no picture: try another copy, or save it as PNG."
        ) from error
    except Image.DecompressionBombError as error:
        raise MediaError(path, "it has too many pixels: make it smaller.") from error
    except PermissionError as error:
        raise MediaError(path, "it may not be read: check its permissions.") from error
    # Pillow's readers raise all of these on damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError) as error:
        raise MediaError(path, "it is damaged or cut short: try another copy of it.") from error
    except (MemoryError, ArithmeticError, RuntimeError) as error:
        raise MediaError(
            path, "it is damaged, or too large: try another copy, or a smaller one."
        ) from error


@contextlib.contextmanager
def as_film(path: Path) -> Iterator[Path]:
    """Yield the path of a film that shows the picture.

    It is the path itself where that is not a picture, or one that FFmpeg reads better than Pillow.
    It is decoded in a process of its own. Raises `MediaError`.
    """
    if not is_picture(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kuleshov-") as folder:
        plain = Path(folder, f"{path.stem}.png")
        try:
            guarded(_write_plain, path, plain)
        except MediaError as error:
            if is_heic(path) or "no picture" not in error.reason:
                raise
            plain = path  # TIFF has kinds of which Pillow knows nothing
        yield plain


def _write_plain(path: Path, plain: Path) -> None:
    open_picture(path, _LARGEST).save(plain, "PNG", compress_level=1)


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():  # a pipe would be waited for
            return b""
        with path.open("rb") as file:
            return file.read(1024)
    except OSError:
        return b""


def _brand(head: bytes) -> bytes:
    return head[8:12] if head[4:8] == b"ftyp" else b""


def _opened(path: Path) -> ImageFile:
    from PIL import Image

    if not is_heic(path):
        return Image.open(path)
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        raise MediaError(
            path, "it is a photo in HEIC: to read these, pip install 'kuleshov[heic]'."
        ) from None
    found: ImageFile = HeifImageFile(path)
    if found.width * found.height > 2 * (Image.MAX_IMAGE_PIXELS or 0):
        raise Image.DecompressionBombError
    return found


def resized(picture: Image, side: int, *, enlarged: bool = False) -> Image:
    """Return the picture with a shorter side of `side`.

    Smaller ones are left as they are unless `enlarged`.
    """
    from PIL.Image import Resampling

    shorter = min(picture.size)
    if shorter == side or (shorter < side and not enlarged):
        return picture
    width, height = (max(1, round(length * side / shorter)) for length in picture.size)
    return picture.resize((width, height), Resampling.LANCZOS, reducing_gap=3.0)


def _plain(picture: Image) -> Image:
    """Return a picture in eight bits of red, green and blue, opaque."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        return _eight_bits(picture)
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        over = picture.convert("RGBA")
        ground = Image.new("RGBA", over.size, (*_GREY, 255))
        return Image.alpha_composite(ground, over).convert("RGB")
    return picture.convert("RGB")


def _eight_bits(picture: Image) -> Image:
    """Return grey of more bits in eight: Pillow would clip it."""
    from PIL import Image

    light: NDArray[Any] = np.asarray(picture).astype(np.float64)
    light = np.nan_to_num(light)
    # Floats run from 0 to 1, integers over 16 bits; what says otherwise by its values, as it is.
    white = 1.0 if picture.mode == "F" else 65535.0
    if light.max(initial=0.0) > white or (picture.mode == "I" and light.max(initial=0.0) < 256):
        white = 255.0 if light.max(initial=0.0) < 256 else float(light.max())
    return Image.fromarray((np.clip(light / white, 0, 1) * 255).round().astype(np.uint8)).convert(
        "RGB"
    )


def _in_srgb(picture: Image, profile: bytes | None) -> Image:
    """Return a picture in the colours of a screen for films.

    They are converted where the picture says what they are.
    """
    if not profile:
        return picture
    import io

    from PIL import ImageCms

    # A profile that does not fit (of CMYK, damaged) tells nothing.
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"))
        return shown if shown is not None else picture
    return picture
