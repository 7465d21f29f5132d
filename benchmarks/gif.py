"""Compare GIFs with FFmpeg's palettegen and paletteuse: bytes and quality of the same frames.

python benchmarks/gif.py FILM [FILM …] [--frames 30] [--width 480]

PSNR is the mean over frames in RGB, SSIM the mean over luma (Wang et al. 2004, a Gaussian of 1.5
pixels). The last line of each film says how large ours is where it keeps as much as it may without
its PSNR falling below that of FFmpeg's default.
"""

from __future__ import annotations

import argparse
import io
import time
from functools import partial
from pathlib import Path

import av
import numpy as np
from scipy.ndimage import gaussian_filter

from kuleshov.media.gif import TICK, GifOptions, write_gif

DELAY = 8
PEERS = {
    "ffmpeg, sierra2_4a (default)": "dither=sierra2_4a",
    "ffmpeg, sierra2_4a, rectangle": "dither=sierra2_4a:diff_mode=rectangle",
    "ffmpeg, bayer 5": "dither=bayer:bayer_scale=5",
    "ffmpeg, no dither": "dither=none",
}


def load(path: Path, count: int, width: int, start: int = 30) -> list[np.ndarray]:
    """Return every second frame from `start`, scaled."""
    found = []
    with av.open(path) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= start and number % 2 == 0:
                height = 2 * round(frame.height * width / frame.width / 2)
                found.append(frame.reformat(width, height, "rgb24").to_ndarray())
            if len(found) == count:
                break
    return found


def peer(pictures: list[np.ndarray], use: str) -> bytes:
    """Return FFmpeg's GIF of the pictures, with one palette for all."""
    height, width = pictures[0].shape[:2]
    graph = av.filter.Graph()
    size = f"{width}x{height}"
    source = graph.add(
        "buffer", video_size=size, pix_fmt="rgb24", time_base="1/100", pixel_aspect="1/1"
    )
    split, made = graph.add("split"), graph.add("palettegen", "stats_mode=full")
    used, sink = graph.add("paletteuse", use), graph.add("buffersink")
    source.link_to(split)
    split.link_to(made, 0, 0)
    split.link_to(used, 1, 0)
    made.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    out = io.BytesIO()
    with av.open(out, "w", format="gif") as container:
        stream = container.add_stream("gif")
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.codec_context.time_base = TICK
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number * DELAY, TICK
            graph.vpush(frame)
        graph.vpush(None)
        while True:
            try:
                container.mux(stream.encode(graph.vpull()))
            except (av.error.EOFError, av.error.BlockingIOError):
                break
        container.mux(stream.encode())
    return out.getvalue()


def judged(data: bytes, pictures: list[np.ndarray]) -> tuple[float, float]:
    """Return PSNR and SSIM of a GIF's frames."""
    with av.open(io.BytesIO(data)) as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    errors = [((a.astype(float) - b) ** 2).mean() for a, b in zip(shown, pictures, strict=True)]
    psnr = np.mean([10 * np.log10(255**2 / max(e, 1e-3)) for e in errors])
    return float(psnr), float(np.mean([_ssim(a, b) for a, b in zip(shown, pictures, strict=True)]))


def _ssim(one: np.ndarray, other: np.ndarray) -> float:
    x, y = (
        p.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) for p in (one, other)
    )
    mx, my, xx, yy, xy = (gaussian_filter(v, 1.5) for v in (x, y, x * x, y * y, x * y))
    top = (2 * mx * my + 6.5) * (2 * (xy - mx * my) + 58.5)
    return float((top / ((mx**2 + my**2 + 6.5) * (xx + yy - mx**2 - my**2 + 58.5))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--width", type=int, default=480)
    asked = parser.parse_args()
    for film in asked.films:
        pictures = load(film, asked.frames, asked.width)
        delays = [DELAY] * len(pictures)
        ways = {name: partial(peer, pictures, use) for name, use in PEERS.items()}
        ways["ours (default)"] = partial(write_gif, pictures, delays)
        ways["ours, nothing kept"] = partial(write_gif, pictures, delays, GifOptions(keep=0))
        found = {}
        for name, way in ways.items():
            began = time.process_time()
            data = way()
            took = time.process_time() - began
            found[name] = (len(data), *judged(data, pictures))
            size, psnr, ssim = found[name]
            print(f"{film.stem} | {name} | {size / 1e3:.0f} kB | {psnr:.1f} dB | {ssim:.3f} | "
                  f"{took:.1f} s")  # fmt: skip
        least, best = found["ffmpeg, sierra2_4a (default)"][1], None
        for keep in range(13):
            data = write_gif(pictures, delays, GifOptions(keep=keep))
            psnr, ssim = judged(data, pictures)
            if psnr < least:
                break
            best = keep, len(data), psnr, ssim
        if best:
            keep, size, psnr, ssim = best
            print(f"{film.stem} | ours, keep {keep} | {size / 1e3:.0f} kB | {psnr:.1f} dB | "
                  f"{ssim:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
