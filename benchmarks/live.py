"""How well, and how fast, an archive answers a camera.

    python benchmarks/live.py --archive ARCHIVE --moments 100
    python benchmarks/live.py --archive ARCHIVE --source FILM --frames 400
    python benchmarks/live.py --archive ARCHIVE --source FILM --frames 200 --lens sea

The first way cuts a film out of the archive's own frames, cropped to 85 %, darkened and mirrored,
and asks which footage, and which instant of it, is shown at the end of each of its shots. The
second plays a film frame by frame, as fast as it is answered, and says what each part costs, by the
clock or, with `--processor`, by the processor's time, all cores together. The third does so through
a lens, 512 pixels wide, a JPEG in and a JPEG out; two lenses are mixed.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

import kuleshov.features.watching as watching
import kuleshov.match.live.moments as moments_of
from kuleshov.archive.rows import ArchiveFilm
from kuleshov.desk.desk import Desk
from kuleshov.desk.live import Live
from kuleshov.features.analyse import LARGE
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, PRESETS
from kuleshov.match.live.holding import WAYS, LiveOptions
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.see.bundled import lens_path
from kuleshov.studio.live import picture_of
from kuleshov.studio.live_lens import HEAD, LensView
from kuleshov.studio.reading import Fields

_RATE = 12  # frames a second of what is cut
_BEFORE = 2.0  # s of each moment that are played before it is judged
_NEAR = 0.5  # s; an instant so near is the right one
_CROP, _LIGHT = 0.85, 0.6


def altered(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) cropped, darkened and mirrored."""
    height, width = picture.shape[:2]
    top, left = (round(side * (1 - _CROP) / 2) for side in (height, width))
    seen = picture[top : height - top, left : width - left][:, ::-1]
    return np.asarray(seen * np.float32(_LIGHT), np.uint8)


def frames(desk: Desk, path: Path, begin: float, end: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield media time and picture of a part of a film."""
    request = ReadRequest(
        path,
        _RATE,
        picture=16,
        large=LARGE,
        begin=Fraction(begin).limit_denominator(1000),
        end=Fraction(end).limit_denominator(1000),
    )
    row = 0
    for message in desk.networks.worker.read(request):
        if isinstance(message, FrameBatch) and message.large is not None:
            for which in message.which.tolist():
                yield begin + row / _RATE, message.large[which]
                row += 1


def moments(films: list[ArchiveFilm], count: int, seed: int) -> list[tuple[ArchiveFilm, float]]:
    """Return moments of the archive, each far enough into a shot, all films alike often."""
    chance = random.Random(seed)
    found: list[tuple[ArchiveFilm, float]] = []
    while len(found) < count:
        film = chance.choice(films)
        shots = [one for one in film.shots if film.core(one).duration > _BEFORE + 0.2]
        if shots:
            core = film.core(chance.choice(shots))
            found.append((film, chance.uniform(float(core.start) + _BEFORE, float(core.end) - 0.1)))
    return found


def judge(desk: Desk, options: LiveOptions, count: int, seed: int) -> None:
    """Say how often the right footage, and the right instant, is shown."""
    live = Live(desk, options)
    films = [film for film in live.moments.rows.films if film.shots]
    clock, right, close, wanted, wrong = 0.0, 0, 0, 0, []
    chosen = moments(films, count, seed)
    for film, moment in chosen:
        answer = None
        for at, picture in frames(desk, film.footage.path, moment - _BEFORE, moment):
            clock, instant = clock + 1 / _RATE, at
            answer = live.look(altered(picture), clock) or answer
        if answer is None:
            continue
        same = answer.footage.checksum == film.footage.checksum
        near = same and abs(answer.start - instant) <= _NEAR
        best = live.moments.film(answer.shown.wanted.spot)
        right, close = right + same, close + near
        wanted += best.footage.checksum == film.footage.checksum
        if not near:
            wrong.append((film.footage.path.name, instant, answer.footage.path.name, answer.start))
    print(f"{count} moments: footage {right}, instant {close}; nearest moment's footage {wanted}")
    for name, at, other, start in wrong:
        print(f"  {name} {at:.2f}: {other} {start:.2f}")


def by_processor() -> None:
    """Have the parts of an answer measured by the processor's time."""
    for module in (watching, moments_of):
        vars(module)["time"] = SimpleNamespace(perf_counter=time.process_time)


def measure(desk: Desk, options: LiveOptions, source: Path, count: int) -> None:
    """Say what an answer costs, by the clock and by the processor, and each part of it."""
    began, used = time.perf_counter(), time.process_time()
    live = Live(desk, options)
    segments, rows = len(live.moments), len(live.moments.rows)
    print(f"{rows:,} rows, {segments:,} segments; ready in {time.perf_counter() - began:.1f} s,")
    print(f"{time.process_time() - used:.1f} s of the processor; load {os.getloadavg()[0]:.1f}")
    clock, spent = [], []
    parts: dict[str, list[float]] = defaultdict(list)
    for number, (_, picture) in enumerate(frames(desk, source, 0.0, count / _RATE)):
        began, used = time.perf_counter(), time.process_time()
        answer = live.look(picture, number / _RATE)
        clock.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.process_time() - used))
        for name, cost in {} if answer is None else answer.costs.items():
            parts[name].append(cost)
    print("ms                    median     95 %     99 %")
    for name, values in (("clock", clock), ("processor", spent), *sorted(parts.items())):
        print(f"{name:20s}" + "".join(f"{v:9.1f}" for v in np.percentile(values, [50, 95, 99])))


def through(desk: Desk, names: list[str], source: Path, count: int) -> None:
    """Say what a picture through one lens, or two mixed, costs, and each part of it."""
    lens = LensView({name: lens_path(name) for name in names}, slow_s=math.inf)
    mixed = {"other": names[-1], "mix": 0.5} if len(names) > 1 else {}
    lens.change(Fields({"through": "lens", **mixed}))
    parts: dict[str, list[float]] = defaultdict(list)
    for number, (at, picture) in enumerate(frames(desk, source, 0.0, count / _RATE)):
        wide = Image.fromarray(picture).resize((512, 288))
        data = io.BytesIO()
        wide.save(data, "JPEG", quality=85)
        began, used = time.perf_counter(), time.process_time()
        frame = picture_of(data.getvalue())
        decoded = time.perf_counter()
        made = lens.look(number, frame, at)
        ended, spent = time.perf_counter(), time.process_time()
        if made is None or number < 10:
            continue
        looked = HEAD.unpack_from(made)[1]
        parts["JPEG in"].append(1000 * (decoded - began))
        parts["lens"].append(looked)
        parts["JPEG out"].append(1000 * (ended - decoded) - looked)
        parts["clock"].append(1000 * (ended - began))
        parts["processor"].append(1000 * (spent - used))
    told = lens.state()
    print(f"{' and '.join(names)} at {told['size']}", end="; ")
    print(f"load {os.getloadavg()[0]:.1f}")
    print("ms                    median     95 %     99 %")
    for name, values in parts.items():
        print(f"{name:20s}" + "".join(f"{v:9.1f}" for v in np.percentile(values, [50, 95, 99])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--way", choices=WAYS, default="mirror")
    parser.add_argument("--by", choices=PRESETS, default="look")
    parser.add_argument("--calm", type=float, default=LiveOptions().calm)
    parser.add_argument("--no-mirror", action="store_true")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--lens", action="append")
    given = parser.parse_args()
    if given.processor:
        by_processor()
    options = LiveOptions(
        way=given.way,
        calm=given.calm,
        weights=dict(PRESETS.get(given.by, DEFAULT_WEIGHTS)),
        mirror=not given.no_mirror,
    )
    with Desk(given.archive) as desk:
        if given.lens:
            through(desk, given.lens, given.source, given.frames)
        elif given.source is None:
            judge(desk, options, given.moments, given.seed)
        else:
            measure(desk, options, given.source, given.frames)


if __name__ == "__main__":
    main()
