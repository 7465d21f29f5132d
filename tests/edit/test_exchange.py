"""What other programs read in an exported film is what the timeline says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings

from edit.random_films import RATES, ROOT, facts, film_of, films, known_for
from edit.readers import read_edl, read_fcpxml, seconds
from kuleshov.errors import ProjectError, UsageError
from kuleshov.exchange.edl import edl, reels
from kuleshov.exchange.fcpxml import fcpxml
from kuleshov.exchange.tables import csv_table, json_list
from kuleshov.footage import Bars
from kuleshov.media.facts import Facts
from kuleshov.notes import texts
from kuleshov.smpte import Counting
from kuleshov.timeline import Clip, ClipSound, Dissolve, Gap, Layout, Media, Timeline, Track

F = Fraction
SETTINGS = settings(max_examples=40, deadline=None)


def expected(film: Timeline) -> list[list[tuple[Clip | None, Fraction]]]:
    """For each frame what can be seen in it: clips with their media time, None for black."""
    track = film.track("recut")
    frames: list[list[tuple[Clip | None, Fraction]]] = [[] for _ in range(film.duration)]
    for span in track.spans():
        item = track.items[span.item]
        for frame in range(span.visible.first, span.visible.end):
            if isinstance(item, Clip):
                moved = (frame - span.own.first) * item.speed / film.rate
                frames[frame].append((item, item.start + moved))
            else:
                frames[frame].append((None, F(0)))
    return frames


# ---------------------------------------------------------------- EDL


@pytest.mark.slow
@SETTINGS
@given(film=films(), known=facts())
def test_an_edl_shows_every_frame_as_the_timeline_does(film: Timeline, known: dict) -> None:
    text, notes = edl(film, known)
    counting, names = Counting.of(film.rate), reels(known.values())
    read = read_edl(text, film.rate)
    assert read.drop == (film.rate in (F(30000, 1001), F(60000, 1001)))
    assert read.edits[0].record[0] == counting.frame("01:00:00:00")
    shown = read.shown(counting.nominal)
    wanted = expected(film)
    assert len(shown) == len(wanted)
    for seen, want in zip(shown, wanted, strict=True):
        assert len(seen) == len(want)
        # The outgoing clip first.
        ordered = sorted(seen.items(), key=lambda pair: not pair[0].endswith("<"))
        for (reel, at), (clip, time) in zip(ordered, want, strict=True):
            if clip is None:
                assert (reel.rstrip("<"), at) == ("BL", None)
                continue
            assert reel.rstrip("<") == names[clip.media.path]
            assert at is not None
            base = known[clip.media.path].first_in(counting)
            exact = float(base + time * film.rate)
            # Half a frame by rounding the in-point; a speed has one decimal.
            slack = 0.5 if clip.speed == 1 else 0.5 + 45 * 0.051 / counting.nominal
            assert abs((at - exact + counting.day / 2) % counting.day - counting.day / 2) <= (
                slack + 1e-6
            )
    flipped = sum(i.mirrored for i in film.track("recut").items if isinstance(i, Clip))
    marked = sum(lines.count("MIRRORED") for lines in read.comments.values())
    assert marked == flipped
    assert any("mirrored" in note for note in texts(notes)) == bool(flipped)


@pytest.mark.slow
@SETTINGS
@given(film=films(), known=facts())
def test_record_and_source_lengths_agree(film: Timeline, known: dict) -> None:
    """Without a line for the speed both are the same; a held frame is one frame long."""
    for edit in read_edl(edl(film, known)[0], film.rate).edits:
        source, record = edit.source[1] - edit.source[0], edit.record[1] - edit.record[0]
        if edit.speed is None:
            assert source == record
        elif record:
            assert source == max(1, source) == (1 if edit.speed == 0 else source)


def test_an_edl_as_it_is_written() -> None:
    film = film_of(
        Gap(5),
        Clip(Media(ROOT / "a.mp4"), F(4), 50, mirrored=True),
        Clip(Media(ROOT / "b.mov"), F(10), 50, speed=F(1, 2)),
        transitions=(Dissolve(1, 5, 7),),
    )
    known = known_for("a.mp4") | known_for("b.mov", timecode="10:00:00:00")
    text, notes = edl(film, known)
    assert text.split("\r\n") == [
        "TITLE: Film",
        "FCM: NON-DROP FRAME",
        "",
        "001  BL       V     C        00:00:00:00 00:00:00:05 01:00:00:00 01:00:00:05",
        "",
        "002  A        V     C        00:00:04:00 00:00:05:20 01:00:00:05 01:00:02:00",
        "* FROM CLIP NAME: a.mp4",
        "* SOURCE FILE: a.mp4",
        "* MIRRORED",
        "",
        "003  A        V     C        00:00:05:20 00:00:05:20 01:00:02:00 01:00:02:00",
        "003  B        V     D    012 10:00:09:23 10:00:11:01 01:00:02:00 01:00:04:05",
        "M2   B          012.5                10:00:09:23",
        "* FROM CLIP NAME: a.mp4",
        "* TO CLIP NAME: b.mov",
        "* SOURCE FILE: b.mov",
        "* SPEED: 1/2",
        "* NOTE: 1 of 2 clips are mirrored, which an EDL cannot say: they are marked MIRRORED.",
        "",
    ]
    assert len(notes) == 1


def test_a_film_that_ends_in_a_fade() -> None:
    film = film_of(
        Clip(Media(ROOT / "a.mp4"), F(4), 50), Gap(10), transitions=(Dissolve(0, 8, 10),)
    )
    lines = edl(film, known_for("a.mp4"))[0].split("\r\n")
    assert lines[7:9] == [
        "002  A        V     C        00:00:05:17 00:00:05:17 01:00:01:17 01:00:01:17",
        "002  BL       V     D    018 00:00:00:00 00:00:00:18 01:00:01:17 01:00:02:10",
    ]


def test_reels_are_short_and_all_different() -> None:
    names = [
        *("night_sky.mp4", "night sky.mov", "Night-Sky.mkv", "ax.mp4", "bl.mp4", "東京.mp4"),
        *("大阪.mp4", "É tu.mp4", *(f"a long name {n}.mp4" for n in range(120))),
    ]
    given = reels([*known_for(*names).values(), Facts(ROOT / "x.mov", reel="A001C003_22")])
    assert len(set(given.values())) == len(given) == len(names) + 1
    assert all(0 < len(reel) <= 8 and reel.isascii() for reel in given.values())
    assert not {"AX", "BL"} & set(given.values())
    assert given[ROOT / "É tu.mp4"] == "E_TU"
    assert given[ROOT / "x.mov"] == "A001C003"


def test_what_is_beyond_999_events_is_said() -> None:
    clips = [Clip(Media(ROOT / "a.mp4"), F(n), 2) for n in range(1002)]
    text, notes = edl(film_of(*clips), known_for("a.mp4"))
    assert read_edl(text, F(25)).edits[-1].number == 999
    assert any("1002" in note and "01:01:19:23" in note for note in texts(notes))


def test_what_an_edl_refuses() -> None:
    clip = Clip(Media(ROOT / "a.mp4"), F(4), 50)
    with pytest.raises(ProjectError, match="120 frames"):
        edl(film_of(clip, rate=F(120)), known_for("a.mp4"))
    with pytest.raises(UsageError, match="midnight"):
        edl(film_of(clip), known_for("a.mp4"), "23:59:59:00")
    with pytest.raises(UsageError, match="timecode"):
        edl(film_of(clip), known_for("a.mp4"), "soon")


def test_a_rate_that_few_programs_know_is_said() -> None:
    clip = Clip(Media(ROOT / "a.mp4"), F(4), 50)
    for rate in (F(10), F(25, 2)):
        text, notes = edl(film_of(clip, rate=rate), known_for("a.mp4"))
        assert any(f"{float(rate):g} frames" in note for note in texts(notes))
        assert len([line for line in text.split("\r\n") if line[:3].isdigit()]) == 1
        _, notes = fcpxml(film_of(clip, rate=rate), known_for("a.mp4"))
        assert any("no project" in note for note in texts(notes))
    assert not edl(film_of(clip), known_for("a.mp4"))[1]


def test_names_stay_on_their_line() -> None:
    clip = Clip(Media(ROOT / "a\nFCM: b.mp4"), F(4), 50)
    film = replace(film_of(clip), name="two\r\nlines")
    text, _ = edl(film, known_for("a\nFCM: b.mp4"))
    read = read_edl(text, F(25))
    assert read.title == "two lines"
    assert read.comments[1][0] == "FROM CLIP NAME: a FCM: b.mp4"


def test_what_is_no_clip_is_black_and_said() -> None:
    @dataclass(frozen=True)
    class Words:
        duration: int = 25
        metadata: Mapping[str, Any] = field(default_factory=dict)

    film = film_of(Clip(Media(ROOT / "a.mp4"), F(4), 50), Gap(25))
    items = (film.tracks[0].items[0], Words())
    object.__setattr__(film.tracks[0], "items", items)  # a kind that is yet to come
    for write in (edl, fcpxml, json_list, csv_table):
        text, notes = write(film, known_for("a.mp4"))
        assert [note for note in texts(notes) if "a Words is not a clip" in note], write.__name__
        if write is edl:
            assert read_edl(text, F(25)).edits[-1].reel == "BL"


@pytest.mark.parametrize("rate", RATES[:-1])
def test_the_reader_of_opentimelineio_agrees(rate: Fraction) -> None:
    pytest.importorskip("otio_cmx3600_adapter", reason="an optional reader of EDLs")
    film = film_of(
        Clip(Media(ROOT / "a.mp4"), F(4), 50),
        Clip(Media(ROOT / "b.mov"), F(10), 50),
        rate=rate,
        transitions=(Dissolve(0, 5, 7),),
    )
    text, _ = edl(film, known_for("a.mp4", "b.mov", rate=rate))
    found = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))
    first, dissolve, second = found.tracks[0]
    assert (first.name, second.name) == ("a.mp4", "b.mov")
    assert first.source_range.duration.value == 45
    assert dissolve.out_offset.value == 12
    assert second.source_range.start_time.value == round(10 * rate - 5)
    assert second.source_range.duration.value == 55


# ---------------------------------------------------------------- FCPXML


@pytest.mark.slow
@SETTINGS
@given(film=films(), known=facts())
def test_fcpxml_shows_every_frame_as_the_timeline_does(film: Timeline, known: dict) -> None:
    text, notes = fcpxml(film, known)
    read = read_fcpxml(text)
    track = film.track("recut")
    assert (read.rate, read.duration, len(read.clips)) == (
        film.rate,
        film.duration,
        len(track.items),
    )
    assert sorted(read.transitions) == [t.after for t in track.transitions]
    for span, shown, item in zip(track.spans(), read.clips, track.items, strict=True):
        before, after = read.transitions.get(span.item - 1), read.transitions.get(span.item)
        assert (before or shown.own)[0] == span.visible.first
        assert (after[1] if after else shown.own[1]) == span.visible.end
        if after is not None:
            assert after == (span.falling.first, span.falling.end)
            middle = (after[0] + after[1]) / 2
            assert abs(shown.own[1] - middle) <= 0.5, "Final Cut centres a transition on its edit"
        if not isinstance(item, Clip):
            assert shown.path is None
            continue
        assert (shown.path, shown.mirrored) == (item.media.path, item.mirrored)
        for frame in range(span.visible.first, span.visible.end):
            exact = item.start + (frame - span.own.first) * item.speed / film.rate
            slack = F(1, 2) / known[item.media.path].rate
            assert abs(shown.media(frame, film.rate) - exact) <= slack
    lanes = {element.get("lane"): element for element in read.connected}
    assert lanes["1"].get("enabled") == "0"
    assert ("-1" in lanes) == (film.sound is not None)
    if film.sound is not None:
        assert lanes["-1"].get("srcEnable") == "audio"
    assert any("disabled" in note for note in texts(notes))


def test_formats_names_and_starts_of_assets() -> None:
    film = film_of(Clip(Media(ROOT / "a b.mov"), F(1001, 100), 50), rate=F(30000, 1001))
    fields = {"timecode": "01:00:00;00", "rate": F(30000, 1001), "size": (1920, 1080)}
    known = known_for("a b.mov", duration=F(100), **fields)
    read = read_fcpxml(fcpxml(film, known)[0])
    asset = read.assets[read.clips[0].element.get("ref", "")]
    assert asset.get("start") == "8999991/2500s"  # 107892 frames of drop frame
    assert seconds(read.clips[0].element.get("start", "")) == 108192 / film.rate
    assert read.clips[0].media(0, film.rate) == F(1001, 100)
    assert read.clips[0].element.get("tcFormat") == "DF"
    assert asset[0].get("src", "").endswith("/media/films/a%20b.mov")
    assert read.assets[asset.get("format", "")].get("name") == "FFVideoFormat1080p2997"


def test_a_held_picture_has_handles_for_its_dissolves() -> None:
    held = Clip(Media(ROOT / "a.mov"), F(3), 20, speed=F(0))
    clips = (Clip(Media(ROOT / "b.mov"), F(3), 20), held, Clip(Media(ROOT / "b.mov"), F(9), 20))
    film = film_of(*clips, transitions=(Dissolve(0, 6, 4), Dissolve(1, 2, 8)))
    shown = read_fcpxml(fcpxml(film, known_for("a.mov", "b.mov"))[0]).clips[1]
    assert shown.own == (19, 43)
    assert {shown.media(frame, F(25)) for frame in range(14, 49)} == {3}
    with pytest.raises(AssertionError, match="beyond"):
        shown.media(13, F(25))


def test_bars_are_cropped_and_clips_fill_the_picture() -> None:
    clip = Clip(Media(ROOT / "a.mov", bars=Bars(0, 60, 0, 60)), F(1), 50)
    element = read_fcpxml(
        fcpxml(film_of(clip), known_for("a.mov", size=(640, 480)))[0]
    ).clips[0].element  # fmt: skip
    crop, conform = element.find("adjust-crop/crop-rect"), element.find("adjust-conform")
    assert crop is not None
    assert conform is not None
    assert dict(crop.items()) == {"left": "0", "top": "12.5", "right": "0", "bottom": "12.5"}
    assert conform.get("type") == "fill"


def test_text_that_xml_cannot_hold() -> None:
    clip = Clip(Media(ROOT / "a.mov"), F(1), 50, caption="a\x00<b>&\ud800\U0001f3ac")
    film = replace(film_of(clip), name="\x1b[1m")
    element = read_fcpxml(fcpxml(film, known_for("a.mov"))[0]).clips[0].element
    assert element.get("name") == "a<b>&\U0001f3ac"


def test_the_clips_own_sound_is_left_out_and_said() -> None:
    film = replace(film_of(Clip(Media(ROOT / "a.mov"), F(1), 50)), sound=ClipSound())
    known = known_for("a.mov")
    for text, notes in (edl(film, known), fcpxml(film, known)):
        assert text
        assert any("no sound here: the clips' own" in note for note in texts(notes))
    fields = json.loads(json_list(film, known)[0])
    assert fields["sound"] == {"clips": True, "level": -23.0, "fade": "1/25"}
    assert csv_table(film, known)[0]


def test_a_source_in_pieces_is_said() -> None:
    clips = (Clip(Media(ROOT / "s.mp4"), F(9), 25), Clip(Media(ROOT / "s.mp4"), F(1), 25))
    tracks = (
        Track("recut", (Clip(Media(ROOT / "a.mp4"), F(4), 50),)),
        Track("source", clips),
    )
    film = Timeline("Film", F(25), Layout.single(640, 360), tracks)
    text, notes = fcpxml(film, known_for("a.mp4", "s.mp4"))
    assert not read_fcpxml(text).connected
    assert any("without 'source'" in note for note in texts(notes))
