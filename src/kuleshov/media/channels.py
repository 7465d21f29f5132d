"""Name the channels of a sound, and bring them to an order that everything here can take.

    order = taken(stream.codec_context)        # once for each opened file, before decoding
    plan = plan_of(order)                      # None where there are more than can be read
    plan.filters, plan.layout                  # FFmpeg's filters, and the layout after them

Containers can name channels in any order. PyAV (18.1) copies such a custom order without its list
of channels, which each copy then gives back: reading `channels` or `layout` of a codec context, and
each decoded frame, end in memory being freed twice. So an order is read once, by `taken`, and
replaced at once by a count of channels; what each of them is, is kept here.

What is named is put into FFmpeg's order and mixed as FFmpeg does; of more than eight channels, all
of the left side go to the left and all of the right to the right. Ambisonic sound is heard as by
two microphones that look left and right. Where nothing says what the channels are, up to eight are
taken as FFmpeg guesses (stereo, 5.1, 7.1 …); of more the first two are left and right.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass

import av
import av.audio
import av.audio.codeccontext

__all__ = ["MOST", "ChannelOrder", "ChannelPlan", "kept", "plan_of", "taken"]

MOST = 64
"""Channels that FFmpeg's filters take; sound of more is not read."""

_MIXED = 8  # channels up to which FFmpeg's own mixing knows all places
_GUESSED = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")  # as FFmpeg, by count
_FIRST_TWO = "channelmap=map=0-FL|1-FR:channel_layout=stereo"
_NATIVE = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC"),
    *("TFR", "TBL", "TBC", "TBR", "DL", "DR", "WL", "WR", "SDL", "SDR", "LFE2", "TSL", "TSR"),
    *("BFC", "BFL", "BFR", "SSL", "SSR", "TTL", "TTR", "BIL", "BIR"),
)
"""Names of channels in the order of libavutil/channel_layout.h."""


@dataclass(frozen=True)
class ChannelOrder:
    """The order of a sound's channels, as FFmpeg has it: `5.1`, `8 channels (FL+FR+…)`."""

    count: int
    name: str

    @property
    def channels(self) -> tuple[str, ...]:
        """The name of each channel; empty where that is not known, or not of all."""
        listed = re.fullmatch(r"\d+ channels \((.+)\)", self.name)
        if listed is None:
            plain = _plain(self.name)
            return () if plain is None else tuple(c.name for c in plain.channels)
        names = tuple(name.partition("@")[0] for name in listed[1].split("+"))
        known = len(set(names)) == len(names) == self.count and set(names) <= set(_NATIVE)
        return names if known else ()


@dataclass(frozen=True)
class ChannelPlan:
    """A plan for the channels of a sound.

    `filters` of FFmpeg that take sound of an order, empty for none, and the `layout` it has then.
    `heard` is how many of its channels are heard.
    """

    filters: str
    layout: str
    heard: int


def taken(context: av.audio.codeccontext.AudioCodecContext) -> ChannelOrder:
    """Read the order of a codec's channels, and leave it with one that can be read again.

    To be called before the codec is opened.
    """
    layout = context.layout
    order = ChannelOrder(layout.nb_channels, layout.name)
    # What the context points to is given back with this copy; it is replaced before anyone looks.
    del layout
    if order.count > 0:
        context.layout = order.name if _plain(order.name) else f"{order.count} channels"
    return order


def kept(frame: av.AudioFrame) -> av.AudioFrame:
    """Return the same frame, safe to be released where a decoder itself gives a custom order."""
    if "(" in frame.layout.name:
        # Its layout and the frame would both free the list of channels: the layout never does.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(frame.layout))
    return frame


def plan_of(order: ChannelOrder) -> ChannelPlan | None:
    """Return a plan for sound of an order; None where it has no channel, or more than `MOST`."""
    if not 0 < order.count <= MOST:
        return None
    if order.name.startswith("ambisonic"):
        if order.count == 1:
            return ChannelPlan("channelmap=map=0-FC:channel_layout=mono", "mono", 1)
        return ChannelPlan("pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1", "stereo", order.count)
    names = order.channels
    if not names:
        return _unnamed(order)
    if order.count == 1:
        alone = "" if order.name == "mono" else "channelmap=map=0-FC:channel_layout=mono"
        return ChannelPlan(alone, "mono", 1)
    if order.count > _MIXED or not ({"FL", "FR"} <= {*names} or "FC" in names):
        return _to_stereo(names)
    if _plain(order.name):
        return ChannelPlan("", order.name, order.count)
    native = sorted(names, key=_NATIVE.index)
    layout = "+".join(native)
    places = "|".join(str(names.index(name)) for name in native)
    filters = f"channelmap=map={places}:channel_layout={layout}"
    return ChannelPlan(filters, av.AudioLayout(layout).name, order.count)


def _unnamed(order: ChannelOrder) -> ChannelPlan:
    if order.count > len(_GUESSED):
        return ChannelPlan(_FIRST_TWO, "stereo", 2)
    layout = _GUESSED[order.count - 1]
    places = "|".join(map(str, range(order.count)))
    return ChannelPlan(f"channelmap=map={places}:channel_layout={layout}", layout, order.count)


def _to_stereo(names: tuple[str, ...]) -> ChannelPlan:
    """Return a plan that mixes channels by side.

    Those without a side go to both at -3 dB; basses alone are left out.
    """
    sides: dict[str, list[str]] = {"L": [], "R": []}
    for index, name in enumerate(names):
        side = re.sub(r"C$", "", name)[-1]  # FLC is on the left
        if name.startswith("LFE"):
            continue
        for wanted, parts in sides.items():
            if side == wanted:
                parts.append(f"c{index}")
            elif side not in sides:
                parts.append(f"0.7071*c{index}")
    left, right = ("+".join(sides[side]) or "0*c0" for side in "LR")
    return ChannelPlan(f"pan=stereo|c0<{left}|c1<{right}", "stereo", len(names))


def _plain(name: str) -> av.AudioLayout | None:
    """Return the layout that a common name such as `5.1` means.

    None where channels are listed, counted or ambisonic.
    """
    return None if {*name} & {*" +@"} else av.AudioLayout(name)
