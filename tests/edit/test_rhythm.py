import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edit.sources import cut, dissolve, fade, source
from kuleshov.edit.rhythm import rhythm_of
from kuleshov.errors import UsageError
from kuleshov.timecode import FrameRange


def own(rhythm):
    return [(slot.own.first, slot.own.end) for slot in rhythm.slots]


def test_cuts_fall_on_their_frames():
    rhythm = rhythm_of(source(100, [cut(10), cut(11), cut(60)]))
    assert own(rhythm) == [(0, 10), (10, 11), (11, 60), (60, 100)]
    assert rhythm.frames == 100
    assert not rhythm.transitions


def test_a_dissolve_lets_both_sides_be_seen_over_exactly_its_frames():
    rhythm = rhythm_of(source(100, [dissolve(40, 56)]))
    (transition,) = rhythm.transitions
    assert (transition.before_border, transition.past_border) == (8, 8)
    assert [(s.visible.first, s.visible.end) for s in rhythm.slots] == [(0, 56), (40, 100)]
    assert [(s.core.first, s.core.end) for s in rhythm.slots] == [(0, 40), (56, 100)]


def test_a_fade_through_black_is_two_with_black_between():
    rhythm = rhythm_of(source(100, [fade(30, 60, black=(42, 46))]))
    assert [slot.shot for slot in rhythm.slots] == [0, None, 1]
    first, black, last = rhythm.slots
    assert (first.visible.end, last.visible.first) == (42, 46)
    out, into = rhythm.transitions
    assert (black.own.first - out.before_border, black.own.first + out.past_border) == (30, 42)
    assert (black.own.end - into.before_border, black.own.end + into.past_border) == (46, 60)


def test_a_fade_through_an_instant_of_black_still_has_black():
    rhythm = rhythm_of(source(100, [fade(30, 50, black=(40, 40))]))
    assert [slot.shot for slot in rhythm.slots] == [0, None, 1]
    assert all(len(transition) == 10 for transition in rhythm.transitions)


def test_black_at_the_head_stays_black_and_fades_in():
    rhythm = rhythm_of(source(100, [fade(0, 15)], black=[FrameRange(0, 0)]))
    assert [slot.shot for slot in rhythm.slots] == [None, 1]
    (transition,) = rhythm.transitions
    border = rhythm.slots[1].own.first
    assert (border - transition.before_border, border + transition.past_border) == (0, 15)


def test_given_cuts_take_the_place_of_the_shots():
    cuts = [Fraction(n, 24) for n in (30, 31, 90, 240, 500)]
    rhythm = rhythm_of(source(240, [cut(60), cut(200)]), cuts=cuts)
    assert own(rhythm) == [(0, 30), (30, 31), (31, 90), (90, 240)]
    assert [slot.shot for slot in rhythm.slots] == [0, 0, 1, 1]
    assert [*rhythm.by_id] == ["1", "2", "3", "4"]
    assert [(s.core.first, s.core.end) for s in rhythm.slots] == own(rhythm)
    assert not rhythm.transitions


def test_given_cuts_of_a_part_count_from_its_beginning():
    cuts = [Fraction(1), Fraction(3)]
    rhythm = rhythm_of(source(240, [cut(60)]), Fraction(2), Fraction(5), cuts=cuts)
    assert own(rhythm) == [(0, 24), (24, 72)]


def test_a_part_begins_and_ends_where_asked():
    rhythm = rhythm_of(source(240, [cut(60), cut(200)]), Fraction(2), Fraction(5))
    assert rhythm.start == 2
    assert rhythm.frames == 72
    assert own(rhythm) == [(0, 12), (12, 72)]
    assert [slot.shot for slot in rhythm.slots] == [0, 1]


@pytest.mark.parametrize(("begin", "end"), [(5, 5), (6, 2), (11, None), (-1, 3)])
def test_a_part_that_is_none_is_refused(begin, end):
    with pytest.raises(UsageError, match="not a part"):
        rhythm_of(source(240), Fraction(begin), None if end is None else Fraction(end))


def test_a_variable_rate_is_put_on_a_standard_one_and_keeps_its_times():
    # 12 frames a second, and a second in which only every other one was kept.
    ticks = np.array([*range(0, 600, 50), *range(600, 1200, 100), *range(1200, 1800, 50)])
    film = source(len(ticks), [cut(18)], rate=Fraction(12), pts=ticks, time_base=Fraction(1, 600))
    rhythm = rhythm_of(film)
    assert rhythm.rate == 12
    assert rhythm.frames == 36
    assert own(rhythm) == [(0, 24), (24, 36)]  # frame 18 is shown at 2 s


def test_ntsc_rates_stay_exact():
    film = source(1655, [cut(366)], rate=Fraction(30000, 1001), time_base=Fraction(1, 30000))
    rhythm = rhythm_of(film)
    assert (rhythm.rate, rhythm.frames) == (Fraction(30000, 1001), 1655)
    assert own(rhythm)[1] == (366, 1655)


events = st.lists(
    st.tuples(st.integers(0, 160), st.integers(0, 30), st.integers(0, 3)), max_size=12
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(events, st.integers(0, 4), st.integers(5, 8))
def test_slots_tile_and_transitions_fit_whatever_the_source(found, begin, end):
    transitions = []
    for first, length, kind in sorted(found):
        if kind == 0 or not length:
            transitions.append(cut(first))
        elif kind == 1:
            transitions.append(dissolve(first, first + length))
        else:
            middle = first + length // 2
            transitions.append(fade(first, first + length, (middle, middle + length % 3)))
    rhythm = rhythm_of(source(200, transitions), Fraction(begin), Fraction(end))
    borders = own(rhythm)
    assert borders[0][0] == 0
    assert borders[-1][1] == rhythm.frames
    assert all(a[1] == b[0] for a, b in itertools.pairwise(borders))
    assert all(len(slot.own) for slot in rhythm.slots)
    used = dict.fromkeys(range(len(rhythm.slots)), 0)
    for transition in rhythm.transitions:
        used[transition.after] += transition.before_border
        used[transition.after + 1] += transition.past_border
    assert all(used[i] <= len(slot.own) for i, slot in enumerate(rhythm.slots))


def test_a_part_has_no_slivers_at_its_ends():
    film = source(240, [cut(60), cut(120), cut(200)])  # 24 a second
    plain = rhythm_of(film, Fraction(60 - 5, 24), Fraction(200 + 5, 24))
    assert own(plain) == [(0, 5), (5, 65), (65, 145), (145, 150)]
    assert [slot.number for slot in plain.slots] == [1, 2, 3, 4]
    rhythm = rhythm_of(film, Fraction(60 - 4, 24), Fraction(200 + 4, 24))
    assert own(rhythm) == [(0, 64), (64, 148)]
    assert rhythm.frames == 148
    assert rhythm.start == Fraction(56, 24)
    assert [slot.shot for slot in rhythm.slots] == [1, 2]
    assert [slot.number for slot in rhythm.slots] == [1, 2]
    # What is shown is judged by the shot alone, without the frames of its neighbour.
    assert [(s.core.first, s.core.end) for s in rhythm.slots] == [(60, 120), (120, 200)]
    assert rhythm.shots == range(1, 3)


def test_short_shots_that_the_source_has_stay():
    film = source(240, [cut(3), cut(60), cut(237)])
    assert len(rhythm_of(film).slots) == 4
    assert own(rhythm_of(film, Fraction(0), Fraction(10))) == own(rhythm_of(film))
    cut_off = rhythm_of(film, Fraction(1, 24), Fraction(239, 24))
    assert own(cut_off) == [(0, 59), (59, 238)]


def test_a_sliver_of_a_dissolve_or_of_black_is_none_either():
    film = source(240, [dissolve(56, 64), fade(150, 180, black=(160, 170))])
    rhythm = rhythm_of(film, Fraction(58, 24), Fraction(157, 24))
    assert own(rhythm) == [(0, 97), (97, 99)] or own(rhythm) == [(0, 99)]
    assert not rhythm.transitions
    assert len(rhythm_of(film, Fraction(58, 24), Fraction(157, 24)).slots) == 1


def test_a_part_that_is_a_sliver_is_one_shot():
    film = source(240, [cut(60)])
    assert own(rhythm_of(film, Fraction(57, 24), Fraction(63, 24))) == [(0, 6)]
