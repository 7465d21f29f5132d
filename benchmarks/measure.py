"""Measure processor time and memory of a process and its children (Linux)."""

from __future__ import annotations

import os
import platform
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

__all__ = ["MemoryPeak", "children", "cpu_seconds", "machine", "peak_kb", "spread"]

_TICK = os.sysconf("SC_CLK_TCK")


def children(pid: int | str = "self") -> list[int]:
    """Return the processes that one, by default this one, has started and that still run."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (thread / "children").read_text().split()]
    except FileNotFoundError:  # it has just ended
        pass
    return found


def cpu_seconds() -> float:
    """Return processor time of this process and its children.

    That is of children that run, and of those that have ended.
    """
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for pid in children():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def peak_kb(pid: int | str = "self") -> int:
    """Return the most memory that a process has held, in kB.

    `ru_maxrss` also counts its parent's.
    """
    return _status(pid)["VmHWM"]


def _status(pid: int | str) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    parts = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): int(value) for name, value, _ in parts}


class MemoryPeak:
    """A watch over this process's memory during a `with` block.

    Afterwards `own_mb` is how far its own memory rose above the start, `mapped_mb` how far the
    pages of mapped files did, which the system takes back when it needs them.
    """

    def __enter__(self) -> Self:
        self.own_mb = self.mapped_mb = 0.0
        self._start = _status("self")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            now = _status("self")
            own = (now["RssAnon"] - self._start["RssAnon"]) / 1024
            mapped = (now["RssFile"] - self._start["RssFile"]) / 1024
            self.own_mb, self.mapped_mb = max(self.own_mb, own), max(self.mapped_mb, mapped)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median and, in brackets, all values."""
    runs = ", ".join(f"{value:.{digits}f}" for value in values)
    return f"{statistics.median(values):.{digits}f} ({runs})"


def machine() -> str:
    """Return one line on the processor and how busy it is."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    extras = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    name = names[0] if names else platform.processor()
    load = os.getloadavg()[0]
    when = time.strftime("%Y-%m")
    return f"{len(names)} x {name} ({', '.join(extras)}), load {load:.1f} at the start, {when}"
