"""Watch frames as they come, one at a time: what the newest one is alike by, in every facet.

    watcher = Watcher(analyst.facet_groups)
    seen = watcher.look(frame, 12.04)        # a frame (H, W, 3) uint8 RGB, at 12.04 s
    seen.rows["subject"]                     # (2, D): of the picture, and of its mirror image

A frame is described by the very facets that an archive is indexed with. What is seen in movement is
that of the last quarter of a second, in every frame. What costs most is done by turns, one of it in
a frame: every second frame is encoded, and of the others three in four are searched for faces and
one for bodies; what was found stands for the frames between. A cut is encoded at once, and searched
in the frames behind it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from kuleshov.features.analyse import LARGE, FacetGroup
from kuleshov.features.bodies import Bodies
from kuleshov.features.faces import Faces
from kuleshov.features.facet import FACETS, Facet, FlowFacet
from kuleshov.features.flow import Flow, FlowMeter
from kuleshov.features.motion import UNEXPLAINED, mean_speeds, usable_pairs
from kuleshov.features.movement import SAMPLES, Movement

__all__ = ["CURVE", "TINY", "Glance", "Watcher"]

TINY = (27, 48)
"""Height and width of the frames by which movement is measured, as `media.sampling` has them."""

CURVE = SAMPLES
"""Samples of the curve of movement, at most: the last second's."""

_SETTLED = 4  # frames after which a cut begins the turns anew: one frame after another may be cut
_TURNS = ("encoder", "faces", "encoder", "bodies", "encoder", "faces", "encoder", "faces")
_KEPT = 1.25  # s of movement that are kept
_PAUSE = 0.5  # s between two frames over which nothing is known to have moved
_GLANCE = 0.125  # s over which displacements are added up before their size is taken
_PER_SECOND = 2  # rows of the curve of movement
_LONGEST = 3  # times as long as short that a picture may be

Rows = NDArray[np.float32]


@dataclass(frozen=True, repr=False, eq=False)
class Glance:
    """A glance at the newest frame, at `time` s.

    `rows`: facet to (2, D) float32, the picture's row and that of its mirror image, which is zero
    where it was not asked for; where a facet was not looked at anew it is the same array as in the
    glance before. `speed` is how fast the picture moves now, in picture sizes a second; `curve` how
    much it moved in the last second, (CURVE,) as `Movement` has it, or fewer where less is known.
    `cut`: nothing explains it by the frame before. `costs` are milliseconds by part.
    """

    time: float
    rows: Mapping[str, Rows]
    speed: float
    curve: Rows | None = None
    cut: bool = False
    costs: Mapping[str, float] = field(default_factory=dict)


class Watcher:
    """A watcher of one camera: it keeps what moved last. Not for several threads at once.

    `groups` are the facets to look by with the encoders that they need, as an archive is indexed
    with; of those that several make, the last one's.
    """

    def __init__(self, groups: Sequence[FacetGroup]) -> None:
        self._groups = tuple(_matched(groups))
        self._reformatter = VideoReformatter()
        self._prepared: set[tuple[str, int, int]] = set()
        self.forget()

    def forget(self) -> None:
        """Begin anew, as with another camera."""
        self._meter: FlowMeter | None = None
        self._moved: deque[tuple[float, Flow]] = deque()
        self._known: dict[str, tuple[Rows, bool]] = {}  # facet to its row, and whether mirrored too
        self._frames = 0  # since the last cut

    def look(
        self,
        frame: NDArray[np.uint8],
        at: float,
        wanted: Collection[str] = tuple(FACETS),
        *,
        mirrored: bool = False,
    ) -> Glance:
        """Return what is seen in a frame, which is newer than all before.

        Only `wanted` facets are looked at; `mirrored`: its mirror image, too.
        """
        clock = _Clock()
        pictures = _Pictures(self._reformatter, frame)
        large = pictures.of(*_large(frame))
        flow = self._moving(pictures.of(*TINY), at, frame.shape[1] / frame.shape[0])
        clock.mark("scaling and flow")
        self._prepare(large, wanted)
        cut = bool(flow.error[-1] > UNEXPLAINED)
        if cut and self._frames >= _SETTLED:
            self._frames = 0
        turn = _TURNS[self._frames % len(_TURNS)]
        self._frames += 1
        rows: dict[str, Rows] = {}
        for group in self._groups:
            facets = [facet for facet in group.facets if facet.name in wanted]
            pictured: list[Facet] = []
            for facet in facets:
                if isinstance(facet, FlowFacet):
                    rows[facet.name] = _of_flow(facet, flow, self._moved, mirrored)
                elif isinstance(facet, Faces | Bodies):
                    if facet.name == turn or not self._knows(facet.name, mirrored):
                        self._keep(facet.name, facet.both_sides(large), mirrored)
                else:
                    pictured.append(facet)
                    continue
                clock.mark(facet.name)
            known = all(self._knows(facet.name, mirrored) for facet in pictured)
            if pictured and (turn == "encoder" or not known):
                side = group.encoder.side
                seen = group.encoder(_sides(pictures.of(side, side), mirrored))
                clock.mark("encoder")
                for facet in pictured:
                    self._keep(facet.name, facet.describe(replace(seen, large=None)), mirrored)
                    clock.mark(facet.name)
            kept = (facet.name for facet in facets if facet.name not in rows)
            rows |= {name: self._known[name][0] for name in kept}
        return Glance(at, rows, self._speed(flow), self._curve(flow, at), cut, clock.marks)

    def _moving(self, tiny: NDArray[np.uint8], at: float, aspect: float) -> Flow:
        """Return the flow of the last second, this frame's included."""
        last = self._moved[-1][0] if self._moved else None
        if self._meter is None or last is None or not 0 < at - last <= _PAUSE:
            self._meter, self._moved = FlowMeter(aspect=aspect), deque()
        self._meter.feed(tiny[None])
        self._moved.append((at, self._meter.take()))
        while self._moved[0][0] < at - _KEPT:
            self._moved.popleft()
        parts = [flow for _, flow in self._moved]
        return Flow(
            grid=np.concatenate([part.grid for part in parts]),
            camera=np.concatenate([part.camera for part in parts]),
            error=np.concatenate([part.error for part in parts]),
            aspect=aspect,
        )

    def _prepare(self, large: NDArray[np.uint8], wanted: Collection[str]) -> None:
        """Load what pictures of this size need, before one waits for it."""
        height, width = large.shape[:2]
        for group in self._groups:
            for facet in group.facets:
                if isinstance(facet, Faces | Bodies) and facet.name in wanted:
                    size = facet.name, height, width
                    if size not in self._prepared:
                        facet.prepare(height, width)
                        self._prepared.add(size)

    def _knows(self, name: str, mirrored: bool) -> bool:
        """Return whether a facet was looked at, on as many sides."""
        return name in self._known and self._known[name][1] == mirrored

    def _keep(self, name: str, found: NDArray[np.floating[Any]], mirrored: bool) -> None:
        """Keep what was seen in a facet; the row of before where it is still the same."""
        rows = _both(found[: 1 + mirrored])
        if not (self._knows(name, mirrored) and np.array_equal(self._known[name][0], rows)):
            self._known[name] = rows, mirrored

    def _curve(self, flow: Flow, at: float) -> Rows | None:
        """Return the curve of movement of the last second, or half; None where less is known."""
        seconds = np.array([time for time, _ in self._moved])
        rows = min(int((at - seconds[0]) * _PER_SECOND + 1e-6), CURVE * _PER_SECOND // SAMPLES)
        if not rows:
            return None
        times = at - np.arange(rows, 0, -1) / _PER_SECOND
        rate = (len(seconds) - 1) / (seconds[-1] - seconds[0])
        curve = Movement().describe_flow(flow, seconds, times, rate, (), _PER_SECOND)
        return curve.reshape(-1).astype(np.float32)

    def _speed(self, flow: Flow) -> float:
        if len(self._moved) < 2:
            return 0.0
        seconds = np.array([at for at, _ in self._moved])
        now = seconds[-1:]
        usable = usable_pairs(flow, ())
        speeds = mean_speeds(flow.grid, seconds, usable, now - _GLANCE, now).reshape(-1, 2)
        return float(np.hypot(speeds[:, 0], speeds[:, 1]).mean())


class _Clock:
    """A clock that says how long each part took, in milliseconds."""

    def __init__(self) -> None:
        self.marks: dict[str, float] = {}
        self._since = time.perf_counter()

    def mark(self, part: str) -> None:
        now = time.perf_counter()
        self.marks[part] = self.marks.get(part, 0.0) + 1000 * (now - self._since)
        self._since = now


class _Pictures:
    """A frame in the sizes that are looked at, averaged over areas as those of films are."""

    def __init__(self, reformatter: VideoReformatter, frame: NDArray[np.uint8]) -> None:
        self._reformatter, self._frame = reformatter, frame
        self._video = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")

    def of(self, height: int, width: int) -> NDArray[np.uint8]:
        if self._frame.shape[:2] == (height, width):
            return self._frame
        scaled = self._reformatter.reformat(
            self._video, width, height, "rgb24", interpolation=Interpolation.AREA
        )
        return np.ascontiguousarray(scaled.to_ndarray(), np.uint8)


def _matched(groups: Sequence[FacetGroup]) -> list[FacetGroup]:
    """Return the groups with each facet once, by which people match."""
    found = []
    for at, group in enumerate(groups):
        later = {facet.name for other in groups[at + 1 :] for facet in other.facets}
        mine = [f.name for f in group.facets if f.name in FACETS and f.name not in later]
        if mine:
            found.append(group.only(mine))
    return found


def _large(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """Return height and width, the shorter side being that in which faces are looked for."""
    height, width = frame.shape[:2]
    aspect = min(max(width / height, 1 / _LONGEST), _LONGEST)
    return (LARGE, round(LARGE * aspect)) if aspect >= 1 else (round(LARGE / aspect), LARGE)


def _sides(image: NDArray[np.uint8], mirrored: bool) -> NDArray[np.uint8]:
    return np.stack([image, image[:, ::-1]]) if mirrored else image[None]


def _both(rows: NDArray[np.floating[Any]]) -> Rows:
    """Return one or two rows as two, the second zero where there is none."""
    found = np.zeros((2, rows.shape[1]), np.float32)
    found[: len(rows)] = rows
    return found


def _of_flow(
    facet: FlowFacet, flow: Flow, moved: deque[tuple[float, Flow]], mirrored: bool
) -> Rows:
    seconds = np.array([at for at, _ in moved])
    steps = [later - sooner for (sooner, _), (later, _) in pairwise(moved)]
    rate = 1 / float(np.median(steps)) if steps else 25.0
    sides = (flow, flow.mirrored()) if mirrored else (flow,)
    return _both(
        np.concatenate(
            [facet.describe_flow(side, seconds, seconds[-1:], rate, ()) for side in sides]
        )
    )
