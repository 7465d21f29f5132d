"""Measure how fast a film is rendered, beside FFmpeg's command line and MoviePy.

    python benchmarks/render.py --footage DIR --source FILE [--repeat 3] [--peers ffmpeg,moviepy]

The edit: the source on the left, clips of the archive on the right, each side 640x360, one clip
for each of 30 parts of the source, with the source's sound. Every peer gets the same ranges and
the same x264 settings, and all films must have the same number of frames. What is compared are
ratios of times from the same run; peers that are not installed are left out, with a word.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from kuleshov.errors import MediaError
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.decode import Film
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.timeline import Clip, Layout, Media, Sound, Timeline, Track
from measure import peak_kb

SIDE = (640, 360)
CLIPS = 30
WRITE = WriteOptions(crf=18, preset="medium")


def edit(source: Path, footage: Path) -> Timeline:
    """Return the film that everybody makes."""
    with Film(source) as film:
        rate, seconds = film.video.rate, film.probe.duration_s or 0
    frames = int(seconds * rate) - 2
    borders = [frames * index // CLIPS for index in range(CLIPS + 1)]
    lengths = [end - first for first, end in itertools.pairwise(borders)]
    usable = [(path, long) for path, long in _films(footage) if long > max(lengths) / rate + 2]
    clips, original = [], []
    for index, (first, length) in enumerate(zip(borders, lengths, strict=False)):
        path, long = usable[index % len(usable)]
        room = long - length / rate - 1
        start = room * (index * 37 % 100) / 100
        clips.append(Clip(Media(path), start, length))
        original.append(Clip(Media(source), first / rate, length))
    tracks = (
        Track("source", tuple(original), region="source"),
        Track("recut", tuple(clips), region="main"),
    )
    return Timeline("benchmark", rate, Layout.side_by_side(*SIDE), tracks, Sound(Media(source)))


def _films(footage: Path) -> list[tuple[Path, Fraction]]:
    found = []
    for path in sorted(footage.iterdir()):
        if path.suffix == ".ts":
            continue  # FFmpeg's own seeking is not exact where clocks restart
        try:
            with Film(path) as film:
                seconds = film.probe.duration_s or 0
                if not film.video.rotation:
                    found.append((path, Fraction(round(seconds * 1000), 1000)))
        except MediaError as error:
            print(f"left out: {error}", file=sys.stderr)
    return found


def with_kuleshov(timeline: Timeline, out: Path) -> None:
    render(timeline, out, RenderOptions(write=WRITE))


def with_ffmpeg(timeline: Timeline, out: Path) -> None:
    width, height = SIDE
    rate = timeline.rate
    source, recut = timeline.tracks
    assert timeline.sound is not None
    inputs = ["-i", str(timeline.sound.media.path)]
    lines = [f"[0:v]fps={rate},scale={width}:{height},setsar=1[left]"]
    for number, clip in enumerate(recut.items, 1):
        assert isinstance(clip, Clip)
        inputs += ["-ss", f"{float(clip.start):.6f}", "-i", str(clip.media.path)]
        lines.append(
            f"[{number}:v]fps={rate},trim=end_frame={clip.duration},setpts=PTS-STARTPTS,"
            f"scale={width}:{height}:force_original_aspect_ratio=increase,"
            f"crop={width}:{height},setsar=1,format=yuv420p[c{number}]"
        )
    joined = "".join(f"[c{n}]" for n in range(1, len(recut.items) + 1))
    lines.append(f"{joined}concat=n={len(recut.items)}[right];[left][right]hstack[v]")
    command = ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", ";".join(lines)]
    command += ["-map", "[v]", "-map", "0:a", "-c:a", "copy", "-c:v", "libx264"]
    command += ["-crf", str(WRITE.crf), "-preset", WRITE.preset, "-pix_fmt", "yuv420p"]
    command += ["-frames:v", str(source.duration), "-movflags", "+faststart", str(out)]
    subprocess.run(command, check=True)


MOVIEPY = """
import json, sys
from moviepy import CompositeVideoClip, VideoFileClip, concatenate_videoclips
edit = json.load(open(sys.argv[1]))
width, height = edit["side"]
def fill(clip):
    scale = max(width / clip.w, height / clip.h)
    clip = clip.resized(scale)
    return clip.cropped(x_center=clip.w / 2, y_center=clip.h / 2, width=width, height=height)
source = VideoFileClip(edit["source"])
parts = [
    fill(VideoFileClip(path, audio=False).subclipped(start, start + seconds))
    for path, start, seconds in edit["clips"]
]
left = fill(source).subclipped(0, edit["seconds"])
right = concatenate_videoclips(parts).with_position((width, 0))
film = CompositeVideoClip([left, right], size=(2 * width, height)).with_duration(edit["seconds"])
film.with_audio(source.audio).write_videofile(
    sys.argv[2], fps=edit["rate"], codec="libx264", audio_codec="aac", preset=edit["preset"],
    ffmpeg_params=["-crf", str(edit["crf"])], logger=None)
"""


def with_moviepy(timeline: Timeline, out: Path, python: str) -> None:
    rate, (_, recut) = timeline.rate, timeline.tracks
    assert timeline.sound is not None
    clips = [
        (str(clip.media.path), float(clip.start), float(clip.duration / rate))
        for clip in recut.items
        if isinstance(clip, Clip)
    ]
    plan = {
        "side": SIDE,
        "source": str(timeline.sound.media.path),
        "clips": clips,
        "rate": float(rate),
        "seconds": (recut.duration + 0.25) / float(rate),  # it rounds a length down
        "preset": WRITE.preset,
        "crf": WRITE.crf,
    }
    script, data = out.with_name("edit.py"), out.with_name("edit.json")
    script.write_text(MOVIEPY)
    data.write_text(json.dumps(plan))
    subprocess.run([python, str(script), str(data), str(out)], check=True)


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def many(footage: Path, count: int) -> Timeline:
    """Return `count` clips of four frames, from one film after another."""
    usable = [(path, long) for path, long in _films(footage) if long > 4]
    clips = []
    for index in range(count):
        path, long = usable[index % len(usable)]
        clips.append(Clip(Media(path), (long - 2) * (index * 37 % 100) / 100, 4))
    layout = Layout.single(*SIDE)
    return Timeline("many", Fraction(25), layout, (Track("recut", tuple(clips)),))


def memory(footage: Path) -> None:
    """Print the peaks of processes that render 100 and 1,000 clips."""
    peaks = []
    for count in (100, 1000):
        command = [sys.executable, __file__, "--footage", str(footage), "--many", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout) / 1024)
    print(f"memory, 100 and 1000 clips: {peaks[0]:.0f} -> {peaks[1]:.0f} MB")


def peers(wanted: set[str], python: str) -> dict[str, Callable[[Timeline, Path], None]]:
    found: dict[str, Callable[[Timeline, Path], None]] = {"kuleshov": with_kuleshov}
    if "ffmpeg" in wanted:
        if shutil.which("ffmpeg"):
            found["ffmpeg"] = with_ffmpeg
        else:
            print("ffmpeg is not installed: left out", file=sys.stderr)
    if "moviepy" in wanted:
        probe = subprocess.run([python, "-c", "import moviepy"], capture_output=True, check=False)
        if probe.returncode == 0:
            found["moviepy"] = lambda timeline, out: with_moviepy(timeline, out, python)
        else:
            print("moviepy 2 is not installed: left out", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--footage", type=Path, required=True)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", default="ffmpeg,moviepy")
    parser.add_argument("--moviepy-python", default=sys.executable)
    parser.add_argument("--many", type=int, help="render so many clips and print the peak in kB")
    options = parser.parse_args()
    if options.many:
        with tempfile.TemporaryDirectory() as folder:
            render(many(options.footage, options.many), Path(folder) / "many.mp4")
        print(peak_kb())
        return
    if options.source is None:
        parser.error("--source is needed")
    timeline = edit(options.source, options.footage)
    runners = peers(set(options.peers.split(",")), options.moviepy_python)
    times: dict[str, list[float]] = {name: [] for name in runners}
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.repeat):
            for name, run in runners.items():
                out = Path(folder) / f"{name}.mp4"
                began = time.perf_counter()
                run(timeline, out)
                times[name].append(time.perf_counter() - began)
                counts[name] = frames_of(out)
    for name, taken in times.items():
        middle = statistics.median(taken)
        ratio = middle / statistics.median(times["ffmpeg" if "ffmpeg" in times else "kuleshov"])
        runs = ", ".join(f"{t:.1f}" for t in taken)
        print(f"{name:9} {middle:6.2f} s  {ratio:5.2f}x  {counts[name]} frames  ({runs})")
    if len(set(counts.values())) != 1:
        sys.exit(f"the films differ in length: {counts}")
    memory(options.footage)


if __name__ == "__main__":
    main()
