"""Measure what indexing costs, beside decoding alone, and what its parts cost.

    python benchmarks/index.py --footage DIR [--repeat 3] [--lively NAME] [--quiet NAME]

Two films of DIR, one cut fast and one quiet, are re-encoded (15 s of each; H.264, crf 20) at 1080p
and at 576p. Cost is processor time of all processes, since wall time on a busy machine says little;
decoding alone uses the same library with the same number of threads. Parts are measured one by one
on what the part before gives, and what is left over is called the rest: the pipe between the
processes, checksum, fsync. Last, the peak of memory for a film and four times as much
of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from kuleshov.archive.archive import write_archive
from kuleshov.archive.ingest import ingest
from kuleshov.archive.stills import StillSpool, write_stills
from kuleshov.errors import ModelError
from kuleshov.features.analyse import LARGE, Analysis, Analyst
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.facet import FACETS, KEPT, FlowFacet, facets, load_reference
from kuleshov.features.flow import FlowMeter
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.decode import Film
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.media.worker import Worker
from kuleshov.media.write import FilmWriter
from kuleshov.models.runtime import Network, Precision, load
from kuleshov.shots.finder import ShotFinder
from kuleshov.shots.transnet import GLANCE, TransNet
from measure import children, cpu_seconds, machine, peak_kb, spread

SIZES = {"1080p": (1920, 1080), "576p": (1024, 576)}
SECONDS = 15
GROUPS = {
    "faces": lambda name: name == "faces",
    "bodies, things": lambda name: name in ("bodies", "things"),
    "material": lambda name: name == "material",
    "other facets": lambda name: name not in ("faces", "bodies", "things", "material"),
}
PARTS = ("decode", "scaling", "shots", "flow", "encoder", *GROUPS, "stills")


class Counted:
    """A network that counts the frames it is shown, context left out."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.frames = 0

    def __call__(self, window: Any) -> dict[str, Any]:
        """Return what the network says, and count."""
        self.frames += window.shape[1] - 2 * GLANCE
        return self._network(window)


def remake(source: Path, out: Path, size: tuple[int, int], start: int) -> None:
    """Encode a part of `source` anew at `size`."""
    width, height = size
    with Film(source) as film:
        rate = film.video.rate
        with FilmWriter(out, width, height, rate, WriteOptions(20, "fast")) as writer:
            for picture in film.pictures(Fraction(start)):
                if picture.time >= start + SECONDS:
                    break
                if picture.time >= start:
                    writer.write(picture.frame.reformat(width, height, "yuv420p"))


def looped(source: Path, out: Path, times: int) -> None:
    """Write the packets of `source`, `times` over."""
    with av.open(str(out), "w") as made:
        stream, offset = None, 0
        for _ in range(times):
            with av.open(str(source)) as given:
                video = given.streams.video[0]
                stream = stream or made.add_stream_from_template(video)
                end = offset
                for packet in given.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    end = max(end, offset + packet.pts + (packet.duration or 0))
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    made.mux(packet)
                offset = end


def cost(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of all processes, and what `work` gives."""
    began = cpu_seconds()
    result = work()
    return cpu_seconds() - began, result


class Bench:
    """The networks of one precision, and what is done with them."""

    def __init__(self, precision: Precision, worker: Worker) -> None:
        self.encoder = EfficientNet(load("efficientnet-lite0", precision=precision))
        self.cutter = load("transnetv2", precision=precision)
        self.facets = facets((*FACETS, *KEPT), load_reference(self.encoder))
        self.analyst = Analyst(worker, lambda: TransNet(self.cutter), self.encoder, self.facets)

    def index(self, path: Path) -> None:
        """Index one film into a new archive."""
        with (
            tempfile.TemporaryDirectory() as folder,
            write_archive(Path(folder)) as archive,
        ):
            summary = ingest(archive, [path], self.analyst)
            assert not summary.failed, summary.failed

    def parts(self, path: Path) -> tuple[dict[str, float], float]:
        """Return processor seconds of each part, and the share of frames the shot network saw."""
        taken: dict[str, float] = {}
        taken["decode"], frames = cost(lambda: decode(path))
        reading, messages = cost(lambda: list(read(ReadRequest(path, large=LARGE))))
        taken["scaling"] = reading - taken["decode"]
        batches = [m for m in messages if isinstance(m, FrameBatch)]
        counted = Counted(self.cutter)

        def find() -> None:
            finder = ShotFinder(TransNet(counted))  # type: ignore[arg-type]
            for batch in batches:
                finder.feed(batch.tiny)
            finder.finish()

        def move() -> None:
            meter = FlowMeter()
            for batch in batches:
                meter.feed(batch.tiny)
            meter.finish()

        taken["shots"], _ = cost(find)
        taken["flow"], _ = cost(move)
        taken["encoder"], seen = cost(lambda: [self.encoder(b.pictures) for b in batches])
        seen = [replace(s, large=b.large) for s, b in zip(seen, batches, strict=True)]
        for part, wanted in GROUPS.items():
            own = [f for f in self.facets if not isinstance(f, FlowFacet) and wanted(f.name)]
            taken[part], _ = cost(lambda own=own: [f.describe(s) for s in seen for f in own])  # type: ignore[misc]
        analysis = self.analyst.analyse(path)
        taken["stills"], _ = cost(lambda: stills(batches, analysis))
        return taken, min(1.0, counted.frames / frames)


def decode(path: Path) -> int:
    with Film(path) as film:
        return sum(1 for _ in film.pictures())


def stills(batches: list[FrameBatch], analysis: Analysis) -> None:
    with StillSpool() as spool, tempfile.TemporaryDirectory() as folder:
        for batch in batches:
            spool.add(batch.pictures, batch.which)
        aspect = analysis.probe.video.active_aspect
        write_stills(Path(folder), spool, analysis.shots, analysis.shown, aspect)


def compare(films: dict[str, Path], precision: Precision, repeat: int) -> None:
    """Print a line for each film, and one for what its parts cost."""
    with Worker() as worker:
        try:
            bench = Bench(precision, worker)
        except ModelError:
            print(f"\n{precision}: not measured: this processor has no {precision}")
            return
        print(f"\n{precision}; processor seconds for {SECONDS} s of film")
        for path in films.values():
            bench.index(path)  # networks compile for new sizes, processes start
        for name, path in films.items():
            alone, whole, walls, parts = [], [], [], []
            share = 0.0
            for _ in range(repeat):
                alone.append(cost(lambda path=path: decode(path))[0])  # type: ignore[misc]
                began = time.perf_counter()
                whole.append(cost(lambda path=path: bench.index(path))[0])  # type: ignore[misc]
                walls.append(time.perf_counter() - began)
                each, share = bench.parts(path)
                parts.append(each)
            ratios = [w / a for w, a in zip(whole, alone, strict=True)]
            middle = {part: statistics.median(p[part] for p in parts) for part in PARTS}
            middle["rest"] = statistics.median(whole) - sum(middle.values())
            print(
                f"{name:13} decoding alone {spread(alone)}, indexing {spread(whole)} = "
                f"{spread(ratios)}x; {SECONDS / statistics.median(walls):.1f}x real time; "
                f"shot network saw {share:.0%} of frames"
            )
            print("    " + ", ".join(f"{part} {seconds:.2f}" for part, seconds in middle.items()))


def index_once(path: Path) -> None:
    """Index in a fresh process, and print the peaks of both processes in kB."""
    with Worker() as worker:
        Bench("auto", worker).index(path)
        print(json.dumps({"own": peak_kb(), "worker": sum(map(peak_kb, children()))}))


def memory(film: Path, folder: Path) -> None:
    peaks = {}
    for times in (2, 8):
        long = folder / f"{times}.mp4"
        looped(film, long, times)
        command = [sys.executable, __file__, "--once", str(long)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[times] = {k: v / 1024 for k, v in json.loads(done.stdout).items()}
    short, four = peaks[2], peaks[8]
    print(
        f"\nmemory, {2 * SECONDS} s and {8 * SECONDS} s of {film.stem}: own process "
        f"{short['own']:.0f} -> {four['own']:.0f} MB ({four['own'] / short['own']:.2f}x), decoding "
        f"{short['worker']:.0f} -> {four['worker']:.0f} MB "
        f"({four['worker'] / short['worker']:.2f}x)"
    )


def films_of(footage: Path, folder: Path, names: dict[str, tuple[str, int]]) -> Iterator[Any]:
    for size, pixels in SIZES.items():
        for kind, (name, start) in names.items():
            out = folder / f"{kind}-{size}.mp4"
            remake(footage / name, out, pixels, start)
            yield f"{kind} {size}", out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--lively", default="bodypaint_edited.mp4")
    parser.add_argument("--quiet", default="bbb_60s_hls.ts")
    parser.add_argument("--once", type=Path, help="index one film and print the peaks of memory")
    options = parser.parse_args()
    if options.once:
        index_once(options.once)
        return
    if options.footage is None:
        parser.error("--footage is needed")
    print(machine())
    names = {"lively": (options.lively, 20), "quiet": (options.quiet, 0)}
    with tempfile.TemporaryDirectory(prefix="kuleshov-index-") as name:
        folder = Path(name)
        films = dict(films_of(options.footage, folder, names))
        memory(films["lively 576p"], folder)
        for precision in ("f32", "bf16"):
            compare(films, precision, options.repeat)


if __name__ == "__main__":
    main()
