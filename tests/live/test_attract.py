"""The loop that plays while nobody moves before the camera."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kuleshov.desk.live_attract import AttractLoop
from kuleshov.errors import UsageError
from kuleshov.timecode import TimeRange


def film(name, *cores):
    """A film with shots of which such media time may be shown."""
    ranges = {n: TimeRange(*core) for n, core in enumerate(cores)}
    return SimpleNamespace(footage=name, shots=[*ranges], core=ranges.__getitem__)


FILMS = [film("one", (0, 8), (8, 8.5), (10, 13)), film("two", (2, 20)), film("none")]


def run(loop, until, speed=0.0, begin=0.0, step=0.1):
    found = []
    at = begin
    while at < until:
        found.append((at, loop.shown(at, speed)))
        at += step
    return found


def test_it_begins_when_nobody_has_moved_and_ends_when_somebody_does():
    loop = AttractLoop(FILMS, after=3.0)
    shown = run(loop, 5.0)
    assert all((clip is not None) == (at >= 3.0) for at, clip in shown)
    assert loop.shown(5.1, 0.03) is not None  # hardly anything
    assert loop.shown(5.2, 0.2) is None
    assert loop.shown(8.0, 0.0) is None
    assert loop.shown(8.3, 0.0) is not None
    # Once it has ended, hardly anything keeps it from beginning, as before.
    assert loop.shown(8.4, 0.2) is None
    assert loop.shown(9.0, 0.03) is None
    assert loop.shown(11.5, 0.0) is None
    assert loop.shown(12.1, 0.0) is not None


def test_movement_that_ends_no_loop_keeps_one_from_beginning():
    loop = AttractLoop(FILMS, after=3.0)
    assert not any(clip for _, clip in run(loop, 10.0, speed=0.03))


def test_all_shots_that_are_long_enough_come_slowly_and_none_twice_before():
    loop = AttractLoop(FILMS, after=0.1)
    clips: dict = {}
    for at, clip in run(loop, 200.0):
        if clip is not None:
            clips.setdefault(clip.number, []).append((at, clip))
    seen = [(c[0][1].footage, int(c[0][1].start)) for c in clips.values()]
    assert [*clips] == sorted(clips, reverse=True)
    assert all(number < 0 for number in clips)
    for group in clips.values():
        one = group[0][1]
        assert 0.99 <= one.end - one.start <= 6.01
        assert one.rate == 0.5
        shown = (group[-1][0] - group[0][0] + 0.1) * one.rate
        if group is not list(clips.values())[-1]:
            assert shown == pytest.approx(one.end - one.start, abs=0.1)
    names = [name for name, _ in seen]
    for n in range(0, len(names) - 3, 3):
        assert sorted(names[n : n + 3]) == ["one", "one", "two"]


def test_another_camera_s_clock_begins_anew():
    loop = AttractLoop(FILMS, after=3.0)
    run(loop, 5.0, begin=100.0)
    assert loop.shown(1.0, 0.0) is None
    loop.forget()
    assert loop.shown(500.0, 0.0) is None


def test_an_archive_without_shots_has_no_loop():
    assert AttractLoop([film("none")], after=1.0).shown(0.0, 0.0) is None
    with pytest.raises(UsageError):
        AttractLoop(FILMS, after=0.0)
