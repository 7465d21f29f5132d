"""Where crops lie: from rows of faces to clips, through projects and lists."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edit.random_films import ROOT, film_of, known_for
from films import make_film, numbered
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.edit.focus import focus_of
from kuleshov.edit.grid import Cell, GridOptions, grid, loop_of, still
from kuleshov.edit.listing import listed
from kuleshov.edit.placing import clips
from kuleshov.edit.rhythm import Rhythm, Slot
from kuleshov.edit.supercut import SupercutOptions, supercut
from kuleshov.errors import ProjectError, TimelineError
from kuleshov.exchange.fcpxml import fcpxml
from kuleshov.exchange.tables import json_list
from kuleshov.features import bodies
from kuleshov.features.body_nets import JOINTS, Body
from kuleshov.features.face_nets import Face
from kuleshov.features.faces import row_of
from kuleshov.footage import Bars
from kuleshov.match.align.by_example import middles
from kuleshov.notes import texts
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.reattach import reattached
from kuleshov.timecode import FrameRange, TimeRange
from kuleshov.timeline import Clip, Layout, Media
from match.rows import film, reference

F = Fraction
WIDE, TALL, SQUARE = F(16, 9), F(9, 16), F(1)


def face(x: float, y: float, width: float, height: float, score: float = 0.9) -> Face:
    """A face given by its middle and size."""
    return Face((x - width / 2, y - height / 2, width, height), score, 0, 0, 0, 0, 1)


def seen(
    *rows: Sequence[Face], size: tuple[int, int] = (64, 36), cut: float | None = None
) -> ArchiveFilm:
    """A film whose rows, two a second, show these faces."""
    made = film(1, len(rows) / 2, () if cut is None else (cut,))
    probe = made.footage.probe
    video = replace(probe.video, width=size[0], height=size[1])
    footage = replace(made.footage, probe=replace(probe, video=video))
    faces = np.array([row_of(row) for row in rows])
    return replace(made, footage=footage, rows={**made.rows, "faces": faces})


def focus(made: ArchiveFilm, shape: F | None, begin: float = 0, end: float = 99, shot: int = 0):
    return focus_of(made, made.shot(shot), TimeRange(F(begin), F(end)), shape)


def crop(middle: float, window: float) -> tuple[float, float]:
    """What a crop shows of a side: its begin and end."""
    middle = min(max(middle, window / 2), 1 - window / 2)
    return middle - window / 2, middle + window / 2


def test_a_portrait_in_a_wide_film_keeps_the_whole_face() -> None:
    for y in (0.2, 0.38, 0.7, 0.85):
        made = seen(*[[face(0.5, y, 0.4, 0.26)]] * 4, size=(36, 64))
        found = focus(made, WIDE)
        assert found is not None
        top, bottom = crop(found[1], 0.316)
        assert max(0, y - 0.13) >= top - 0.01
        assert min(1, y + 0.13) <= bottom + 0.01


def test_a_wide_picture_in_a_square_keeps_the_face_at_its_side() -> None:
    for x in (0.1, 0.25, 0.8):
        made = seen(*[[face(x, 0.4, 0.15, 0.35)]] * 4)
        found = focus(made, SQUARE)
        assert found is not None
        left, right = crop(found[0], 0.5625)
        assert max(0, x - 0.1) >= left - 0.01
        assert x + 0.1 <= right + 0.01
    middle = focus(seen([face(0.5, 0.4, 0.15, 0.35)]), SQUARE)
    assert middle is not None
    assert abs(middle[0] - 0.5) < 0.02


def test_a_body_without_a_face_is_kept_but_never_before_a_face() -> None:
    def body(x: float) -> Body:
        return Body((x - 0.1, 0.1, 0.2, 0.85), 0.8, ((0.0, 0.0, 0.0),) * len(JOINTS))

    turned = seen(*[[]] * 4)
    rows = np.array([bodies.row_of([body(0.85)], 16 / 9)] * 4)
    made = replace(turned, rows={**turned.rows, "bodies": rows})
    found = focus(made, TALL)
    assert found is not None
    left, right = crop(found[0], 0.316)
    assert left <= 0.77
    assert right >= 0.93
    low = replace(made, footage=seen(size=(36, 64)).footage)
    upper = focus(low, WIDE)
    assert upper is not None
    assert crop(upper[1], 0.316)[0] < 0.25  # the head, not the feet
    both = seen(*[[face(0.2, 0.4, 0.1, 0.2)]] * 4)
    faced = focus(replace(both, rows={**both.rows, "bodies": rows}), TALL)
    assert faced == focus(both, TALL)
    nobody = np.array([bodies.row_of([], 16 / 9)] * 4)
    assert focus(replace(turned, rows={**turned.rows, "bodies": nobody}), TALL) is None


def test_the_larger_face_where_both_have_no_room_both_where_they_have() -> None:
    made = seen([face(0.15, 0.4, 0.2, 0.45), face(0.85, 0.4, 0.12, 0.25)])
    found = focus(made, TALL)
    assert found is not None
    left, right = crop(found[0], 0.316)
    assert left < 0.06
    assert right > 0.24
    near = focus(seen([face(0.3, 0.4, 0.2, 0.45), face(0.65, 0.4, 0.12, 0.25)]), SQUARE)
    assert near is not None
    left, right = crop(near[0], 0.5625)
    assert left <= 0.2
    assert right >= 0.71


def test_it_is_weighed_over_what_the_clip_shows_and_stays_in_its_shot() -> None:
    left, right = [face(0.2, 0.4, 0.15, 0.35)], [face(0.8, 0.4, 0.15, 0.35)]
    made = seen(*[left] * 6, *[right] * 2, *[right] * 8, cut=4)
    mostly, end, other = focus(made, SQUARE), focus(made, SQUARE, 3, 4), focus(made, SQUARE, shot=1)
    assert mostly is not None
    assert end is not None
    assert mostly[0] < 0.4
    assert end[0] > 0.6
    assert other == focus(made, SQUARE, 5, 6, shot=1)
    # A clip between two rows has the nearest of its shot.
    assert focus(made, SQUARE, 0.6, 0.7) == focus(made, SQUARE, 0, 1)
    assert focus(made, SQUARE, 3.9, 4) == end
    assert focus(made, SQUARE, 3.95, 4.05, shot=1) == other


def test_without_faces_it_is_the_middle() -> None:
    assert focus(seen([], [], []), SQUARE) is None
    assert focus(film(1, 4), SQUARE) is None
    known = focus(seen([], [face(0.2, 0.4, 0.15, 0.35)], []), SQUARE)
    assert known is not None
    assert known[0] < 0.4


def test_faces_that_reach_beyond_the_picture_leave_it_inside() -> None:
    for x, y in ((-0.05, 0.5), (1.05, 0.5), (0.5, -0.05), (0.5, 1.05)):
        for shape in (WIDE, TALL, SQUARE, None):
            found = focus(seen([face(x, y, 0.4, 1.3)]), shape)
            assert found is not None
            assert all(0 <= part <= 1 for part in found)


def test_another_layout_finds_the_face_too() -> None:
    found = focus(seen([face(0.2, 0.3, 0.15, 0.35)]), WIDE)  # nothing is cropped
    assert found is not None
    assert abs(found[0] - 0.2) < 0.06
    assert abs(found[1] - 0.3) < 0.1


# ---------------------------------------------------------------- those who make clips


def test_supercuts_and_sheets_of_answers_take_it() -> None:
    rows = [*[[face(0.5, 0.25, 0.4, 0.26)]] * 20]
    made = seen(*rows, size=(36, 64))
    wide = replace(film(2, 10), rows={**film(2, 10).rows, "faces": np.array([row_of([])] * 20)})
    found = middles(ArchiveRows([made, wide]), F(3))
    (sheet,) = listed("found", found[:1]).tracks
    assert isinstance(sheet.items[0], Clip)
    assert sheet.items[0].focus == focus(made, WIDE)
    cut = supercut("cut", found, reference(), SupercutOptions(shape=WIDE)).timeline.recut.items
    by_name = {c.media.path.name: c.focus for c in cut if isinstance(c, Clip)}
    assert by_name == {"1.mp4": focus(made, WIDE), "2.mp4": None}


def test_a_recut_takes_it_for_the_clip_and_for_its_held_picture() -> None:
    made = seen(*[[face(0.5, 0.25, 0.4, 0.26)]] * 8, size=(36, 64))
    (found,) = middles(ArchiveRows([made]), F(3))
    whole = FrameRange(0, 96)
    slot = Slot(0, whole, whole, whole, TimeRange(F(0), F(4)))
    rhythm = Rhythm(F(24), 96, F(0), (slot,), ())
    for one in (found, replace(found, held=F(1)), replace(found, mirrored=True)):
        placed = clips(slot, one, rhythm, {}, WIDE)
        assert len(placed) == (2 if one.held else 1)
        # It is said of the picture in the file, so of a mirrored clip the same.
        assert {clip.focus for clip in placed} == {focus(made, WIDE)}


@pytest.mark.slow
def test_all_clips_of_a_cell_crop_alike(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", numbered(96), 24)
    made = seen(*[[face(0.2, 0.4, 0.15, 0.35)]] * 8, size=(320, 180))
    place = replace(made.footage.locations[0], path=path)
    made = replace(made, footage=replace(made.footage, locations=(place,)))
    looped = [loop_of(Cell(made, made.shot(0)), F(24), F(1), F(1), fill=True)]
    whole = grid("g", looped, GridOptions(1, 1, F(3), (96, 96)))
    repeats = [item for item in whole.tracks[0].items if isinstance(item, Clip)]
    assert len(repeats) > 1
    assert {clip.focus for clip in repeats} == {focus(made, SQUARE)}
    (held,) = still(whole, looped).tracks[0].items
    assert isinstance(held, Clip)
    assert held.focus == focus(made, SQUARE)
    alone = looped[0].track("recut", "main", 24).items[0]  # a GIF, in the footage's own shape
    assert isinstance(alone, Clip)
    assert alone.focus == focus(made, None)


# ---------------------------------------------------------------- kept


def test_it_is_checked_when_a_clip_is_made() -> None:
    plain = Clip(Media(ROOT / "a.mp4"), F(4), 50)
    for wrong in ((-0.1, 0.5), (0.5, 1.01), (float("nan"), 0.5), (0.5,)):
        focus: Any = wrong
        with pytest.raises(TimelineError, match="between 0 and 1"):
            replace(plain, focus=focus)
    assert replace(plain, focus=(0, 1)).focus == (0, 1)


def test_projects_and_lists_keep_it(tmp_path: Path) -> None:
    clip = Clip(Media(ROOT / "a.mp4"), F(4), 50, focus=(0.25, 0.715))
    write_otio(film_of(clip, replace(clip, focus=None)), tmp_path / "film.otio")
    again = read_otio(tmp_path / "film.otio")
    assert [c.focus for c in again.recut.items if isinstance(c, Clip)] == [(0.25, 0.715), None]
    fields = json.loads(json_list(again, known_for("a.mp4"))[0])
    assert [c["focus"] for c in fields["tracks"][0]["items"]] == [[0.25, 0.715], None]
    bare = replace(clip, focus=None)
    back, _ = reattached(film_of(bare), film_of(clip))
    assert [c.focus for c in back.recut.items if isinstance(c, Clip)] == [clip.focus]
    text = (tmp_path / "film.otio").read_text()
    for wrong in ("7.5", '"x"'):
        (tmp_path / "film.otio").write_text(text.replace("0.715", wrong))
        with pytest.raises(ProjectError):
            read_otio(tmp_path / "film.otio")


def test_a_project_of_before_has_no_focus_and_other_material_loses_it(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    usable = TimeRange(F(3), F(8))
    clip = Clip(Media(ROOT / "a.mp4"), F(4), 50, usable=usable, focus=(0.25, 0.75))

    def changed(change) -> Clip:
        write_otio(film_of(clip), path)
        data = json.loads(path.read_text())
        change(data["tracks"]["children"][0]["children"][0])
        path.write_text(json.dumps(data))
        (item,) = read_otio(path).recut.items
        assert isinstance(item, Clip)
        return item

    def moved(seconds: int):
        def change(one) -> None:
            one["source_range"]["start_time"]["value"] += 25 * seconds

        return change

    def other(one) -> None:
        (reference,) = one["media_references"].values()
        reference["target_url"] = "else.mp4"

    before = changed(lambda one: one["metadata"]["kuleshov"]["clip"].pop("focus"))
    assert before == replace(clip, focus=None)
    assert changed(moved(1)).focus == (0.25, 0.75)
    assert changed(moved(3)).focus == (0.25, 0.75)  # a little beyond the core
    assert changed(moved(20)).focus is None
    assert changed(other).focus is None


def test_final_cut_is_told_only_where_the_crop_is_off_the_middle() -> None:
    tall = Clip(Media(ROOT / "a.mp4"), F(4), 50, focus=(0.2, 0.3))
    film_, known = film_of(tall, replace(tall, focus=None)), known_for("a.mp4", size=(360, 640))
    assert any(
        "1 of 2 clips are cropped elsewhere" in note for note in texts(fcpxml(film_, known)[1])
    )
    within = replace(film_, layout=Layout.single(640, 360, "fit"))
    same = known_for("a.mp4", size=(640, 360))
    barred = film_of(replace(tall, media=replace(tall.media, bars=Bars(0, 60, 0, 60))))
    for silent, facts in (
        (within, known),
        (film_, same),
        (film_, known_for("a.mp4")),
        (barred, known_for("a.mp4", size=(640, 480))),
    ):
        assert not any("cropped elsewhere" in note for note in texts(fcpxml(silent, facts)[1]))


def test_a_crop_that_has_room_lies_between_the_middle_and_the_face() -> None:
    """The picture was composed: a small face that the middle nearly shows draws it half-way."""
    found = focus(seen([face(0.3, 0.4, 0.06, 0.12)]), SQUARE)
    assert found is not None
    assert 0.33 < found[0] < 0.47


def test_a_face_stands_above_the_middle_of_its_crop() -> None:
    found = focus(seen([face(0.5, 0.5, 0.3, 0.15)], size=(36, 64)), WIDE)
    assert found is not None
    top, bottom = crop(found[1], 0.316)
    assert 0.4 < (0.5 - top) / (bottom - top) < 0.49
