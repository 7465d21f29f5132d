"""Projects of other programs, and damaged ones: what is read of them, and what is said."""

import copy
import json
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from films import make_film, numbered, read_film
from kuleshov.edit.layouts import arranged
from kuleshov.errors import KuleshovError, ProjectError
from kuleshov.exchange.export import export
from kuleshov.footage import Bars
from kuleshov.notes import texts
from kuleshov.project.file import read_otio, write_otio
from kuleshov.render.film import render
from kuleshov.render.options import RenderOptions
from kuleshov.timecode import TimeRange
from kuleshov.timeline import (
    Card,
    Clip,
    ClipSound,
    Dissolve,
    Gap,
    Layout,
    Media,
    Sound,
    Timeline,
    Track,
)

F = Fraction
RATE = F(25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 100 numbered pictures with key pictures far apart, and one of 60."""
    folder = tmp_path_factory.mktemp("foreign")
    make_film(folder / "a.mp4", numbered(100), RATE, gop=80)
    make_film(folder / "b.mp4", numbered(60, first=200), RATE)
    return folder


def span(first: float, length: float, rate: float = 25) -> Any:
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(first, rate), time(length, rate))


def clip(path: Path, first: float, length: float, *effects: Any) -> Any:
    reference = otio.schema.ExternalReference(path.as_uri())
    return otio.schema.Clip(path.stem, reference, span(first, length), effects=list(effects))


def generator(kind: str, length: int = 20, **parameters: Any) -> Any:
    reference = otio.schema.GeneratorReference("made", kind, parameters=parameters)
    return otio.schema.Clip("made", reference, span(0, length))


def project(path: Path, *children: Any) -> Any:
    found = otio.schema.Timeline("foreign")
    found.tracks.append(otio.schema.Track("V1", list(children), kind="Video"))
    save(found, path)
    return found


def save(found: Any, path: Path) -> None:
    path.write_text(found.to_json_string(), encoding="utf-8")


def warp(speed: float) -> Any:
    return otio.schema.LinearTimeWarp(time_scalar=speed)


def shown(film: Timeline, out: Path, **options: Any) -> list[int | None]:
    render(film, out, RenderOptions(**options))
    return [None if one.luma.max() < 40 else one.number for one in read_film(out)]


# ---------------------------------------------------------------- backwards


@pytest.mark.slow
@pytest.mark.parametrize("memory", [100 << 20, 0])
def test_a_reversed_clip_is_played_backwards_to_the_frame(
    folder: Path, tmp_path: Path, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no more than a few pictures are kept, and across key pictures."""
    monkeypatch.setattr("kuleshov.render.frame_readers._KEPT_BYTES", memory)
    path = tmp_path / "p.otio"
    project(path, clip(folder / "a.mp4", 10, 80, warp(-1)), clip(folder / "b.mp4", 5, 5))
    assert shown(read_otio(path), tmp_path / "o.mp4") == [*range(89, 9, -1), *range(205, 210)]


@pytest.mark.slow
def test_the_first_picture_of_a_film_is_the_last_one_backwards(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.otio"
    project(path, clip(folder / "a.mp4", 0, 100, warp(-1)))
    assert shown(read_otio(path), tmp_path / "o.mp4") == [*range(99, -1, -1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("speed", "numbers"),
    [(-2.0, [68, 66, 64, 62, 60]), (-0.5, [32, 31, 31, 30, 30])],
)
def test_backwards_at_another_speed(
    speed: float, numbers: list[int], folder: Path, tmp_path: Path
) -> None:
    """The range lasts `speed` times as long in the footage, and is played from its end."""
    path, first = tmp_path / "p.otio", numbers[-1]
    project(path, clip(folder / "a.mp4", first, 5, warp(speed)))
    film = read_otio(path)
    read = film.tracks[0].items[0]
    assert isinstance(read, Clip)
    assert read.shown(RATE) == TimeRange(F(first, 25), F(first, 25) + 5 * abs(F(speed)) / 25)
    assert shown(film, tmp_path / "o.mp4") == numbers


@pytest.mark.slow
def test_backwards_in_a_dissolve_goes_on_with_its_handles(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.otio"
    time = otio.opentime.RationalTime
    dissolve = otio.schema.Transition("x", "SMPTE_Dissolve", time(4, 25), time(4, 25))
    one, two = clip(folder / "a.mp4", 20, 20, warp(-1)), clip(folder / "a.mp4", 40, 20, warp(-1))
    project(path, one, dissolve, two)
    film = read_otio(path)
    assert [film.tracks[0].media_range(s, RATE) for s in film.tracks[0].spans()] == [
        TimeRange(F(16, 25), F(40, 25)), TimeRange(F(40, 25), F(64, 25)),
    ]  # fmt: skip
    made = shown(film, tmp_path / "o.mp4")
    assert made[:16] == [*range(39, 23, -1)]
    assert made[24:] == [*range(55, 39, -1)]


def test_backwards_survives_being_written(folder: Path, tmp_path: Path) -> None:
    whole = TimeRange(F(0), F(4))
    items = (
        Clip(Media(folder / "a.mp4", available=whole), F(50, 25), 20, F(-1), usable=whole),
        Clip(Media(folder / "a.mp4"), F(99, 25), 30, F(-1, 3)),
    )
    film = Timeline("f", RATE, Layout.single(64, 36), (Track("recut", items),), ClipSound())
    write_otio(film, tmp_path / "f.otio")
    assert read_otio(tmp_path / "f.otio") == film
    text = (tmp_path / "f.otio").read_text()
    first = json.loads(text)["tracks"]["children"][0]["children"][0]
    assert first["source_range"]["start_time"]["value"] == 31
    assert first["effects"][0]["time_scalar"] == -1
    # Without what we wrote beside it, too.
    stripped = json.loads(text.replace('"kuleshov"', '"gone"'))
    (tmp_path / "f.otio").write_text(json.dumps(stripped))
    again = read_otio(tmp_path / "f.otio").tracks[0].items
    one, other = (item for item in again if isinstance(item, Clip))
    assert (one.start, one.speed) == (F(50, 25), F(-1))
    assert other.speed == F(-1, 3)
    assert abs(other.start - F(99, 25)) < F(1, 50)


@pytest.mark.slow
def test_backwards_in_an_edl_and_in_final_cuts_xml(folder: Path, tmp_path: Path) -> None:
    clips = (Clip(Media(folder / "a.mp4"), F(49, 25), 20, F(-1)),)
    film = Timeline("f", RATE, Layout.single(64, 36), (Track("recut", clips),))
    notes = export(film, tmp_path / "f.edl").notes
    assert any("backwards" in note for note in texts(notes))
    text = (tmp_path / "f.edl").read_text()
    assert "C        00:00:01:05 00:00:02:00 01:00:00:00 01:00:00:20" in text
    assert "M2   A          -025.0                00:00:01:05" in text
    export(film, tmp_path / "f.fcpxml")
    text = (tmp_path / "f.fcpxml").read_text()
    assert '<timept time="0s" value="2s"' in text
    assert '<timept time="4/5s" value="6/5s"' in text


# ---------------------------------------------------------------- ranges of tracks and stacks


@pytest.mark.slow
def test_a_range_of_a_track_or_of_a_stack_is_all_that_is_shown(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.otio"
    found = project(path, clip(folder / "a.mp4", 0, 60), clip(folder / "b.mp4", 0, 40))
    assert read_otio(path).duration == 100
    found.tracks[0].source_range = span(50, 20)
    save(found, path)
    assert shown(read_otio(path), tmp_path / "o.mp4") == [*range(50, 60), *range(200, 210)]
    found.tracks.source_range = span(5, 10)
    save(found, path)
    assert shown(read_otio(path), tmp_path / "o.mp4") == [*range(55, 60), *range(200, 205)]
    # Counted in another rate than the clips are.
    found.tracks[0].source_range = None
    found.tracks.source_range = span(2, 1, 1)
    save(found, path)
    assert shown(read_otio(path), tmp_path / "o.mp4") == [*range(50, 60), *range(200, 215)]


@pytest.mark.slow
def test_a_range_cuts_clips_at_their_own_speed(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.otio"
    found = project(
        path, clip(folder / "a.mp4", 0, 20, warp(2)), clip(folder / "a.mp4", 0, 20, warp(-1))
    )
    found.tracks[0].source_range = span(10, 20)
    save(found, path)
    made = shown(read_otio(path), tmp_path / "o.mp4")
    assert made == [*range(20, 40, 2), *range(19, 9, -1)]


@pytest.mark.slow
def test_a_dissolve_that_a_range_cuts_through_is_left_out_and_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, time = tmp_path / "p.otio", otio.opentime.RationalTime
    dissolve = otio.schema.Transition("x", "SMPTE_Dissolve", time(5, 25), time(5, 25))
    found = project(path, clip(folder / "a.mp4", 0, 50), dissolve, clip(folder / "b.mp4", 10, 40))
    for first, kept in ((30, 1), (45, 1), (47, 0), (50, 0)):
        caplog.clear()
        found.tracks[0].source_range = span(first, 30)
        save(found, path)
        film = read_otio(path)
        assert (film.duration, len(film.tracks[0].transitions)) == (30, kept)
        assert ("cut through" in caplog.text) == (not kept)


# ---------------------------------------------------------------- generators


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "parameters", "black"),
    [
        ("black", {}, True),
        ("SolidColor", {"color": [0, 0, 0, 1]}, True),
        ("SolidColor", {"color": [1, 0, 0, 1]}, False),
        ("SMPTEBars", {}, False),
    ],
)
def test_a_generator_is_black_or_a_card_and_is_kept(
    kind: str,
    parameters: dict[str, Any],
    black: bool,
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "p.otio"
    project(path, clip(folder / "a.mp4", 0, 10), generator(kind, **parameters))
    film = read_otio(path)
    item = film.tracks[0].items[1]
    assert isinstance(item, Gap if black else Card)
    assert ("a card with its name stands for it" in caplog.text) is not black
    if isinstance(item, Card):
        assert kind in item.text
    assert film.duration == 30
    write_otio(film, path)
    assert read_otio(path) == film
    reference = otio.adapters.read_from_file(str(path)).tracks[0][1].media_reference
    assert (reference.generator_kind, "color" in reference.parameters) == (
        kind,
        "color" in parameters,
    )


def test_old_footage_is_not_shown_where_a_generator_took_its_place(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.otio"
    items = (Clip(Media(folder / "a.mp4"), F(0), 10), Clip(Media(folder / "a.mp4"), F(1), 10))
    write_otio(Timeline("f", RATE, Layout.single(320, 180), (Track("recut", items),)), path)
    found = otio.adapters.read_from_file(str(path))
    found.tracks[0][0].media_reference = otio.schema.GeneratorReference("x", "black")
    found.tracks[0][1].media_reference = otio.schema.ImageSequenceReference("/x", "a", ".png")
    save(found, path)
    film = read_otio(path)
    assert [type(item) for item in film.tracks[0].items] == [Gap, Card]
    assert shown(film, tmp_path / "o.mp4")[:10] == [None] * 10


# ---------------------------------------------------------------- said, not silent


@pytest.mark.slow
def test_the_size_that_a_project_does_not_say_is_the_sources_and_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_film(tmp_path / "small.mp4", numbered(10, size=(160, 120)), RATE)
    path = tmp_path / "p.otio"
    found = project(path, clip(folder / "a.mp4", 0, 10))
    assert (read_otio(path).layout.width, read_otio(path).layout.height) == (320, 180)
    assert "320x180, as a.mp4 has" in caplog.text
    assert "the project as it was before" not in caplog.text
    found.tracks[0].name = "recut"
    found.tracks.append(otio.schema.Track("source", kind="Video"))
    found.tracks[1].append(clip(tmp_path / "small.mp4", 0, 10))
    save(found, path)
    caplog.clear()
    film = arranged(read_otio(path))
    assert (film.layout.width, film.layout.height) == (160, 120)
    assert "160x120, as small.mp4 has" in caplog.text
    assert "the project as it was before" in caplog.text


def test_effects_transitions_and_sounds_that_are_left_out_are_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, time = tmp_path / "p.otio", otio.opentime.RationalTime
    wipe = otio.schema.Transition("w", "Iris", time(2, 25), time(2, 25))
    found = project(
        path,
        clip(folder / "a.mp4", 10, 20, otio.schema.Effect("b", "Gaussian Blur")),
        wipe,
        clip(folder / "b.mp4", 10, 20),
    )
    for name in ("A1", "A2"):
        track = otio.schema.Track(name, [clip(folder / "a.mp4", 0, 40)], kind="Audio")
        found.tracks.append(track)
    save(found, path)
    read_otio(path)
    assert "effect 'Gaussian Blur', transition 'Iris'" in caplog.text
    assert "'A2' is not heard" in caplog.text
    assert "'A1'" not in caplog.text


# ---------------------------------------------------------------- damaged


def example(folder: Path) -> Timeline:
    media = Media(folder / "a b.mp4", "12", Bars(2, 4, 6, 8), TimeRange(F(0), F(100)))
    first = Clip(media, F(1, 3), 48, usable=TimeRange(F(0), F(50)), focus=(0.5, 0.25))
    items = (
        first,
        Gap(12),
        Clip(Media(folder / "c.mov"), F(7, 3), 30, F(-1, 3), True, caption="Wave"),
        Card(10, "The end"),
    )
    tracks = (
        Track("source", (Clip(media, F(0), 100),), region="source"),
        Track("recut", items, (Dissolve(0, 5, 0),), "main"),
    )
    return Timeline("F", RATE, Layout.side_by_side(640, 360), tracks, Sound(media, F(1, 7)))


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    listed = enumerate(node) if isinstance(node, list) else ()
    for key, value in node.items() if isinstance(node, dict) else listed:
        yield from places(value, (*path, key))


WRONG: tuple[Any, ...] = (
    *(None, "x", "", -1, 0, 1e300, float("nan"), float("-inf"), 10**30, True, "1/0", "1e999"),
    *([], [1], {}, {"a": 1}, {"OTIO_SCHEMA": "Gap.1"}, {"OTIO_SCHEMA": "Stack.1"}),
    *({"OTIO_SCHEMA": "Unknown.1", "x": 2}, {"OTIO_SCHEMA": "Clip.99"}),
    *({"OTIO_SCHEMA": "Transition.1"}, {"OTIO_SCHEMA": "Marker.2"}, {"OTIO_SCHEMA": "Track.1"}),
)


def outcome(path: Path) -> Timeline | str:
    """The timeline, or the sentence that says why there is none; any other error is the test's."""
    try:
        return read_otio(path)
    except KuleshovError as error:
        return str(error)


@pytest.mark.slow
def test_whatever_is_damaged_is_a_timeline_or_a_sentence(tmp_path: Path) -> None:
    """Each field of a project removed, and with every fifth of the wrong values in its place."""
    logging.disable(logging.WARNING)
    path = tmp_path / "p.otio"
    write_otio(example(tmp_path), path)
    whole = json.loads(path.read_text())
    for number, place in enumerate(places(whole)):
        for value in (*WRONG[number % 5 :: 5], ...):
            changed = copy.deepcopy(whole)
            around = changed
            for key in place[:-1]:
                around = around[key]
            if value is ...:
                del around[place[-1]]
            else:
                around[place[-1]] = value
            path.write_text(json.dumps(changed))
            found = outcome(path)
            assert isinstance(found, Timeline) or found.startswith(str(path)), (place, value)
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "text",
    [
        '{"OTIO_SCHEMA": "Timeline.1", "name": "x"}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": null}',
        '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1"}}',
        '{"OTIO_SCHEMA": "Timeline.9", "name": "x"}',
        '{"OTIO_SCHEMA": "SerializableCollection.1", "children": []}',
        '{"OTIO_SCHEMA": "Clip.2"}',
        "[]",
        "null",
        "NaN",
        "[" * 100_000,
        "",
    ],
)
def test_what_holds_no_film_is_said_in_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "p.otio"
    path.write_text(text)
    found = outcome(path)
    assert isinstance(found, str)
    assert found.startswith(str(path))
    assert "Error" not in found


def test_tracks_and_stacks_inside_one_another_are_said(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.otio"
    inner = otio.schema.Stack(
        "s", children=[otio.schema.Track("t", [clip(folder / "a.mp4", 0, 9)])]
    )
    project(path, clip(folder / "a.mp4", 0, 10), inner)
    with pytest.raises(ProjectError, match="flatten it first"):
        read_otio(path)
    empty = project(path, otio.schema.Gap(source_range=span(0, 0)))
    with pytest.raises(ProjectError, match="lasts 0 frames"):
        read_otio(path)
    del empty.tracks[0][:]
    save(empty, path)
    with pytest.raises(ProjectError, match="no pictures"):
        read_otio(path)


@pytest.mark.slow
def test_a_project_with_wrong_notes_of_ours_is_exported_all_the_same(
    folder: Path, tmp_path: Path
) -> None:
    wrong = {"facets": "x", "score": [], "candidates": 7, "slate": 3, "shot": {}, "rank": None}
    items = (Clip(Media(folder / "a.mp4"), F(0), 10, metadata={"kuleshov": wrong}),)
    film = Timeline("f", RATE, Layout.single(64, 36), (Track("recut", items),))
    for ending in ("otio", "edl", "fcpxml", "json", "csv"):
        export(film, tmp_path / f"f.{ending}")
        assert (tmp_path / f"f.{ending}").stat().st_size
