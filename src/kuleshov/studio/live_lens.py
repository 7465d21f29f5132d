"""The lens of a live view: what a page shows is looked through it, frame by frame."""

from __future__ import annotations

import io
import struct
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kuleshov.desk.live_lens import LensOptions, LiveLens
from kuleshov.studio.answers import Refused
from kuleshov.studio.reading import Fields

__all__ = ["HEAD", "KNOBS", "LensView", "Through"]

Through = Literal["archive", "lens", "both"]
"""What is seen: the archive's answer, the camera through a lens, or that answer through it."""

_ARCHIVE: Through = "archive"
_QUALITY = 85
HEAD = struct.Struct("<If")
"""What stands before a picture: the frame's number, and how long it took, in ms."""

KNOBS: Mapping[str, tuple[float, float]] = {
    "smoothing": (0.02, 1),
    "match": (0, 1),
    "brightness": (-1, 1),
    "contrast": (0, 10),
    "blur": (0, 64),
    "threshold": (0, 1),
    "crop": (0.02, 1),
    "drift": (0, 25),
    "cut": (0, 1),
}
"""Numbers of `see look` with their ends; a threshold of 0 parts nothing."""


class LensView:
    """The lenses of one live view, by name. Safe among threads: one looks at a time.

    `through`: what is seen at first. Pictures get smaller where they take longer than `slow_s`
    (None: as `LiveLens` does). Raises as `change`.
    """

    def __init__(
        self, known: Mapping[str, Path], through: Through = _ARCHIVE, slow_s: float | None = None
    ) -> None:
        self._known = dict(known)
        self._slow = {} if slow_s is None else {"slow_s": slow_s}
        self._looking = threading.Lock()
        self._lens: LiveLens | None = None
        first = next(iter(self._known), "")
        self._options, self._through = LensOptions(first), _ARCHIVE
        if through != _ARCHIVE:
            self.change(Fields({"through": through}))

    def state(self) -> dict[str, Any]:
        """Return how it stands, ready for JSON."""
        options, lens = self._options, self._lens
        look = options.look
        return {
            "through": self._through,
            "lenses": [*self._known],
            "one": options.one,
            "other": options.other,
            "mix": options.mix,
            "seed": look.seed,
            "mirror": look.mirror,
            **{name: getattr(look, name) or 0.0 for name in KNOBS},
            "size": None if lens is None or lens.size is None else [*lens.size],
            "slow": lens is not None and lens.slow,
        }

    def change(self, fields: Fields) -> dict[str, Any]:
        """Look by other options from now on. Raises `Refused`, `KuleshovError`."""
        fields.only("through", "one", "other", "mix", "seed", "mirror", *KNOBS)
        old = self._options
        through = fields.one_of("through", get_args(Through), self._through)
        if through != _ARCHIVE and not self._known:
            raise Refused(422, "lens-missing", "There is no lens to look through.")
        look = old.look
        told = {
            name: fields.number(name, *ends, getattr(look, name) or 0.0)
            for name, ends in KNOBS.items()
        }
        known: dict[str, Any] = {**told, "threshold": told["threshold"] or None}
        look = replace(
            look,
            **known,
            seed=fields.whole("seed", 0, default=look.seed),
            mirror=fields.flag("mirror", default=look.mirror),
        )
        one = fields.one_of("one", self._known, old.one) if self._known else ""
        other = old.other
        if fields.data.get("other") is not None:
            other = fields.one_of("other", ("", *self._known))
        options = LensOptions(one, other, fields.number("mix", 0, 1, old.mix), look)
        if through != _ARCHIVE and self._lens is None:
            self._lens = LiveLens(self._known, options, **self._slow)
        elif self._lens is not None:
            self._lens.change(options)
        self._options = options
        self._through = next(word for word in get_args(Through) if word == through)
        return self.state()

    def look(self, number: int, frame: NDArray[np.uint8], at: float) -> bytes | None:
        """Return what the lens makes of a frame, as a JPEG behind its number; None without one."""
        from PIL import Image

        lens = self._lens
        if lens is None:
            return None
        with self._looking:
            seen = lens.look(frame, at)
        out = io.BytesIO()
        Image.fromarray(seen.picture).save(out, "JPEG", quality=_QUALITY)
        return HEAD.pack(number, 1000 * seen.took) + out.getvalue()

    def forget(self) -> None:
        """Begin anew, with other pictures."""
        if self._lens is not None:
            with self._looking:
                self._lens.forget()
