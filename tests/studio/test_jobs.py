"""Jobs of the studio: how far they are, stopping them, and a crash that is told."""

import itertools
import threading
import time
from typing import Any, get_args

import pytest

from kuleshov.errors import MatchError, MediaError, Stopped
from kuleshov.notes import Note
from kuleshov.studio import jobs as jobs_module
from kuleshov.studio.answers import Refused
from kuleshov.studio.jobs import Jobs, Kind

CRASHED = "Something is wrong in Kuleshov itself"


class Heard:
    """Hears of jobs, and waits until one is over."""

    def __init__(self):
        self.told: list[dict[str, Any]] = []
        self.notes: list[Note] = []
        self.over = threading.Event()
        self.jobs = Jobs(self.hear, self.notes.append)

    def hear(self, told):
        self.told.append(told)
        if told["state"] != "runs":
            self.over.set()

    def end(self):
        assert self.over.wait(20)
        return self.told[-1]


@pytest.fixture
def heard():
    heard = Heard()
    yield heard
    heard.jobs.close()


def test_how_far_it_is_is_told_and_what_came_of_it(heard):
    def call(job):
        with job.step("looking at film.mp4", of=100, unit="frames") as step:
            job.note(Note("waits", "It waits."))
            step.at(50)
            with job.step("a part"):
                pass
            step.at(100)
        return {"text": "film.mp4 is open.", "made": "x"}

    heard.jobs.start("open", "film.mp4", call)
    last = heard.end()
    assert (last["state"], last["text"], last["made"]) == ("done", "film.mp4 is open.", "x")
    assert (last["left_s"], last["kind"], last["title"]) == (None, "open", "film.mp4")
    steps = [(one["what"], one["of"], one["unit"]) for one in heard.told if one["what"]]
    assert steps[0] == ("looking at film.mp4", 100, "frames")
    # Of a part of which the end is not known its whole says how far all is.
    part = next(one for one in heard.told if one["what"] == "a part")
    assert (part["done"], part["of"]) == (50, 100)
    assert part["left_s"] is not None
    assert [str(note) for note in heard.notes] == ["It waits."]
    assert heard.jobs.all() == [last]


def test_files_that_are_looked_at_beside_each_other_are_told_of_as_one(heard, monkeypatch):
    """How many of all are done, and one time left, which does not leap."""
    monkeypatch.setattr(jobs_module, "_TELL", 0.0)

    def call(job):
        with job.step("indexing 4 files", of=4, unit="files") as every:
            short, long = job.beside(), job.beside()
            with (
                short.step("a.mp4"),
                long.step("b.mp4"),
                short.step("looking at a.mp4", of=10, unit="frames") as one,
                long.step("looking at b.mp4", of=1000, unit="frames") as other,
            ):
                for n in range(1, 11):
                    time.sleep(0.01)
                    one.at(n)
                    other.at(n)
            every.at(2)
        with job.step("packing rows", of=3, unit="parts"):
            pass

    heard.jobs.start("index", "footage", call)
    heard.end()
    told = [one for one in heard.told if one["what"].startswith("indexing")]
    assert {(one["of"], one["unit"]) for one in told} == {(4, "files")}
    assert not [one for one in heard.told if "mp4" in one["what"]]
    assert max(one["done"] for one in told) == 2
    assert any(1 < one["done"] < 1.5 for one in told), "parts of files count"
    left = [one["left_s"] for one in told if one["left_s"] is not None]
    assert len(left) > 10
    assert max(abs(a - b) for a, b in itertools.pairwise(left)) < 0.5
    assert heard.told[-2]["what"] == "packing rows"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MediaError("film.mp4", "it is no film."), "film.mp4: it is no film."),
        (MatchError("Index it again.", code="index-again"), "Index it again."),
        (OSError(28, "No space left on device", "a.mp4"), "a.mp4: No space left on device."),
        (KeyError("x"), f"{CRASHED} (KeyError); what was decided is saved."),
        (SystemExit(3), f"{CRASHED} (SystemExit); what was decided is saved."),
    ],
)
def test_a_crash_is_told(heard, error, text):
    def call(job):
        raise error

    heard.jobs.start("render", "a.mp4", call)
    last = heard.end()
    assert (last["state"], last["text"]) == ("failed", text)
    assert last.get("code", "") == (error.code if isinstance(error, MatchError) else "")
    assert not heard.jobs.running("render")
    heard.over.clear()
    heard.jobs.start("render", "a.mp4", lambda _: {})
    assert heard.end()["state"] == "done"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_second_one_of_any_kind_is_refused_with_a_sentence(heard, kind):
    goes_on = threading.Event()

    def call(_):
        goes_on.wait(20)
        return {}

    heard.jobs.start(kind, "one", call)
    try:
        with pytest.raises(Refused, match=r"[A-Z].*: wait for it, or stop it"):
            heard.jobs.start(kind, "another", call)
    finally:
        goes_on.set()


def test_one_of_a_kind_runs_and_is_stopped(heard):
    begun = threading.Event()

    def call(job):
        begun.set()
        while True:
            job.check()
            time.sleep(0.01)

    work = heard.jobs.start("index", "clips", call)
    assert begun.wait(20)
    with pytest.raises(Refused, match="Footage is being indexed"):
        heard.jobs.start("index", "clips", call)
    heard.jobs.stop(work.id)
    assert heard.end()["state"] == "stopped"
    with pytest.raises(Refused, match="no such job"):
        heard.jobs.stop("j99")


def test_what_is_over_at_once_is_not_told_of_as_a_job(heard):
    with heard.jobs.meanwhile("change", "lock") as job, job.step("matching", of=2) as step:
        step.at(1)
    assert heard.told == []
    assert heard.jobs.all() == []


def test_a_change_that_takes_long_is_told_and_can_be_stopped(heard):
    begun = threading.Event()

    def fill():
        with heard.jobs.meanwhile("change", "fill") as job, job.step("choosing", of=1000) as step:
            while True:
                step.advance(0.1)
                if heard.jobs.all():
                    begun.set()
                time.sleep(0.01)

    def stopped():
        with pytest.raises(Stopped):
            fill()

    thread = threading.Thread(target=stopped)
    thread.start()
    assert begun.wait(20)
    (told,) = heard.jobs.all()
    assert (told["kind"], told["title"], told["what"]) == ("change", "fill", "choosing")
    heard.jobs.stop(told["id"])
    thread.join(20)
    assert heard.end()["state"] == "stopped"
    assert heard.jobs.all() == []


def test_a_studio_that_is_closed_stops_them_and_begins_no_more(heard):
    heard.jobs.start("render", "a.mp4", _forever)
    heard.jobs.close()
    assert heard.end()["state"] == "stopped"
    with pytest.raises(Refused, match="being closed"):
        heard.jobs.start("open", "b.mp4", _forever)


def _forever(job):
    while True:
        job.check()
        time.sleep(0.01)


def test_what_does_not_get_on_takes_longer_than_was_said(heard, monkeypatch):
    """How long it takes is told anew while nothing moves, and of a part that is over no more."""
    clock = [1000.0]
    monkeypatch.setattr("kuleshov.studio.jobs.time.monotonic", lambda: clock[0])
    halfway, on = threading.Event(), threading.Event()

    def call(job):
        with job.step("looking", of=100, unit="frames") as step:
            step.began = clock[0]
            clock[0] += 10
            step.at(50)
            halfway.set()
            assert on.wait(20)
        return {}

    heard.jobs.start("open", "film.mp4", call)
    assert halfway.wait(20)
    assert heard.told[-1]["left_s"] == 10
    told = len(heard.told)
    heard.jobs.look()
    assert len(heard.told) == told, "it was told just now"
    clock[0] += 30
    heard.jobs.look()
    assert heard.told[-1]["left_s"] == 40, "as slow as it was until now"
    on.set()
    heard.end()
    told = len(heard.told)
    clock[0] += 30
    heard.jobs.look()
    assert len(heard.told) == told
    assert heard.told[-1]["left_s"] is None
