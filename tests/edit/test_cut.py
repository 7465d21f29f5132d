"""A cut as a value: what is asked, decided, undone, written down and brought back."""

import itertools
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edit.cuts import EDIT, made, parts, plainly, shown, source_of, stock, without
from edit.sources import fade
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit import by_hand
from kuleshov.edit.choosing import asking, chosen, offered, ranked_for, variants
from kuleshov.edit.cut import Offers, RecutOptions, Source, begun
from kuleshov.edit.laying import film, ranked
from kuleshov.edit.layouts import arranged
from kuleshov.edit.resuming import remembering, resumable, resumed
from kuleshov.edit.taking import slip_room, taken
from kuleshov.errors import ProjectError, UsageError
from kuleshov.features.facet import COMPOSITION, PRINT
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.match.choose.select import SelectOptions
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.memory import ShotMemory
from kuleshov.timeline import Clip, Gap
from match.rows import reference
from match.test_copies import clip, pair


@pytest.fixture(scope="module")
def shelf():
    return stock()


@pytest.fixture(scope="module")
def base(shelf):
    return made(shelf)


def ranges(cut):
    """What each slot shows, as media time of footage."""
    found = {}
    for slot, one in cut.selects.items():
        clip = taken(one, cut.slots[slot], cut.rhythm.rate)
        found[slot] = (clip.film.footage.id, clip.media)
    return found


def brought_back(cut, shelf, path, changed=lambda timeline: timeline):
    timeline, _ = remembering(cut)
    write_otio(changed(arranged(timeline, "side-by-side")), path)
    read = read_otio(path)
    known = resumable(read, path)
    return resumed(read, known, Source(cut.source.analysis, known.checksum), shelf)


def items_of(timeline, slot):
    return [i for i in timeline.recut.items if i.metadata["kuleshov"].get("slot") == slot]


def seen(timeline, frame):
    """The file, and the instant of it, that a frame of the film shows."""
    track = timeline.track("recut")
    for item, own in zip(track.items, track.ranges(), strict=True):
        if frame in own and isinstance(item, Clip):
            return item.media.path, item.start + (frame - own.first) * item.speed / timeline.rate
    return None


def with_items(timeline, items):
    track = timeline.track("recut")
    other = replace(track, items=tuple(items))
    tracks = tuple(other if t is track else t for t in timeline.tracks)
    return replace(timeline, tracks=tracks)


__all__ = ["pair"]  # a fixture

# Offers


def test_one_shot_asked_alone_is_offered_what_all_are(shelf, base):
    weights = MatchOptions(candidates=12, weights={"subject": 1.0, "composition": 0.2})
    every = offered(base, shelf, match=weights)
    for slot in base.plan.wanted:
        alone = offered(base, shelf, slot, match=weights)
        assert plainly(alone.offers[slot]) == plainly(every.offers[slot])
        assert alone.asked_by(slot).match == weights
        others = [other for other in base.plan.wanted if other != slot]
        assert all(alone.offers[o] is base.offers[o] for o in others)


def test_a_shot_asked_alone_is_not_offered_what_the_source_shows_elsewhere(shelf):
    """Shot 2 of the source is of film 1. That shot 1 is asked alone makes no difference."""
    from match.rows import path_through

    plain = source_of(144, EDIT[:0])
    plain = replace(plain, analysis=source_of(144, [fade(60, 60)]).analysis)
    analysis = plain.analysis
    rows = analysis.features["subject"].copy()
    of_film = path_through(1, 20.0, analysis.grid)[16 : 16 + len(rows)]
    late = analysis.shown >= analysis.shots[-1].frames.first
    rows[late] = of_film[late].astype(rows.dtype)
    features = {**analysis.features, **dict.fromkeys(("subject", "composition", "print"), rows)}
    shows = Source(replace(analysis, features=features), "source")
    cut = begun(shows, shelf, RecutOptions(match=MatchOptions(candidates=60)))
    assert cut.plan.own.ranges
    alone, every = offered(cut, shelf, 1), offered(cut, shelf)
    assert plainly(alone.offers["1"]) == plainly(every.offers["1"])
    for one in alone.offers["1"]:
        start, end = float(one.media.start), float(one.media.end)
        assert not cut.plan.own.shows(one.film, start, end)


def test_filters_and_weights_of_one_shot_are_remembered(shelf, base, tmp_path):
    only = parse_terms(("3.mp4",), ())
    cut = chosen(offered(base, shelf, 2, filters=only), 2)
    assert {one.film.footage.id for one in cut.offers["2"]} == {3}
    again = offered(cut, shelf, 2)
    assert {one.film.footage.id for one in again.offers["2"]} == {3}
    back, _ = brought_back(cut, shelf, tmp_path / "a.otio")
    assert back.asked == cut.asked


def test_a_project_says_at_which_rank_each_select_stands(base):
    """A fresh choice knows its place among all offers; a clip from elsewhere has none."""
    cut = by_hand.replaced(base, 5, 3)
    for slot, one in cut.selects.items():
        (item,) = items_of(film(cut)[0], slot)
        rank = next(n for n, c in enumerate(cut.offers[slot]) if c is one.candidate)
        assert ShotMemory.of(item).rank == rank
    assert any(ShotMemory.of(items_of(film(cut)[0], s)[0]).rank for s in cut.selects)
    fewer = replace(cut, offers=cut.offers.having({"5": cut.offers["5"][:1]}))
    assert cut.selects["5"].candidate is not cut.offers["5"][0]
    assert ShotMemory.of(items_of(film(fewer)[0], "5")[0]).rank is None


# Locks


def test_what_is_locked_stays_and_is_not_shown_again(shelf, base):
    third = ranked(base, "5")[2]
    cut = by_hand.locked(by_hand.replaced(base, 5, 3), 5)
    filled = chosen(cut)
    assert filled.selects["5"] is cut.selects["5"]
    assert filled.selects["5"].candidate is third
    for (_, one), (_, other) in itertools.combinations(ranges(filled).items(), 2):
        assert one[0] != other[0] or not one[1].overlaps(other[1])


def test_the_best_clip_of_another_shot_is_given_up_where_a_lock_needs_it(shelf, base):
    """Shot 2 takes what the film chose for shot 6: shot 6 is chosen again, and shows another."""
    wanted = base.selects["6"].candidate
    cut = by_hand.locked(by_hand.replaced(base, 2, wanted), 2)
    assert ranges(cut)["2"][1].overlaps(ranges(cut)["6"][1])
    filled = chosen(cut)
    assert filled.selects["2"].candidate is wanted
    assert not (ranges(filled)["6"][0] == wanted.film.footage.id
                and ranges(filled)["6"][1].overlaps(wanted.media))  # fmt: skip


def test_only_the_shots_that_are_named_are_chosen_again(base):
    cut = by_hand.replaced(base, 5, 4)
    again = chosen(cut, 2)
    assert {s: again.selects[s] for s in again.selects if s != "2"} == {
        s: cut.selects[s] for s in cut.selects if s != "2"
    }
    assert chosen(cut).selects["5"] != cut.selects["5"]


def test_locks_that_contradict_each_other_are_found(base):
    wanted = base.selects["6"].candidate
    cut = by_hand.locked(by_hand.replaced(base, 2, wanted), (2, 6))
    assert by_hand.contradictions(cut) == [("2", "6")]
    assert not by_hand.contradictions(base)
    _, notes = film(chosen(cut))
    (repeats,) = [note for note in notes if note.code == "shot-repeats"]
    assert "both are locked" in repeats.text


def test_what_a_person_chose_twice_is_not_laid_to_the_archive(base):
    wanted = base.selects["6"].candidate
    cut = by_hand.replaced(base, 2, wanted)
    (one,) = [note for note in film(cut)[1] if note.code == "shot-repeats"]
    assert one.text.endswith(": shot 2 was chosen by hand.")
    cut = by_hand.replaced(cut, 6, wanted)
    (both,) = [note for note in film(cut)[1] if note.code == "shot-repeats"]
    assert both.text.endswith(": both were chosen by hand.")


def test_a_locked_shot_is_changed_by_nothing_but_unlocking(base):
    cut = by_hand.locked(base, 5)
    for tried in (
        lambda: by_hand.replaced(cut, 5, 2),
        lambda: by_hand.slipped(cut, 5, 1),
        lambda: by_hand.mirrored(cut, 5),
        lambda: by_hand.retimed(cut, 5, Fraction(9, 10)),
        lambda: by_hand.held(cut, 5, 1),
        lambda: by_hand.focused(cut, 5, (0.2, 0.5)),
        lambda: by_hand.instead_of(cut, 5, "black"),
        lambda: by_hand.refused(cut, 5),
        lambda: by_hand.swapped(cut, 5, 6),
        lambda: by_hand.swapped(cut, 6, 5),
    ):
        with pytest.raises(UsageError, match="Shot 5 is locked"):
            tried()
    assert not by_hand.unlocked(cut, 5).selects["5"].locked


# Refusals


@pytest.mark.slow
@pytest.mark.parametrize("what", ["clip", "shot", "footage"])
def test_what_is_refused_never_comes_back(shelf, base, what):
    refused = ranges(base)["5"]
    one = base.selects["5"].candidate
    cut = by_hand.refused(base, 5, what)
    assert "5" not in cut.selects
    (refusal,) = cut.refused
    for made_of in (chosen(cut), chosen(offered(cut, shelf)), chosen(offered(cut, shelf, 5), 5)):
        for slot, (footage, span) in ranges(made_of).items():
            clip = made_of.selects[slot].candidate
            if what == "footage":
                assert footage != refused[0]
            elif what == "shot":
                assert (footage, clip.shot) != (refused[0], one.shot)
            else:
                assert footage != refused[0] or not span.overlaps(refused[1])
    again = offered(cut, shelf)
    assert not any(refusal.holds_for(c) for part in again.offers.values() for c in part)
    allowed = chosen(offered(by_hand.allowed(cut), shelf))
    assert shown(allowed) == shown(base)


def test_what_is_refused_for_one_shot_may_answer_another(shelf, base):
    one = base.selects["5"].candidate
    cut = by_hand.refused(base, 5, "footage", everywhere=False)
    again = offered(cut, shelf)
    assert all(c.film.footage.id != one.film.footage.id for c in again.offers["5"])
    assert any(c.film.footage.id == one.film.footage.id for c in again.offers["4"])


@pytest.mark.parametrize("first", [0, 1])
def test_the_same_frames_in_another_file_are_refused_too(base, pair, first):
    one, other = pair
    clips = [clip(one, 1, 6, 8), clip(other, 1, 6, 8)]
    offers = Offers({"5": (*clips, clip(other, 0, 1, 3))})
    cut = by_hand.replaced(replace(base, offers=offers, selects={}), 5, clips[first])
    cut = by_hand.refused(cut, 5)
    assert all(cut.refused[0].holds_for(c) for c in clips)
    assert chosen(cut, 5).selects["5"].candidate is offers["5"][2]


def test_refusing_what_a_lock_shows_is_said(base):
    wanted = base.selects["6"].candidate
    cut = by_hand.locked(by_hand.replaced(base, 2, wanted), 2)
    with pytest.raises(UsageError, match="Shot 2 shows it too and is locked"):
        by_hand.refused(cut, 6, "footage")


# By hand


def test_undo_is_the_old_value(base):
    before, filmed = parts(base), film(base)[0]
    for change in (
        lambda: by_hand.locked(base, (1, 2)),
        lambda: by_hand.refused(base, 3, "footage"),
        lambda: by_hand.replaced(base, 4, 2),
        lambda: by_hand.slipped(base, 4, 1),
        lambda: by_hand.mirrored(base, 4),
        lambda: by_hand.held(base, 4, 3),
        lambda: chosen(by_hand.refused(base, 4)),
        lambda: by_hand.swapped(base, 4, 5),
    ):
        assert parts(change()) != before
        assert parts(base) == before
    assert film(base)[0] == filmed


def test_slip_moves_the_clip_by_pictures_within_its_shot(base):
    least, most = slip_room(base.selects["5"], base.slots["5"], base.rhythm.rate)
    assert least < 0 < most or most - least > 10
    for by in {least, most, most // 2}:
        cut = by_hand.slipped(base, 5, by)
        moved = taken(cut.selects["5"], cut.slots["5"], cut.rhythm.rate)
        still = base.selects["5"].candidate
        assert moved.media.start - still.media.start == Fraction(by, 24)
        assert moved.usable.contains(moved.media)
        (clip,) = items_of(film(cut)[0], "5")
        (before,) = items_of(film(base)[0], "5")
        assert clip.start - before.start == Fraction(by, 24)
    with pytest.raises(UsageError, match=re.escape(f"room for {least:+d} to {most:+d} pic")):
        by_hand.slipped(base, 5, most + 1)
    with pytest.raises(UsageError, match="cannot be slipped"):
        by_hand.slipped(base, 5, least - 1)
    part = by_hand.slipped(by_hand.slipped(base, 5, most), 5, -most)
    assert film(part)[0].recut.items == film(base)[0].recut.items


def test_a_picture_held_stands_still_at_the_end_of_its_shot(base):
    cut = by_hand.held(base, 5, 4)
    clip, still = items_of(film(cut)[0], "5")
    assert (clip.duration + still.duration, still.duration, still.speed) == (
        len(base.slots["5"].own), 4, 0,
    )  # fmt: skip
    assert still.start == clip.start + (clip.duration - 1) * clip.speed / 24
    assert not any(note.code == "shot-held" for note in film(cut)[1])
    with pytest.raises(UsageError, match="can be held for 0 to"):
        by_hand.held(base, 5, len(base.slots["5"].own))
    assert film(by_hand.held(cut, 5, 0))[0] == film(base)[0]


def test_another_speed_keeps_the_middle_and_stays_in_the_shot(base):
    cut = by_hand.retimed(base, 2, Fraction(2))
    (clip,) = items_of(film(cut)[0], "2")
    (before,) = items_of(film(base)[0], "2")
    assert clip.speed == 2
    middle, was = (c.start + c.duration * c.speed / 48 for c in (clip, before))
    assert abs(middle - was) <= Fraction(1, 12)
    with pytest.raises(UsageError, match="fills it at"):
        by_hand.retimed(base, 5, Fraction(8))
    assert film(by_hand.retimed(cut, 2, None))[0] == film(base)[0]


def test_mirrored_and_back(base):
    cut = by_hand.mirrored(base, 2)
    (clip,) = items_of(film(cut)[0], "2")
    assert clip.mirrored
    assert film(by_hand.mirrored(cut, 2))[0] == film(base)[0]


def test_two_shots_exchanged_show_each_others_material(base):
    cut = by_hand.swapped(base, 4, 5)
    now, before = ranges(cut), ranges(base)
    assert now["4"][0] == before["5"][0]
    assert now["4"][1].overlaps(before["5"][1])
    assert now["5"][1].overlaps(before["4"][1])
    film(cut)
    assert ranges(cut)["4"][1].duration <= before["4"][1].duration * Fraction(5, 4)


def test_what_cannot_be_done_is_said(base):
    for tried, said in (
        (lambda: by_hand.replaced(base, 99, 1), "There is no shot 99; the film has shots 1 to 7."),
        (lambda: by_hand.replaced(base, 5, 99), "Shot 5 has no offer 99: there are"),
        (lambda: by_hand.replaced(base, "5.2", 1), "There is no shot 5.2"),
        (lambda: by_hand.allowed(base, 1), "There is no refusal 1"),
        (lambda: by_hand.swapped(base, 5, 5), "exchanged with itself"),
        (lambda: by_hand.slipped(by_hand.refused(base, 5), 5, 1), "Nothing is chosen for shot 5"),
    ):
        with pytest.raises(UsageError) as raised:
            tried()
        assert said in str(raised.value)


def test_an_open_shot_is_black_and_that_is_said(base):
    cut = by_hand.refused(base, 5)
    timeline, notes = film(cut)
    (item,) = items_of(timeline, "5")
    assert isinstance(item, Gap)
    assert any(note.code == "shot-open" for note in notes)


@pytest.mark.slow
def test_at_most_so_many_clips_of_one_footage():
    shelf = stock(count=4)
    loose = made(shelf, select=SelectOptions(spread=0.0, returns=0.0, few_films=1.0))
    most = max(list(ids).count(n) for ids in [[r[0] for r in ranges(loose).values()]] for n in ids)
    assert most > 2
    choose = SelectOptions(spread=0.0, returns=0.0, few_films=1.0, at_most=2)
    tight = chosen(loose, options=choose)
    ids = [r[0] for r in ranges(tight).values()]
    assert max(ids.count(n) for n in ids) == 2
    few = chosen(loose, options=replace(choose, at_most=1))
    assert any(note.code == "footage-crowds" for note in film(few)[1])


def test_one_set_up_does_not_answer_shot_after_shot():
    """Eight of twelve shots of the archive are one set-up, which is known by their rows."""
    (one,) = stock(1, 60.0, tuple(5.0 * n for n in range(1, 12))).rows.films
    rng, rows = np.random.default_rng(3), dict(one.rows)
    for name, alike in ((COMPOSITION, 8), (PRINT, 1)):
        of_shots = rng.normal(size=(12, rows[name].shape[1]))
        of_shots[:alike] = of_shots[0]
        of_shots /= np.linalg.norm(of_shots, axis=1, keepdims=True)
        rows[name] = np.repeat(of_shots, len(one.shown) // 12, axis=0).astype(np.float16)
    shelf = Stock(ArchiveRows([replace(one, rows=rows)]), reference())
    match = MatchOptions(candidates=60)
    cut = made(shelf, match=match, select=SelectOptions(spread=0.0, returns=0.0, fresh=0.0))
    # To the scale of these tests everything is alike, also the shots of the source.
    cut = replace(cut, plan=replace(cut.plan, setup=0.99, alike=None))
    offers = (one for part in cut.offers.values() for one in part)
    assert len({cut.places()[one.ref] for one in offers if one.shot < 8}) == 1

    def times(cut):
        return sum(select.candidate.shot < 8 for select in cut.selects.values())

    varied = chosen(cut, options=replace(cut.options.select, fresh=1.0))
    assert times(varied) < times(cut)
    assert times(varied) <= 4


def test_parts_of_a_divided_shot_have_names_of_their_own():
    shelf = stock(count=3, seconds=2.0, cuts=())
    cut = begun(source_of(144, []), shelf, RecutOptions(match=MatchOptions(candidates=6)))
    cut = chosen(offered(cut, shelf))
    assert list(cut.slots) == ["1.1", "1.2", "1.3"]
    with pytest.raises(UsageError, match=r"answered by 3 clips: say 1\.1, 1\.2 or 1\.3"):
        by_hand.replaced(cut, 1, 1)
    assert by_hand.locked(cut, 1).selects["1.2"].locked


@pytest.mark.slow
def test_variants_are_cuts_of_their_own(shelf, base):
    options = replace(base.options, select=SelectOptions(returns=0.0, variants=2))
    one, two = variants(replace(base, options=options))
    assert one.offers is two.offers is base.offers
    assert shown(one) != shown(two)
    locked = by_hand.locked(replace(base, options=options), 5)
    assert all(v.selects["5"].candidate is base.selects["5"].candidate for v in variants(locked))


# Written and brought back


def decided(cut):
    """Something of everything that a person decides."""
    cut = by_hand.locked(by_hand.replaced(cut, 2, 3), 2)
    cut = chosen(by_hand.refused(cut, 4), 4)
    cut = chosen(by_hand.refused(cut, 6, "footage", everywhere=False), 6)
    room = slip_room(cut.selects["5"], cut.slots["5"], cut.rhythm.rate)
    cut = by_hand.slipped(cut, 5, max(room, key=abs) // 2)
    cut = by_hand.mirrored(cut, 7)
    cut = by_hand.held(cut, 3, 2)
    return by_hand.retimed(cut, 1, Fraction(1, 2))


@pytest.mark.slow
def test_a_project_brings_its_cut_back_whole(shelf, base, tmp_path):
    cut = decided(base)
    back, notes = brought_back(cut, shelf, tmp_path / "a.otio")
    assert not notes
    assert parts(back) == parts(cut)
    assert remembering(back) == remembering(cut)
    assert shown(chosen(back)) == shown(chosen(cut))
    # An offer taken from elsewhere, a shot asked by something else, one left open.
    cut = offered(cut, shelf, 5, match=MatchOptions(candidates=3, weights={"subject": 1.0}))
    cut = by_hand.refused(cut, 7, "shot")
    back, _ = brought_back(cut, shelf, tmp_path / "b.otio")
    assert parts(back) == parts(cut)


def test_strength_usable_range_and_holds_come_back(tmp_path):
    shelf = stock(count=1, seconds=3.0, cuts=())
    cut = begun(source_of(240, EDIT[3:4]), shelf, RecutOptions(match=MatchOptions(candidates=4)))
    cut = chosen(offered(cut, shelf))
    assert any(one.held for part in cut.offers.values() for one in part)
    back, _ = brought_back(cut, shelf, tmp_path / "a.otio")
    assert parts(back) == parts(cut)


@pytest.mark.slow
def test_what_an_editing_program_changed_is_respected(shelf, base, tmp_path):
    """One clip is slipped, one replaced by another offer, one by foreign material, one removed."""
    other = ranked(base, "2")[1]

    def edited(timeline):
        items = []
        for item in timeline.track("recut").items:
            slot = item.metadata["kuleshov"].get("slot")
            if slot == "7":
                room = slip_room(base.selects["7"], base.slots["7"], base.rhythm.rate)
                by = max(room, key=abs) // 2
                item = replace(item, start=item.start + Fraction(by, 24))
            elif slot == "2":
                handle = base.slots["2"].own.first - base.slots["2"].visible.first
                media = replace(item.media, path=other.film.footage.path,
                                checksum=other.film.footage.checksum)  # fmt: skip
                item = replace(
                    item, media=media, speed=other.speed, mirrored=other.mirrored, usable=None,
                    start=other.media.start + handle * other.speed / 24,
                )  # fmt: skip
            elif slot == "1":
                media = replace(item.media, path=tmp_path / "mine.mov", checksum="", available=None)
                item = Clip(media, Fraction(5), item.duration, metadata={"other": {"note": 1}})
            elif slot == "6":
                item = Gap(item.duration)
            items.append(item)
        return with_items(timeline, items)

    back, notes = brought_back(by_hand.locked(base, 1), shelf, tmp_path / "a.otio", edited)
    room = slip_room(base.selects["7"], base.slots["7"], base.rhythm.rate)
    assert back.selects["7"].slip == max(room, key=abs) // 2
    assert back.selects["7"].candidate.film is base.selects["7"].candidate.film
    assert plainly(back.selects["2"].candidate) == plainly(other)
    assert back.selects["1"].candidate is None
    assert back.selects["1"].locked
    assert [note.code for note in notes] == ["shot-by-hand"]
    assert "6" not in back.selects
    (mine,) = [i for i in film(back)[0].recut.items if isinstance(i, Clip)
               and i.media.path.name == "mine.mov"]  # fmt: skip
    assert (mine.start, mine.duration) == (5, len(base.slots["1"].own))
    # It stays when all else is chosen again, and what is locked there stays there.
    assert chosen(back).selects["1"] is back.selects["1"]
    twice, _ = brought_back(back, shelf, tmp_path / "b.otio")
    assert parts(twice) == parts(back)


@pytest.mark.slow
def test_a_film_made_shorter_elsewhere_is_brought_back_to_its_source(shelf, base, tmp_path):
    def shorter(timeline):
        tracks = []
        for track in timeline.tracks:
            items = list(track.items)
            items[0] = replace(items[0], duration=items[0].duration - 10)
            tracks.append(replace(track, items=tuple(items)))
        return replace(timeline, tracks=tuple(tracks))

    back, notes = brought_back(base, shelf, tmp_path / "a.otio", shorter)
    assert "other-length" in [note.code for note in notes]
    assert film(back)[0].duration == base.rhythm.frames
    edited = shorter(remembering(base)[0])
    for frame in range(edited.duration):
        assert seen(film(back)[0], frame) == seen(edited, frame)


def test_offers_of_footage_that_is_gone_are_kept_and_cannot_be_taken(shelf, base, tmp_path):
    gone = next(c.film.footage.id for c in base.offers["5"] if c is not base.selects["5"].candidate
                and c.film is not base.selects["5"].candidate.film)  # fmt: skip
    lesser = without(shelf, gone)
    back, notes = brought_back(base, lesser, tmp_path / "a.otio")
    assert any(note.code == "offers-gone" for note in notes)
    listed = ranked(back, "5")
    with pytest.raises(UsageError, match=rf"is of .*{gone}\.mp4, which is not in the archive"):
        by_hand.replaced(back, 5, len(listed) + 1)
    # What showed it still does.
    assert [i.media.path for i in film(back)[0].recut.items if isinstance(i, Clip)] == [
        i.media.path for i in film(base)[0].recut.items if isinstance(i, Clip)
    ]
    # They are there again when the footage is.
    again, notes = brought_back(back, shelf, tmp_path / "b.otio")
    assert not notes
    for slot in base.plan.wanted:
        assert plainly(again.offers[slot]) == plainly(base.offers[slot])


def test_another_film_in_the_sources_place_is_refused(shelf, base, tmp_path):
    timeline, _ = remembering(base)
    known = resumable(timeline, tmp_path / "a.otio")
    with pytest.raises(ProjectError, match="is not the film that this project remakes"):
        resumed(timeline, known, Source(base.source.analysis, "other"), shelf)
    bare = with_items(timeline, [replace(i, metadata={}) for i in timeline.recut.items])
    with pytest.raises(ProjectError, match="cannot be gone on with"):
        resumable(bare, tmp_path / "a.otio")


def test_a_damaged_memory_is_said_in_a_sentence(shelf, base, tmp_path):
    timeline, _ = remembering(base)
    ours = timeline.metadata["kuleshov"]
    for hurt in ({"options": 3}, {"offers": {"1": ["x"]}}, {"source": None}):
        damaged = {**ours, "cut": {**ours["cut"], **hurt}}
        worse = replace(timeline, metadata={"kuleshov": damaged})
        with pytest.raises(ProjectError, match="is damaged"):
            resumed(worse, resumable(worse, tmp_path / "a.otio"), base.source, shelf)


def test_what_other_programs_left_with_a_clip_stays(shelf, base, tmp_path):
    def noted(timeline):
        items = [replace(i, metadata={**i.metadata, "other": {"note": "yes"}})
                 for i in timeline.track("recut").items]  # fmt: skip
        return with_items(timeline, items)

    back, _ = brought_back(base, shelf, tmp_path / "a.otio", noted)
    cut = by_hand.replaced(back, 5, 2)
    for item in film(cut)[0].recut.items:
        slot = item.metadata["kuleshov"]["slot"]
        assert ("other" in item.metadata) == (slot != "5")


# Projects of format 1, which remember less

FORMAT_1 = Path(__file__).parents[1] / "data" / "project_format_1.otio"


@pytest.mark.slow
def test_a_project_of_format_1_is_gone_on_with_as_far_as_it_goes(shelf, base):
    """It was written from the same films, with four offers a shot and without a cut."""
    old = read_otio(FORMAT_1)
    known = resumable(old, FORMAT_1)
    assert known.memory is None
    assert known.checksum == "source"
    cut, notes = resumed(old, known, base.source, shelf)
    assert [note.code for note in notes] == ["old-project"]
    # It shows what it showed, each clip recognised as an offer.
    now = film(cut)[0]
    assert [seen(now, frame) for frame in range(240)] == [seen(old, frame) for frame in range(240)]
    assert all(one.candidate is not None for one in cut.selects.values())
    known_offers = [ShotMemory.of(item).offers or () for item in old.recut.items]
    assert [len(cut.offers[s]) for s in cut.plan.wanted] == [
        len(some or ()) for some in known_offers
    ]
    # And it can be gone on with.
    taken = by_hand.locked(by_hand.replaced(cut, 5, 2), 5)
    assert chosen(offered(taken, shelf)).selects["5"].candidate is taken.selects["5"].candidate


def test_a_project_of_a_newer_format_is_refused(base, tmp_path):
    write_otio(remembering(base)[0], tmp_path / "a.otio")
    text = (tmp_path / "a.otio").read_text()
    assert text.count('"format": 2') == 1
    (tmp_path / "a.otio").write_text(text.replace('"format": 2', '"format": 3'))
    with pytest.raises(ProjectError, match="written by a newer Kuleshov"):
        read_otio(tmp_path / "a.otio")


# Nothing fits; the crop by hand


@pytest.mark.parametrize("what", ["own", "black", "still"])
def test_what_a_slot_shows_where_nothing_fits_is_brought_back(shelf, base, tmp_path, what):
    cut = by_hand.locked(by_hand.instead_of(base, 3, what), 3)
    cut = by_hand.instead_of(cut, 5, what, 2 if what == "still" else None)
    again, notes = brought_back(cut, shelf, tmp_path / "a.otio")
    assert not notes
    assert parts(again) == parts(cut)
    assert film(again)[0] == film(cut)[0]
    (said, other) = [n for n in film(cut)[1] if n.code == "shot-instead"]
    assert (said.about["slot"], other.about["slot"]) == ("3", "5")
    with pytest.raises(UsageError, match=r"Shot 3 is locked"):
        by_hand.instead_of(cut, 3, what)
    shows = {"own": "the source's own", "black": "black", "still": "a still of the source"}
    with pytest.raises(UsageError, match=f"Shot 5 shows {shows[what]}.*: take one of its offers"):
        by_hand.slipped(cut, 5, 1)


def test_a_still_is_a_picture_of_its_own_shot(base):
    frames = len(base.slots["3"].own)
    with pytest.raises(UsageError, match=f"a still is one of 0 to {frames - 1}, not {frames}"):
        by_hand.instead_of(base, 3, "still", frames)
    timeline, _ = film(by_hand.instead_of(base, 3, "still"))
    path, first = seen(timeline, base.slots["3"].own.first)
    assert (path, first) == seen(timeline, base.slots["3"].own.end - 1)
    assert path == base.source.analysis.path
    middle = base.slots["3"].own.first + frames // 2
    assert first == base.rhythm.start + middle / base.rhythm.rate


def test_where_nothing_fits_stays_until_the_shot_is_asked_for(shelf, base):
    cut = by_hand.instead_of(base, 3, "own")
    assert chosen(cut).selects["3"] is cut.selects["3"]
    assert chosen(cut, 3).selects["3"].candidate is not None
    assert by_hand.replaced(cut, 3, 1).selects["3"].candidate is not None


def test_what_another_program_put_in_place_of_the_sources_own_stays(shelf, base, tmp_path):
    cut = by_hand.instead_of(base, 3, "own")

    def swapped(timeline):
        items = list(timeline.recut.items)
        place = next(n for n, i in enumerate(items) if i in items_of(timeline, "3"))
        items[place] = Gap(items[place].duration)
        return with_items(timeline, items)

    again, _ = brought_back(cut, shelf, tmp_path / "a.otio", swapped)
    assert again.selects.get("3") is None or again.selects["3"].instead is None


def test_a_crop_laid_by_hand_is_in_the_film_and_brought_back(shelf, base, tmp_path):
    cut = by_hand.focused(base, 3, (0.25, 1.0))
    (clip,) = items_of(film(cut)[0], "3")
    assert clip.focus == (0.25, 1.0)
    again, notes = brought_back(cut, shelf, tmp_path / "a.otio")
    assert not notes
    assert parts(again) == parts(cut)
    assert by_hand.focused(cut, 3, None).selects["3"].focus is None
    with pytest.raises(UsageError, match="between 0 and 1 across and down"):
        by_hand.focused(base, 3, (0.5, 1.2))


def test_slots_that_are_asked_by_something_else_are_stale_until_they_are_ranked(shelf, base):
    match = MatchOptions(candidates=12, weights={"subject": 1.0})
    cut = asking(base, (2, 3), match=match)
    assert cut.stale == {"2", "3"}
    assert cut.offers is base.offers
    assert offered(cut, shelf, 2).stale == {"3"}
    ready = ranked_for(cut, shelf)
    assert not ready.stale
    assert parts(ready)["offers"] == parts(offered(base, shelf, (2, 3), match=match))["offers"]
    assert ranked_for(ready, shelf) is ready
    assert asking(base, match=base.options.match).stale == frozenset()


def test_offers_of_footage_that_is_gone_keep_their_shares(shelf, base, tmp_path):
    """Also where nothing else is offered, and when they are written twice."""
    empty = without(shelf, 1)
    for number in range(2, 6):
        empty = without(empty, number) if len(empty.rows.films) > 1 else empty
    gone, _ = brought_back(base, empty, tmp_path / "a.otio")
    twice, _ = brought_back(gone, empty, tmp_path / "b.otio")
    again, _ = brought_back(twice, shelf, tmp_path / "c.otio")
    assert parts(again)["offers"] == parts(base)["offers"]
