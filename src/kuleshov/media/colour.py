"""Handle colour by one rule: what untagged pictures are, and what films are written in.

Films are written in limited range (black is Y=16): BT.709 from 720 lines up, BT.601 below, and
tagged so. Untagged pictures are read by the same rule, as players do; grey and RGB ones, and the
`yuvj` formats of JPEG, are full range unless they say otherwise. High dynamic range (PQ, HLG) and
wide gamuts (BT.2020, P3) are brought to that of films by a table (`media.tonemap`). Otherwise only
the matrix and the range are converted: primaries of standard-definition video differ too little to
be worth a pass in linear light.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import av
from av.sidedata.sidedata import Type

from kuleshov.media.tonemap import PEAK, Primaries, Transfer, table

__all__ = ["Colour", "colour_of", "conversion", "film_colour", "in_rgb", "narrowed", "tag"]

_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_UNSPECIFIED = 2  # of matrix, primaries and transfer
_BT709, _BT601 = 1, 6  # the same numbers for matrix, primaries and transfer
_HD_LINES = 720
# Names of AVColorSpace for the filters `scale` and `colorspace`; what is missing counts as BT.601.
_SCALE_NAMES = {1: "bt709", 4: "fcc", 5: "bt470", 6: "smpte170m", 7: "smpte240m", 9: "bt2020"}
_SPACE_NAMES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
_WIDE: dict[int, Primaries] = {9: "bt2020", 12: "p3"}  # by AVColorPrimaries
_TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}  # by AVColorTransferCharacteristic
_PEAKS = (400, 600, 1000, 2000, 4000, 10000)  # nits, so that few tables are made


@dataclass(frozen=True)
class Colour:
    """A colour space.

    Matrix (FFmpeg's AVColorSpace number; 0 is RGB) and range of a picture; primaries and transfer
    where they are not those of films, and the brightest light in nits (PQ only).
    """

    matrix: int
    full_range: bool = False
    primaries: Primaries = "film"
    transfer: Transfer = "film"
    peak: int = PEAK

    @property
    def wide(self) -> bool:
        """Whether light or gamut go beyond those of films."""
        return (self.primaries, self.transfer) != ("film", "film")


def film_colour(height: int) -> Colour:
    """Return the colour space in which a film of that many lines is written."""
    return Colour(_BT709 if height >= _HD_LINES else _BT601)


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return the colour space of a decoded picture.

    It goes by its tags or, where they are missing, by the rule above.
    """
    name = frame.format.name
    rgb, grey = frame.format.is_rgb, name.startswith(("gray", "mono"))
    matrix = 0 if rgb else int(frame.colorspace)
    if not rgb and (matrix not in _SCALE_NAMES or matrix == _UNSPECIFIED):
        matrix = film_colour(min(frame.width, frame.height)).matrix
    full = int(frame.color_range) == _FULL or name.startswith("yuvj") or rgb
    if grey and int(frame.color_range) != _LIMITED:
        full = True
    transfer = _TRANSFERS.get(int(frame.color_trc), "film")
    # What is coded for high dynamic range and says nothing of its primaries has those of BT.2020.
    unsaid = transfer != "film" and int(frame.color_primaries) in (0, _UNSPECIFIED)
    primaries = "bt2020" if unsaid else _WIDE.get(int(frame.color_primaries), "film")
    return Colour(matrix, full, primaries, transfer, _peak(frame) if transfer == "pq" else PEAK)


def _peak(frame: av.VideoFrame) -> int:
    """Return the nits of a film's brightest light, rounded up, from what its frames carry along."""
    nits = 0.0
    light = _carried(frame, Type.CONTENT_LIGHT_LEVEL)
    display = _carried(frame, Type.MASTERING_DISPLAY_METADATA)
    if len(light) >= 4:
        nits = float(struct.unpack_from("I", light)[0])
    if not nits and len(display) >= 88:
        # AVMasteringDisplayMetadata: ten rationals, of which the last is the most light.
        above, below, known = struct.unpack_from("ii4xi", display, 72)
        nits = above / below if known and below else 0.0
    return next((peak for peak in _PEAKS if nits <= peak), _PEAKS[-1]) if nits else PEAK


def _carried(frame: av.VideoFrame, kind: Type) -> bytes:
    try:
        data: Mapping[Any, Any] = frame.side_data
    except ValueError:  # PyAV does not know everything that FFmpeg sends along
        return b""
    return bytes(data[kind]) if kind in data else b""


def conversion(given: Colour, wanted: Colour, scale: str) -> str:
    """Return filters that scale and convert to yuv420p.

    `scale` are arguments of the filter of that name.

    The range, and RGB, are converted by the scaler; between two matrices the `colorspace` filter
    is quicker, and the picture is small by then. What is wide goes through a table, as RGB.
    """
    ranges = f"in_range={'full' if given.full_range else 'limited'}:out_range=limited"
    if given.wide:
        out = f"out_range=limited:out_color_matrix={_SCALE_NAMES[wanted.matrix]}"
        return f"{narrowed(given, scale)},scale={out},format=yuv420p"
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


def in_rgb(given: Colour, scale: str) -> str:
    """Return filters that scale and convert to rgb24 of full range.

    `scale` is as for `conversion`.
    """
    if given.wide:
        return f"{narrowed(given, scale)},format=rgb24"
    ranges = f"in_range={'full' if given.full_range else 'limited'}:out_range=full"
    matrix = f":in_color_matrix={_SCALE_NAMES[given.matrix]}" if given.matrix else ""
    return f"scale={scale}:{ranges}{matrix},format=rgb24"


def narrowed(given: Colour, scale: str) -> str:
    """Return filters that scale a wide picture and bring it to a film's range and gamut, as RGB."""
    levels = "full" if given.full_range else "limited"
    matrix = f":in_color_matrix={_SCALE_NAMES[given.matrix]}" if given.matrix else ""
    path = str(table(given.primaries, given.transfer, given.peak))
    for mark in "\\':,":
        path = path.replace(mark, f"\\{mark}")
    return (
        f"scale={scale}:in_range={levels}{matrix}:out_range=full,format=gbrp10le"
        f",lut3d=file={path}:interp=tetrahedral"
        ",setparams=color_primaries=bt709:color_trc=bt709"
    )


def tag(target: av.VideoFrame | av.VideoCodecContext, colour: Colour) -> None:
    """Write range, matrix, primaries and transfer on a frame or an encoder."""
    target.color_range = _FULL if colour.full_range else _LIMITED
    target.colorspace = colour.matrix
    target.color_primaries = target.color_trc = colour.matrix
