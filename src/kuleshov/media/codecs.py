"""Define the codecs of films: encoders, how well they compress, and endings of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from kuleshov.errors import UsageError

__all__ = ["PRESETS", "Codec", "Preset", "VideoEncoder", "WriteOptions"]

Codec = Literal["h264", "hevc", "av1", "prores"]
Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]

PRESETS: tuple[Preset, ...] = get_args(Preset)
"""From the quickest to the smallest files, by x264's names."""


@dataclass(frozen=True)
class VideoEncoder:
    """An encoder of FFmpeg.

    `pixels`: the format it takes; `crf`: what is used where none is given (None: it knows none),
    `worst`: the highest; `suffixes` of files for it; `presets`: what each of `PRESETS` is to it;
    `fixed`: further options; `tag`: its name in the file.
    """

    name: str
    pixels: str
    crf: int | None
    worst: int
    suffixes: tuple[str, ...]
    presets: tuple[str, ...] = PRESETS
    fixed: Mapping[str, str] = field(default_factory=dict)
    tag: str | None = None


_SVT = ("12", "11", "10", "9", "8", "6", "4", "3", "2")
_ENCODERS: Mapping[Codec, VideoEncoder] = {
    "h264": VideoEncoder("libx264", "yuv420p", 18, 51, (".mp4", ".mov")),
    "hevc": VideoEncoder(
        "libx265",
        "yuv420p",
        20,
        51,
        (".mp4", ".mov"),
        fixed={"x265-params": "log-level=none"},
        tag="hvc1",  # Apple's players know it by this name only
    ),
    "av1": VideoEncoder("libsvtav1", "yuv420p", 26, 63, (".mp4",), _SVT),
    "prores": VideoEncoder(
        "prores_ks", "yuv422p10le", None, 0, (".mov",), (), {"profile": "3", "vendor": "apl0"}
    ),
}


@dataclass(frozen=True)
class WriteOptions:
    """The options by which a film is compressed.

    `crf`: from 0, lossless or nearly so, to 51 (AV1: 63); None: 18 for H.264, 20 for HEVC, 26 for
    AV1, which look alike. ProRes (422 HQ) knows neither `crf` nor `preset`. A key frame comes at
    least every `key_seconds` seconds. `threads` 0 leaves the number to the encoder. Raises
    `UsageError` where the values do not go together.
    """

    crf: int | None = None
    preset: Preset = "medium"
    key_seconds: float = 5.0
    threads: int = 0
    codec: Codec = "h264"

    def __post_init__(self) -> None:
        if self.codec not in _ENCODERS:
            raise UsageError(f"A codec is {', '.join(_ENCODERS)}, not {self.codec!r}.")
        encoder = _ENCODERS[self.codec]
        if self.crf is not None and encoder.crf is None:
            raise UsageError(f"{self.codec} has one quality only: leave the crf out.")
        if self.crf is not None and not 0 <= self.crf <= encoder.worst:
            raise UsageError(f"A crf of {self.codec} is 0 to {encoder.worst}, not {self.crf}.")
        if self.preset not in PRESETS:
            raise UsageError(f"A preset is {', '.join(PRESETS)}, not {self.preset!r}.")

    @property
    def encoder(self) -> VideoEncoder:
        """The encoder for `codec`."""
        return _ENCODERS[self.codec]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings that names of files of this codec may have."""
        return _ENCODERS[self.codec].suffixes
