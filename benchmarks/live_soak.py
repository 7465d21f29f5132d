"""Whether a live view grows: frames and pieces for minutes, and the memory of its processes.

    python benchmarks/live_soak.py FILM --archive ARCHIVE --minutes 10

Starts `kuleshov live --kiosk` as a program, sends the film's pictures as a page does, two on their
way at most, fetches the pieces that are answered, and reads the memory of the program, and of the
processes that it started, twice a minute.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import struct
import subprocess
import sys
import time
import urllib.request
from itertools import cycle
from pathlib import Path

import av
import numpy as np
from websockets.sync.client import connect

_EVERY = 30.0  # s between two looks at memory
_RATE = 25
_MOST = 300  # pictures of the film, again and again


def pictures(path: Path) -> list[bytes]:
    """Return pictures of a film as JPEGs, 256 pixels high."""
    found = []
    with av.open(str(path)) as film:
        for picture in film.decode(video=0):
            data = io.BytesIO()
            image = picture.to_image()
            image.resize((round(256 * image.width / image.height), 256)).save(data, "JPEG")
            found.append(data.getvalue())
            if len(found) == _MOST:
                break
    return found


def memory(pid: int) -> float:
    """Return what a process and its children hold of their own, in MB; files count for nothing."""
    own = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = sum(
        int(line.split()[1]) for line in own.splitlines() if line.startswith("Private_Dirty")
    )
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return private / 1024 + sum(memory(int(child)) for child in children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("film", type=Path)
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    order = [sys.executable, "-m", "kuleshov", "live", "--kiosk", "--no-browser", "--json"]
    program = subprocess.Popen(
        [*order, "--attract", "20", "--archive", str(given.archive)], stdout=subprocess.PIPE
    )
    try:
        assert program.stdout is not None
        base, _, token = json.loads(program.stdout.readline())["url"].partition("/?token=")
        soak(base, token, program.pid, pictures(given.film), given.minutes)
    finally:
        program.terminate()
        program.wait()


def soak(base: str, token: str, pid: int, jpegs: list[bytes], minutes: float) -> None:
    """Send frames, fetch pieces, and say how memory went."""
    headers = {"Authorization": f"Bearer {token}"}

    def got(path: str) -> bytes:
        asked = urllib.request.Request(base + path, headers=headers)
        with urllib.request.urlopen(asked) as answer:
            return bytes(answer.read())

    while (told := json.loads(got("/api/live")))["state"] == "opening":
        time.sleep(0.5)
    step, began, looked = told["step"], time.monotonic(), -_EVERY
    held: list[float] = []
    answers = pieces = 0
    clips: set[tuple[int, int]] = set()
    with connect(base.replace("http", "ws") + "/camera", additional_headers=headers) as socket:
        for number, jpeg in enumerate(cycle(jpegs)):
            at = time.monotonic() - began
            if at > 60 * minutes:
                break
            socket.send(struct.pack("<Id", number, at) + jpeg)
            found = json.loads(socket.recv())
            if found["type"] == "answer":
                answers += 1
                piece = found["footage"], int(found["start"] // step)
                if piece not in clips:
                    clips.add(piece)
                    got(f"/media/piece/{piece[0]}/{piece[1]}.mp4")
                    pieces += 1
            if at - looked >= _EVERY:
                looked = at
                held.append(memory(pid))
                print(f"{at:6.0f} s  {held[-1]:8.1f} MB", flush=True)
            time.sleep(max(0.0, 1 / _RATE - (time.monotonic() - began - at)))
    # The first minute opens networks, helpers and caches.
    settled = held[2:] or held
    minute = np.arange(len(settled)) * _EVERY / 60
    slope = np.polyfit(minute, settled, 1)[0] if settled[1:] else 0.0
    load = os.getloadavg()[0]
    print(f"{answers} answers, {pieces} pieces in {minutes:g} minutes at a load of {load:.1f}")
    print(f"{settled[0]:.1f} to {settled[-1]:.1f} MB, most {max(settled):.1f}")
    print(f"{slope:+.2f} MB a minute")


if __name__ == "__main__":
    main()
