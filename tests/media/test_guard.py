"""A call in a process of its own: its result, its errors, and its end over a file."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import misdeeds
from films import flat, make_film
from kuleshov.errors import KuleshovError, MediaError, MediaStalled, UsageError, WorkerDied
from kuleshov.media import guard as guard_module
from kuleshov.media.guard import GuardLimits, asked, guarded, memory_limit, spared
from kuleshov.media.hand import in_hand, keep_record, read_record
from media_orders import film, levels, sides_first

A = Path("/films/ä one.mp4")
B = Path("/films/other.mp4")


def test_a_result_comes_back():
    assert guarded(misdeeds.add, 2, 3) == 5


def test_no_thread_is_left(monkeypatch):
    """Also where the thread that listens is slow to hear that the process has ended."""
    listen = guard_module._listen

    def slowly(*what: Any) -> None:
        listen(*what)
        time.sleep(1)

    monkeypatch.setattr(guard_module, "_listen", slowly)
    before = threading.active_count()
    guarded(misdeeds.reported, 5, progress=lambda *_: None)
    assert threading.active_count() == before


def test_progress_is_reported_from_another_process():
    told: list[tuple[int, int]] = []
    process = guarded(misdeeds.reported, 40, progress=lambda *what: told.append(what))
    assert process != os.getpid()
    assert 1 < len(told) < 40
    assert told == sorted(told)
    assert all(of == 40 for _, of in told)


def test_errors_come_back():
    with pytest.raises(UsageError, match="no call"):
        guarded(misdeeds.refuse_all)
    with pytest.raises(KuleshovError, match="_Odd: it cannot travel"):
        guarded(misdeeds.odd)


def test_a_crash_names_the_file_in_hand():
    ended: list[int] = []
    with pytest.raises(WorkerDied, match="ended with status") as caught:
        guarded(misdeeds.crash, A, tidy=ended.append)
    assert caught.value.path == A
    assert len(ended) == 1


def test_a_crash_names_the_file_of_the_thread_that_crashed():
    with pytest.raises(WorkerDied) as caught:
        guarded(misdeeds.crash_beside, A, B)
    assert caught.value.path == A


def test_a_real_crash(tmp_path):
    """What PyAV does with a custom order of channels, if it is let."""
    path = sides_first(film(tmp_path / "a.mov", ("7.1", levels(*[0.1] * 8))))
    with pytest.raises(WorkerDied) as caught:
        guarded(misdeeds.forbidden_order, path)
    assert caught.value.path == path


def test_hunger_for_memory_is_ended():
    limits = GuardLimits(memory=400 << 20)
    with pytest.raises(WorkerDied, match=r"more than 0\.4 GiB") as caught:
        guarded(misdeeds.eat, A, limits=limits)
    assert caught.value.path == A


def test_a_file_that_gives_nothing_is_given_up():
    with pytest.raises(MediaStalled, match=r"gave nothing for 0\.5 seconds") as caught:
        guarded(misdeeds.hang, A, limits=GuardLimits(stall_s=0.5))
    assert caught.value.path == A


def test_refused_files_are_not_opened(tmp_path):
    path = make_film(tmp_path / "a.mp4", [flat(90)] * 3)
    assert "mp4" in guarded(misdeeds.opened, path)
    with pytest.raises(MediaError, match="it is deadly") as caught:
        guarded(misdeeds.opened, path, refused={path: "it is deadly."})
    assert caught.value.path == path


def test_cancelling_lets_it_end_by_itself(tmp_path):
    begun = tmp_path / "begun"
    assert guarded(misdeeds.until_cancelled, begun, cancelled=begun.exists) == "ended"


def test_an_interrupt_lets_it_tidy_up(tmp_path):
    begun = tmp_path / "begun"

    def interrupted() -> bool:
        if begun.exists():
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        guarded(misdeeds.until_cancelled, begun, cancelled=interrupted)
    assert (tmp_path / "ended").exists()


def test_what_kills_is_left_out_and_the_rest_is_done_again():
    deadly = [Path("/films/deadly one.mp4"), Path("/films/deadly two.mp4")]
    told = asked(misdeeds.named_unless_deadly, [A, deadly[0], B, deadly[1], A])
    assert told[A] == A.name
    assert told[B] == B.name
    for path in deadly:
        assert isinstance(told[path], MediaError)
        assert "ended with status" in told[path].reason
    assert list(told) == [A, deadly[0], B, deadly[1]]
    assert asked(misdeeds.named_unless_deadly, []) == {}


def test_what_kills_again_is_an_error():
    """A fault that lies with no file does not go on for ever."""
    with pytest.raises(WorkerDied) as caught:
        spared(misdeeds.crash, A)
    assert caught.value.path == A
    many = [Path(f"/films/deadly {number}.mp4") for number in range(9)]
    with pytest.raises(WorkerDied):
        asked(misdeeds.named_unless_deadly, many)


def test_the_bound_is_generous():
    assert 2 << 30 <= memory_limit() <= 8 << 30


def test_a_record_of_many_threads(tmp_path, monkeypatch):
    from kuleshov.media import hand

    monkeypatch.setattr(hand, "_record", None)
    keep_record(tmp_path / "hand")
    waiting, seen = threading.Barrier(51), threading.Barrier(51)

    def work(number: int) -> None:
        with in_hand(Path(f"/films/{number}.mp4")):
            waiting.wait(10)
            seen.wait(10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    waiting.wait(10)
    held = read_record(tmp_path / "hand")
    seen.wait(10)
    for thread in threads:
        thread.join()
    assert len(held) == 32
    assert [one.number for one in held] == sorted((one.number for one in held), reverse=True)
    assert all(one.busy for one in held)
    with in_hand(A):
        assert read_record(tmp_path / "hand")[0].path == A
    assert not read_record(tmp_path / "hand")[0].busy
