"""Several threads work on one question, and leave the machine as it was."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from kuleshov.jobs import QUIET, Job, Stopped
from kuleshov.match.align.cores import cores, on_all_cores


def products() -> set[int]:
    """How many threads a product of NumPy's matrices may use; SciPy has a library of its own."""
    np.ones((2, 2)) @ np.ones((2, 2))
    blas = (lib for lib in threadpool_info() if lib["user_api"] == "blas")
    return {lib["num_threads"] for lib in blas if "numpy" in lib["filepath"]}


def test_answers_come_in_order_and_are_made_side_by_side():
    together = threading.Barrier(min(2, cores()), timeout=60)

    def call(n):
        if n < min(2, cores()):
            together.wait()  # passed only where both are at work
        return n * n

    assert list(on_all_cores(call, range(20), QUIET)) == [n * n for n in range(20)]


def test_each_multiplies_on_its_own_and_all_cores_are_free_again_afterwards():
    before = products()
    one = on_all_cores(lambda n: n, range(2), QUIET)
    next(one)
    other = on_all_cores(lambda _: products(), range(2), QUIET)
    assert next(other) == {1}
    list(one)  # ends first, though it began first
    assert products() == {1}
    list(other)
    assert products() == before


def test_what_goes_wrong_in_a_thread_is_raised():
    def call(n):
        raise ValueError(f"{n} is wrong")

    with pytest.raises(ValueError, match="0 is wrong"):
        list(on_all_cores(call, range(3), QUIET))


def test_a_stop_is_heard():
    job = Job()
    done: list[int] = []
    found = on_all_cores(done.append, range(1000), job)
    next(found)
    job.stop()
    with pytest.raises(Stopped):
        list(found)
