"""An open project: what is kept, what is told, who may change it, and what befalls the file."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desk.shelf import ShelfDesk, checksum_of, named
from edit.cuts import made, parts, shown, stock
from kuleshov import files
from kuleshov.desk.alike import same_looking
from kuleshov.desk.changes import (
    Fill,
    Focus,
    Lock,
    Own,
    Refuse,
    Slip,
    Still,
    Unlock,
    Weigh,
    offer_id,
)
from kuleshov.desk.editing import Editing, Since
from kuleshov.desk.saving import Hold
from kuleshov.desk.suggestions import (
    _TAKEN,
    LEAST,
    Suggester,
    Wish,
    _folds,
    _in_groups,
    _of_neighbours,
    _rank,
)
from kuleshov.edit.cut import duration_of
from kuleshov.edit.laying import film
from kuleshov.errors import MatchError, ProjectError, UsageError
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timeline import Clip

PATIENCE = 60  # s that a test waits for another thread before it fails


@pytest.fixture(scope="module")
def desk() -> ShelfDesk:
    return ShelfDesk()


@pytest.fixture
def editing(desk: Any, tmp_path: Path) -> Iterator[Editing]:
    with Editing.begin(desk, "source.mp4", tmp_path / "film.otio") as editing:
        yield editing


def opened(desk: Any, editing: Editing) -> Editing:
    """Close a project, and open it again."""
    editing.close()
    return Editing.open(desk, editing.project)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


# What is done


def test_what_changed_is_told_slot_by_slot_and_taken_back_alone(editing):
    editing.do(Lock("2"))
    editing.do(Weigh({"composition": 3.0, "subject": 0.0}))
    before = shown(editing.cut)
    filled = editing.do(Fill())
    after = shown(editing.cut)
    assert "2" not in {one.slot for one in filled.changed}, "it is locked"
    assert {one.slot for one in filled.changed} == {s for s in before if before[s] != after[s]}
    assert len(filled.changed) > 2
    first, second, *_ = filled.changed
    assert first.text == f"Shot {first.slot}: {_named(before[first.slot], after[first.slot])}"
    editing.take_back(second.number)
    assert shown(editing.cut) == {**after, second.slot: before[second.slot]}
    assert first in editing.last.changed, "the others can be taken back as well"
    assert second not in editing.last.changed
    editing.take_back(first.number)
    assert shown(editing.cut)[first.slot] == before[first.slot]
    with pytest.raises(UsageError, match="There is no change 99"):
        editing.take_back(99)
    editing.undo()
    editing.undo()
    assert shown(editing.cut) == after


def test_several_are_taken_back_as_one_change(editing):
    editing.do(Weigh({"composition": 3.0, "subject": 0.0}))
    before = shown(editing.cut)
    filled = editing.do(Fill())
    after, steps = shown(editing.cut), editing.steps
    first, second, *rest = filled.changed
    with pytest.raises(UsageError, match="There is no change 99"):
        editing.take_back(first.number, 99)
    assert shown(editing.cut) == after, "all of them, or none"
    done = editing.take_back(second.number, first.number)
    assert done.said == f"Take back: shots {first.slot}, {second.slot}"
    back = {one.slot: before[one.slot] for one in (first, second)}
    assert shown(editing.cut) == {**after, **back}
    assert editing.last.changed == tuple(rest)
    assert editing.steps == steps + 1
    editing.undo()
    assert shown(editing.cut) == after


def test_what_changed_since_it_was_opened_is_taken_back_alone(editing):
    """However many steps it took; once a version is kept, what changed since that."""
    before = shown(editing.cut)
    assert editing.since().changed == ()
    editing.do(Own("2"))
    editing.do(Own("3"))
    editing.do(Lock("3"))
    found = editing.since()
    assert found.version is None
    assert [one.slot for one in found.changed] == ["2", "3"]
    done = editing.restore("2")
    assert done.said == "Take back: shot 2"
    assert shown(editing.cut)["2"] == before["2"]
    assert [one.slot for one in editing.since().changed] == ["3"]
    with pytest.raises(UsageError, match="Shot 2 is as it was already"):
        editing.restore("2", "3")
    assert [one.slot for one in editing.since().changed] == ["3"], "all of them, or none"
    editing.undo()
    version = editing.keep_version("mine")
    assert editing.since() == Since((), version)
    editing.do(Unlock("3"))
    assert [one.text for one in editing.since().changed] == ["Shot 3: unlocked"]


def test_shots_are_taken_from_a_version(editing):
    """One by one; what is locked now stays, and so does all else."""
    version = editing.keep_version("first").id
    before = shown(editing.cut)
    for slot in ("2", "3", "4"):
        editing.do(Own(slot))
    editing.do(Lock("4"))
    done = editing.restore("2", version=version)
    assert done.said == "Take shot 2 from first"
    assert {one.slot for one in editing.compare(version, None)} == {"3", "4"}
    assert shown(editing.cut)["2"] == before["2"]
    with pytest.raises(UsageError, match="Shot 4 is locked"):
        editing.restore("3", "4", version=version)
    assert {one.slot for one in editing.compare(version, None)} == {"3", "4"}
    with pytest.raises(UsageError, match="no version 99"):
        editing.restore("3", version=99)
    with pytest.raises(UsageError, match="Name a shot"):
        editing.restore()


def test_in_what_a_version_differs_is_said_and_a_lock_is_no_other_picture(editing):
    version = editing.keep_version("first").id
    editing.do(Lock("2"))
    editing.do(Focus("3", 0.2, 0.5))
    editing.do(Own("4"))
    told = {one.slot: one.what for one in editing.compare(version, None)}
    assert told == {"2": ("locked",), "3": ("cropped elsewhere",), "4": ("another clip",)}
    assert (editing.count_changes(version), editing.count_standing(version)) == (2, 1)
    assert editing.crop("3") == (0.2, 0.5)
    items = editing.version_timeline(version).recut.items
    assert editing.crop("3", version) in {item.focus for item in items if isinstance(item, Clip)}


def _named(*clips: tuple[str, Any]) -> str:
    return " → ".join(f"{name} from {float(start):.2f} s" for name, start in clips)


def test_who_takes_a_refusal_back_takes_back_all_of_it(editing):
    """The clip stands there again, and may stand there: be it the last change, one of those since
    the project was opened, or taken from a version."""
    before = shown(editing.cut)
    editing.keep_version("first")

    editing.take_back(*refused_of(editing, "3"))
    assert (editing.cut.refused, shown(editing.cut)) == ((), before)
    offered = [one.offer for one in editing.suggestions("3", 60)]
    assert offer_id(editing.cut.select("3").candidate) in offered
    refused_of(editing, "3")
    editing.restore("3")
    assert (editing.cut.refused, shown(editing.cut)["3"]) == ((), before["3"])
    refused_of(editing, "3")
    editing.restore("3", version=editing.versions[0].id)
    assert editing.cut.refused == ()
    editing.undo()
    assert len(editing.cut.refused) == 1

    # A refusal of before that, or of something else, stays.
    editing.undo()
    editing.do(Refuse("2"))
    stays = editing.cut.refused
    editing.take_back(*refused_of(editing, "4"))
    assert editing.cut.refused == stays


def refused_of(editing, slot: str) -> list[int]:
    """Refuse what a slot shows, and return the numbers of what that changed."""
    return [one.number for one in editing.do(Refuse(slot)).changed]


def test_one_that_was_changed_since_is_not_taken_back(editing):
    done = editing.do(Refuse("3"))
    (one,) = [one for one in done.changed if one.slot == "3"]
    kept = editing.last
    editing.do(Own("3"))
    editing.last = kept
    with pytest.raises(UsageError, match="Shot 3 was changed since"):
        editing.take_back(one.number)


def test_how_each_slot_stands(editing):
    assert {one.state for one in editing.shots()} == {"proposed"}
    editing.do(Lock("2"))
    editing.do(Own("3"))
    other = next(one for one in editing.suggestions("4") if not one.chosen)
    editing.pick("4", other.offer)
    editing.do(Still("5", 3))
    roomy = next(one for one in editing.shots() if one.room[1] and one.state == "proposed")
    editing.do(Slip(roomy.slot, 1))
    stands = {one.slot: one for one in editing.shots()}
    assert [stands[s].state for s in "2345"] == ["locked", "own", "chosen", "still"]
    assert stands[roomy.slot].state == "chosen"
    assert stands[roomy.slot].room == (roomy.room[0] - 1, roomy.room[1] - 1)
    assert offer_id(stands["4"].offer) == other.offer
    assert stands["4"].why == other.why


def test_what_is_refused_makes_room_for_another(editing):
    before = shown(editing.cut)
    editing.do(Refuse("2"))
    assert "2" in editing.cut.selects
    assert shown(editing.cut)["2"] != before["2"]
    editing.do(Lock("3"))
    with pytest.raises(UsageError, match="Shot 3 is locked"):
        editing.do(Refuse("3"))


def test_who_refuses_a_clip_does_not_get_the_same_from_a_moment_later(editing):
    """Where there is another answer; what looks the same is not refused for that."""
    tried = 0
    for slot in editing.cut.plan.wanted:
        old = editing.cut.selects[slot].candidate
        offers = editing.cut.offers[slot]
        like = same_looking(old, offers, editing.stock.reference)
        # The strongest that is left is of the same shot: it would be chosen, but for this rule.
        editing.do(Refuse(slot))
        free = [o for o in offers if not any(r.holds_for(o) for r in editing.cut.refusals(slot))]
        left = [one for one in free if any(one is other for other in like)]
        if left and len(left) < len(free):
            tried += free[0] in left
            now = editing.cut.selects[slot].candidate
            assert not same_looking(old, [now], editing.stock.reference)
            assert len(editing.cut.refused) == 1
        editing.undo()
    assert tried


def test_other_weights_rank_anew_at_once_and_fill_follows(editing):
    before = [one.offer for one in editing.suggestions("2", 60)]
    selects = editing.cut.selects
    editing.do(Weigh({"composition": 5.0, "subject": 0.0}))
    assert editing.cut.selects is selects, "clips stay"
    composed = [one.offer for one in editing.suggestions("2", 60)]
    assert composed != before
    editing.do(Weigh({"composition": 0.0, "subject": 5.0}, slot="2"))
    assert [one.offer for one in editing.suggestions("2", 60)] != composed
    assert editing.cut.asked_by("3").match.weights == {
        "subject": 0.0, "composition": 5.0, "tone": 0.5, "motion": 0.5, "faces": 0.7,
        "bodies": 0.6,
    }  # fmt: skip
    editing.do(Fill())
    assert not editing.cut.stale
    with pytest.raises(UsageError, match="not of one shot"):
        editing.do(Weigh(freshness=0.5, slot="2"))


def test_what_stands_there_is_told_as_it_is_weighed_now(editing):
    before = {slot: one.candidate for slot, one in editing.cut.selects.items()}
    editing.do(Weigh({"composition": 1.5}))
    told = 0
    for slot, old in before.items():
        ranked = {
            offer_id(one): one
            for one in editing._suggester.offers(editing.cut, editing.stock, slot)
        }
        (own,) = (one for one in editing.suggestions(slot, 60) if one.chosen)
        if own.offer in ranked:
            assert own.clip is ranked[own.offer]
            assert own.clip.strength != old.strength
            told += 1
    assert told


# Suggestions


def test_suggestions_are_each_once_the_best_marked_and_what_is_refused_gone(editing):
    found = editing.suggestions("2", 24)
    assert len(found) >= LEAST
    assert len({one.offer for one in found}) == len(found)
    assert [one.chosen for one in found].count(True) == 1
    assert [one.best for one in found].count(True) == 1
    groups = [one.group for one in found]
    assert groups == sorted(groups), "likes lie together"
    (own,) = [one for one in found if one.chosen]
    editing.do(Refuse("2"))
    assert own.offer not in {one.offer for one in editing.suggestions("2", 60)}
    with pytest.raises(UsageError, match="There is no shot 99"):
        editing.suggestions("99")
    with pytest.raises(MatchError, match="There is no offer"):
        editing.pick("2", "0123456789-1")


def test_what_is_found_out_beside_waits_for_whoever_asks(editing, monkeypatch):
    """Suggestions and changes have the processors for themselves."""
    asked = []
    ranked, lock = Suggester.suggestions, Lock.made

    def suggestions(self, *about, **more):
        asked.append(editing._beside._asked)
        return ranked(self, *about, **more)

    def locked(self, *about):
        asked.append(editing._beside._asked)
        return lock(self, *about)

    monkeypatch.setattr(Suggester, "suggestions", suggestions)
    monkeypatch.setattr(Lock, "made", locked)
    editing.suggestions("2")
    editing.do(Lock("2"))
    assert asked == [1, 1]
    assert editing._beside._asked == 0


def test_what_looks_the_same_is_folded_into_what_it_looks_most_like():
    """Not into whichever came first; what stays is never folded, and a dozen are always left."""
    count = LEAST + 6
    alike = np.zeros((count, count))
    np.fill_diagonal(alike, 20.0)

    def look(one: int, other: int, bits: float) -> None:
        alike[one, other] = alike[other, one] = bits

    for n in range(LEAST, count):
        look(0, n, 12.0)
        look(1, n, 14.0 if n % 2 else 11.5)
    same = alike >= 11.0
    order = [*range(count)]
    kept, into = _folds(order, [False] * count, same, alike)
    assert sorted(kept) == order[:LEAST]
    assert into == {n: 1 if n % 2 else 0 for n in range(LEAST, count)}

    stays = [n == LEAST for n in order]
    kept, into = _folds(order, stays, same, alike)
    assert LEAST in kept
    assert LEAST not in into

    look(0, 1, 13.0)  # one less would be left
    kept, into = _folds(order, [False] * count, alike >= 11.0, alike)
    assert len(kept) == LEAST
    assert 1 in kept, "the best of what is folded is left"


def test_the_best_suggestion_comes_first_and_likes_lie_together(desk, tmp_path):
    cut = made(desk.shelf, match=MatchOptions(candidates=24), select=SelectOptions(spread=0))
    shelved: Any = ShelfDesk(cut=cut)
    with Editing.begin(shelved, Path("source.mp4"), tmp_path / "film.otio") as editing:
        for slot in ("1", "2", "3"):
            found = editing.suggestions(slot, 24)
            groups: dict[int, list[float]] = {}
            for one in found:
                lost = _TAKEN * bool(one.shown_in)
                groups.setdefault(one.group, []).append(one.clip.strength - lost)
            assert [*groups] == sorted(groups), "likes lie together"
            for row in groups.values():
                assert row == sorted(row, reverse=True), "the best of a group first"
            first = [row[0] for row in groups.values()]
            assert first == sorted(first, reverse=True), "the group of the better first"
            best = next(one for one in found if one.best)
            free = [one.clip.strength for one in found if not one.shown_in]
            assert best.clip.strength == max(free), "the best of those that no other slot shows"


def test_groups_of_likes_come_in_the_order_of_their_best():
    alike = np.full((5, 5), 0.0)
    for one, other in ((0, 2), (1, 3)):
        alike[one, other] = alike[other, one] = 12.0
    np.fill_diagonal(alike, 12.0)
    groups, order = _in_groups(alike, [3.0, 1.0, 9.0, 5.0, 4.0])
    assert order == [2, 0, 3, 1, 4]
    assert list(groups) == [0, 1, 0, 1, 2]
    assert _in_groups(np.full((1, 1), 8.0), [1.0])[1] == [0]


def test_what_was_offered_to_a_shorter_slot_gets_as_long_as_the_slot_that_it_is_picked_for(editing):
    short, long = sorted(("2", "3"), key=lambda slot: duration_of(editing.cut, slot))
    assert duration_of(editing.cut, short) < duration_of(editing.cut, long)
    for one in editing.suggestions(short, 60):
        editing.pick(long, one.offer)
        shown = editing.cut.selects[long].candidate
        assert shown.media.duration / shown.speed + shown.held == duration_of(editing.cut, long)
        assert shown.usable.start <= shown.media.start
        assert shown.media.end <= shown.usable.end
    editing.close()
    assert read_otio(editing.project)


def test_where_else_a_suggestion_is_shown(editing):
    other = next(one for one in editing.suggestions("2", 60) if not one.shown_in and not one.chosen)
    editing.pick("3", other.offer)
    (again,) = [one for one in editing.suggestions("2", 60) if one.offer == other.offer]
    assert again.shown_in == ("3",)
    assert not again.best


def test_what_the_film_shows_elsewhere_comes_later_unless_it_is_much_better(editing, monkeypatch):
    """The best that is free, once it is shown by another shot, makes room for those that are not
    more than four bits behind, and for no others."""
    free = [o for o in editing.suggestions("2", 60) if not o.shown_in and not o.chosen]
    taken = max(free, key=lambda one: one.clip.strength)
    editing.pick("3", taken.offer)
    later = _order(editing)
    worth = [
        one.clip.strength - _of_neighbours(editing.cut, "2", one.clip) - _TAKEN * bool(one.shown_in)
        for one in (found[0] for found in _by_group(editing))
    ]
    assert worth == sorted(worth, reverse=True), "groups by their best, what is taken counting less"
    (again,) = [one for one in editing.suggestions("2", 60) if one.offer == taken.offer]
    assert again.shown_in == ("3",)
    monkeypatch.setattr("kuleshov.desk.suggestions._TAKEN", 0.0)
    at_once = _order(editing)
    assert at_once.index(taken.offer) < later.index(taken.offer)


def _order(editing: Editing) -> list[str]:
    return [one.offer for one in editing.suggestions("2", 60, anew=True)]


def _by_group(editing: Editing) -> list[list[Any]]:
    groups: dict[int, list[Any]] = {}
    for one in editing.suggestions("2", 60, anew=True):
        groups.setdefault(one.group, []).append(one)
    return [*groups.values()]


def test_what_was_shown_keeps_its_order_until_it_is_asked_anew(editing):
    """Picks elsewhere mark suggestions, and do not move them; what is refused leaves a gap that
    those after it fill, and other weights order anew."""
    shown = [one.offer for one in editing.suggestions("2", 12)]
    free = [one for one in editing.suggestions("2", 12) if not one.shown_in and not one.chosen]
    taken = free[0].offer
    editing.pick("3", taken)
    found = editing.suggestions("2", 12)
    assert [one.offer for one in found] == shown
    assert next(one for one in found if one.offer == taken).shown_in == ("3",)
    editing.pick("2", shown[5])
    assert [one.offer for one in editing.suggestions("2", 12)] == shown
    more = editing.suggestions("2", 60)
    assert [one.offer for one in more[:12]] == shown
    assert [one.group for one in more] == sorted(one.group for one in more)

    refused = editing.cut.selects["2"].candidate
    editing.do(Refuse("2"))
    gone = {one.offer for one in more if editing.cut.refused[0].holds_for(one.clip)}
    assert offer_id(refused) in gone
    left = [one.offer for one in editing.suggestions("2", 12)]
    stay = [name for name in shown if name not in gone]
    assert [name for name in left if name in stay] == stay

    assert [one.offer for one in editing.suggestions("2", 12, anew=True)] != left
    editing.do(Weigh({"composition": 5.0, "subject": 0.0}))
    assert [one.offer for one in editing.suggestions("2", 12)] != left


def test_a_page_has_the_best_of_each_group_before_others_of_a_group(editing):
    """However few are shown; what is left out of it comes after it, and the page stays as it is."""
    groups = _by_group(editing)
    heads = [row[0].offer for row in groups if not row[0].chosen]
    own = [one.offer for row in groups for one in row if one.chosen]
    assert len(heads) < sum(map(len, groups)) - 2, "some have more than one"
    for count in (3, len(heads) - 1, len(heads) + len(own)):
        page = [one.offer for one in editing.suggestions("2", count, anew=True)]
        there = [name for name in page if name not in own]
        assert (
            there == [name for name in heads if name in there][: len(there)] == heads[: len(there)]
        )
        more = editing.suggestions("2", 60)
        assert [one.offer for one in more[: len(page)]] == page
        assert {one.offer for one in more} == {one.offer for row in groups for one in row}


def test_what_has_come_to_be_worth_more_is_not_left_behind(editing):
    """The best, which another shot shows while the page is first looked at, is on it again, first,
    once that shot shows something else; what is worth less for a while moves nothing."""
    free = [one for one in editing.suggestions("2", 60) if not one.shown_in and not one.chosen]
    best = max(free, key=lambda one: one.counts)
    before = editing.cut.selects["3"].candidate
    editing.pick("3", best.offer)
    page = [one.offer for one in editing.suggestions("2", 4, anew=True)]
    assert best.offer not in page
    assert [one.offer for one in editing.suggestions("2", 4)] == page
    editing.pick("3", offer_id(before))
    again = editing.suggestions("2", 4)
    assert best.offer in {one.offer for one in again}
    counts = [one.counts for one in again if not one.chosen]
    assert best.counts == max(counts)


def test_what_is_folded_into_one_can_be_opened(editing):
    found = editing.suggestions("2", 60)
    one = next(one for one in found if one.folded)
    opened = editing.suggestions("2", 60, Wish(within=one.offer))
    assert len(opened) == 1 + one.folded
    assert {o.offer for o in opened} & {o.offer for o in found} == {one.offer}
    assert all(not o.folded for o in opened)
    other = next(o for o in opened if o.offer != one.offer)
    editing.pick("2", other.offer)
    assert offer_id(editing.cut.selects["2"].candidate) == other.offer
    with pytest.raises(MatchError, match="There is no offer"):
        editing.suggestions("2", 60, Wish(within="0123456789-1"))


def test_the_figure_agrees_with_the_order(editing):
    """Groups by their best and each by its own: what counts is less where other shots show it."""
    free = [one for one in editing.suggestions("2", 60) if not one.shown_in and not one.chosen]
    editing.pick("3", max(free, key=lambda one: one.clip.strength).offer)
    groups: dict[int, list[float]] = {}
    for one in editing.suggestions("2", 60, anew=True):
        groups.setdefault(one.group, []).append(one.counts)
        assert one.counts == pytest.approx(one.clip.score) or one.shown_in or one.near
        assert one.counts < one.clip.score or not (one.shown_in or one.near)
    first = [row[0] for row in groups.values()]
    assert first == sorted(first, reverse=True)
    assert all(row == sorted(row, reverse=True) for row in groups.values())


def test_what_shows_the_words_more_surely_comes_first(editing):
    ready = editing.suggestions("2", 60)
    one, other = ready[0].clip, ready[-1].clip
    sure, unsure = (_rank(clip, clip.strength, s) for clip, s in ((other, 0.6), (one, 0.04)))
    assert sure < unsure, "however alike the other is"
    better, worse = (_rank(clip, clip.strength, 0.6) for clip in (one, other))
    assert better < worse, "as sure, so the likest first"


def test_more_like_this_and_other_weights_for_one_look(editing):
    one = next(o for o in editing.suggestions("2") if not o.chosen and not o.shown_in)
    like = editing.suggestions("2", 12, Wish(like=one.offer))
    best = next(other for other in like if other.best)
    assert best.clip.film is one.clip.film
    assert best.clip.media.overlaps(one.clip.media), "nothing is more like it than itself"
    cut = editing.cut
    other = editing.suggestions("2", 60, Wish(weights={"composition": 5.0, "subject": 0.0}))
    assert editing.cut is cut, "nothing was decided"
    new = next(o for o in other if o.offer not in {s.offer for s in editing.suggestions("2", 60)})
    editing.pick("2", new.offer)
    assert offer_id(editing.cut.selects["2"].candidate) == new.offer
    assert new.offer in {one.offer for one in editing.suggestions("2", 60)}


# What is kept


def test_it_is_saved_within_a_moment_and_opens_as_it_was(desk, editing):
    editing.do(Lock("2"))
    until(lambda: editing.saved)
    assert read_otio(editing.project).recut.items
    version = editing.keep_version("before")
    editing.do(Own("4"))
    editing.do(Still("5"))
    editing.undo()
    left = parts(editing.cut), editing.steps, editing.to_undo, editing.to_redo
    with opened(desk, editing) as again:
        assert (parts(again.cut), again.steps, again.to_undo, again.to_redo) == left
        assert again.to_redo == "Leave shot 5 as a still of the source"
        assert again.versions == (version,)
        assert [one.slot for one in again.compare(version.id, None)] == ["4"]
        again.go_back(version.id)
        assert again.cut.selects["2"].locked
        assert "4" in shown(again.cut)
        again.undo()
        assert parts(again.cut) == left[0]


def test_a_version_is_called_otherwise(desk, editing):
    """Also after the project was closed."""
    version = editing.keep_version()
    editing.rename_version(version.id, " colder ")
    assert [one.name for one in editing.versions] == ["colder"]
    assert editing.since().version.name == "colder"
    with pytest.raises(UsageError, match="needs a name"):
        editing.rename_version(version.id, " ")
    with pytest.raises(UsageError, match="There is no version 9"):
        editing.rename_version(9, "warmer")
    with opened(desk, editing) as again:
        assert [one.name for one in again.versions] == ["colder"]


def test_the_film_says_what_stands_where_nothing_fits(editing):
    editing.do(Own("2"))
    editing.do(Still("4", 3))
    said = {note.about.get("slot"): note for note in editing.said()}
    assert said["2"].code == said["4"].code == "shot-instead"
    assert str(said["2"]) == "Shot 2 is the source's own: nothing that is offered fits it."
    timeline = editing.timeline()
    track, cut = timeline.track("recut"), editing.cut
    items = dict(zip((span.first for span in track.ranges()), track.items, strict=True))
    for slot, speed, into in (("2", 1, 0), ("4", 0, 3)):
        first = cut.slots[slot].own.first
        item = items[first]
        assert isinstance(item, Clip)
        assert item.media.path == cut.source.analysis.path
        assert item.start == cut.rhythm.start + (first + into) / cut.rhythm.rate
        assert item.speed == speed
    filled = editing.do(Fill())
    assert {one.slot for one in filled.changed}.isdisjoint({"2", "4"}), "nothing fitted them"
    editing.do(Fill(("2",)))
    assert editing.cut.selects["2"].candidate is not None


def test_only_the_latest_steps_are_kept(desk, editing, monkeypatch):
    monkeypatch.setattr("kuleshov.desk.history.MOST", 3)
    for slot in "12345":
        editing.do(Lock(slot))
    assert editing.steps == 3
    with opened(desk, editing) as again:
        assert again.steps == 3
        for _ in range(3):
            again.undo()
        assert {s for s, one in again.cut.selects.items() if one.locked} == {"1", "2"}


def test_offers_of_steps_take_no_more_than_their_room(desk, editing, monkeypatch):
    monkeypatch.setattr("kuleshov.desk.history.LIMIT", 35_000)
    for weight in range(1, 6):
        editing.do(Weigh({"composition": float(weight)}))
        editing.do(Fill())
    last = parts(editing.cut)
    with opened(desk, editing) as again:
        assert parts(again.cut) == last
        assert 0 < again.steps < 10
        again.undo()


# Others who change it


def test_another_program_changes_the_file_and_both_are_kept(editing):
    editing.do(Lock("2"))
    editing.flush()
    theirs = read_otio(editing.project)
    theirs = _without_a_clip(theirs)
    write_otio(theirs, editing.project)
    assert editing.changed_outside()
    editing.do(Lock("3"))
    editing.flush()
    kept = editing.project.with_name("film.1.otio")
    assert kept.exists()
    (note,) = [note for note in editing.notes if note.code == "project-changed-outside"]
    assert str(kept.name) in str(note)
    ours = parts(editing.cut)
    editing.take_in()
    assert not editing.changed_outside()
    assert {s for s, one in editing.cut.selects.items() if one.locked} == {"2"}
    assert parts(editing.cut) != ours
    editing.undo()
    assert parts(editing.cut) == ours


def test_what_changed_while_it_was_closed_is_a_step(desk, editing):
    editing.do(Lock("2"))
    ours = parts(editing.cut)
    editing.close()
    write_otio(_without_a_clip(read_otio(editing.project)), editing.project)
    with Editing.open(desk, editing.project) as again:
        assert again.to_undo == "Change it elsewhere"
        again.undo()
        assert parts(again.cut) == ours


def _without_a_clip(timeline: Any) -> Any:
    """What a program leaves where somebody takes another piece for the first clip."""
    from dataclasses import replace

    track = timeline.track("recut")
    first, *rest = track.items
    moved = replace(first, start=first.start + 1 / timeline.rate, usable=None)
    other = replace(track, items=(moved, *rest))
    tracks = tuple(other if one is track else one for one in timeline.tracks)
    return replace(timeline, tracks=tracks)


def test_the_second_who_opens_it_reads_until_the_first_is_done(desk, editing):
    editing.do(Lock("2"))
    editing.flush()
    second = Editing.open(desk, editing.project)
    assert second.read_only is not None
    assert "film.otio is being edited elsewhere" in second.read_only
    assert second.cut.selects["2"].locked
    with pytest.raises(UsageError, match="edited elsewhere"):
        second.do(Lock("3"))
    assert not second.take_over()
    editing.do(Lock("4"))
    editing.close()
    second.do(Unlock("2"))
    assert second.read_only is None
    locked = {s for s, one in second.cut.selects.items() if one.locked}
    assert locked == {"4"}, "it goes on with what the first left"
    second.close()


_HOLDS = """
import sys
from pathlib import Path
from kuleshov.desk.saving import Hold

hold = Hold(Path(sys.argv[1]))
assert hold.take()
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_that_is_killed_holds_nothing(desk, editing):
    editing.close()
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(editing.project)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == b"held\n"
    with Editing.open(desk, editing.project) as reads:
        assert reads.read_only is not None
        other.kill()
        other.wait(PATIENCE)
        reads.do(Lock("2"))
    other.stdin.close()
    other.stdout.close()
    assert Hold(editing.project).take()


# What befalls the file


def test_a_full_disk_is_said_and_nothing_is_lost(desk, editing, monkeypatch):
    monkeypatch.setattr("kuleshov.desk.saving._AGAIN", 0.05)
    write, full = files.write_bytes, threading.Event()
    full.set()

    def fails(path: Path, data: bytes) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    told = []
    editing.watch = lambda: told.append(editing.error)
    before = editing.project.read_bytes()
    monkeypatch.setattr("kuleshov.project.file.write_bytes", fails)
    editing.do(Lock("2"))
    until(lambda: editing.error is not None)
    assert "No space left on device" in str(editing.error)
    assert editing.project.read_bytes() == before
    assert not editing.saved
    until(lambda: any(note.code == "project-not-saved" for note in editing.notes))
    editing.do(Lock("3"))
    with pytest.raises(ProjectError, match="No space left"):
        editing.close()
    full.clear()
    until(lambda: editing.error is None and editing.saved)
    assert not any(note.code == "project-not-saved" for note in editing.notes)
    assert told[-1] is None
    with opened(desk, editing) as again:
        assert {s for s, one in again.cut.selects.items() if one.locked} == {"2", "3"}


def test_a_project_of_a_newer_kuleshov_is_refused(desk, editing):
    editing.close()
    text = json.loads(editing.project.read_text())
    text["metadata"]["kuleshov"]["timeline"]["format"] = 99
    editing.project.write_text(json.dumps(text))
    with pytest.raises(ProjectError, match=r"was written by a newer Kuleshov; this one is too old"):
        Editing.open(desk, editing.project)
    assert Hold(editing.project).take(), "nobody holds it"


def test_a_damaged_history_is_said_and_the_cut_is_there(desk, editing):
    editing.do(Lock("2"))
    editing.close()
    text = json.loads(editing.project.read_text())
    text["metadata"]["kuleshov"]["editing"]["steps"] = "nonsense"
    editing.project.write_text(json.dumps(text))
    with Editing.open(desk, editing.project) as again:
        assert [note.code for note in again.notes] == ["history-damaged"]
        assert again.cut.selects["2"].locked
        assert again.to_undo is None


def test_footage_that_is_gone_is_said_and_comes_back(desk, editing):
    """Even where all of it is gone: what was offered and done is remembered."""
    editing.do(Lock("2"))
    version = editing.keep_version()
    before: dict[str, Any] = parts(editing.cut)
    editing.close()
    empty = ShelfDesk(_one_other_film(desk.shelf), editing.cut)
    with Editing.open(empty, editing.project) as without:  # type: ignore[arg-type]
        assert {note.code for note in without.notes} >= {"offers-gone"}
        assert film(without.cut)[0].duration == editing.cut.rhythm.frames
        without.do(Own("3"))
    with Editing.open(desk, editing.project) as again:
        assert again.cut.selects["3"].instead == "own"
        again.go_back(version.id)
        assert shown(again.cut) == {s: _plain(one) for s, one in before["selects"].items()}
        assert parts(again.cut)["offers"] == before["offers"]


# What came to the archive


class GrowingDesk(ShelfDesk):
    """A shelf that films may be put on, as by another process."""

    def __init__(self, count: int) -> None:
        self.all = named(stock(8))
        super().__init__(self.with_first(count))
        self.count = count
        self.archive.catalogue.version = lambda: self.count

    def with_first(self, count: int) -> Stock:
        from kuleshov.archive.rows import ArchiveRows

        return Stock(ArchiveRows(self.all.rows.films[:count]), self.all.reference)

    def grows(self, count: int) -> None:
        self.count, self.shelf = count, self.with_first(count)

    def stock(self, *, job: Any = None) -> tuple[Stock, tuple[()]]:
        return self.shelf, ()


def offered_films(editing: Editing, slot: str) -> set[str]:
    return {one.clip.film.footage.path.name for one in editing.suggestions(slot, 60, anew=True)}


def test_films_that_came_while_it_was_being_opened_are_suggested(tmp_path):
    """Before anybody asked for the first time whether there are more."""
    desk: Any = GrowingDesk(4)
    with Editing.begin(desk, "source.mp4", tmp_path / "film.otio") as editing:
        desk.grows(8)
        (note,) = editing.more_footage()
        assert note.text.startswith("4 films came to the archive")
        assert any("7.mp4" in offered_films(editing, slot) for slot in editing.cut.plan.wanted)


def test_films_that_came_while_it_was_closed_are_suggested_and_chosen_by_fill(tmp_path):
    desk: Any = GrowingDesk(4)
    with Editing.begin(desk, "source.mp4", tmp_path / "film.otio") as editing:
        assert editing.more_footage() == ()
    desk.grows(8)
    newer = {"5.mp4", "6.mp4", "7.mp4", "8.mp4"}
    with Editing.open(desk, editing.project) as again:
        slots = again.cut.plan.wanted
        assert not any(offered_films(again, slot) & newer for slot in slots)
        (note,) = again.more_footage()
        assert note.code == "archive-grown"
        every = [one.offer for one in again.suggestions(slots[0], 60, anew=True)]
        assert len(every) == len({*every})
        assert any(offered_films(again, slot) & newer for slot in slots)
        again.do(Fill())
        assert {name for name, _ in shown(again.cut).values()} & newer
        again.undo()
        assert not {name for name, _ in shown(again.cut).values()} & newer
        again.redo()
    with Editing.open(desk, editing.project) as last:
        assert last.more_footage() == (), "all of it is known by now"
        assert {name for name, _ in shown(last.cut).values()} & newer


def _one_other_film(shelf: Stock) -> Stock:
    from kuleshov.archive.rows import ArchiveRows
    from match.rows import film as film_of

    return Stock(ArchiveRows([film_of(77, 20.0, (6.0, 13.0))]), shelf.reference)


def _plain(select: Any) -> tuple[str, Any]:
    checksum, clip = select["candidate"]
    number = next(n for n in range(100) if checksum_of(n) == checksum)
    return f"{number}.mp4", clip["media"].start


# What is learnt


def test_picks_among_what_is_on_the_screen_are_learnt_from(desk, editing):
    """Whoever always takes the one that is composed most alike is proposed to weigh that more."""
    for slot in ("1", "2", "3", "4", "5", "6", "7"):
        found = editing.suggestions(slot, 60)
        editing.seen(slot, [one.offer for one in found])
        best = max(found, key=lambda one: one.clip.facets["composition"])
        editing.pick(slot, best.offer)
    learned = editing.learned()
    assert learned.picks == 7
    assert learned.proposal is not None
    assert "Your picks follow composition more than subject" in learned.proposal.text
    with opened(desk, editing) as again:
        assert again.learned() == learned
        done = again.apply_learned()
        assert done.said.startswith("Weigh: ")
        assert again.cut.options.match.weights == learned.proposal.weights
        assert again.learned().picks == 0, "it is taken up"
        with pytest.raises(UsageError, match="Nothing is proposed"):
            again.apply_learned()
        again.undo()
        assert again.learned() == learned, "to undo it brings the proposal back"
        again.undo()
        assert again.learned().picks == 6, "a pick that is undone says nothing"
        again.forget_learned()
        assert again.learned().picks == 0


def test_who_weighed_by_hand_is_asked_again_after_some_picks(desk, editing):
    """Nothing is proposed about sliders that were just moved, also after the project was closed;
    to undo that brings the proposal back."""

    def pick(slot: str) -> None:
        found = editing.suggestions(slot, 24)
        editing.seen(slot, [one.offer for one in found])
        best = max(found, key=lambda one: one.clip.facets["composition"])
        editing.pick(slot, best.offer)

    for slot in ("1", "2", "3", "4", "5", "6", "7"):
        pick(slot)
    assert editing.learned().proposal is not None
    editing.do(Weigh({"composition": 1.1}, slot="3"))
    assert editing.learned().proposal is not None, "that is of one shot"
    editing.do(Weigh({"tone": 1.05}))
    assert editing.learned().proposal is None
    assert editing.learned().picks == 7, "what was learnt is not forgotten"
    editing.undo()
    assert editing.learned().proposal is not None
    editing.redo()
    editing = opened(desk, editing)
    assert editing.learned().proposal is None
    pick("1")
    pick("2")
    assert editing.learned().proposal is None
    pick("3")
    assert editing.learned().picks == 10
    assert editing.learned().proposal is not None
    editing.close()


def test_what_was_not_on_the_screen_says_nothing(editing):
    found = editing.suggestions("2", 24)
    editing.pick("2", found[3].offer)
    editing.do(Refuse("3"))
    assert editing.learned().picks == 0
    editing.seen("2", [found[5].offer])
    editing.pick("2", found[5].offer)
    assert editing.learned().picks == 0, "there was nothing to choose among"
