"""How soon a film plays before it is rendered, and what its pieces cost.

    python benchmarks/preview.py FILM [--heights 1080,576] [--shots 150] [--frames 24]

FILM is scaled to each height (H.264, a key picture every 250). First, segments of 48 frames, source
and recut both of that height, one after another in this process: with every picture decoded from
the originals, with proxies being made on the way, and with proxies that are there. Then a project
of so many shots with `Preview`, in its two processes: how long until its first segment can be
played, until all can, until one that is changed can, and what is kept. Milliseconds are a frame's,
by the clock and of the processor: on a busy machine only the latter says much.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av

from kuleshov.desk.preview import Preview, PreviewCache
from kuleshov.edit.cut import Cut
from kuleshov.footage import Bars
from kuleshov.match.align.candidates import Candidate
from kuleshov.media.decode import Film
from kuleshov.media.proxy import Decoded, Proxies
from kuleshov.render.segments import beside, segments, write_segment
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Clip, Layout, Media, Sound, Timeline, Track

RATE = Fraction(24)
_LENGTH = 48  # frames of the segments that are timed one by one
_SEGMENTS = 6


class Originals(Proxies):
    """Reads every film as it is."""

    def film(
        self, path: Path, _checksum: str = "", _bars: Bars = Bars(), threads: int = 0
    ) -> Decoded:
        """Open the film itself."""
        return Film(path, threads)


def scaled(film: Path, out: Path, height: int, frames: int) -> Path:
    """Write so many frames of a film at another height, over and over, with a tone."""
    with av.open(out, "w") as target, Film(film) as source:
        shape = Fraction(*source.video.display_size)
        width = 2 * round(height * shape / 2)
        stream = target.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = 250
        written = 0
        while written < frames:
            for picture in source.pictures():
                frame = picture.frame.reformat(width, height, "yuv420p")
                frame.pts, frame.time_base, frame.pict_type = written, 1 / RATE, 0
                target.mux(stream.encode(frame))
                written += 1
                if written == frames:
                    break
        target.mux(stream.encode(None))
    return out


def project(
    source: Path, archive: Path, shots: int, length: int, frames: int, shift: int = 0
) -> Timeline:
    """Lay clips from all over a film beside a source."""
    room = frames - length - 1
    starts = [(n * 397 + shift * (n == shots // 2)) % room for n in range(shots)]
    clips = [
        Clip(Media(archive, "archive"), start / RATE, length, mirrored=n % 3 == 0)
        for n, start in enumerate(starts)
    ]
    own = [Clip(Media(source, "source"), (n * length % room) / RATE, length) for n in range(shots)]
    tracks = Track("recut", tuple(clips)), Track("source", tuple(own))
    return Timeline("film", RATE, Layout.single(1280, 720), tracks, Sound(Media(source)))


class Edited:
    """A project as `Preview` wants it."""

    def __init__(self, timeline: Timeline, length: int) -> None:
        self.now, self._length = timeline, length

    @property
    def cut(self) -> Cut:
        """The slots, and nothing else."""
        length, count = self._length, len(self.now.recut.items)
        ranges = [FrameRange(n * length, n * length + length) for n in range(count)]
        slots = {str(n + 1): SimpleNamespace(own=own) for n, own in enumerate(ranges)}
        return cast(Cut, SimpleNamespace(slots=slots))

    def timeline(self) -> Timeline:
        """The film."""
        return self.now

    def offer(self, offer: str, slot: str | None = None) -> Candidate:
        """Nothing is offered here."""
        raise KeyError(offer, slot)


def timed(timeline: Timeline, proxies: Proxies) -> tuple[float, float, int]:
    """Return milliseconds a frame, by the clock and of the processor, and bytes a frame."""
    small, size = beside(timeline), 0
    began, busy = time.perf_counter(), time.process_time()
    for one in segments(small):
        size += len(write_segment(small, one, proxies).data)
    wall, cpu = time.perf_counter() - began, time.process_time() - busy
    return 1000 * wall / small.duration, 1000 * cpu / small.duration, size // small.duration


def one_by_one(source: Path, archive: Path, frames: int, folder: Path) -> None:
    """Print what a frame of a segment costs."""
    timeline = project(source, archive, _SEGMENTS, _LENGTH, frames)
    proxies = Proxies(folder / "proxies")
    ways: tuple[tuple[str, Proxies], ...] = (
        ("originals", Originals(folder / "none")),
        ("proxies, being made", proxies),
        ("proxies", proxies),
    )
    for name, how in ways:
        wall, cpu, size = timed(timeline, how)
        print(f"  {name:20} {wall:6.1f} ms a frame, {cpu:6.1f} of the processor, {size} bytes")


def until_all(preview: Preview, count: int = -1) -> float:
    """Return the seconds until so many segments can be played (-1: all)."""
    began = time.perf_counter()
    while True:
        listed = preview.film().segments
        ready = sum(preview.ready(one.key) for one in listed)
        if ready >= (len(listed) if count < 0 else count):
            return time.perf_counter() - began
        time.sleep(0.01)


def whole(source: Path, archive: Path, shots: int, length: int, frames: int, folder: Path) -> None:
    """Print how soon a project plays."""
    editing = Edited(project(source, archive, shots, length, frames), length)
    cache = PreviewCache(folder / "previews", folder / "proxies of the project")
    for name in ("nothing kept", "opened again"):
        began = time.perf_counter()
        with Preview(None, editing, cache=cache) as preview:
            first = until_all(preview, 1) + time.perf_counter() - began
            every = first + until_all(preview)
            print(f"  {shots} shots, {name}: first after {first:.2f} s, all after {every:.1f} s")
            if name == "nothing kept":
                for by in (1, 2, 200):
                    editing.now = project(source, archive, shots, length, frames, by)
                    print(f"    a clip slipped by {by}: {until_all(preview):.2f} s")
                editing.now = project(source, archive, shots, length, frames)
    made, proxies = cache.usage()
    seconds = shots * length / RATE
    print(
        f"  kept for {float(seconds):.0f} s: {made.bytes / 1e6:.1f} MB of segments, "
        f"{proxies.bytes / 1e6:.1f} MB of proxies in {proxies.entries} files"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--heights", default="1080,576")
    parser.add_argument("--shots", type=int, default=150)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--long", type=int, default=1500, help="frames of the scaled film")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for height in map(int, options.heights.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            archive = scaled(options.film, folder / "archive.mp4", height, options.long)
            print(f"{height} lines, load {os.getloadavg()[0]:.1f}:")
            one_by_one(archive, archive, options.long, folder)
            whole(archive, archive, options.shots, options.frames, options.long, folder)


if __name__ == "__main__":
    main()
