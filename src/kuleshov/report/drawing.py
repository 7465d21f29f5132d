"""Draw the score of a film as SVG: sound, movement, shots and colours over one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kuleshov.report.film import FilmReport, clock

__all__ = ["score"]

_LEFT, _RIGHT = 84.0, 990.0  # of the drawing, which is 1000 wide: the names of the rows stand left
_GAP = 22.0
_ROWS = (("sound", 92.0), ("movement", 64.0), ("shots", 64.0), ("colour", 40.0))
_STEPS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # s between marks of time
_MARKS = 12  # at most
_FAST = 0.5  # picture sizes a second: the top of the row of movement, at least


def score(film: FilmReport) -> str:
    """Return the score as an SVG element.

    Its colours are the page's (`style`); its texts say what it shows.
    """
    parts: list[str] = []
    top = 10.0
    begin = top
    cuts = list(_cut_places(film))
    for name, height in _ROWS:
        if name == "sound" and film.loudness is None:
            continue
        parts.append(f'<text x="0" y="{top + height / 2 + 4:.0f}">{name}</text>')
        parts.append("".join(_row(name, film, top, height)))
        if name in ("sound", "movement"):
            lines = "".join(f"M{x:.1f} {top:.0f}v{height:.0f}" for x in cuts)
            weight = "cuts many" if len(cuts) > 150 else "cuts"
            parts.append(f'<path class="{weight}" d="{lines}"/>' if lines else "")
        top += height + _GAP
    parts.append("".join(_axis(film, top - _GAP + 6)))
    height = top + 16
    heard = "the loudness of its sound, " if film.loudness is not None else ""
    said = f"Over the time of the film: {heard}how fast the picture moves, how long each of its "
    said += f"{len(film.shots)} shots lasts, and its mean colours. Thin lines mark cuts."
    return (
        f'<svg class="score" viewBox="0 {begin - 10:.0f} 1000 {height:.0f}" role="img" '
        f'aria-label="{said}"><title>{said}</title>{"".join(parts)}</svg>'
    )


def _x(film: FilmReport, seconds: float) -> float:
    """Return where an instant is drawn.

    What lies before or after the span is drawn at its ends.
    """
    whole = float(film.span.duration) or 1.0
    share = (seconds - float(film.span.start)) / whole
    return _LEFT + (_RIGHT - _LEFT) * min(max(share, 0.0), 1.0)


def _cut_places(film: FilmReport) -> Iterator[float]:
    for cut in film.cuts:
        yield _x(film, float(cut))


def _row(name: str, film: FilmReport, top: float, height: float) -> Iterator[str]:
    if name == "sound" and film.loudness is not None:
        yield _area("sound", (film.loudness + 60) / 60, top, height)
    elif name == "movement":
        most = max(_FAST, float(np.quantile(film.movement, 0.995)))
        # By the root: slow movement is seen, and does not vanish beside fast.
        yield _area("movement", np.sqrt(np.minimum(film.movement / most, 1)), top, height)
    elif name == "shots":
        yield from _shots(film, top, height)
    elif name == "colour":
        yield from _stripes(film.colours, top, height)


def _area(kind: str, values: NDArray[np.float64], top: float, height: float) -> str:
    """Return a filled curve of values from 0 to 1."""
    xs = np.linspace(_LEFT, _RIGHT, len(values)) if len(values) > 1 else np.array([_LEFT])
    bottom = top + height
    points = " ".join(f"{x:.1f} {bottom - v * height:.1f}" for x, v in zip(xs, values, strict=True))
    last = f"{_RIGHT:.1f} {bottom - values[-1] * height:.1f}"
    outline = f"M{_LEFT:.1f} {bottom:.1f} L{points} L{last} L{_RIGHT:.1f} {bottom:.1f}Z"
    return f'<path class="{kind}" d="{outline}"/>'


def _shots(film: FilmReport, top: float, height: float) -> Iterator[str]:
    """Yield a block for each shot, the higher the longer it lasts.

    Heights go by the root of the length; the longest shot has the full height.
    """
    longest = max((float(shot.span.duration) for shot in film.shots), default=1.0) or 1.0
    path = []
    for shot in film.shots:
        left, right = _x(film, float(shot.span.start)), _x(film, float(shot.span.end))
        tall = height * math.sqrt(float(shot.span.duration) / longest)
        gap = min(0.8, (right - left) / 4)
        path.append(f"M{left:.1f} {top + height:.1f}v{-tall:.1f}H{right - gap:.1f}v{tall:.1f}Z")
    yield f'<path class="shots" d="{"".join(path)}"/>'


def _stripes(colours: NDArray[np.uint8], top: float, height: float) -> Iterator[str]:
    edges = np.linspace(_LEFT, _RIGHT, len(colours) + 1)
    for left, right, (r, g, b) in zip(edges[:-1], edges[1:], colours.tolist(), strict=True):
        # A little too wide, so that nothing shines through between two.
        yield (
            f'<rect x="{left:.2f}" y="{top:.0f}" width="{right - left + 0.4:.2f}" '
            f'height="{height:.0f}" fill="#{r:02x}{g:02x}{b:02x}"/>'
        )


def _axis(film: FilmReport, top: float) -> Iterator[str]:
    whole, start = float(film.span.duration), float(film.span.start)
    step = next((step for step in _STEPS if whole / step <= _MARKS), 7200.0)
    yield f'<path class="axis" d="M{_LEFT} {top:.0f}H{_RIGHT}"/>'
    time = math.ceil(start / step) * step
    while time <= start + whole:
        x = _x(film, time)
        # The last number ends where the axis ends.
        anchor = ' text-anchor="end"' if x > _RIGHT - 14 else ' text-anchor="middle"'
        label = clock(time) if step >= 1 and (time >= 10 or not time % 1) else f"{time:.1f} s"
        label = label.replace(".0 s", " s")
        yield f'<path class="axis" d="M{x:.1f} {top:.0f}v5"/>'
        yield f'<text class="time" x="{x:.1f}" y="{top + 19:.0f}"{anchor}>{label}</text>'
        time += step
