import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from edit.sources import cut, dissolve, fade, source
from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.choosing import choice_of
from kuleshov.edit.layouts import arranged
from kuleshov.edit.placing import clips, metadata
from kuleshov.edit.recut import RecutOptions, recut
from kuleshov.edit.rhythm import rhythm_of
from kuleshov.errors import MatchError, UsageError
from kuleshov.footage import Bars
from kuleshov.match.align.by_example import middles
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.choose.select import SelectOptions, select
from kuleshov.match.likeness.copies import Copies
from kuleshov.notes import texts
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Gap
from match.rows import film, reference

EDIT = [
    cut(24), cut(31), dissolve(60, 76), cut(110), fade(130, 160, (144, 147)), cut(200), cut(212),
]  # fmt: skip


def archive(count=12, seconds=20.0, cuts=(6.0, 13.0)):
    return ArchiveRows(film(number, seconds, cuts) for number in range(1, count + 1))


def films(analysis=None, rows=None, **options):
    options = {"select": SelectOptions(spread=0.0, returns=0.0), **options}
    return recut(
        analysis or source(240, EDIT), "source", archive() if rows is None else rows, reference(),
        RecutOptions(**options),
    )  # fmt: skip


def made(*args, **options):
    (result,) = films(*args, **options)
    return result


def shown(timeline):
    """What each clip of the recut shows, handles included."""
    track = timeline.track("recut")
    return [
        (track.items[span.item].media.path, track.media_range(span, timeline.rate))
        for span in track.spans()
        if isinstance(track.items[span.item], Clip)
    ]


def near(row, off, seed):
    """A unit vector that lies beside `row`, by the tangent `off` away."""
    other = np.random.default_rng(seed).normal(size=row.shape)
    other -= (other @ row) * row
    made_of = row + off * other / np.linalg.norm(other)
    return made_of / np.linalg.norm(made_of)


def still(number, row):
    """A film that shows one picture all the time."""
    one = film(number, 30)
    part = np.stack([near(row, 0.05, seed=n) for n in range(len(one.shown))])
    return replace(one, rows=dict.fromkeys(one.rows, part.astype(np.float16)))


@pytest.mark.slow
def test_the_recut_has_the_sources_frames_borders_and_sound():
    result = made()
    timeline = result.timeline
    assert timeline.duration == 240
    assert timeline.rate == 24
    borders = [r.first for r in timeline.track("recut").ranges()]
    for frame in (24, 31, 68, 110, 200, 212):
        assert frame in borders
    assert [r.first for r in timeline.track("source").ranges()] == borders
    assert timeline.sound is not None
    assert timeline.sound.duration is None
    assert not result.notes


def test_nothing_is_shown_twice_not_even_in_a_dissolve():
    # Few films, so that shots want the same material.
    ranges = shown(made(rows=archive(count=2)).timeline)
    for i, (path, span) in enumerate(ranges):
        for other_path, other in ranges[:i]:
            assert path != other_path or not span.overlaps(other)


def test_black_stays_black():
    timeline = made(source(120, [fade(50, 80, (60, 70))])).timeline
    kinds = [type(item) for item in timeline.track("recut").items]
    assert kinds == [Clip, Gap, Clip]
    gap = timeline.track("recut").ranges()[1]
    spans = timeline.track("recut").spans()
    assert [spans[1].weight(frame) for frame in (60, 69)] == [1, 1]
    assert gap.first < 60
    assert gap.end >= 70


def test_clips_carry_what_a_person_and_a_program_want_to_know():
    timeline = made().timeline
    for item in timeline.track("recut").items:
        if isinstance(item, Clip):
            ours = item.metadata["kuleshov"]
            assert 0 <= ours["score"] <= 1
            assert set(ours["facets"]) == {"subject", "composition"}
            assert len(ours["candidates"]) == 12
            assert Fraction(ours["candidates"][0]["start"]) <= item.start
            assert Fraction(ours["candidates"][0]["speed"]) == item.speed
            assert item.usable is not None


def test_a_project_says_at_which_rank_its_select_stood():
    slot = next(slot for slot in rhythm_of(source(240, EDIT)).slots if slot.shot is not None)
    offered = [
        replace(one, score=0.9 - n / 100) for n, one in enumerate(middles(archive(), Fraction(2)))
    ][:20]
    for index in (0, 3, 15):  # the last is beyond what a project remembers
        others = [one for n, one in enumerate(offered) if n != index]
        ours = metadata(slot, offered[index], index, others=others)["kuleshov"]
        assert ours["rank"] == index
        assert ours["score"] == offered[index].score
        scores = [one["score"] for one in ours["candidates"]]
        assert scores[0] == ours["score"]
        assert scores[1:] == sorted(scores[1:], reverse=True)
        assert len(scores) == 12


def test_a_setup_that_returns_is_answered_by_the_shot_that_answered_it_before():
    """The shot that returns has a better answer of its own, by less than a return is worth."""
    analysis = source(240, [cut(80), cut(160)])
    rows = analysis.features["subject"].astype(np.float32)
    rows[analysis.shown < 80] = rows[0]
    rows[analysis.shown >= 160] = near(rows[0], 0.15, seed=1)
    known = dict.fromkeys(("subject", "composition"), rows.astype(np.float16))
    analysis = replace(analysis, features={**analysis.features, **known})
    alike = [still(1, rows[0]), still(2, rows[-1]), *(film(n, 30) for n in range(3, 8))]

    def answers(returns):
        chosen = SelectOptions(spread=0.0, returns=returns)
        timeline = made(
            analysis,
            ArchiveRows(alike),
            select=chosen,
            match=MatchOptions(stretch=1, allow_same=True),
        ).timeline
        return [clip.media.path.name for clip in timeline.track("recut").items]

    first, _, third = answers(0.0)
    assert (first, third) == ("1.mp4", "2.mp4")
    first, _, third = answers(SelectOptions().returns)
    assert first == third


def test_too_little_footage_is_said_and_the_film_still_made():
    result = made(source(240, [cut(120)]), ArchiveRows([film(1, 3)]))
    assert result.timeline.duration == 240
    said = " ".join(texts(result.notes))
    assert "holds its last picture" in said
    assert "repeats material" in said
    held = [i for i in result.timeline.track("recut").items if isinstance(i, Clip) and not i.speed]
    assert held


@pytest.mark.parametrize("seconds", [1.0, 1.5, 2.0, 2.2, 2.5])
def test_a_picture_can_be_held_between_dissolves(seconds):
    """Each dissolve lies on one item: the clip, or the picture of it that is held."""
    analysis = source(144, [dissolve(40, 60), dissolve(84, 104)])
    timeline = made(analysis, ArchiveRows([film(1, seconds)])).timeline
    assert timeline.duration == 144
    for item in timeline.recut.items:
        if isinstance(item, Clip):
            assert item.shown(timeline.rate).end <= Fraction(seconds) + Fraction(1, 24)


def test_what_is_held_is_the_last_picture_of_the_shot():
    result = made(source(240, [cut(120)]), ArchiveRows([film(1, 3)]))
    items = result.timeline.track("recut").items
    for clip, held in itertools.pairwise(items):
        if isinstance(held, Clip) and not held.speed:
            assert held.start == Fraction(3) - Fraction(1, 24)
            assert held.media == clip.media
            assert clip.start + clip.duration * clip.speed / 24 <= held.start + Fraction(1, 24)


def test_a_handle_runs_at_the_speed_of_its_clip():
    """What a dissolve shows of a slowed clip begins where the candidate begins."""
    slot = next(
        slot
        for slot in rhythm_of(source(240, EDIT)).slots
        if slot.shot is not None and slot.visible.first < slot.own.first
    )
    handle = slot.own.first - slot.visible.first
    rhythm = rhythm_of(source(240, EDIT))
    (one, *_) = middles(archive(), len(slot.visible) * Fraction(4, 5) / rhythm.rate)
    offered = replace(one, speed=Fraction(4, 5))
    (clip,) = clips(slot, offered, rhythm, {})
    assert clip.start - handle * Fraction(4, 5) / rhythm.rate == offered.media.start


def test_a_take_longer_than_any_shot_can_answer_is_answered_by_clips_in_a_row():
    # Six seconds, and no shot of more than two: not even a held picture would be an answer.
    short = ArchiveRows([film(number, 2) for number in (1, 2, 3)])
    analysis = source(144, [])
    result = made(analysis, short)
    items = result.timeline.recut.items
    assert result.timeline.duration == 144
    assert all(isinstance(item, Clip) and item.speed for item in items)
    assert {item.media.path.stem for item in items} == {"1", "2", "3"}
    said = " ".join(texts(result.notes))
    assert "Shot 1 is longer" in said
    assert f"{len(items)} clips" in said
    assert "holds" not in said
    assert "repeats" not in said
    # Longer still: the best repeat, and that is said.
    assert any("repeats" in note for note in texts(made(source(480, []), short).notes))
    assert made(source(480, []), short).timeline.duration == 480


@pytest.mark.slow
def test_a_part_that_ends_beyond_the_source_is_said():
    assert "beyond the end" not in " ".join(texts(made(end=Fraction(10)).notes))
    assert "beyond the end" not in " ".join(
        texts(made(end=Fraction(1001, 100)).notes)
    )  # within a frame
    result = made(begin=Fraction(8), end=Fraction(60))
    assert result.timeline.duration == 48
    assert "60 s lies beyond the end" in str(result.notes[0])
    assert "lasts 10.00 s" in str(result.notes[0])


def test_a_source_of_impossibly_many_frames_a_second_is_refused_with_what_to_do():
    with pytest.raises(UsageError, match=r"100000 frames a second.*1000 at most: convert it"):
        made(source(100, [], rate=Fraction(100_000)))
    assert made(source(100, [], rate=Fraction(1000))).timeline.rate == 1000


@pytest.mark.slow
def test_a_picture_held_for_minutes_is_no_rush_of_clips():
    """Where clips must repeat in any case, each is shown for as long as it can be held."""
    short = ArchiveRows([film(number, 2) for number in (1, 2, 3)])
    minutes = source(4800, [])
    clips = [item for item in made(minutes, short).timeline.recut.items if item.speed]
    assert len(clips) == 40  # of 5 s: two fifths of that is shown, and the last picture held
    # With as many shots as that takes, none is held and none comes twice.
    enough = ArchiveRows([film(number, 2) for number in range(1, 101)])
    result = made(minutes, enough)
    assert len(result.timeline.recut.items) == 80
    assert not any("holds" in note or "repeats" in note for note in texts(result.notes))


@pytest.mark.slow
def test_a_long_shot_between_dissolves_keeps_its_borders_when_it_is_divided():
    analysis = source(480, [dissolve(40, 60), dissolve(420, 440)])
    result = made(analysis, archive(seconds=4.0, cuts=(2.0,)))
    track = result.timeline.recut
    assert result.timeline.duration == 480
    plain = made(analysis).timeline.recut

    def mixed(one):
        return [frame for frame in range(480) if sum(0 < s.weight(frame) < 1 for s in one.spans())]

    assert mixed(track) == mixed(plain)
    borders = {r.first for r in track.ranges()}
    assert {0, 50, 430} <= borders
    assert [r.first for r in result.timeline.track("source").ranges()] == sorted(borders)


def test_an_empty_archive_is_an_error():
    with pytest.raises(MatchError):
        made(rows=ArchiveRows([]))


def test_a_source_of_nothing_but_black_needs_no_archive():
    from kuleshov.timecode import FrameRange

    analysis = source(50, [], black=[FrameRange(0, 50)])
    result = made(analysis, ArchiveRows([]))
    assert [type(item) for item in result.timeline.track("recut").items] == [Gap]


def test_a_part_has_its_own_sound():
    timeline = made(begin=Fraction(2), end=Fraction(5)).timeline
    assert timeline.duration == 72
    assert timeline.sound is not None
    assert (timeline.sound.start, timeline.sound.duration) == (2, 3)
    assert timeline.track("source").items[0].start == 2


@pytest.mark.slow
def test_the_same_input_gives_the_same_film():
    assert made().timeline == made().timeline


def test_side_by_side_and_back():
    timeline = made().timeline
    beside = arranged(timeline, "side-by-side")
    assert (beside.layout.width, beside.layout.height) == (1280, 360)
    assert beside.track("source").region == "source"
    alone = arranged(beside, "alone")
    assert (alone.layout.width, alone.layout.height) == (640, 360)
    assert [track.name for track in alone.tracks] == ["recut"]


@pytest.mark.slow
def test_the_project_file_gives_the_same_timeline_back(tmp_path):
    timeline = arranged(made().timeline, "side-by-side")
    write_otio(timeline, tmp_path / "film.otio")
    assert read_otio(tmp_path / "film.otio") == timeline


@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "bars", "size"),
    [
        ({}, Bars(0, 44, 0, 44), (640, 272)),
        ({}, Bars(80, 0, 80, 0), (480, 360)),
        ({}, Bars(78, 46, 80, 44), (482, 270)),
        ({"width": 853, "height": 481}, Bars(0, 60, 0, 62), (852, 360)),
        (
            {"width": 720, "height": 576, "aspect": Fraction(64, 45)},
            Bars(0, 72, 0, 72),
            (1024, 432),
        ),
        ({"width": 360, "height": 640, "rotation": 90}, Bars(0, 44, 0, 44), (640, 272)),
        ({}, Bars(), (640, 360)),
    ],
)
def test_a_source_is_remade_in_its_active_picture(video, bars, size):
    plain = source(48, [cut(24)])
    own = replace(plain.probe.video, bars=bars, **video)
    barred = replace(plain, probe=replace(plain.probe, video=own))
    timeline = made(barred).timeline
    region = timeline.layout.region("main")
    assert (timeline.layout.width, timeline.layout.height) == (region.width, region.height) == size
    assert {item.media.bars for item in timeline.track("source").items} == {bars}
    beside = arranged(timeline, "side-by-side")
    assert (beside.layout.width, beside.layout.height) == (2 * size[0], size[1])
    said = [note for note in texts(made(barred).notes) if "black bars" in note]
    assert [f"{size[0]}x{size[1]}" in note for note in said] == [True] * (bars != Bars())
    assert not any("black bars" in note for note in texts(made(barred, keep_bars=True).notes))
    kept = made(barred, keep_bars=True).timeline
    assert (kept.layout.width, kept.layout.height) == own.display_size
    assert {item.media.bars for item in kept.track("source").items} == {Bars()}


def test_bars_of_the_archive_are_cropped():
    framed = film(1, 20)
    bars = Bars(left=8, right=8)
    video = replace(framed.footage.probe.video, bars=bars)
    probe = replace(framed.footage.probe, video=video)
    framed = replace(framed, footage=replace(framed.footage, probe=probe))
    timeline = made(source(48), ArchiveRows([framed])).timeline
    assert timeline.track("recut").items[0].media.bars == bars


@pytest.mark.slow
def test_title_cards_are_answered_kept_or_left_black():
    card = source(240, EDIT, titles=(4,))
    where = next(i for i, shot in enumerate(card.shots) if shot.index == 4)
    span = card.shots[where].frames
    for titles in ("match", "keep", "black"):
        timeline = made(card, titles=titles).timeline
        items = dict(zip((r.first for r in timeline.track("recut").ranges()),
                         timeline.track("recut").items, strict=True))  # fmt: skip
        item = items[span.first]
        if titles == "black":
            assert isinstance(item, Gap)
        else:
            assert (item.media.path == card.path) == (titles == "keep")
        if titles == "keep":
            assert item.start == Fraction(span.first, 24)
        others = [i for first, i in items.items() if first != span.first and isinstance(i, Clip)]
        assert all(i.media.path != card.path for i in others)


def test_a_clip_that_is_slowed_fills_its_stretch():
    # Shots of 1.75 s for stretches of 2: at 0.875 of their speed.
    rows = ArchiveRows(film(n, 7, (1.75, 3.5, 5.25)) for n in range(1, 5))
    timeline = made(source(96, [cut(48)]), rows).timeline
    clips = timeline.track("recut").items
    assert [clip.duration for clip in clips] == [48, 48]
    for clip, (_, media) in zip(clips, shown(timeline), strict=True):
        assert Fraction(4, 5) <= clip.speed <= Fraction(7, 8)
        assert clip.usable.contains(media)


@pytest.mark.slow
def test_variants_show_other_shots():
    first, second = films(
        rows=archive(count=30), select=SelectOptions(spread=0.0, returns=0.0, variants=2)
    )
    one, two = (
        [(c.media.path, c.metadata["kuleshov"]["candidates"][0]["shot"])
         for c in f.timeline.track("recut").items if isinstance(c, Clip)]
        for f in (first, second)
    )  # fmt: skip
    assert sum(a != b for a, b in zip(one, two, strict=True)) >= 0.6 * len(one)


def test_a_set_up_that_returns_is_answered_by_the_same_shot():
    """Shots 0 and 2 of the source show the same. Two films answer them equally well, and only the
    wish to return decides against the wish for other footage."""
    analysis = source(144, [cut(48), cut(96)])
    steady = np.tile(analysis.features["subject"][:1], (len(analysis.shown), 1))
    steady[16:32] = analysis.features["subject"][-1]
    features = {**analysis.features, **dict.fromkeys(("subject", "composition"), steady)}
    analysis = replace(analysis, features=features)
    still = {name: np.tile(steady[:1], (40, 1)) for name in ("subject", "composition")}
    rows = ArchiveRows(replace(film(number, 20), rows=still) for number in (1, 2))

    def shots(**options):
        result = made(analysis, rows, select=SelectOptions(**options))
        return [item.media.path for item in result.timeline.track("recut").items]

    returning = shots(spread=0.5, returns=1.0)
    assert returning[0] == returning[2]
    elsewhere = shots(spread=0.5, returns=0.0)
    assert len(set(elsewhere)) == 2


@pytest.mark.slow
def test_unwanted_shots_are_counted():
    rows = archive()
    assert not made(rows=rows).notes
    counted = ArchiveRows(rows.films, unwanted={"leader": 2, "blank": 1})
    assert "blank 1, leader 2" in " ".join(texts(made(rows=counted).notes))


def test_one_rule_says_which_track_is_the_film():
    from kuleshov.timeline import Layout, Timeline, Track

    def film(*names):
        tracks = tuple(Track(name, (Gap(10),)) for name in names)
        return Timeline("film", Fraction(25), Layout.single(640, 360), tracks).recut.name

    assert film("recut", "V2") == "recut"
    assert film("V1", "source") == "V1"
    assert film("source", "V1", "V2") == "V2"
    assert film("source") == "source"


def test_light_that_breaks_the_mood_is_not_taken_for_the_sake_of_spread():
    # Two shots in daylight. The only other film is dark, and hardly weaker or stronger.
    bright, dark = film(1, 20), film(2, 20)

    def clip(one, start, strength, tone):
        media = TimeRange(Fraction(start), Fraction(start + 2))
        facets = {"subject": 0.9, "tone": tone}
        return Candidate(one, 0, media, one.core(one.shots[0]), False, strength, 0.2, facets)

    def chosen(tone):
        stretches = [
            [clip(bright, 0, 9.0, 0.9)],
            [clip(bright, 4, 8.0, 0.9), clip(dark, 4, 7.5, tone)],
        ]
        choices = [[choice_of(one, Copies()) for one in some] for some in stretches]
        (selection,) = select(choices, SelectOptions(spread=0.5, returns=0.0))
        return selection.choices[1]

    assert chosen(tone=0.9) == 1  # light alike: another film, for the sake of spread
    assert chosen(tone=0.5) == 1
    assert chosen(tone=0.05) == 0
