"""Watch frames as they come, one at a time: what the newest one is alike by, in every facet.

    watcher = Watcher(analyst.facet_groups)
    seen = watcher.look(frame, 12.04)        # a frame (H, W, 3) uint8 RGB, at 12.04 s
    seen.rows["subject"]                     # (2, D): of the picture, and of its mirror image

A frame is described by the very facets that an archive is indexed with. What is seen in movement is
that of the last quarter of a second. What costs most need not be looked at each time: faces are
looked for in every second frame, bodies in every eighth and never in one with faces; what was found
stands for the frames between.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from kuleshov.features.analyse import LARGE, FacetGroup
from kuleshov.features.bodies import Bodies
from kuleshov.features.faces import Faces
from kuleshov.features.facet import FACETS, FlowFacet
from kuleshov.features.flow import Flow, FlowMeter
from kuleshov.features.motion import UNEXPLAINED, mean_speeds, usable_pairs
from kuleshov.features.movement import SAMPLES, Movement

__all__ = ["CURVE", "TINY", "Glance", "Watcher"]

TINY = (27, 48)
"""Height and width of the frames by which movement is measured, as `media.sampling` has them."""

CURVE = SAMPLES
"""Samples of the curve of movement, at most: the last second's."""

_BODIES_EVERY = 4  # looks for faces for one for bodies: they take as long as all else
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
    with; of those that several make, the last one's. `faces_every` so many frames faces are looked
    for, and in the first.
    """

    def __init__(self, groups: Sequence[FacetGroup], faces_every: int = 2) -> None:
        self._groups = tuple(_matched(groups))
        self._every = max(1, faces_every)
        self._reformatter = VideoReformatter()
        self.forget()

    def forget(self) -> None:
        """Begin anew, as with another camera."""
        self._meter: FlowMeter | None = None
        self._moved: deque[tuple[float, Flow]] = deque()
        self._people: dict[str, tuple[Rows, bool]] = {}
        self._frames = 0

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
        rows: dict[str, Rows] = {}
        for group in self._groups:
            names = [facet.name for facet in group.facets if facet.name in wanted]
            if not names:
                continue
            side = group.encoder.side
            images = _sides(pictures.of(side, side), mirrored)
            seen = group.encoder(images)
            clock.mark("encoder")
            for facet in group.facets:
                if facet.name not in names:
                    continue
                if isinstance(facet, FlowFacet):
                    rows[facet.name] = _of_flow(facet, flow, self._moved, mirrored)
                elif isinstance(facet, Faces | Bodies):
                    rows[facet.name] = self._of_people(facet, large, mirrored)
                else:
                    rows[facet.name] = _both(facet.describe(replace(seen, large=None)))
                clock.mark(facet.name)
        self._frames += 1
        cut = bool(flow.error[-1] > UNEXPLAINED)
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

    def _of_people(self, facet: Faces | Bodies, large: NDArray[np.uint8], mirrored: bool) -> Rows:
        """Return the rows of faces or bodies, which are not looked for in every frame."""
        known = self._people.get(facet.name)
        every, first = self._every, 0
        if isinstance(facet, Bodies):
            # In a frame without faces, so that no frame takes as long as both.
            every, first = every * _BODIES_EVERY, every - 1
        if known is not None and known[1] == mirrored and self._frames % every != first:
            return known[0]
        both = facet.both_sides(large).astype(np.float32)
        if not mirrored:
            both[1] = 0
        if known is not None and known[1] == mirrored and np.array_equal(known[0], both):
            return known[0]
        self._people[facet.name] = both, mirrored
        return both

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


def _both(rows: NDArray[np.float16]) -> Rows:
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
