"""Selection: what each of its options is for, and what it does without time."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kuleshov.errors import MatchError, UsageError
from kuleshov.match.choose import programme
from kuleshov.match.choose.select import Choice, SelectOptions, select

PLAIN = SelectOptions(spread=0.0, returns=0.0, fresh=0.0)


def choice(footage, start, end, strength, shot=0, place=None):
    return Choice(footage, shot, float(start), float(end), float(strength), place=place)


def chosen(stretches, selection):
    return [part[index] for part, index in zip(stretches, selection.choices, strict=True)]


def only(stretches, options=PLAIN, **more):
    (selection,) = select(stretches, options, **more)
    return selection


def overlaps(a, b):
    return a.footage == b.footage and a.start < b.end and b.start < a.end


def repeats(shown):
    return sum(overlaps(a, b) for i, a in enumerate(shown) for b in shown[:i])


def shots(shown):
    return [(c.footage, c.shot) for c in shown]


def random_film(seed, stretches=24, candidates=20, films=6, seconds=60):
    """Stretches with candidates at random in some films, cut into shots of 10 s."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(stretches):
        film = rng.integers(0, films, candidates).tolist()
        start = rng.uniform(0, seconds - 2, candidates).round(1).tolist()
        bits = rng.gumbel(5, 1, candidates).tolist()
        made.append(
            [
                choice(f, s, s + 2, b, int(s // 10))
                for f, s, b in zip(film, start, bits, strict=True)
            ]
        )
    return made


class TestOnce:
    def test_the_strongest_where_nothing_stands_against_it(self):
        stretches = [[choice(1, 0, 2, 1), choice(1, 5, 7, 3)], [choice(2, 0, 2, 2)]]
        selection = only(stretches)
        assert selection.choices == (1, 0)
        assert (selection.strength, selection.kept, selection.optimal) == (5.0, 1.0, True)
        assert (selection.gap, selection.differs) == (0.0, 1.0)

    def test_nothing_is_shown_twice_although_it_is_everybodys_best(self):
        best = choice(1, 0, 2, 5.0)
        stretches = [[best, choice(2, 0, 2, 4.9)], [best, choice(3, 0, 2, 1.0)]]
        selection = only(stretches)
        assert selection.choices == (1, 0)
        assert selection.kept == pytest.approx(9.9 / 10)

    def test_touching_is_not_overlapping(self):
        stretches = [[choice(1, 0, 2, 1)], [choice(1, 2, 4, 1), choice(2, 0, 2, 0.5)]]
        assert only(stretches).choices == (0, 0)

    def test_material_repeats_only_where_nothing_else_is_left(self):
        one = choice(1, 0, 2, 1)
        stretches = [[one], [one], [one, choice(2, 0, 2, -30)]]
        assert only(stretches).choices == (0, 0, 1)

    def test_not_even_where_likeness_is_huge(self):
        best = choice(1, 0, 2, 5000)
        stretches = [[best, choice(2, 0, 2, 1)], [best, choice(3, 0, 2, 1)]]
        assert repeats(chosen(stretches, only(stretches))) == 0

    def test_a_chain_of_displacements(self):
        # Each one's best is the next one's only choice but one: all must move by one.
        stretches = [
            [choice(1, 2 * i, 2 * i + 2, 5), choice(1, 2 * i + 2, 2 * i + 4, 4)] for i in range(12)
        ]
        stretches.append([choice(1, 0, 2, 5)])
        assert only(stretches).choices == (1,) * 12 + (0,)

    def test_a_stretch_without_candidates_is_an_error(self):
        with pytest.raises(MatchError, match="nothing for it"):
            select([[choice(1, 0, 1, 1)], []])

    def test_nothing_to_choose(self):
        (selection,) = select([])
        assert (selection.choices, selection.kept, selection.optimal) == ((), 1.0, True)
        assert len(select([], SelectOptions(variants=3))) == 3

    def test_one_stretch(self):
        assert only([[choice(1, 0, 2, 1), choice(1, 0, 2, 2)]], SelectOptions()).choices == (1,)

    def test_numbers_that_are_none_are_refused(self):
        with pytest.raises(ValueError, match="finite"):
            select([[choice(1, 0, 2, float("nan"))]])


class TestSpread:
    def test_neighbours_come_from_different_footage(self):
        stretches = [[choice(1, 3 * i, 3 * i + 2, 5), choice(2 + i, 0, 2, 4)] for i in range(8)]
        assert only(stretches).choices == (0,) * 8
        found = chosen(stretches, only(stretches, SelectOptions(spread=1.0)))
        footage = [c.footage for c in found]
        assert all(a != b for a, b in pairwise(footage))
        assert all(a != b for a, b in zip(footage, footage[2:], strict=False))

    def test_not_at_any_price(self):
        stretches = [[choice(1, 3 * i, 3 * i + 2, 12), choice(2 + i, 0, 2, 1)] for i in range(4)]
        assert only(stretches, SelectOptions(spread=0.3)).choices == (0,) * 4

    def test_two_apart_counts_half(self):
        # From the same footage as its neighbour it loses 4 bits, as the one after that 2.
        def film(loss):
            return [
                [choice(1, 0, 2, 9)],
                [choice(2, 0, 2, 9)],
                [choice(1, 4, 6, 9), choice(3, 0, 2, 9 - loss)],
            ]

        whole = SelectOptions(spread=1.0)
        assert only(film(1.9), whole).choices[2] == 1
        assert only(film(2.1), whole).choices[2] == 0

    @pytest.mark.slow
    def test_it_spreads_more_the_more_is_asked_for(self):
        stretches = random_film(1, films=4)

        def neighbours(spread):
            found = chosen(stretches, only(stretches, SelectOptions(spread=spread, returns=0)))
            assert repeats(found) == 0
            return sum(a.footage == b.footage for a, b in pairwise(found))

        none, some, much = (neighbours(spread) for spread in (0.0, 0.2, 1.0))
        assert none > some >= much
        assert much == 0

    def test_a_return_to_the_same_set_up_may_stay_in_its_footage(self):
        stretches = [
            [choice(1, 0, 2, 9)],
            [choice(2, 0, 2, 9)],
            [choice(1, 4, 6, 9), choice(3, 0, 2, 8.5)],
        ]
        options = SelectOptions(spread=1.0, returns=0.0)
        assert only(stretches, options).choices[2] == 1
        assert only(stretches, options, returns=[(0, 2, 1.0)]).choices[2] == 0


class TestFewFilms:
    def test_one_film_where_it_is_nearly_as_good(self):
        stretches = [[choice(9, 3 * i, 3 * i + 2, 4), choice(i, 0, 2, 5)] for i in range(8)]
        assert len({c.footage for c in chosen(stretches, only(stretches))}) == 8
        few = only(stretches, SelectOptions(spread=0.0, few_films=0.5))
        assert few.choices == (0,) * 8

    @pytest.mark.slow
    def test_fewer_the_more_is_asked_for(self):
        stretches = random_film(2, films=20)

        def films(few):
            options = SelectOptions(spread=0.0, few_films=few, returns=0.0)
            found = chosen(stretches, only(stretches, options))
            assert repeats(found) == 0
            return len({c.footage for c in found})

        all_of_them, some, few = (films(few) for few in (0.0, 0.2, 1.0))
        assert all_of_them > some > few

    def test_not_together_with_spread(self):
        with pytest.raises(UsageError, match="set one of them to 0"):
            SelectOptions(spread=0.3, few_films=0.3)


class TestReturns:
    def film(self):
        """Two set-ups in turn; each stretch's best lies in footage of its own, its second best in
        one of two long shots."""
        return [
            [choice(10 + i, 0, 2, 5), choice(1, 3 * i, 3 * i + 2, 4.5, shot=i % 2)]
            for i in range(8)
        ]

    def test_the_same_archive_shot_answers_the_same_set_up(self):
        stretches = self.film()
        pairs = [(i, i + 2, 1.0) for i in range(6)]
        assert only(stretches).choices == (0,) * 8
        assert only(stretches, SelectOptions(spread=0.0), returns=pairs).choices == (1,) * 8
        found = chosen(stretches, only(stretches, SelectOptions(spread=0.0), returns=pairs))
        assert repeats(found) == 0
        # A weight of nothing rewards nothing, and neither does an option of nothing.
        light = [(i, j, 0.0) for i, j, _ in pairs]
        assert only(stretches, SelectOptions(spread=0.0), returns=light).choices == (0,) * 8
        assert only(stretches, PLAIN, returns=pairs).choices == (0,) * 8

    def test_another_range_of_it_never_the_same(self):
        one = choice(1, 0, 2, 5)
        stretches = [[one, choice(2, 0, 2, 1)], [one, choice(3, 0, 2, 1)]]
        found = only(stretches, SelectOptions(returns=1.0, spread=0.0), returns=[(0, 1, 1.0)])
        assert repeats(chosen(stretches, found)) == 0

    def test_each_return_counts_once(self):
        # The third stretch is paired with both before it: its reward is one, 4 bits, not two.
        def film(loss):
            return [
                [choice(1, 0, 2, 9)],
                [choice(1, 2, 4, 9)],
                [choice(1, 4, 6, 9 - loss), choice(2, 0, 2, 9)],
            ]

        pairs = [(0, 1, 1.0), (0, 2, 1.0), (1, 2, 1.0)]
        options = SelectOptions(spread=0.0, returns=1.0)
        assert only(film(3.9), options, returns=pairs).choices[2] == 0
        assert only(film(4.1), options, returns=pairs).choices[2] == 1

    def test_more_returns_at_large(self):
        stretches = random_film(3)
        pairs = [(i, i + 2, 1.0) for i in range(0, 22, 4)]

        def returned(options):
            found = chosen(stretches, only(stretches, options, returns=pairs))
            assert repeats(found) == 0
            return sum(shots(found)[i] == shots(found)[j] for i, j, _ in pairs)

        without, with_them = returned(PLAIN), returned(SelectOptions(spread=0.0, returns=1.0))
        assert with_them >= without + 3

    def test_pairs_that_are_none_are_refused(self):
        stretches = [[choice(1, 0, 2, 1)], [choice(2, 0, 2, 1)]]
        for pair in ((1, 0, 1.0), (0, 0, 1.0), (0, 2, 1.0), (-1, 1, 1.0), (0, 1, 2.0)):
            with pytest.raises(ValueError, match="a return is two stretches"):
                select(stretches, returns=[pair])


class TestFresh:
    FRESH = replace(PLAIN, fresh=0.5)

    def film(self, other=4.0, place=7, stretches=6):
        """Return stretches whose best show one place, and whose others show nothing twice."""
        return [
            [
                choice(20 + n, 0, 2, 5.0, 0, place),
                choice(2 + n, 0, 2, other, place=100 + n),
            ]
            for n in range(stretches)
        ]

    def test_what_was_shown_already_gives_way_to_what_is_nearly_as_good(self):
        shown = chosen(self.film(), only(self.film(), self.FRESH))
        assert sum(c.place == 7 for c in shown) == 1
        assert all(c.place == 7 for c in chosen(self.film(), only(self.film())))

    def test_it_costs_more_each_time(self):
        # 1.5 bits the first time again, 3 the second, 4.5 from then on.
        for other, times in ((4.0, 1), (3.0, 2), (1.0, 3), (0.4, 6)):
            shown = chosen(self.film(other), only(self.film(other), self.FRESH))
            assert sum(c.place == 7 for c in shown) == times, other

    def test_the_less_is_asked_for_the_less_it_costs(self):
        times = [
            sum(
                c.place == 7
                for c in chosen(self.film(), only(self.film(), replace(PLAIN, fresh=fresh)))
            )
            for fresh in (1.0, 0.3, 0.15, 0.1, 0.0)
        ]
        assert times == [1, 2, 3, 6, 6]

    def test_a_set_up_that_returns_may_show_it_again(self):
        pairs = [(0, 1, 1.0), (1, 3, 1.0)]
        shown = chosen(self.film(), only(self.film(), self.FRESH, returns=pairs))
        assert [n for n, c in enumerate(shown) if c.place == 7] == [0, 1, 3]

    def test_a_small_archive_loses_nothing(self):
        """Where every place must be shown three times, showing each three times costs nothing."""
        stretches = [
            [choice(1, 10 * n, 10 * n + 2, 5 - abs(place - n // 3), n, place) for place in range(3)]
            for n in range(9)
        ]
        shown = chosen(stretches, only(stretches, self.FRESH))
        assert [c.place for c in shown] == [0, 0, 0, 1, 1, 1, 2, 2, 2]

    def test_footage_gives_way_beyond_twice_its_share(self):
        stretches = [
            [choice(1, 10 * n, 10 * n + 2, 5.0), choice(2 + n % 5, 10 * n, 10 * n + 2, 4.9)]
            for n in range(12)
        ]
        shown = chosen(stretches, only(stretches, self.FRESH))
        assert sum(c.footage == 1 for c in shown) == 4
        assert all(c.footage == 1 for c in chosen(stretches, only(stretches)))

    def test_another_variant_shows_other_places(self):
        options = replace(self.FRESH, variants=2, differ=0.0)
        stretches = [
            [
                choice(1, 10 * n, 10 * n + 2, 5.0, n, n),
                choice(1, 10 * n + 5, 10 * n + 7, 4.9, 20 + n, n),
                choice(2 + n, 0, 2, 4.0, place=100 + n),
            ]
            for n in range(6)
        ]
        one, other = select(stretches, options)
        assert {c.place for c in chosen(stretches, one)} == set(range(6))
        assert {c.place for c in chosen(stretches, other)} == set(range(100, 106))

    def test_it_is_found_in_a_large_film(self):
        stretches = [
            [replace(c, place=c.footage * 100 + c.shot) for c in part]
            for part in random_film(5, 60)
        ]
        found = {
            fresh: chosen(stretches, only(stretches, replace(PLAIN, fresh=fresh)))
            for fresh in (0.0, 1.0)
        }
        most = {f: max(Counter(c.place for c in shown).values()) for f, shown in found.items()}
        assert most[1.0] < most[0.0]


class TestVariants:
    @pytest.mark.slow
    def test_each_differs_from_each_before_by_what_is_asked_for(self):
        stretches = random_film(4)
        options = SelectOptions(variants=3, differ=0.6)
        made = select(stretches, options)
        found = [chosen(stretches, selection) for selection in made]
        for number, later in enumerate(found):
            shares = [
                np.mean([a != b for a, b in zip(shots(later), shots(earlier), strict=True)])
                for earlier in found[:number]
            ]
            assert all(share >= 0.6 for share in shares)
            assert made[number].differs == pytest.approx(min(shares, default=1.0))
            assert repeats(later) == 0
        assert [selection.wanted for selection in made] == [0.0, 0.6, 0.6]
        assert made[0].strength >= max(made[1].strength, made[2].strength)
        # What may stay, stays: the best of the first are in the second too.
        assert made[1].differs < 0.8
        assert made[0] == only(stretches, SelectOptions())

    def test_other_material_rather_than_what_another_variant_shows_elsewhere(self):
        # Its first choice would be what the first variant shows in the other stretch.
        stretches = [
            [choice(1, 0, 2, 9), choice(2, 0, 2, 6), choice(4, 0, 2, 5.5)],
            [choice(2, 0, 2, 9), choice(3, 0, 2, 6)],
        ]
        first, second = select(stretches, SelectOptions(variants=2, differ=1.0))
        assert (first.choices, second.choices) == ((0, 0), (2, 1))

    def test_a_small_archive_differs_as_far_as_it_can_and_says_so(self):
        stretches = [[choice(i, 0, 2, 5)] for i in range(3)]
        stretches.append([choice(8, 0, 2, 5), choice(9, 0, 2, 1)])
        first, second = select(stretches, SelectOptions(variants=2, differ=1.0))
        assert first.choices == (0, 0, 0, 0)
        assert second.choices == (0, 0, 0, 1)
        assert (second.differs, second.wanted) == (0.25, 1.0)

    def test_differing_is_no_reason_to_show_something_twice(self):
        stretches = [
            [choice(1, 0, 2, 5), choice(2, 0, 2, 4)],
            [choice(2, 0, 2, 5)],
        ]
        _, second = select(stretches, SelectOptions(variants=2, differ=1.0))
        assert second.choices == (0, 0)


class TestOptions:
    def test_out_of_range(self):
        for wrong in (
            {"spread": 1.1},
            {"returns": -0.1},
            {"differ": 2},
            {"few_films": -1, "spread": 0},
            {"variants": 0},
            {"time_limit_s": 0},
        ):
            with pytest.raises(UsageError):
                SelectOptions(**wrong)


class TestTime:
    def test_without_any_time_there_is_still_an_answer(self):
        stretches = random_film(5)
        hurried = only(stretches, SelectOptions(spread=0.3, time_limit_s=1e-6))
        found = chosen(stretches, hurried)
        assert repeats(found) == 0
        best = only(stretches, SelectOptions(spread=0.3))
        assert best.optimal
        assert hurried.optimal or hurried.gap > 0
        assert 0.95 * best.strength < hurried.strength

    def test_where_the_solver_finds_nothing(self, monkeypatch):
        stretches = random_film(6)
        monkeypatch.setattr(programme._Programme, "whole", lambda *_: None)
        monkeypatch.setattr(programme._Programme, "relaxed", lambda *_: None)
        selection = only(stretches, SelectOptions())
        assert repeats(chosen(stretches, selection)) == 0
        assert not selection.optimal

    @pytest.mark.slow
    def test_few_candidates_first_and_then_all_find_the_same_best(self, monkeypatch):
        # The small first search, the rows added late and the pruning change no result.
        stretches = random_film(7, stretches=14, candidates=10, films=3)
        pairs = [(i, i + 2, 1.0) for i in range(6)]
        for options in (
            SelectOptions(spread=0.5, returns=0.5),
            SelectOptions(spread=0.0, few_films=0.3),
        ):
            usual = only(stretches, options, returns=pairs)
            assert usual.optimal
            with monkeypatch.context() as changed:
                changed.setattr(programme, "_PROMISING", 2)
                changed.setattr(programme, "_STALLED", np.inf)
                other = only(stretches, options, returns=pairs)
            assert other.optimal
            assert other.choices == usual.choices
