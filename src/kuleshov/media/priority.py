"""Keep codecs from putting a process before all others of the machine.

SVT-AV1 gives its own threads, and the one that opens it, real-time priority where root runs it, as
in a container; whatever that thread does or begins from then on has it, too. On two cores one such
process leaves nothing for the rest of the machine, which seems to stand still.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ordinary_priority"]

_TASKS = Path("/proc/self/task")


@contextlib.contextmanager
def ordinary_priority() -> Iterator[None]:
    """Take real-time priority away from threads that got it, or began with it, within the block.

    Threads that had it before keep it. Where the system does not tell of threads nothing is done.
    """
    before = _in_real_time()
    try:
        yield
    finally:
        for thread in _in_real_time() - before:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _in_real_time() -> set[int]:
    """Return the threads of this process that have real-time priority."""
    found: set[int] = set()
    with contextlib.suppress(OSError, AttributeError):  # other systems have neither
        for task in _TASKS.iterdir():
            with contextlib.suppress(OSError):  # it has just ended
                if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(int(task.name))
    return found
