"""The search for garbage is put off for as long as anybody asks, and comes back."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from kuleshov import garbage
from kuleshov.garbage import left_alone, nothing_searched, set_aside, taken_back


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was else gc.disable)()


def test_it_is_put_off_until_all_have_ended():
    begun, end = threading.Event(), threading.Event()

    def other() -> None:
        with nothing_searched():
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=other)
    with nothing_searched():
        thread.start()
        assert begun.wait(60)
        with nothing_searched():
            assert not gc.isenabled()
    assert not gc.isenabled(), "another thread still makes what stays"
    end.set()
    thread.join(60)
    assert gc.isenabled()


def test_it_comes_back_after_an_error():
    with pytest.raises(KeyError), nothing_searched():
        raise KeyError
    assert gc.isenabled()


def test_it_stays_off_where_somebody_switched_it_off():
    gc.disable()
    with nothing_searched():
        pass
    assert not gc.isenabled()
    gc.enable()
    with nothing_searched():
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.fixture
def nothing_aside(monkeypatch):
    """Other tests may have left something alone for good."""
    monkeypatch.setattr(garbage, "_aside", 0)
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_aside")
def test_what_is_there_is_left_out_of_later_searches():
    left_alone()
    try:
        assert gc.get_freeze_count() > 0
        assert gc.isenabled()
    finally:
        taken_back()
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("nothing_aside")
def test_what_two_want_left_alone_is_so_until_both_have_taken_it_back():
    set_aside()
    set_aside()
    taken_back()
    assert gc.get_freeze_count() > 0
    taken_back()
    assert gc.get_freeze_count() == 0
