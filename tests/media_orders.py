"""Small films with any tracks of sound, in any order of channels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from films import flat

__all__ = ["RATE", "film", "levels", "sides_first"]

RATE = 8000
_SIDES_FIRST = bytes.fromhex("0080000800000000")  # kAudioChannelLayoutTag_MPEG_7_1_C


def levels(*given: float) -> np.ndarray:
    """A second of sound, (channels, N), each channel at a constant level."""
    return np.tile(np.array(given, np.float32)[:, None], (1, RATE))


def film(path: Path, *tracks: tuple[str, Any], codec: str = "pcm_s16le", **tags: list[str]) -> Path:
    """A small film with tracks of sound: layout and samples of each, tags by track."""
    with av.open(path, "w") as out:
        video = out.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        streams: list[Any] = [
            out.add_stream(codec, rate=RATE, layout=layout) for layout, _ in tracks
        ]
        for name, values in tags.items():
            for stream, value in zip(streams, values, strict=True):
                stream.metadata[name] = value
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(flat(90 + number, size=(64, 64)), format="yuv420p")
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for stream, (layout, sound) in zip(streams, tracks, strict=True):
            data = np.round(sound.T * 32768).clip(-32768, 32767).astype(np.int16)
            heard = av.AudioFrame.from_ndarray(data.reshape(1, -1), format="s16", layout=layout)
            heard.sample_rate, heard.time_base, heard.pts = RATE, Fraction(1, RATE), 0
            resampler = av.AudioResampler(stream.format, layout, RATE, stream.frame_size or 1024)
            for piece in (*resampler.resample(heard), *resampler.resample(None)):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
    return path


def sides_first(path: Path) -> Path:
    """Say in the header of a QuickTime file of 7.1 that its sides come before its back."""
    data = path.read_bytes()
    assert data.count(bytes.fromhex("000100000000063f")) == 1  # a bitmap: FFmpeg's own order
    path.write_bytes(data.replace(bytes.fromhex("000100000000063f"), _SIDES_FIRST))
    return path
