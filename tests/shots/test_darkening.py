"""A film that gets darker is not a film that fades."""

import numpy as np

from kuleshov.shots.fades import find_black
from kuleshov.shots.light import LightMeter
from kuleshov.timecode import FrameRange
from shots.synthetic import Piece, film


def test_a_camera_that_goes_into_the_dark_does_not_fade():
    """The light goes as in a fade, but from one side of the picture to the other."""
    shown = film((Piece(100),), seed=4)[0].astype(np.float32)
    dark = np.zeros((10, 27, 48, 3), np.uint8)
    found = {}
    for name in ("fade", "shadow"):
        lit = shown.copy()
        for k in range(30):
            part = (k + 1) / 31
            if name == "fade":
                lit[70 + k] *= 1 - part
            else:
                lit[70 + k, :, : round(48 * part)] = 0
        meter = LightMeter()
        meter.feed(np.concatenate([lit.round().astype(np.uint8), dark]))
        (stretch,) = [s for s in find_black(meter.finish()) if len(s.frames)]
        assert abs(stretch.frames.first - 100) <= 1
        found[name] = stretch.before
    assert len(found["fade"]) >= 28
    assert found["shadow"] == FrameRange(found["shadow"].first, found["shadow"].first)
