"""Let all cores of the machine work on one question."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kuleshov.jobs import Job
from kuleshov.media.guard import cores

__all__ = ["on_all_cores", "one_each", "products", "use_cores"]

_AT_ONCE = 5e9  # products of two numbers: a tenth of a second, after which one can be stopped
_PARTS = 8  # of the items, for each core: so that none has much left when the others are done
_SAMPLES = 256  # multiplied at once, at most: several facets and cores have enough to do then

Floats = NDArray[np.float32]
T = TypeVar("T")
R = TypeVar("R")


def on_all_cores(call: Callable[[T], R], items: Iterable[T], job: Job) -> Iterator[R]:
    """Yield what `call` gives for each of the items, in their order, made in as many threads.

    NumPy lets go of the interpreter while it calculates, and each thread multiplies on its own. A
    stop is heard between two items.
    """
    every, most = list(items), min(cores(), _LIMIT.cores)
    # Short calls are given out several together: to give out each would cost more than it does.
    size = max(1, len(every) // (_PARTS * most))

    def several(part: Sequence[T]) -> list[R]:
        return [call(item) for item in job.over(part)]

    with one_each(), _THREADS.lent(most) as threads:
        waiting = [threads.submit(several, every[n : n + size]) for n in range(0, len(every), size)]
        try:
            for future in job.over(waiting):
                yield from future.result()
        finally:
            for future in waiting:
                future.cancel()
            wait(waiting)


def use_cores(most: int) -> None:
    """Let this process work on so many cores at most: others of the machine are not its own."""
    _LIMIT.cores = most


def products(
    samples: Mapping[str, Floats], rows: Mapping[str, Floats], job: Job
) -> dict[str, Floats]:
    """Return `samples @ rows.T` of each facet, (n, R), made by all cores.

    They are multiplied in parts, so that a stop is heard between them, and in the same ones on any
    machine: the last bits depend on that.
    """
    whole = {n: np.empty((len(part), len(rows[n])), np.float32) for n, part in samples.items()}
    parts = []
    for name, part in samples.items():
        count = min(_SAMPLES, max(1, int(_AT_ONCE / max(1, rows[name].size))))
        parts += [(name, begin, begin + count) for begin in range(0, len(part), count)]

    def multiply(part: tuple[str, int, int]) -> None:
        name, first, end = part
        np.matmul(samples[name][first:end], rows[name].T, out=whole[name][first:end])

    for _ in on_all_cores(multiply, parts, job):
        pass
    return whole


class _Threads:
    """Threads that are kept between two calls: to start some takes as long as a short call.

    Each call has its own, so that a short one does not wait behind all that a long one gave out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[tuple[int, ThreadPoolExecutor]] = []

    @contextlib.contextmanager
    def lent(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Lend so many threads, which must have nothing to do any more when the block ends."""
        with self._lock:
            place = next((n for n, (size, _) in enumerate(self._free) if size == count), None)
            threads = None if place is None else self._free.pop(place)[1]
        if threads is None:
            threads = ThreadPoolExecutor(count, thread_name_prefix="kuleshov-core")
        try:
            yield threads
        finally:
            with self._lock:
                self._free.append((count, threads))

    def forget(self) -> None:
        """Forget all threads, in a process that was forked and has none of them."""
        self._lock, self._free = threading.Lock(), []


_THREADS = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_THREADS.forget)


class _Limit:
    """A limit of one thread for each product of matrices, as long as anybody wants it.

    `cores` are those that this process may use.
    """

    cores = sys.maxsize

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users, self._set = 0, contextlib.ExitStack()

    def enter(self) -> None:
        with self._lock:
            if not self._users:
                # Looked for anew: what was loaded since multiplies with libraries of its own.
                self._set.enter_context(_controller().limit(limits=1, user_api="blas"))
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._set.close()


_LIMIT = _Limit()


@contextlib.contextmanager
def one_each() -> Iterator[None]:
    """Have every thread multiply on its own while this lasts.

    To set that anew for each of many short calls costs more than they do.
    """
    # Two that set and restore it in turns would leave it as the other one had set it.
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()


def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
