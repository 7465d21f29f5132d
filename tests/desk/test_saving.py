"""Saving in the background: soon after a change, again where it failed, whoever saved meanwhile."""

import threading
import time

from kuleshov.desk import saving
from kuleshov.desk.saving import Saver
from kuleshov.errors import ProjectError


def test_what_another_thread_could_not_save_is_tried_again(monkeypatch):
    """The thread that saves sleeps when somebody else saves at once, and fails."""
    monkeypatch.setattr(saving, "_SOON", 0.05)
    monkeypatch.setattr(saving, "_AGAIN", 0.05)
    full, saved = threading.Event(), threading.Event()

    def save():
        if full.is_set():
            raise ProjectError("The disk is full.")
        saved.set()

    told: list[str | None] = []
    saver = Saver(save, told.append)
    saver.changed()
    assert saved.wait(20)
    while not saver.saved:
        time.sleep(0.01)
    time.sleep(0.1)  # the thread waits for a change now
    saved.clear()
    full.set()
    monkeypatch.setattr(saving, "_SOON", 60.0)
    saver.changed()
    time.sleep(0.1)
    assert not saver.flush()
    assert told[-1] == "The disk is full."
    full.clear()
    assert saved.wait(20)
    assert saver.close()
    assert told[-1] is None
