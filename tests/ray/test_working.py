"""What is asked of an actor is stopped, whether it has begun or not; no Ray is needed for that."""

from __future__ import annotations

import threading
import time

from kuleshov.archive.tasks import Task
from kuleshov.errors import MediaError, Stopped
from kuleshov.jobs import Job
from kuleshov.ray.actor import FilmActor
from kuleshov.ray.working import Working
from ray_actors import QuickNetworks


def test_a_question_that_was_stopped_is_not_begun_by_whoever_hears_of_it_late():
    actor, begun = Working(), []
    actor.stop("one")
    late = actor._answer(lambda _: begun.append("one"), "one")
    assert isinstance(late.error, Stopped)
    assert not begun
    assert actor._answer(lambda _: 3, "another").result == 3
    assert actor._answer(lambda _: 4).result == 4


def test_what_is_being_done_ends_where_it_is_meant_alone():
    actor, begun, answers = Working(), threading.Event(), []

    def call(job: Job) -> None:
        begun.set()
        while True:
            time.sleep(0.01)
            job.check()

    thread = threading.Thread(target=lambda: answers.append(actor._answer(call, "mine")))
    thread.start()
    assert begun.wait(30)
    actor.stop("another")
    thread.join(0.2)
    assert not answers
    actor.stop("mine")
    thread.join()
    assert isinstance(answers[0].error, Stopped)


def test_a_film_that_was_stopped_is_not_looked_at_by_whoever_hears_of_it_late(tmp_path):
    class Spec:
        def networks(self):
            return QuickNetworks()

    actor = FilmActor(Spec())  # type: ignore[arg-type]
    task = Task(tmp_path / "film.mp4", ())
    for ask in (
        lambda question: actor.identified(question, task),
        lambda question: actor.analyse(question, task, tmp_path),
    ):
        actor.stop("one")
        assert isinstance(ask("one").error, Stopped)
        assert isinstance(ask("another").error, MediaError), "there is no such film"
