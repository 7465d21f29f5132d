"""What is asked of an actor is stopped, whether it has begun or not; no Ray is needed for that."""

from __future__ import annotations

import threading
import time

import pytest

from kuleshov.errors import Stopped
from kuleshov.jobs import Job
from kuleshov.ray.working import Working


def test_a_question_that_was_stopped_is_not_begun_by_whoever_hears_of_it_late():
    actor, begun = Working(), []
    actor.stop("one")
    late = actor._answer(lambda _: begun.append("one"), "one")
    assert isinstance(late.error, Stopped)
    assert not begun
    assert actor._answer(lambda _: 3, "another").result == 3
    assert actor._answer(lambda _: 4).result == 4


@pytest.mark.parametrize("stopped", ["mine", ""])
def test_what_is_being_done_ends_where_it_is_meant_alone(stopped):
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
    actor.stop(stopped)
    thread.join()
    assert isinstance(answers[0].error, Stopped)
