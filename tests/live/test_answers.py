"""A camera is answered by what is most like it, and by the right instant of that."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from kuleshov.archive.filters import parse_terms
from kuleshov.desk.live import Live, LiveOptions
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.analyse import LARGE
from kuleshov.features.bodies import Bodies
from kuleshov.features.efficientnet import EfficientNet
from kuleshov.features.faces import Faces
from kuleshov.features.watching import Glance
from kuleshov.match.align.strength import DEFAULT_WEIGHTS, Strength
from kuleshov.match.live.holding import _Movement
from kuleshov.match.live.moments import Moments, _greatest
from kuleshov.media.sampling import FrameBatch, ReadRequest
from kuleshov.models.products import Products

pytestmark = pytest.mark.slow

RATE = 12


def frames(desk, film, begin, end):
    """Media times and pictures of a part of a film."""
    first, last = (Fraction(at).limit_denominator(1000) for at in (begin, end))
    request = ReadRequest(film.footage.path, RATE, picture=16, large=LARGE, begin=first, end=last)
    row = 0
    for message in desk.networks.worker.read(request):
        if isinstance(message, FrameBatch) and message.large is not None:
            for which in message.which.tolist():
                yield begin + row / RATE, message.large[which]
                row += 1


def altered(picture):
    """A picture cropped to 85 %, darkened and mirrored."""
    height, width = picture.shape[:2]
    top, left = round(height * 0.075), round(width * 0.075)
    seen = picture[top : height - top, left : width - left][:, ::-1]
    return np.asarray(seen * np.float32(0.6), np.uint8)


@pytest.fixture(scope="module")
def films(desk):
    return {film.footage.path.stem: film for film in desk.stock()[0].rows.films}


@pytest.fixture(scope="module")
def glance(desk, films):
    """What is seen of a moment of a street."""
    live = Live(desk)
    for at, picture in frames(desk, films["amsterdam_street"], 6.0, 7.0):
        seen = live._watcher.look(picture, at, mirrored=True)
    return seen


def test_a_film_of_the_archives_own_frames_is_known_footage_and_instant(desk, films):
    chance = random.Random(5)
    live = Live(desk, LiveOptions(mirror=True, calm=0.1))
    clock, right, near, count = 0.0, 0, 0, 16
    for _ in range(count):
        film = chance.choice(list(films.values()))
        shots = [shot for shot in film.shots if film.core(shot).duration > 2.3]
        core = film.core(chance.choice(shots))
        moment = chance.uniform(float(core.start) + 2.0, float(core.end) - 0.1)
        for at, picture in frames(desk, film, moment - 2.0, moment):
            clock, instant = clock + 1 / RATE, at
            answer = live.look(altered(picture), clock)
        assert answer is not None
        same = answer.footage.checksum == film.footage.checksum
        right += same
        near += same and answer.shown.spot.mirrored and abs(answer.start - instant) <= 0.5
    assert right >= 0.95 * count, (right, near)
    assert near >= 0.85 * count, (right, near)


def test_the_nearest_moment_is_that_of_a_look_at_every_row(desk, glance, monkeypatch):
    stock, _ = desk.stock()
    moments = Moments(stock.rows, desk.reference)
    how = Strength.of(DEFAULT_WEIGHTS, desk.reference, glance.rows)
    found, _ = moments.nearest(glance.rows, how, moments.mask(stock.rows, mirrored=True))
    best = []
    for number, film in enumerate(stock.rows.films):
        rows, _ = film.edges()
        for shot, (low, high) in zip(film.numbers.tolist(), rows.tolist(), strict=True):
            for side in (0, 1):
                if high == low or (side and shot in film.lettered):
                    continue
                alike = {
                    name: film.rows[name][low:high].astype(np.float32) @ glance.rows[name][side]
                    for name in how.weights
                }
                strength = how.whole(alike) - 6.0 * (shot in film.titles)
                best.append((float(strength.max()), number, shot, bool(side)))
    best.sort(reverse=True)
    spots = [(one.spot.film, one.spot.shot, one.spot.mirrored) for one in found]
    assert spots[:5] == [one[1:] for one in best[:5]]
    assert [one.strength for one in found[:5]] == pytest.approx(
        [one[0] for one in best[:5]], abs=1e-3
    )
    # Also where only a few of the segments are scored by their rows.
    monkeypatch.setattr("kuleshov.match.live.moments._SEGMENTS", 6)
    few, _ = moments.nearest(glance.rows, how, moments.mask(stock.rows, mirrored=True))
    assert len(few) <= 6
    assert few[0].spot == found[0].spot


@pytest.mark.parametrize("length", [0, 5, 96, 640, 6400, 100_003])
def test_the_greatest_are_found_wherever_they_lie(length):
    values = np.random.default_rng(length).permutation(length).astype(np.float32)
    found = _greatest(values, 96)
    assert np.array_equal(found, np.flatnonzero(values >= length - 96))
    rising = np.arange(length, dtype=np.float32)
    assert np.array_equal(_greatest(rising, 96), np.arange(max(0, length - 96), length))


def test_the_side_that_was_not_asked_for_is_not_looked_at(desk, glance):
    moments = Moments(desk.stock()[0].rows, desk.reference)
    how = Strength.of(DEFAULT_WEIGHTS, desk.reference, glance.rows)
    masks = [moments.mask(moments.rows, mirrored=mirrored) for mirrored in (False, True, False)]
    one, both, again = (moments.nearest(glance.rows, how, mask)[0] for mask in masks)
    plain = [moment for moment in both if not moment.spot.mirrored]
    assert len(plain) < len(both)
    assert [moment.spot for moment in one[: len(plain)]] == [moment.spot for moment in plain]
    assert [moment.spot for moment in again] == [moment.spot for moment in one]


def test_where_the_picture_goes_on_half_of_the_facets_are_looked_at_by_turns(
    desk, glance, monkeypatch
):
    moments = Moments(desk.stock()[0].rows, desk.reference)
    how = Strength.of(DEFAULT_WEIGHTS, desk.reference, glance.rows)
    asked: list[int] = []
    plain = Products.__call__

    def counted(self, rows):
        asked.append(id(self))
        return plain(self, rows)

    monkeypatch.setattr(Products, "__call__", counted)
    names = {id(product): name for name, product in moments._products.items()}

    def looked(rows, *, anew):
        asked.clear()
        found, _ = moments.nearest(rows, how, anew=anew)
        return {names[one] for one in asked}, found

    every = set(how.weights)
    assert looked(glance.rows, anew=False)[0] == every, "nothing was known yet"
    assert looked(glance.rows, anew=True)[0] == set(), "nothing has changed"
    one, two, three = ({name: row + 0 for name, row in glance.rows.items()} for _ in range(3))
    first, found = looked(one, anew=False)
    second, _ = looked(two, anew=False)
    assert len(first) == (len(every) + 1) // 2
    assert every - first <= second, "the others' turn"
    assert looked(three, anew=True)[0] == every
    assert found[0].spot == moments.nearest(glance.rows, how)[0][0].spot


def test_a_shot_that_was_shown_lately_stands_back(desk, glance):
    moments = Moments(desk.stock()[0].rows, desk.reference)
    how = Strength.of(DEFAULT_WEIGHTS, desk.reference, glance.rows)
    fresh, _ = moments.nearest(glance.rows, how)
    again, _ = moments.nearest(glance.rows, how, tired=[(fresh[0].spot, 30.0)])
    assert again[0].spot == fresh[1].spot
    assert fresh[0].spot in [one.spot for one in again]


def test_only_what_a_filter_leaves_answers(desk, films):
    live = Live(desk, filters=parse_terms(["ocean*"], []))
    at, picture = next(frames(desk, films["amsterdam_street"], 4.0, 5.0))
    assert live.look(picture, at).footage.path.stem == "ocean_wave"
    live.change(filters=parse_terms([], ["ocean*"]))
    live.forget()
    assert live.look(picture, at).footage.path.stem == "amsterdam_street"
    with pytest.raises(MatchError):
        live.change(filters=parse_terms(["ocean*"], ["ocean*"]))
    assert live.look(picture, at + 0.1).footage.path.stem == "amsterdam_street"


def test_what_costs_most_is_done_by_turns(desk, films, monkeypatch):
    """One of it in a frame, but for the first; a cut is encoded at once, and searched behind it."""
    done: list[tuple[int, str]] = []
    number = 0

    def noted(kind, method, name):
        plain = getattr(kind, method)

        def call(self, *given):
            done.append((number, name))
            return plain(self, *given)

        monkeypatch.setattr(kind, method, call)

    noted(Faces, "both_sides", "faces")
    noted(Bodies, "both_sides", "bodies")
    noted(EfficientNet, "__call__", "encoder")
    live = Live(desk)
    _, picture = next(frames(desk, films["drawing_hand"], 1.0, 1.5))
    _, other = next(frames(desk, films["ocean_wave"], 1.0, 1.5))
    for number in range(30):
        live.look(picture if number < 15 else other, number / 25)

    def when(name: str) -> list[int]:
        return [n for n, what in done if what == name]

    assert when("encoder") == [*range(0, 15, 2), *range(15, 30, 2)]
    assert when("faces") == [0, 1, 5, 7, 9, 13, 16, 20, 22, 24, 28]
    assert when("bodies") == [0, 3, 11, 18, 26]


def test_frames_that_are_all_cuts_are_searched_too(desk, films, monkeypatch):
    searched = []

    def both_sides(self, large, plain=Faces.both_sides):
        searched.append(number)
        return plain(self, large)

    monkeypatch.setattr(Faces, "both_sides", both_sides)
    live = Live(desk)
    pictures = [next(frames(desk, films[n], 1.0, 1.5))[1] for n in ("drawing_hand", "ocean_wave")]
    for number in range(16):
        live.look(pictures[number % 2], number / 25)
    assert len(searched) >= 4


def _through(desk, films, options):
    """The answers to two films that take turns, half a second each."""
    live, answers = Live(desk, options), []
    for turn in range(8):
        film = films["ocean_wave" if turn % 2 else "amsterdam_street"]
        for n, (_, picture) in enumerate(frames(desk, film, 3.5, 4.0)):
            answers.append(live.look(picture, turn / 2 + n / RATE))
    return answers


def test_who_is_calm_changes_less_and_a_clip_runs_on_by_itself(desk, films):
    restless = _through(desk, films, LiveOptions(calm=0.0))
    calm = _through(desk, films, LiveOptions("cut", calm=1.0))
    assert restless[-1].shown.number >= 8
    assert 2 * calm[-1].shown.number <= restless[-1].shown.number
    for answers in (restless, calm):
        for one, other in pairwise(answers):
            if one.shown.number == other.shown.number:
                passed = other.shown.at - one.shown.at
                assert other.start - one.start == pytest.approx(passed, abs=1e-6)
                assert one.footage == other.footage


def test_what_is_frozen_stays(desk, films):
    live = Live(desk, LiveOptions(calm=0.0))
    street = list(frames(desk, films["amsterdam_street"], 5.5, 6.0))
    ocean = list(frames(desk, films["ocean_wave"], 3.0, 4.0))
    first = live.look(street[0][1], 0.0)
    live.change(frozen=True)
    held = [live.look(picture, 0.1 + n / RATE) for n, (_, picture) in enumerate(ocean[:4])]
    assert {one.shown.number for one in held} == {first.shown.number}
    live.change(frozen=False)
    assert live.look(ocean[4][1], 0.7).footage.path.stem == "ocean_wave"


def test_on_the_beat_a_clip_changes_on_beats_alone(desk, films):
    # So calm that without a beat nothing would change after less than two seconds.
    live = Live(desk, LiveOptions("cut", calm=0.5, beat=True))
    street = list(frames(desk, films["amsterdam_street"], 5.5, 6.5))
    ocean = list(frames(desk, films["ocean_wave"], 3.0, 4.0))
    for n, (_, picture) in enumerate(street):
        assert live.look(picture, n / RATE).footage.path.stem == "amsterdam_street"
    names = []
    for n, (_, picture) in enumerate(ocean):
        if n == 8:
            live.beat()
        names.append(live.look(picture, (len(street) + n) / RATE).footage.path.stem)
    # What is clearly closer waits for the music.
    assert names[:8] == ["amsterdam_street"] * 8
    assert set(names[8:]) == {"ocean_wave"}
    # A beat counts once.
    for n, (_, picture) in enumerate(street[:10]):
        at = (len(street) + len(ocean) + n) / RATE
        assert live.look(picture, at).footage.path.stem == "ocean_wave"


def test_a_peak_is_where_loud_movement_begins_to_grow_less():
    movement, found = _Movement(), []
    speeds = [0.01] * 20 + [0.1, 0.3, 0.6, 0.4, 0.2] + [0.01] * 20 + [0.02, 0.01] * 5
    for n, speed in enumerate(speeds):
        if movement.peak(Glance(n / 25, {}, speed)):
            found.append(n)
    assert found == [23]


@pytest.mark.parametrize(
    "wrong", [{"calm": 1.5}, {"fresh": -0.1}, {"way": "sideways"}, {"weights": {"smell": 1.0}}]
)
def test_options_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        LiveOptions(**wrong)
