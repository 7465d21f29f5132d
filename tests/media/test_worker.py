"""The decoding process: its messages, its limits, its end."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes import film_of_shots
from kuleshov.errors import NOT_THERE, MediaError, MediaNotFound, MediaStalled, WorkerDied
from kuleshov.footage import Probe
from kuleshov.media import worker as worker_module
from kuleshov.media.guard import crowding
from kuleshov.media.sampling import FrameBatch, ReadEnd, ReadRequest, read
from kuleshov.media.worker import ReadLimits, Worker
from told import threads_at_work

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
PATIENT = ReadLimits(stall_s=40)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of_shots(tmp_path_factory.mktemp("film") / "film.mp4", range(20, 220, 2))


@pytest.fixture(scope="module")
def shared() -> Iterator[Worker]:
    """A worker for those tests that leave it in order."""
    with Worker(PATIENT) as worker:
        yield worker


def frames_of(messages: Any) -> int:
    return sum(len(message) for message in messages if isinstance(message, FrameBatch))


@pytest.mark.slow
def test_gives_what_reading_here_gives(shared, film):
    request = ReadRequest(film, picture=32)
    there, here = list(shared.read(request)), list(read(request))
    assert there[0] == here[0]
    assert there[-1] == here[-1]
    for name in ("pts", "tiny", "sampled", "pictures"):
        one, other = (
            np.concatenate([getattr(m, name) for m in messages if isinstance(m, FrameBatch)])
            for messages in (there, here)
        )
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_no_thread_is_left(film, monkeypatch):
    """Also where it waits for room among what was never taken."""
    monkeypatch.setattr(worker_module, "_AHEAD", 1)
    listen = worker_module._listen

    def slowly(*what: Any) -> None:
        listen(*what)
        time.sleep(0.3)

    monkeypatch.setattr(worker_module, "_listen", slowly)
    before = threads_at_work()
    with Worker(PATIENT) as worker:
        messages = worker.read(ReadRequest(film, picture=32))
        next(messages)
        while not worker._inbox.full():
            pass
        messages.close()
        assert threads_at_work() == before


def test_hunger_for_memory_is_ended(film):
    with Worker(ReadLimits(memory=1 << 20)) as worker:
        with pytest.raises(WorkerDied, match=r"more than 0\.0 GiB of memory") as caught:
            list(worker.read(ReadRequest(film, picture=32)))
        assert caught.value.path == film
        assert worker._process is None


def test_messages_come_in_order(shared, film):
    messages = list(shared.read(ReadRequest(film, picture=32)))
    kinds = [type(message) for message in messages]
    assert kinds == [Probe, *[FrameBatch] * (len(kinds) - 2), ReadEnd]
    frames, rows = 0, 0
    for message in messages[1:-1]:
        assert (message.first_frame, message.first_row) == (frames, rows)
        frames += len(message)
        rows += len(message.sampled)
    assert frames == messages[-1].frames == 1000


def test_checksum(shared, film):
    assert shared.checksum(film) == hashlib.sha256(film.read_bytes()).hexdigest()


def test_one_process_for_all_films(shared, film):
    shared.checksum(film)
    process = shared._process
    frames_of(shared.read(ReadRequest(film, picture=32)))
    with pytest.raises(MediaNotFound):
        list(shared.read(ReadRequest(film.with_name("none.mp4"))))
    assert shared.checksum(film)
    assert shared._process is process


@pytest.mark.parametrize(
    "error",
    [
        MediaError("a.mp4", "it is odd."),
        MediaNotFound("a.mp4", NOT_THERE),
        MediaStalled("a.mp4", "it gave no picture."),
        WorkerDied("a.mp4", "the process ended."),
    ],
)
def test_errors_cross_the_border_whole(error):
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is type(error)
    assert (arrived.path, arrived.reason, str(arrived)) == (Path("a.mp4"), error.reason, str(error))


def test_reasons_arrive(shared, tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(MediaError) as caught:
        list(shared.read(ReadRequest(tmp_path / "text.mp4")))
    assert caught.value.path == tmp_path / "text.mp4"
    with pytest.raises(MediaNotFound):
        shared.checksum(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="it is a folder"):
        shared.checksum(tmp_path)


@pytest.mark.slow
def test_whoever_stops_listening_does_not_hear_the_rest_with_the_next_film(film, tmp_path):
    other = film_of_shots(tmp_path / "other.mp4", (60,))
    with Worker(PATIENT) as worker:
        messages = worker.read(ReadRequest(film, picture=32))
        assert isinstance(next(messages), Probe)
        assert isinstance(next(messages), FrameBatch)
        messages.close()
        assert frames_of(worker.read(ReadRequest(other, picture=32))) == 10


@pytest.mark.slow
def test_no_more_than_a_few_batches_wait(film, monkeypatch):
    """However slow the listener, the film is not heaped up here."""
    taken, most = 0, 0
    with Worker(PATIENT) as worker:
        for message in worker.read(ReadRequest(film, picture=32)):
            if isinstance(message, FrameBatch):
                taken += 1
                if taken == 2:
                    # Give the other end all the time it wants to run ahead.
                    threading.Event().wait(1.0)
                most = max(most, worker._inbox.qsize())
    assert taken > 3 * worker_module._AHEAD
    assert most == worker_module._AHEAD


@pytest.mark.slow
def test_an_end_without_a_word(tmp_path, film):
    with Worker(PATIENT) as worker:
        messages = worker.read(ReadRequest(film, picture=32))
        next(messages)
        process = worker._process
        assert process is not None
        process.kill()
        with pytest.raises(WorkerDied) as caught:
            list(messages)
        assert caught.value.path == film
        # It is replaced for the next one.
        assert frames_of(worker.read(ReadRequest(film, picture=32))) == 1000
        assert worker._process is not process


@pytest.mark.slow
def test_killed_between_two_films(film):
    with Worker(PATIENT) as worker:
        worker.checksum(film)
        process = worker._process
        assert process is not None
        process.kill()
        process.wait()
        assert worker.checksum(film)


@pytest.mark.slow
@posix
def test_a_process_that_hangs_is_given_up_and_killed(film):
    with Worker(ReadLimits(stall_s=4)) as worker:
        messages = worker.read(ReadRequest(film, picture=32))
        next(messages)
        process = worker._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(MediaStalled, match="no picture for 4 seconds") as caught:
            list(messages)
        assert caught.value.path == film
        assert process.poll() == -signal.SIGKILL
        assert frames_of(worker.read(ReadRequest(film, picture=32))) == 1000


@pytest.mark.slow
def test_closing_ends_the_process(film):
    worker = Worker(PATIENT)
    worker.checksum(film)
    process = worker._process
    assert process is not None
    worker.close()
    worker.close()
    assert process.poll() is not None
    # A closed worker starts anew when asked.
    assert worker.checksum(film)
    worker.close()


def test_a_worker_that_was_never_asked_has_no_process():
    with Worker() as worker:
        assert worker._process is None


@posix
def test_the_process_ends_with_the_one_that_asked(tmp_path, film):
    """Killed, nobody says goodbye: the pipes end."""
    script = (
        "import sys, pathlib\n"
        "from kuleshov.media.worker import Worker\n"
        "worker = Worker()\n"
        "worker.checksum(pathlib.Path(sys.argv[1]))\n"
        "print(worker._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(film)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(600):
        if not alive(child):
            return
        threading.Event().wait(0.05)
    raise AssertionError("the worker outlived its master")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        # One that ended but was not buried yet has ended.
        return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")
    except OSError:
        return False


STUB = """
import pickle, sys, time
import numpy as np
from kuleshov.media.sampling import FrameBatch
out = sys.stdout.buffer
while True:
    request = pickle.load(sys.stdin.buffer)
    for k in range(10_000):
        batch = FrameBatch(
            k, np.array([k]), np.zeros((1, 27, 48, 3), np.uint8),
            0, np.zeros(0, np.int64), np.zeros((0, 8, 8, 3), np.uint8),
            np.zeros(0, np.int64),
        )
        pickle.dump(batch, out)
        out.flush()
        time.sleep(0.05)
"""


def test_an_endlessly_slow_film_is_given_up(monkeypatch):
    """A stand-in that gives a frame every 50 ms, for ever."""
    popen = subprocess.Popen

    def stub(command: list[str], **how: Any) -> Any:
        return popen([command[0], "-c", STUB], **how)

    monkeypatch.setattr(worker_module.subprocess, "Popen", stub)
    limits = ReadLimits(stall_s=40, patience_s=1, min_fps=100)
    with Worker(limits) as worker:
        with pytest.raises(MediaStalled, match="less than 100 pictures a second"):
            list(worker.read(ReadRequest(Path("slow.mp4"))))
        assert worker._process is None


def test_what_libraries_print_does_not_disturb(film, monkeypatch):
    """Standard output carries the messages: nothing else may get there."""
    popen = subprocess.Popen
    noisy = (
        "import os, kuleshov.media.worker as worker\n"
        "serve = worker._serve\n"
        "def loud(*pipes):\n"
        "    print('hello', flush=True)\n"
        "    os.write(1, b'hello')\n"
        "    serve(*pipes)\n"
        "worker._serve = loud\n"
        "worker.main()\n"
    )

    def stub(command: list[str], **how: Any) -> Any:
        return popen([command[0], "-c", noisy], **how)

    monkeypatch.setattr(worker_module.subprocess, "Popen", stub)
    with Worker(PATIENT) as worker:
        assert worker.checksum(film)


def test_errors_nobody_expected_are_told(shared, film):
    with pytest.raises(MediaError, match="ZeroDivisionError"):
        list(shared.read(ReadRequest(film, per_second=0)))


@pytest.mark.parametrize(("load", "times"), [(0.1, 1), (6.0, 3), (500.0, 10)])
def test_a_busy_machine_is_given_more_time(monkeypatch, load, times):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0, 0), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert crowding() == times


@pytest.mark.slow
def test_what_a_busy_machine_makes_slow_is_not_given_up(film, monkeypatch):
    """Even the start of the process takes longer than this limit."""
    for times in (400.0, 1.0):
        monkeypatch.setattr(worker_module, "crowding", lambda times=times: times)
        with Worker(ReadLimits(stall_s=0.02)) as worker:
            if times > 1:
                assert len(worker.checksum(film)) == 64
            else:
                with pytest.raises(MediaStalled):
                    worker.checksum(film)
