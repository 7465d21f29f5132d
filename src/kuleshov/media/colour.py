"""One rule for colour: what an untagged picture is taken for, and what films are written in.

Films are written in limited range (black is Y=16): BT.709 from 720 lines up, BT.601 below, and
tagged so. Untagged pictures are read by the same rule, as players do; grey and RGB ones, and the
`yuvj` formats of JPEG, are full range unless they say otherwise. Only the matrix and the range are
converted: primaries of standard-definition video differ too little to be worth a pass in linear
light, and HDR is not tone-mapped here.
"""

from __future__ import annotations

from dataclasses import dataclass

import av

__all__ = ["Colour", "colour_of", "conversion", "film_colour", "tag"]

_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_UNSPECIFIED = 2  # of matrix, primaries and transfer
_BT709, _BT601 = 1, 6  # the same numbers for matrix, primaries and transfer
_HD_LINES = 720
# Names of AVColorSpace for the filters `scale` and `colorspace`; what is missing counts as BT.601.
_SCALE_NAMES = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
_SPACE_NAMES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}


@dataclass(frozen=True)
class Colour:
    """Matrix (FFmpeg's AVColorSpace number; 0 is RGB) and range of a picture."""

    matrix: int
    full_range: bool = False


def film_colour(height: int) -> Colour:
    """What a film of that many lines is written in."""
    return Colour(_BT709 if height >= _HD_LINES else _BT601)


def colour_of(frame: av.VideoFrame) -> Colour:
    """What a decoded picture is in, by its tags or, where they are missing, by the rule above."""
    name = frame.format.name
    rgb, grey = frame.format.is_rgb, name.startswith(("gray", "mono"))
    matrix = 0 if rgb else int(frame.colorspace)
    if not rgb and (matrix not in _SCALE_NAMES or matrix == _UNSPECIFIED):
        matrix = film_colour(min(frame.width, frame.height)).matrix
    full = int(frame.color_range) == _FULL or name.startswith("yuvj") or rgb
    if grey and int(frame.color_range) != _LIMITED:
        full = True
    return Colour(matrix, full)


def conversion(given: Colour, wanted: Colour, scale: str) -> str:
    """Filters that scale (`scale`: arguments of the filter of that name) and convert to yuv420p.

    The range, and RGB, are converted by the scaler; between two matrices the `colorspace` filter
    is quicker, and the picture is small by then.
    """
    ranges = f"in_range={'full' if given.full_range else 'limited'}:out_range=limited"
    if given.matrix == 0:
        matrix = f":out_color_matrix={_SCALE_NAMES[wanted.matrix]}"
    else:
        same = _SCALE_NAMES[given.matrix]
        matrix = f":in_color_matrix={same}:out_color_matrix={same}"
    chain = f"scale={scale}:{ranges}{matrix},format=yuv420p"
    if given.matrix in (0, wanted.matrix) or {given.matrix, wanted.matrix} == {5, 6}:
        return chain  # 5 and 6 are both BT.601
    return (
        f"{chain},colorspace=iall=bt601-6-525:all=bt601-6-525:fast=1:irange=tv:range=tv"
        f":ispace={_SPACE_NAMES[given.matrix]}:space={_SPACE_NAMES[wanted.matrix]}"
    )


def tag(target: av.VideoFrame | av.VideoCodecContext, colour: Colour) -> None:
    """Write range, matrix, primaries and transfer on a frame or an encoder."""
    target.color_range = _FULL if colour.full_range else _LIMITED
    target.colorspace = colour.matrix
    target.color_primaries = target.color_trc = colour.matrix
