"""Shots tile a film whatever boundaries are given."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kuleshov.footage import Shot, Transition
from kuleshov.shots.fades import BlackStretch
from kuleshov.shots.tile import merge, tile
from kuleshov.timecode import FrameRange

R = FrameRange


@st.composite
def ranges(draw: st.DrawFn, most: int = 8) -> tuple[int, list[FrameRange]]:
    """A film's length and ranges in it, in order, that do not overlap; some are empty."""
    frames = draw(st.integers(1, 200))
    count = draw(st.integers(0, most))
    edges = sorted(draw(st.lists(st.integers(0, frames), min_size=2 * count, max_size=2 * count)))
    return frames, [R(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@st.composite
def boundaries(draw: st.DrawFn) -> tuple[int, list[Transition]]:
    frames, found = draw(ranges())
    transitions = []
    for one in found:
        if not len(one):
            transitions.append(Transition("cut", one))
        elif draw(st.booleans()):
            transitions.append(Transition("dissolve", one))
        else:
            a, b = sorted(
                (draw(st.integers(one.first, one.end)), draw(st.integers(one.first, one.end)))
            )
            transitions.append(Transition("fade", one, R(a, b)))
    return frames, transitions


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, list[FrameRange], list[BlackStretch]]:
    """A detector's boundaries and black stretches, which know nothing of each other."""
    frames, dark = draw(ranges(4))
    made = []
    for one in dark:
        a, b = sorted(
            (draw(st.integers(one.first, one.end)), draw(st.integers(one.first, one.end)))
        )
        made.append(BlackStretch(R(a, b), R(one.first, a), R(b, one.end)))
    edges = sorted(draw(st.lists(st.integers(0, frames), max_size=12)))
    found = [R(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    return frames, found, made


def check(shots: list[Shot], frames: int) -> None:
    assert [shot.index for shot in shots] == list(range(len(shots)))
    assert shots[0].frames.first == 0
    assert shots[-1].frames.end == frames
    assert all(a.frames.end == b.frames.first for a, b in pairwise(shots))
    assert shots[0].transition == Transition("none", R(0, 0))
    for shot in shots:
        assert len(shot.frames) > 0
        assert shot.frames.first <= shot.core.first <= shot.core.end <= shot.frames.end
        for other in shots:
            if len(shot.core) and len(other.transition.frames):
                assert not shot.core.overlaps(other.transition.frames)
    for shot in shots[1:]:
        into = shot.transition
        assert into.kind != "none"
        # The boundary is the cut, or lies within what is gradual.
        assert into.frames.first <= shot.frames.first <= into.frames.end


@given(boundaries())
def test_any_boundaries_give_shots_that_tile(made):
    frames, transitions = made
    shots = tile(transitions, [], frames)
    check(shots, frames)
    assert len(shots) <= len(transitions) + 1


@given(stretches())
def test_any_black_and_any_boundaries_give_shots_that_tile(made):
    frames, found, dark = made
    transitions, black = merge(found, dark, frames)
    check(tile(transitions, black, frames), frames)


def test_no_frames():
    assert tile([], [], 0) == []


def test_one_shot():
    assert tile([], [], 9) == [Shot(0, R(0, 9), R(0, 9), Transition("none", R(0, 0)))]


def test_a_cut_and_a_dissolve():
    cut, dissolve = Transition("cut", R(10, 10)), Transition("dissolve", R(20, 30))
    first, second, third = tile([cut, dissolve], [], 50)
    assert (first.frames, first.core) == (R(0, 10), R(0, 10))
    assert (second.frames, second.core, second.transition) == (R(10, 25), R(10, 20), cut)
    assert (third.frames, third.core, third.transition) == (R(25, 50), R(30, 50), dissolve)


def test_the_boundary_of_a_fade_is_the_middle_of_its_black():
    fade = Transition("fade", R(10, 40), R(30, 34))
    first, second = tile([fade], [], 60)
    assert first.frames.end == second.frames.first == 32
    assert (first.core, second.core) == (R(0, 10), R(40, 60))


def test_boundaries_at_the_very_ends_are_none():
    cuts = [Transition("cut", R(0, 0)), Transition("cut", R(9, 9))]
    assert len(tile(cuts, [], 9)) == 1


def test_a_detectors_boundary_near_black_is_the_same_event():
    fade = BlackStretch(R(30, 34), R(20, 30), R(34, 44))
    transitions, black = merge([R(18, 28), R(32, 32), R(47, 47), R(60, 60), R(70, 80)], [fade], 100)
    assert transitions == [
        Transition("fade", R(20, 44), R(30, 34)),
        Transition("cut", R(60, 60)),
        Transition("dissolve", R(70, 80)),
    ]
    assert black == []


def test_long_black_is_a_shot_of_its_own():
    fade = BlackStretch(R(30, 60), R(20, 30), R(60, 60))
    transitions, black = merge([], [fade], 100)
    shots = tile(transitions, black, 100)
    assert [shot.black for shot in shots] == [False, True, False]
    assert [shot.core for shot in shots] == [R(0, 20), R(30, 60), R(60, 100)]
    assert [shot.transition.kind for shot in shots] == ["none", "fade", "cut"]


def test_black_at_both_ends():
    dark = [
        BlackStretch(R(0, 20), R(0, 0), R(20, 30)),
        BlackStretch(R(90, 100), R(80, 90), R(100, 100)),
    ]
    transitions, black = merge([], dark, 100)
    shots = tile(transitions, black, 100)
    assert [shot.black for shot in shots] == [True, False, True]
    assert [shot.core for shot in shots] == [R(0, 20), R(30, 80), R(90, 100)]
