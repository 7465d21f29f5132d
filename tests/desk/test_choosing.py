"""A recut that is gone on with, as every face does it: orders, offers, and what is remembered."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from edit.cuts import made, parts, plainly, stock
from kuleshov.desk.appearance import Appearance
from kuleshov.desk.choosing import Resumed, offers_as_data
from kuleshov.desk.desk import Desk
from kuleshov.edit import by_hand
from kuleshov.edit.choosing import offered
from kuleshov.edit.layouts import arranged
from kuleshov.edit.orders import Orders
from kuleshov.edit.resuming import remembering, resumable, resumed
from kuleshov.errors import ArchiveError, Closed, ProjectError, UsageError
from kuleshov.features.encoder import BUNDLED
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.memory import CutMemory
from kuleshov.timeline import Clip


@pytest.fixture(scope="module")
def going() -> Resumed:
    shelf = stock()
    return Resumed(made(shelf), shelf)


def starts(timeline) -> dict[str, Fraction]:
    """Where each slot's clip begins on the timeline, which sheets and lists say."""
    clips = [item for item in timeline.recut.items if isinstance(item, Clip)]
    return {clip.metadata["kuleshov"]["slot"]: clip.start for clip in reversed(clips)}


def test_orders_give_another_and_leave_the_first(going):
    before = parts(going.cut)
    after = going.after(Orders(take={"2": 3}, lock=("2",), hold={"1": 4}))
    assert parts(going.cut) == before
    assert after.cut.selects["2"].locked
    assert after.cut.selects["2"].candidate is going.offers("2")[0].offers[2].clip
    assert after.cut.selects["1"].hold == 4
    again = after.after(Orders(unlock=("all",), take={"2": 2}, hold={"1": 0}))
    assert again.cut.selects["2"].candidate is going.cut.selects["2"].candidate
    with pytest.raises(UsageError, match="is locked"):
        after.after(Orders(take={"2": 1}))


def test_what_is_not_ordered_stays_as_each_shot_was_matched(going):
    """Shots 1 and 2 are matched by other weights; both are mirrored, and keep their own."""
    one, two = {"composition": 1.0}, {"subject": 1.0}
    cut = going.after(Orders(shot=("1",), match={"weights": one})).cut
    cut = offered(cut, going.stock, "2", match=replace(cut.options.match, weights=two))
    both = replace(going, cut=cut).after(Orders(shot=("1", "2"), match={"tightness": 0.5})).cut
    least = going.cut.options.match.candidates
    for slot, weights in (("1", one), ("2", two)):
        assert both.asked_by(slot).match == MatchOptions(least, weights, tightness=0.5)
    assert both.asked_by("3").match == going.cut.options.match


def test_options_of_choosing_are_the_films_own_but_for_what_is_ordered(going):
    chosen = going.after(Orders(select={"at_most": 2})).cut.options.select
    assert chosen == replace(going.cut.options.select, at_most=2)
    shaped = going.after(Orders(shape=Fraction(1), fit="fit")).cut.options
    assert (shaped.shape, shaped.fit) == (1, "fit")
    kept = replace(going, cut=replace(going.cut, options=shaped)).after(Orders()).cut.options
    assert (kept.shape, kept.fit) == (1, "fit")


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({"match": {"weigths": {}}}, "'weigths' is not an option; did you mean weights?"),
        ({"select": {"weights": {}}}, "'weights' is not an option; there are spread"),
        ({"swap": (("1",),)}, "swap exchanges two shots"),
    ],
)
def test_orders_that_nobody_can_carry_out_are_refused(orders, said):
    with pytest.raises(UsageError) as error:
        Orders(**orders)
    assert said in str(error.value)


def test_offers_and_sheet_say_the_same_start(going):
    """Of shots that dissolve, that are slipped, and of any offer that is taken."""
    slots = going.cut.plan.wanted
    assert any(going.cut.slots[s].visible.first < going.cut.slots[s].own.first for s in slots)
    for number in (1, 2):
        cut = going.cut
        for slot in slots:
            cut = by_hand.replaced(cut, slot, number)
        if number == 2:
            cut = by_hand.slipped(cut, slots[0], -1)
        now = replace(going, cut=cut)
        sheet = starts(now.made().timeline)
        for shot in now.offers(slots, 1):
            (one,) = shot.offers
            assert one.chosen
            assert sheet[shot.slot] == one.start
            assert one.as_data()["start"] == str(one.start)
        for shot in going.offers(slots, 2):
            if number == 2 and shot.slot != slots[0]:  # before it was taken it said the same
                assert sheet[shot.slot] == shot.offers[1].start


def test_offers_are_data(going):
    data = offers_as_data(going, going.offers(("1", "3"), 2))
    assert [shot["slot"] for shot in data["shots"]] == ["1", "3"]
    assert [len(shot["offers"]) for shot in data["shots"]] == [2, 2]
    assert json.loads(json.dumps(data)) == data
    refused = going.after(Orders(refuse=("1",)))
    assert len(offers_as_data(refused, ())["refused"]) == 1


def test_a_film_that_had_credits_keeps_them(going):
    assert not going.appearance().credits
    assert going.appearance(Appearance(credits=True)).credits
    assert replace(going, credits=True).appearance().credits


# What a project remembers


def project_of(cut, path: Path) -> Path:
    write_otio(arranged(remembering(cut)[0], "side-by-side"), path)
    return path


def looked_at_with(cut, encoder):
    return replace(cut, source=replace(cut.source, encoder=encoder))


def test_the_encoder_is_remembered_and_none_where_it_is_the_bundled_one(going, tmp_path):
    plain = read_otio(project_of(going.cut, tmp_path / "plain.otio"))
    assert "encoder" not in plain.metadata["kuleshov"]["cut"]
    assert resumable(plain, tmp_path).encoder == ""
    other = looked_at_with(going.cut, "clip:ViT-B-32/openai")
    timeline = read_otio(project_of(other, tmp_path / "other.otio"))
    assert resumable(timeline, tmp_path).encoder == "clip:ViT-B-32/openai"


def test_what_another_version_remembers_of_a_cut_is_kept(going, tmp_path):
    path = project_of(going.cut, tmp_path / "a.otio")
    timeline = read_otio(path)
    kept = dict(timeline.metadata["kuleshov"])
    kept["cut"] = {**kept["cut"], "mood": {"of": "later"}}
    timeline = replace(timeline, metadata={**timeline.metadata, "kuleshov": kept})
    known = resumable(timeline, path)
    cut, _ = resumed(timeline, known, going.cut.source, going.stock)
    again = read_otio(project_of(cut, path))
    assert again.metadata["kuleshov"]["cut"]["mood"] == {"of": "later"}
    assert CutMemory.of(again) == CutMemory.of(timeline)
    assert plainly(cut.selects) == plainly(going.cut.selects)


def test_an_encoder_that_is_not_installed_is_said_in_one_sentence(going, tmp_path, monkeypatch):
    path = project_of(looked_at_with(going.cut, "clip"), tmp_path / "a.otio")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with Desk(tmp_path / "archive") as desk, pytest.raises(ProjectError) as error:
        desk.resume(path)
    assert str(error.value) == (
        f"{path} was made with the encoder clip, which cannot be used here: The encoder clip needs "
        "a package that is not here (open_clip): pip install 'kuleshov[clip]'."
    )


def test_an_encoder_that_was_chosen_is_used_and_a_closed_desk_opens_none(going, tmp_path):
    path = project_of(looked_at_with(going.cut, "clip:local-dir:/nowhere"), tmp_path / "a.otio")
    with Desk(tmp_path / "archive") as desk, pytest.raises(ProjectError, match="cannot be used"):
        desk.resume(path)
    # The bundled one, asked for by name: what is missing then is the archive.
    with Desk(tmp_path / "archive", BUNDLED) as desk, pytest.raises(ArchiveError):
        desk.resume(path)
    desk = Desk(tmp_path / "archive")
    desk.close()
    with pytest.raises(Closed):
        desk.resume(path)
