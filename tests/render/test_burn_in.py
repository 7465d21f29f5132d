"""Burn-ins and cards, as pictures. Numbers in the middle of the films stay what they were."""

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from films import SIZE, flat, make_film, numbered, read_film
from kuleshov.edit.credits import Credit
from kuleshov.footage import Slate
from kuleshov.letters import line
from kuleshov.media.write import WriteOptions
from kuleshov.render import burn_in
from kuleshov.render.burn_in import running_time
from kuleshov.render.cards import entry, luma_of_card, pages, with_credits
from kuleshov.render.film import RenderOptions, render
from kuleshov.timeline import Card, Clip, Dissolve, Gap, Layout, Media, Timeline, Track

F = Fraction
FINE = RenderOptions(write=WriteOptions(crf=2, preset="veryfast"))
CAPTIONED = replace(FINE, burn_in=True)


def film(*items, transitions=(), layout=None, rate=25, region="main"):
    track = Track("recut", items, transitions, region)
    return Timeline("test", F(rate), layout or Layout.single(*SIZE), (track,))


def seen(timeline, tmp_path, options=CAPTIONED):
    return read_film(render(timeline, tmp_path / "out.mp4", options).path)


@pytest.fixture
def said(monkeypatch):
    """The burn-ins that are drawn, in order: (name, time)."""
    texts = []
    drawn = burn_in._drawn_patch

    def noted(name, time, size, width):
        texts.append((name, time))
        return drawn(name, time, size, width)

    monkeypatch.setattr(burn_in, "_drawn_patch", noted)
    return texts


# ---------------------------------------------------------------- burn-ins


@pytest.mark.parametrize(
    ("time", "rate", "text"),
    [
        (F(0), F(25), "00:00.00"),
        (F(83) + F(7, 25), F(25), "01:23.07"),
        (F(3661), F(24), "1:01:01.00"),
        (F(29) * F(1001, 30000), F(30000, 1001), "00:00.29"),
        (F(30) * F(1001, 30000), F(30000, 1001), "00:01.00"),
        (F(967, 1000), F(30000, 1001), "00:00.29"),  # rounded to the millisecond
        (F(1, 3), F(3), "00:00.01"),
    ],
)
def test_time_is_told_to_the_picture(time, rate, text):
    assert running_time(time, rate) == text


def test_every_picture_of_a_second_has_another_number():
    for rate in (F(24000, 1001), F(25), F(30000, 1001), F(60)):
        times = [running_time(number / rate, rate) for number in range(200)]
        assert len(set(times)) == 200


def test_a_caption_says_what_is_shown_running_slowed_held_and_after_the_end(tmp_path, said):
    source = Media(make_film(tmp_path / "waves.mp4", numbered(60)))
    seen(
        film(
            Clip(source, F(10, 25), 3),
            Clip(source, F(30, 25), 4, speed=F(1, 2)),
            Clip(source, F(40, 25), 3, speed=F(0)),
            Gap(2),
            Clip(source, F(58, 25), 5),
        ),
        tmp_path,
    )
    assert {name for name, _ in said} == {"waves"}
    wanted = [10, 11, 12, 30, 31, 40, 58, 59]  # drawn anew only where something changed
    assert [time for _, time in said] == [running_time(F(n, 25), F(25)) for n in wanted]


def test_the_slates_title_is_the_name_where_it_speaks_of_the_media(tmp_path, said):
    path = make_film(tmp_path / "waves.mp4", numbered(10))
    about = {"kuleshov": {"slate": {"title": "Über den Wellen", "checksum": "a"}}}
    seen(film(Clip(Media(path, "a"), F(0), 2, metadata=about)), tmp_path)
    seen(film(Clip(Media(path, "b"), F(0), 2, metadata=about)), tmp_path)
    assert [name for name, _ in said] == ["Über den Wellen"] * 2 + ["waves"] * 2


def test_in_a_dissolve_the_caption_is_that_of_the_clip_seen_more(tmp_path, said):
    one = Media(make_film(tmp_path / "one.mp4", numbered(40)))
    two = Media(make_film(tmp_path / "two.mp4", numbered(40)))
    clips = (Clip(one, F(0), 6), Clip(two, F(10, 25), 6))
    seen(film(*clips, transitions=(Dissolve(0, 2, 3),)), tmp_path)
    assert [name for name, _ in said] == ["one"] * 6 + ["two"] * 6


@pytest.mark.parametrize("ground", [20, 230])
def test_captions_are_legible_at_the_lower_left_and_nowhere_else(ground, tmp_path):
    red = [flat(ground, 90, 200)] * 5
    clip = Clip(Media(make_film(tmp_path / "waves.mp4", red)), F(0), 5)
    plain = seen(film(clip), tmp_path, FINE)[2]
    captioned = seen(film(clip), tmp_path)[2]
    changed = np.abs(captioned.luma.astype(int) - plain.luma) > 12
    rows, columns = np.nonzero(changed)
    height, width = plain.luma.shape
    assert rows.min() > height * 0.8
    assert rows.max() < height * 0.97
    assert columns.min() >= width * 0.02
    assert columns.max() < width * 0.7
    box = captioned.luma[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert box.max() > 200
    assert box.min() < 60
    below = captioned.chroma[:, rows.min() // 2 : rows.max() // 2, columns.min() // 2 :]
    assert below[1].min() < 175  # under the letters colour is grey
    assert np.abs(captioned.chroma[:, : height // 4].astype(int) - [[[90]], [[200]]]).max() <= 3


def test_side_by_side_only_the_recut_is_captioned(tmp_path):
    grey = Media(make_film(tmp_path / "waves.mp4", [flat(120)] * 4))
    layout = Layout.side_by_side(*SIZE)
    tracks = (
        Track("source", (Clip(grey, F(0), 4),), region="source"),
        Track("recut", (Clip(grey, F(0), 4),)),
    )
    luma = seen(Timeline("x", F(25), layout, tracks), tmp_path)[2].luma
    left, right = luma[:, : SIZE[0]], luma[:, SIZE[0] :]
    assert np.ptp(left.astype(int)) < 6
    assert np.ptp(right.astype(int)) > 150


@pytest.mark.parametrize("size", [(16, 16), (40, 30), (64, 200)])
def test_captions_find_room_or_are_left_out(size, tmp_path):
    source = Media(make_film(tmp_path / "a_long_name_of_a_film.mp4", [flat(90, size=size)] * 3))
    pictures = seen(film(Clip(source, F(0), 3), layout=Layout.single(*size)), tmp_path)
    assert len(pictures) == 3


def test_captions_leave_what_is_below_them_to_the_next_film(tmp_path):
    """A picture that is shown for long is written on only in copies."""
    source = Media(make_film(tmp_path / "a.mp4", numbered(8)))
    held = film(Clip(source, F(2, 25), 6, speed=F(0)))
    pictures = seen(held, tmp_path)
    assert {picture.number for picture in pictures} == {2}
    spread = np.ptp([p.luma.astype(int) for p in pictures], axis=0)
    assert spread.max() < 8


def test_without_captions_a_film_is_the_same_to_the_last_bit(tmp_path):
    source = Media(make_film(tmp_path / "a.mp4", numbered(20)))
    clips = film(Clip(source, F(0), 5), Clip(source, F(9, 25), 6), transitions=(Dissolve(0, 2, 2),))
    files = []
    for options in (FINE, CAPTIONED, FINE):
        render(clips, tmp_path / "out.mp4", options)
        files.append(hashlib.sha256((tmp_path / "out.mp4").read_bytes()).hexdigest())
    assert files[0] == files[2] != files[1]


# ---------------------------------------------------------------- cards


def inked(luma):
    """First and last row and column that have letters in them."""
    rows, columns = np.nonzero(luma > 60)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 720), (320, 180), (360, 640), (64, 64)])
@pytest.mark.parametrize(
    "text",
    [
        "THE END",
        "A title\nAuthor · Licence\n\n\n\nAnother\nSomebody",
        "word " * 400,
        "x" * 3000,
        "\n\n".join(["Title\nbelow"] * 60),
    ],
)
def test_a_card_stays_in_the_middle_of_its_picture(size, text):
    luma = luma_of_card(text, *size)
    assert luma.shape == size[::-1]
    top, bottom, left, right = inked(luma)
    assert min(top, size[1] - 1 - bottom) >= size[1] * 0.08
    assert min(left, size[0] - 1 - right) >= size[0] * 0.08
    assert abs(left - (size[0] - 1 - right)) <= 0.06 * size[0]
    assert luma.max() <= 235
    assert luma.min() == 16


def test_sizes_follow_the_height():
    heights = [np.ptp(inked(luma_of_card("H", 16 * n, 9 * n))[:2]) for n in (40, 80)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=2)


def test_a_card_is_shown_as_it_was_drawn(tmp_path):
    timeline = film(Gap(3), Card(4, "Title\nAuthor"), Gap(2), transitions=(Dissolve(1, 1, 0),))
    pictures = seen(timeline, tmp_path)
    wanted = luma_of_card("Title\nAuthor", *SIZE).astype(int)
    for number, picture in enumerate(pictures):
        share = {3: 1, 4: 1, 5: 1, 6: 0.5}.get(number, 0)
        error = np.abs(picture.luma - (16 + (wanted - 16) * share))
        assert error.mean() < 1, number
        assert np.abs(picture.chroma.astype(int) - 128).max() <= 2


def test_an_empty_card_is_black(tmp_path):
    assert (luma_of_card("\n \n", 64, 36) == 16).all()


def test_side_by_side_a_card_stands_in_the_recuts_half(tmp_path):
    layout = Layout.side_by_side(*SIZE)
    tracks = (
        Track("source", (Gap(3),), region="source"),
        Track("recut", (Card(3, "THE END"),)),
    )
    luma = seen(Timeline("x", F(25), layout, tracks), tmp_path)[1].luma
    assert luma[:, : SIZE[0]].max() < 20
    assert luma[:, SIZE[0] :].max() > 180


# ---------------------------------------------------------------- end credits


def credit(number, **more):
    return Credit(Path(f"film_{number}.mp4"), str(number), Slate(f"Film {number}", "Anna"), **more)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1280, 720), (320, 180), (180, 320)])
def test_all_entries_stand_on_pages_that_hold_them(size):
    entries = [entry(credit(number)) for number in range(23)]
    found = pages(entries, *size)
    assert [text for page in found for text in page] == entries
    assert len(found) > 2
    assert max(map(len, found)) - min(map(len, found)) <= len(found)
    for page in found:
        whole = inked(luma_of_card("\n\n".join(page), *size))
        alone = inked(luma_of_card(page[0], *size))
        # Set as large as one entry alone: nothing had to give way.
        first = luma_of_card("\n\n".join(page), *size)[whole[0] : whole[0] + np.ptp(alone[:2])]
        wanted = luma_of_card(page[0], *size)[alone[0] : alone[1]]
        assert (first == wanted).mean() > 0.97


def test_pages_are_shown_long_enough_to_be_read(tmp_path):
    timeline = film(Clip(Media(tmp_path / "a.mp4"), F(0), 10), layout=Layout.single(640, 360))
    credited, notes = with_credits(timeline, [credit(n) for n in range(9)])
    cards = [item for item in credited.tracks[0].items if isinstance(item, Card)]
    assert [text.count("\n\n") + 1 for text in (card.text for card in cards)] == [5, 4]
    assert [card.duration for card in cards] == [75, 75]  # 1 s + 5 x 0.35 s is less than 3 s
    assert not notes
    (one,) = with_credits(timeline, [credit(1, source=True)])[0].tracks[0].items[2:]
    assert one.text == "Film 1\nsource of the cut · Anna"


# ---------------------------------------------------------------- letters


def test_a_letter_that_no_font_has_is_a_question_mark_and_is_said(tmp_path):
    assert line("a\U000f0123b", 20).text == "a?b"
    rare = replace(credit(1), slate=Slate("Film \U000f0123"))
    timeline = film(Gap(5), Clip(Media(tmp_path / "a.mp4"), F(0), 10))
    assert "KULESHOV_FONT" in with_credits(timeline, [rare])[1][0].text


@pytest.mark.parametrize(
    "name", ["two\nlines", "a\x07bell", "half \udce9 letter"], ids=["lines", "bell", "letter"]
)
def test_any_name_of_a_file_can_be_drawn(name, tmp_path):
    path = make_film(tmp_path / "a.mp4", numbered(3)).rename(tmp_path / f"{name}.mp4")
    timeline = film(Clip(Media(path), F(0), 3))
    assert len(seen(timeline, tmp_path)) == 3
    assert "\n" not in line(name, 20).text
    credited, _ = with_credits(timeline, [Credit(path, "", Slate())])
    assert luma_of_card(credited.tracks[0].items[-1].text, *SIZE).max() > 200
