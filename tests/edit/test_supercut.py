"""Supercuts of films made of numbers: which shots, how long, in which order, on which beats."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from kuleshov.archive.rows import ArchiveRows
from kuleshov.edit.lengths import Lengths, in_frames, on_beats
from kuleshov.edit.supercut import Music, Order, Supercut, SupercutOptions, supercut
from kuleshov.errors import MatchError, UsageError
from kuleshov.match.align.by_example import middles
from kuleshov.match.likeness.joins import Joins, best_starts
from kuleshov.notes import texts
from kuleshov.timecode import TimeRange
from kuleshov.timeline import ClipSound, Media, Sound
from match.rows import film, reference

F = Fraction


def films(count: int = 6):
    return [film(n, 20, (4, 5, 9, 15)) for n in range(1, count + 1)]


def found(count: int = 6, seconds: F = F(3)):
    """The shots of some films; each scores less than the one before, and they do not flow."""
    every = middles(ArchiveRows(films(count)), seconds)
    mixed = [every[n] for n in np.random.default_rng(0).permutation(len(every))]
    return [replace(one, score=0.9 - 0.4 * n / len(mixed)) for n, one in enumerate(mixed)]


def made(order: Order = "similar", **how) -> Supercut:
    options = SupercutOptions(order=order, **how)
    return supercut("test", found(), reference(), options)


def shots(one: Supercut):
    return [(c.media.path.name, c.metadata["kuleshov"]["archive_shot"]) for c in clips(one)]


def clips(one: Supercut):
    return one.timeline.recut.items


def test_each_shot_once_within_its_core_the_best_first():
    one = made(length=F(20))
    best = [(c.film.footage.path.name, c.shot + 1) for c in found()]
    places = [best.index(shot) for shot in shots(one)]
    assert places == sorted(places)
    # Nearly the best ones; one or other gives way to a shot of another film.
    assert places[-1] < len(places) + 4
    assert len(set(shots(one))) == len(shots(one))
    assert one.timeline.duration == 20 * 24
    assert one.timeline.rate == 24
    assert isinstance(one.timeline.sound, ClipSound)
    assert made(length=F(20), own_sound=False).timeline.sound is None
    for clip in clips(one):  # a timeline checks that clips stay inside `usable`
        assert clip.usable is not None
        assert F(1, 2) <= clip.duration / one.timeline.rate <= 3


def test_it_says_when_the_archive_has_no_more_and_what_was_left_out():
    weak = [replace(one, score=0.05) for one in found()[-7:]]
    few = found(2)[:4]
    one = supercut("test", [*few, *weak], reference(), SupercutOptions(length=F(60)))
    assert len(clips(one)) == 4
    assert any("much less alike" in note and "shots were" in note for note in texts(one.notes))
    assert any(
        "The film is" in note and "no more shots like that" in note for note in texts(one.notes)
    )
    short = supercut("test", found(), reference(), SupercutOptions(shot=(F(2), F(3))))
    assert any("shorter than 2 s" in note for note in texts(short.notes))
    with pytest.raises(MatchError, match="Nothing that was found"):
        supercut("test", found(), reference(), SupercutOptions(shot=(F(30), F(40))))
    with pytest.raises(MatchError):
        supercut("test", [], reference())


def test_the_best_clip_of_each_shot_is_taken():
    one = next(c for c in found(seconds=F(1)) if c.usable.duration >= 5)
    start = one.usable.start
    early, late = (
        replace(one, media=TimeRange(begin, begin + 1), score=score)
        for begin, score in ((start, 0.9), (start + 4, 0.5))
    )
    options = SupercutOptions(shot=(F(1), F(1)), length=F(1))
    for best, other in ((early, late), (replace(late, score=0.95), early)):
        for order in ([other, best, other], [best, other]):
            (clip,) = clips(supercut("test", order, reference(), options))
            assert abs(clip.start - best.media.start) < F(1, 2)


def long_takes(*seconds):
    """The shots of films of one take each."""
    archive = ArchiveRows(film(n, length) for n, length in enumerate(seconds, 1))
    return [replace(one, score=0.9) for one in middles(archive, F(3))]


def test_other_shots_come_before_longer_clips_and_these_before_further_moments():
    def lengths(found, length):
        how = SupercutOptions(length=F(length), longest=F(6))
        one = supercut("test", found, reference(), how)
        places = sorted((p.film.footage.id, p.media.start, p.media.end) for p in one.order)
        for (a, _, end), (b, start, _) in pairwise(places):
            assert a != b or start - end >= 2  # never the same frames, nor those beside them
        return one, [float(c.duration / one.timeline.rate) for c in clips(one)]

    many = long_takes(*[20] * 10)
    one, each = lengths(many, 15)
    assert len({c.media for c in clips(one)}) == len(each)
    assert max(each) <= 3
    one, each = lengths(many[:3], 15)
    assert len(each) == 3
    assert 3 < max(each) <= 6
    assert sum(each) == pytest.approx(15, abs=0.1)
    one, each = lengths(many[:2], 24)
    assert len(each) == 4
    assert sum(each) == pytest.approx(24, abs=0.1)
    assert not any("long, not" in note for note in texts(one.notes))
    one, each = lengths(long_takes(7), 15)  # one shot that holds no second moment
    assert each == [6]
    assert any("6.0 s long, not 15.0" in note for note in texts(one.notes))
    # Who said how long clips are gets that.
    plain = supercut("test", many[:3], reference(), SupercutOptions(length=F(8)))
    assert max(c.duration / plain.timeline.rate for c in clips(plain)) <= 3


def test_a_song_is_filled_from_few_long_takes():
    how = SupercutOptions(longest=F(6))
    one = supercut("test", long_takes(60, 50), reference(), how, music())
    assert one.timeline.duration == 30 * 24


def test_orders():
    by_time = shots(made("time", length=F(20)))
    assert by_time == sorted(by_time)
    mixed = [shots(made("shuffle", seed=seed, length=F(20))) for seed in (1, 1, 2)]
    assert mixed[0] == mixed[1] != mixed[2]
    # The same shots, but for one that may find no room at the end.
    assert len(set(mixed[0]) ^ set(by_time)) <= 1
    assert len(set(mixed[2]) ^ set(by_time)) <= 1


@pytest.mark.slow
def test_flow_makes_better_cuts_than_any_other_order():
    flow = made("flow", length=F(40))
    others = [made(order, length=F(40)).cost for order in ("similar", "time")]
    others += [made("shuffle", seed=n, length=F(40)).cost for n in range(10)]
    assert flow.cost < 0.9 * min(others)
    assert sorted(shots(flow)) == sorted(shots(made(length=F(40))))
    assert shots(flow) == shots(made("flow", length=F(40)))


def test_in_points_are_chosen_for_the_cuts_exactly():
    joins = Joins(films(), reference())
    places = made("similar", length=F(8)).order
    choices = [
        [place, replace(place, media=replace(place.media, start=place.core.start))]
        for place in places
    ]
    chosen = [some[k] for some, k in zip(choices, best_starts(choices, joins), strict=True)]
    rng = np.random.default_rng(0)
    for _ in range(50):
        picked = [some[rng.integers(2)] for some in choices]
        assert joins.mean(chosen) <= joins.mean(picked) + 1e-6
    # A cut costs what it lacks to one that goes on with the same picture.
    costs = joins.costs(places[:1], places)
    assert costs.min() > -1e-3
    whole = places[0].media
    halves = [
        replace(places[0], media=TimeRange(*part))
        for part in ((whole.start, whole.start + 1), (whole.start + 1, whole.end))
    ]
    assert 0 <= joins.costs(halves[:1], halves[1:])[0, 0] + 1e-3 < costs.max() / 2


def music(pace: float = 0.5, length: float = 30.0, first: float = 0.2) -> Music:
    beats = np.arange(first, length, pace)
    return Music(Media(Path("/music/song.mp3")), tuple(beats.tolist()), length)


@pytest.mark.parametrize("order", ["similar", "flow"])
def test_every_cut_to_music_is_on_a_beat(order):
    song = music(60 / 137)
    options = SupercutOptions(order=order, shot=(F(1, 2), F(2)))
    one = supercut("test", found(), reference(), options, song)
    rate, at = one.timeline.rate, 0
    for clip in clips(one)[:-1]:
        at += clip.duration
        assert min(abs(at - beat * rate) for beat in song.beats) <= F(1, 2) + F(1, 1000)
        assert F(1, 2) - 2 / rate <= clip.duration / rate <= 2 + 2 / rate
    sound = one.timeline.sound
    assert isinstance(sound, Sound)
    assert sound.duration == one.timeline.duration / rate
    assert 0 < sound.fade_out <= F(3, 2)


def test_a_film_to_music_is_as_long_as_the_song_or_as_asked():
    lengths = [
        supercut("t", found(), reference(), SupercutOptions(length=asked), music()).timeline
        for asked in (None, F(10), F(100))
    ]
    assert [one.duration for one in lengths] == [30 * 24, 10 * 24, 30 * 24]


def test_a_slow_song_makes_longer_shots_and_says_so():
    lengths = Lengths((F(1),) * 5, (F(5),) * 5)
    frames, notes = on_beats(lengths, [2, 4, 6, 8], F(8), F(25), (F(1, 2), F(1)))
    assert frames == [50, 50, 50, 50, 0]
    assert len(notes) == 1
    # A shot that reaches no beat is left out.
    lengths = Lengths((F(1),) * 5, (F(5), F(1), F(5), F(5), F(5)))
    frames, _ = on_beats(lengths, [2, 4, 6, 8], F(8), F(25), (F(1, 2), F(1)))
    assert frames == [50, 0, 50, 50, 50]


def test_frames_fill_the_film():
    lengths = Lengths((F(2), F(2), F(2), F(2)), (F(9),) * 4)
    assert in_frames(lengths, F(5), F(10), (F(1), F(3))) == [20, 20, 10, 0]
    # Half a second would be too little for another: the last runs on.
    assert in_frames(lengths, F(9, 2), F(10), (F(1), F(3))) == [20, 25, 0, 0]
    assert in_frames(lengths, F(1, 5), F(10), (F(1), F(3))) == [2, 0, 0, 0]


def test_rate_and_size_are_those_of_most_footage():
    def as_filmed(one, rate, width, height):
        video = replace(one.film.footage.probe.video, width=width, height=height, rate=rate)
        footage = replace(one.film.footage, probe=replace(one.film.footage.probe, video=video))
        return replace(one, film=replace(one.film, footage=footage))

    every = found()
    sizes = [(1280, 720), (3840, 2160), (3840, 2160), (640, 480), (640, 360)]
    mixed = [
        as_filmed(one, F(24) if n % 3 else F(25), *sizes[n % 5]) for n, one in enumerate(every)
    ]
    one = supercut("test", mixed, reference()).timeline
    assert one.rate == 24
    assert (one.layout.width, one.layout.height) == (1920, 1080)
    asked = SupercutOptions(rate=F(30))
    assert supercut("test", mixed, reference(), asked).timeline.rate == 30


@pytest.mark.slow
def test_cuts_never_join_a_shot_to_itself():
    flow = made("flow", length=F(40))
    assert all(one != other for one, other in pairwise(shots(flow)))


@pytest.mark.parametrize(
    "how",
    [
        {"length": F(0)},
        {"shot": (F(3), F(1))},
        {"shot": (F(0), F(1))},
        {"order": "nicest"},
        {"rate": F(0)},
    ],
)
def test_what_no_supercut_can_be(how):
    with pytest.raises(UsageError):
        SupercutOptions(**how)
