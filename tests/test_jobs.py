"""What a job tells, and how it stops the call that has it."""

import pickle
import subprocess
import sys
import threading
import time

import pytest

from kuleshov.errors import KuleshovError, MatchError, Stopped, UsageError
from kuleshov.jobs import QUIET, Job, Step, Yielding, stoppable, unheard
from kuleshov.notes import Note, texts, together


class _Heard:
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def began(self, step: Step) -> None:
        self.told.append(("began", step.what))

    def moved(self, step: Step) -> None:
        self.told.append(("moved", step.what, step.done, step.of))

    def ended(self, step: Step) -> None:
        self.told.append(("ended", step.what, step.outcome))

    def noted(self, note: Note) -> None:
        self.told.append(("noted", note.text))


def test_steps_are_told_as_they_go():
    heard = _Heard()
    job = Job(heard)
    with job.step("indexing", of=2, unit="files") as files:
        for name in files.over(["a.mp4", "b.mp4"]):
            with job.step(name) as step:
                step.at(5, 10)
                step.outcome = "indexed"
                assert step.within is files
                assert job.steps == (files, step)
    assert job.steps == ()
    assert heard.told == [
        ("began", "indexing"),
        ("began", "a.mp4"),
        ("moved", "a.mp4", 5, 10),
        ("ended", "a.mp4", "indexed"),
        ("moved", "indexing", 1, 2),
        ("began", "b.mp4"),
        ("moved", "b.mp4", 5, 10),
        ("ended", "b.mp4", "indexed"),
        ("moved", "indexing", 2, 2),
        ("ended", "indexing", ""),
    ]


def test_a_stopped_job_ends_the_call_wherever_it_tells_anything():
    heard = _Heard()
    job = Job(heard)
    done = []

    def count() -> None:
        with job.step("counting", of=9) as step:
            for number in step.over(range(9)):
                done.append(number)
                if number == 3:
                    job.stop()

    with pytest.raises(Stopped):
        count()
    assert done == [0, 1, 2, 3]
    assert heard.told[-1] == ("ended", "counting", "")
    assert job.stopped
    assert job.steps == ()
    for call in (job.check, lambda: job.step("again"), lambda: Step(job, "x", 1, "", None).at(1)):
        with pytest.raises(Stopped):
            call()


@pytest.mark.slow
def test_another_thread_can_stop_it():
    job, begun = Job(), threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            with job.step("working") as step:
                begun.set()
                while True:
                    step.advance()
        except Stopped as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(10)
    job.stop()
    thread.join(10)
    assert [str(error) for error in ended] == [str(Stopped())]


def test_a_part_beside_is_told_within_the_whole_and_stopped_with_it_or_alone():
    heard = _Heard()
    job = Job(heard)
    with job.step("indexing", of=2, unit="files") as files:
        one, other = job.beside(), job.beside()
        with one.step("a.mp4") as first, other.step("b.mp4") as second:
            assert first.within is files
            assert second.within is files
            assert one.step("looking").within is first
            assert one.steps == (files, first)
            assert job.steps == (files,)
        one.stop()
        assert one.stopped
        assert not job.stopped
        assert not other.stopped
        with pytest.raises(Stopped):
            one.check()
        other.check()
        job.stop()
        assert other.stopped
        for look in (other.check, other.check_waiting):
            with pytest.raises(Stopped):
                look()
    assert [told[1] for told in heard.told if told[0] == "began"] == ["indexing", "a.mp4", "b.mp4"]
    alone = QUIET.beside()
    alone.stop()
    with pytest.raises(Stopped):
        alone.check()
    QUIET.check()


@pytest.mark.slow
def test_listeners_are_told_by_one_thread_at_a_time():
    at_once, most = 0, 0

    class Counts(_Heard):
        def moved(self, step: Step) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            time.sleep(1e-4)
            at_once -= 1

    job = Job(Counts())

    def work(part: Job) -> None:
        with part.step("working") as step:
            for _ in step.over(range(50)):
                pass

    threads = [threading.Thread(target=work, args=(job.beside(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.slow
def test_what_does_not_look_is_left_to_itself():
    """Nobody waits for it, and the next call does not either; calls otherwise share a thread."""
    job, works, free, ended = Job(), threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        works.set()
        free.wait(30)
        ended.set()

    def stop() -> None:
        works.wait(30)
        job.stop()

    names = {stoppable(threading.get_ident, Job()) for _ in range(5)}
    assert len(names) == 1
    assert threading.get_ident() not in names
    threading.Thread(target=stop).start()
    with pytest.raises(Stopped):
        stoppable(work, job)
    assert not ended.is_set()
    assert unheard() == 1
    assert stoppable(lambda: 1, Job()) == 1
    free.set()
    ended.wait(30)
    with pytest.raises(ZeroDivisionError):
        stoppable(lambda: 1 // 0, Job())
    with pytest.raises(Stopped):
        stoppable(lambda: pytest.fail("it was to stop before"), job)
    assert stoppable(threading.get_ident, QUIET) == threading.get_ident()


_PRESSED_OFTEN = """
import signal, threading
from kuleshov.jobs import undisturbed

signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where this began
done, before = [], signal.getsignal(signal.SIGINT)
try:
    with undisturbed():
        for number in range(3):
            signal.raise_signal(signal.SIGINT)
            done.append(number)
    done.append("nothing was heard")
except KeyboardInterrupt:
    done.append("heard")
assert signal.getsignal(signal.SIGINT) is before
with undisturbed():
    pass

def tidy():
    with undisturbed():  # no other thread hears signals
        done.append("aside")

thread = threading.Thread(target=tidy)
thread.start()
thread.join()
print(*done)
"""


def test_signals_wait_until_it_is_tidied_up():
    """However often Ctrl-C is pressed: what had to be done is done, and it is heard once.

    In a process of its own: what else the tests have running in theirs must not hear of it.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PRESSED_OFTEN], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("0 1 2 heard aside\n", 0), done.stderr


def test_what_nobody_waits_for_cannot_be_stopped():
    with pytest.raises(ValueError, match="job of its own"):
        QUIET.stop()
    with QUIET.step("a") as step:
        step.at(1)
        assert QUIET.steps == ()
    assert pickle.loads(pickle.dumps(QUIET)) is QUIET


def test_notes_are_said_once():
    one, again = Note("shot-missing", "Shot 4 stays black.", {"shot": 4}), Note("x", "Other.")
    assert texts(together([one], [again, one])) == ["Shot 4 stays black.", "Other."]
    assert str(one) == "Shot 4 stays black."


@pytest.mark.parametrize(
    "error",
    [
        UsageError("tightness lies between 0 and 1.", option="tightness"),
        MatchError("No shot is long enough.", code="too-short"),
        Stopped(),
    ],
)
def test_errors_bring_their_code_through_another_process(error: KuleshovError):
    same = pickle.loads(pickle.dumps(error))
    assert str(same) == str(error)
    assert vars(same) == vars(error)


def test_a_job_that_yields_waits_for_what_is_asked_first(monkeypatch):
    job, waits = Yielding(), threading.Event()
    order: list[str] = []
    wait = job._free.wait

    def waiting(seconds=None):
        waits.set()
        return wait(seconds)

    monkeypatch.setattr(job._free, "wait", waiting)

    def work():
        order.extend(job.over(["worked"] * 3))

    thread = threading.Thread(target=work)
    with job.first(), job.first():
        thread.start()
        while thread.is_alive() and not waits.wait(0.01):
            pass
        order.append("asked")
    thread.join()
    assert order == ["asked", "worked", "worked", "worked"]


def test_a_job_that_yields_hears_a_stop_while_it_waits():
    job, found = Yielding(), []

    def work():
        try:
            job.check()
        except Stopped:
            found.append("stopped")

    thread = threading.Thread(target=work)
    with job.first():
        thread.start()
        job.stop()
        thread.join()
    assert found == ["stopped"]
