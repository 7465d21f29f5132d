"""Nothing twice, copies included: in selection, in projects, and in what is found."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from edit.sources import cut, source
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.recut import RecutOptions, recut
from kuleshov.features.facet import MOVEMENT, PRINT
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.choose.select import Choice, SelectOptions, select
from kuleshov.match.likeness.copies import Copies, FootageRange, folded
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip
from match.rows import film as numbered_film
from match.rows import reference
from match.test_duplicates import CUTS, edited, film, noisy, pictures, prints

PLAIN = SelectOptions(spread=0.0, returns=0.0)
WHOLE = edited(1, 2, 3, 4)


def clip(one, shot, start, end, score=0.5):
    core = one.core(one.shot(shot))
    media = TimeRange(Fraction(start), Fraction(end))
    return Candidate(one, shot, media, core, False, 5.0, score, {})


@pytest.fixture(scope="module")
def pair():
    """A film, and a smaller file that holds its second shot (5 to 10 s) from 5 s on."""
    piece = np.concatenate([pictures(7, 10), noisy(WHOLE[10:20]), pictures(8, 10)])
    return film(1, WHOLE, CUTS), film(2, piece, (5, 10), width=32)


def test_a_clip_of_a_copy_lies_in_the_other_file_too(pair):
    one, other = pair
    clips = [clip(one, 1, 6, 8), clip(other, 1, 6, 8), clip(other, 0, 1, 3)]
    copies = Copies.among(clips)
    assert copies.spans(clips[0]) == (FootageRange(1, 6.0, 8.0),)
    assert copies.spans(clips[1]) == (FootageRange(2, 6.0, 8.0), FootageRange(1, 6.0, 8.0))
    assert copies.same(clips[0], clips[1])
    assert not copies.same(clips[0], clips[2])
    assert not copies.same(clip(one, 1, 5, 6), clip(other, 1, 7, 9))  # other moments


def test_what_was_found_is_folded_to_one_clip_of_each_moment(pair):
    one, other = pair
    ranked = [
        clip(other, 1, 6, 8, 0.9), clip(one, 1, 6, 8, 0.8), clip(one, 1, 7, 9, 0.7),
        clip(one, 1, 8, 10, 0.6), clip(other, 0, 1, 3, 0.5),
    ]  # fmt: skip
    made = folded(ranked)
    # The better file in the place of the best; a further moment of a shot after all shots.
    assert [(c.film.footage.id, c.shot, c.score) for c in made.kept] == [
        (1, 1, 0.8), (2, 0, 0.5), (1, 1, 0.6),
    ]  # fmt: skip
    assert (made.files, made.windows) == (1, 1)
    first = folded(ranked, better_file=False)
    assert first.kept[0].film is other


def card(number, moving=0.0, grain=0.0):
    """A film of 10 s, of which the second half is one picture, held; or nearly."""
    rows = edited(number, number + 20)
    rows[10:] = rows[10]
    rows[10:] += grain * np.random.default_rng(number).normal(size=rows[10:].shape)
    one = film(number, rows, (5,))
    speed = np.full((len(one.shown), 12), 0.5, np.float16)
    speed[10:] = moving
    return replace(one, rows={**one.rows, MOVEMENT: speed})


def test_each_window_of_a_held_picture_shows_the_same():
    one = card(1)
    clips = [clip(one, 1, 5, 7), clip(one, 1, 8, 10), clip(one, 0, 0, 2), clip(one, 0, 3, 5)]
    copies = Copies.among(clips)
    assert copies.same(clips[0], clips[1])
    assert not copies.same(clips[2], clips[3])  # what moves shows something else later
    assert not copies.same(clips[1], clips[2])
    assert folded(clips).kept == (clips[0], clips[2], clips[3])


@pytest.mark.parametrize("nearly", [{"moving": 0.2}, {"grain": 15.0}])
def test_what_moves_or_changes_is_not_held(nearly):
    one = card(1, **nearly)
    clips = [clip(one, 1, 5, 7), clip(one, 1, 8, 10)]
    assert not Copies.among(clips).same(*clips)


def test_selection_shows_no_copy_of_what_it_shows():
    strong = Choice(1, 0, 0.0, 2.0, 9.0)
    copy = Choice(2, 0, 5.0, 7.0, 9.0, also=((1, 0.0, 2.0),))
    weak = Choice(3, 0, 0.0, 2.0, 3.0)
    (selection,) = select([[strong], [copy, weak]], PLAIN)
    assert selection.choices == (0, 1)
    elsewhere = replace(copy, also=((1, 2.0, 4.0),))
    (selection,) = select([[strong], [elsewhere, weak]], PLAIN)
    assert selection.choices == (0, 0)
    # Two copies of a third file, too: all lie where the frames lie first.
    third = Choice(4, 0, 1.0, 3.0, 9.0, also=((1, 0.0, 2.0),))
    (selection,) = select([[copy, strong], [third, weak]], PLAIN)
    assert selection.choices[1] == 1


def with_prints(number, frames, cuts):
    """A film that is matched by numbers and known again by prints."""
    one = numbered_film(number, len(frames) / 2, cuts)
    return replace(one, rows={**one.rows, PRINT: prints(frames)})


def test_a_recut_shows_no_frames_twice_by_way_of_copies():
    original = with_prints(1, WHOLE, CUTS)
    twin = with_prints(2, noisy(WHOLE), CUTS)
    same = {name: rows for name, rows in original.rows.items() if name != PRINT}
    twin = replace(twin, rows={**twin.rows, **same})
    rest = [with_prints(n, edited(*range(10 * n, 10 * n + 4)), CUTS) for n in (3, 4)]
    archive = ArchiveRows([original, twin, *rest])
    options = RecutOptions(select=PLAIN)
    (made,) = recut(source(192, [cut(48), cut(96), cut(144)], seed=1), "s", archive, reference(),
                    options)  # fmt: skip
    shown = [
        (
            item.media.path.stem,
            float(item.start),
            float(item.start + item.duration * item.speed / 24),
        )
        for item in made.timeline.recut.items
        if isinstance(item, Clip)
    ]
    shown = [("1" if name == "2" else name, low, high) for name, low, high in shown]
    assert any(name == "1" for name, *_ in shown)
    for i, (name, low, high) in enumerate(shown):
        for other, begin, end in shown[:i]:
            assert name != other or low >= end - 1e-6 or begin >= high - 1e-6
    assert not made.notes
    # Nor does the project remember a moment twice.
    for item in made.timeline.recut.items:
        kept = item.metadata["kuleshov"]["candidates"]
        places = [
            (c["checksum"].replace("2", "1"), Fraction(c["start"]), Fraction(c["end"]))
            for c in kept
        ]
        assert len(kept) > 3
        for i, (name, first, last) in enumerate(places):
            assert not any(
                name == other and first < end and begin < last for other, begin, end in places[:i]
            )
