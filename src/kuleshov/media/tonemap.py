"""Bring high dynamic range and wide gamuts to the range and gamut of BT.709.

Light above what a film can show is rolled off by the EETF of Report ITU-R BT.2390 (section 5.4.1),
applied to the largest of red, green and blue so that hues stay; 203 nits, the reference white of
Report ITU-R BT.2408, is a film's white. Colours outside the gamut are desaturated at their own
luminance, no further than they must be. The whole is one table, made once and kept in the user's
cache folder as a `.cube` file, which FFmpeg's `lut3d` reads.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["PEAK", "Primaries", "Transfer", "table", "to_film"]

Transfer = Literal["film", "pq", "hlg"]
"""The coding of light: as in films (BT.1886), by SMPTE ST 2084, or by hybrid log-gamma."""

Primaries = Literal["film", "bt2020", "p3"]
"""The red, green and blue: those of films (BT.709), of BT.2020, or of P3 with the white D65."""

PEAK = 1000
"""Nits of the brightest light where a file does not say: what most such films are graded on."""

_WHITE = 203.0  # nits
_SIDE = 33  # of the table
_VERSION = 1  # raised when tables would come out different
_GAMMA = 2.4  # BT.1886
_TO_709 = {  # Report ITU-R BT.2407 for BT.2020; from the chromaticities of SMPTE RP 431-2 for P3
    "film": np.eye(3),
    "bt2020": np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    ),
    "p3": np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]),
}
_LUMA = np.array([0.2126, 0.7152, 0.0722])
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
_PQ = (0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875)  # m1, m2, c1, c2, c3 of ST 2084
_HLG = (0.17883277, 0.28466892, 0.55991073)  # a, b, c of BT.2100
_HLG_GAMMA, _HLG_PEAK = 1.2, 1000.0  # of the display for which it is meant

F64 = NDArray[np.float64]


def to_film(rgb: NDArray[Any], primaries: Primaries, transfer: Transfer, peak: float = PEAK) -> F64:
    """Return coded red, green and blue as a film in BT.709 codes the same picture.

    (..., 3), 0 to 1. `peak`: nits of the brightest light in the film; PQ only.
    """
    light = _light(np.asarray(rgb, np.float64), transfer)
    if transfer != "film":
        peak = _HLG_PEAK if transfer == "hlg" else peak
        most = light.max(axis=-1, keepdims=True)
        light = light * (_rolled_off(most, peak) / np.maximum(most, 1e-6))
    wanted = light / _WHITE @ _TO_709[primaries].T
    return np.asarray(np.clip(_within(wanted), 0, 1) ** (1 / _GAMMA))


def _light(rgb: F64, transfer: Transfer) -> F64:
    """Return the nits on a display."""
    if transfer == "pq":
        return _from_pq(rgb)
    if transfer == "hlg":
        a, b, c = _HLG
        scene = np.where(rgb <= 0.5, rgb**2 / 3, (np.exp((rgb - c) / a) + b) / 12)
        luma = (scene @ _LUMA_2020)[..., None]
        return np.asarray(_HLG_PEAK * scene * np.maximum(luma, 1e-9) ** (_HLG_GAMMA - 1))
    return np.asarray(_WHITE * rgb**_GAMMA)


def _from_pq(code: F64) -> F64:
    m1, m2, c1, c2, c3 = _PQ
    root = np.clip(code, 0, 1) ** (1 / m2)
    return np.asarray(10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _pq(nits: F64 | float) -> F64:
    m1, m2, c1, c2, c3 = _PQ
    power = (np.asarray(nits, np.float64) / 10000) ** m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2)


def _rolled_off(nits: F64, peak: float) -> F64:
    """Return light up to `peak` brought below white.

    It goes straight at first, then along Hermite's curve.
    """
    if peak <= _WHITE:
        return np.minimum(nits, _WHITE)
    scale = float(_pq(peak))
    given, most = np.minimum(_pq(nits) / scale, 1), float(_pq(_WHITE)) / scale
    knee = 1.5 * most - 0.5
    t = np.clip((given - knee) / (1 - knee), 0, 1)
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return _from_pq(np.where(given < knee, given, curve) * scale)


def _within(light: F64) -> F64:
    """Return light from 0 to 1 of the same luminance.

    What lies outside is drawn towards grey.
    """
    luma = np.clip((light @ _LUMA)[..., None], 0, 1)
    low, high = light.min(axis=-1, keepdims=True), light.max(axis=-1, keepdims=True)
    below = np.where(low < 0, luma / np.maximum(luma - low, 1e-9), 1.0)
    above = np.where(high > 1, (1 - luma) / np.maximum(high - luma, 1e-9), 1.0)
    return np.asarray(luma + (light - luma) * np.minimum(below, above))


@lru_cache(maxsize=32)
def table(primaries: Primaries, transfer: Transfer, peak: int = PEAK) -> Path:
    """Return the `.cube` file that does what `to_film` does, on coded values of full range."""
    name = f"{primaries}-{transfer}-{peak if transfer == 'pq' else 0}-{_VERSION}.cube"
    folder = _cache()
    path = folder / name
    if not path.is_file():
        levels = np.linspace(0, 1, _SIDE)
        blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")  # red runs fastest
        grid = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
        rows = to_film(grid, primaries, transfer, peak)
        text = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows.tolist())
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"LUT_3D_SIZE {_SIDE}\n{text}\n")
        Path(temporary).replace(path)
    return path


def _cache() -> Path:
    """Return the folder in which tables are kept.

    It is a temporary one where the user's cache cannot be written to.
    """
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("kuleshov")) / "colour"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="kuleshov-colour-"))
