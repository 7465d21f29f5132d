import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kuleshov.errors import ProjectError
from kuleshov.footage import Bars
from kuleshov.project.file import read_otio, write_otio
from kuleshov.timecode import TimeRange
from kuleshov.timeline import (
    Card,
    Clip,
    ClipSound,
    Dissolve,
    Fit,
    Gap,
    Layout,
    Media,
    Region,
    Sound,
    Timeline,
    Track,
)

F = Fraction

RATE = F(30000, 1001)
ROOT = Path("/media/films").absolute()


def example(folder: Path = ROOT) -> Timeline:
    media = Media(folder / "a b.mp4", "sha256:12", Bars(2, 4, 6, 8), TimeRange(F(0), F(100)))
    clips = (
        Clip(
            media,
            F(1001, 3000),
            48,
            usable=TimeRange(F(0), F(50)),
            metadata={"kuleshov": {"score": 0.9, "facets": {"tone": 0.25}, "locked": True}},
        ),
        Gap(12),
        Clip(Media(folder / "c.mov"), F(7, 3), 30, speed=F(1, 3), mirrored=True, caption="Wave"),
        Clip(Media(folder / "c.mov"), F(5), 10, speed=F(0), gain=0.5),
    )
    track = Track("recut", clips, (Dissolve(0, 5, 0), Dissolve(2, 3, 4)), "main")
    source = Track("source", (Clip(media, F(0), 100),), region="source")
    sound = Sound(media, F(1, 7))
    layout = Layout.side_by_side(640, 360)
    return Timeline("Film", RATE, layout, (source, track), sound, {"note": "x"})


def change(path: Path) -> Any:
    return otio.adapters.read_from_file(str(path))


def save(found: Any, path: Path) -> None:
    path.write_text(found.to_json_string(), encoding="utf-8")


# ---------------------------------------------------------------- round trip

fractions = st.fractions(min_value=0, max_value=10_000, max_denominator=90_000)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts
numbers = st.floats(allow_nan=False, allow_infinity=False)
words = texts.filter(lambda text: text != "OTIO_SCHEMA")  # which OpenTimelineIO keeps to itself
values = st.recursive(
    scalars | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["a", "note", "Resolve", "fcp"])
ours = st.dictionaries(st.sampled_from(["score", "facets", "locked", "candidates"]), values)
metadata = st.dictionaries(keys, values, max_size=3) | st.builds(
    lambda rest, own: {**rest, "kuleshov": own}, st.dictionaries(keys, values, max_size=2), ours
)
names = st.sampled_from(["a.mp4", "b c.mov", "sub/d%20.mkv", "ü#?.mp4", "../up.mp4"])
bars = st.builds(Bars, *[st.integers(0, 99)] * 4)
ranges = st.builds(lambda extra: TimeRange(F(-1), 10**9 + extra), fractions)
media = st.builds(
    lambda name, checksum, bars, available: Media(ROOT / name, checksum, bars, available),
    names,
    texts,
    bars,
    st.none() | ranges,
)
clips = st.builds(
    Clip,
    media=media,
    start=fractions,
    duration=st.integers(10, 500),
    speed=st.fractions(0, 4, max_denominator=99),
    mirrored=st.booleans(),
    gain=st.floats(0, 4),
    caption=texts,
    usable=st.none() | st.builds(lambda e: TimeRange(F(-10_000), 10**9 + e), fractions),
    metadata=metadata,
    focus=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
gaps = st.builds(Gap, st.integers(10, 99), metadata)
paragraphs = st.lists(texts, max_size=3).map("\n\n".join)
cards = st.builds(Card, st.integers(10, 99), paragraphs, metadata)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    rate = draw(st.sampled_from([F(24), F(25), RATE, F(24000, 1001), F(60), F(25, 2)]))
    items = draw(st.lists(clips | gaps | cards, min_size=1, max_size=5))
    # Handles reach before the media where it begins at 0; limits are wide enough to allow it.
    items = [replace(i, start=i.start + 10) if isinstance(i, Clip) else i for i in items]
    borders = draw(st.sets(st.integers(0, 9)))
    offsets = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(any)
    transitions = tuple(
        Dissolve(index, *draw(offsets)) for index in sorted(borders) if index < len(items) - 1
    )
    items = [
        replace(i, media=replace(i.media, available=None))
        if isinstance(i, Clip) and i.speed > 3
        else i
        for i in items
    ]
    track = Track(draw(texts), tuple(items), transitions, "main")
    fits: list[Fit] = ["fill", "fit"]
    region = draw(st.sampled_from(fits))
    layout = Layout(64, 36, (Region("main", 2, 4, 20, 30, region),))
    sound = draw(st.none() | st.builds(Sound, media, fractions, st.none() | fractions.filter(bool)))
    return Timeline(draw(texts), rate, layout, (track,), sound, draw(metadata))


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(timeline=timelines())
def test_reading_gives_back_what_was_written(timeline: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    write_otio(timeline, path)
    again = read_otio(path)
    assert again == timeline
    write_otio(again, tmp_path / "again.otio")
    assert (tmp_path / "again.otio").read_text() == path.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.otio", "film.otio"]


def test_example_round_trip_and_what_others_see(tmp_path: Path) -> None:
    path = tmp_path / "film.otio"
    timeline = example(tmp_path / "footage")
    write_otio(timeline, path)
    assert read_otio(path) == timeline
    found = change(path)
    source, recut, sound = found.tracks
    assert [track.kind for track in found.tracks] == ["Video", "Video", "Audio"]
    assert [type(child).__name__ for child in recut] == [
        *("Clip", "Transition", "Gap", "Clip", "Transition", "Clip")
    ]
    assert recut[0].media_reference.target_url == "footage/a%20b.mp4"
    assert recut[0].source_range.start_time.value == pytest.approx(10)
    assert recut[0].source_range.duration.value == 48
    assert recut[1].in_offset.value == 5
    assert recut.duration().value == source.duration().value == 100
    kinds = [[type(effect).__name__ for effect in child.effects] for child in (recut[3], recut[5])]
    assert kinds == [["LinearTimeWarp", "Effect"], ["FreezeFrame"]]
    assert sound[0].source_range.duration.value == 100


def test_media_outside_the_project_have_file_urls(tmp_path: Path) -> None:
    write_otio(example(), tmp_path / "film.otio")
    url = change(tmp_path / "film.otio").tracks[0][0].media_reference.target_url
    assert url.startswith("file:///")
    assert url.endswith("/media/films/a%20b.mp4")


def test_a_moved_project_finds_its_media(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "footage").mkdir(parents=True)
    for name in ("a b.mp4", "c.mov"):
        (old / "footage" / name).touch()
    write_otio(example(old / "footage"), old / "film.otio")
    old.rename(new)
    found = read_otio(new / "film.otio")
    assert found == example(new / "footage")


def test_relative_paths_come_back_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    timeline = example(Path("footage"))
    write_otio(timeline, Path("film.otio"))
    assert read_otio(Path("film.otio")) == timeline


# ---------------------------------------------------------------- edits elsewhere


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_otio(example(tmp_path), tmp_path / "film.otio")
    return tmp_path / "film.otio"


def test_a_trimmed_clip_is_trimmed(project: Path) -> None:
    found = change(project)
    clip = found.tracks[1][0]
    rate = clip.source_range.duration.rate
    clip.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(20, rate), otio.opentime.RationalTime(38, rate)
    )
    save(found, project)
    read = read_otio(project)
    item = read.track("recut").items[0]
    assert isinstance(item, Clip)
    assert (item.start, item.duration) == (20 / RATE, 38)
    assert item.metadata["kuleshov"]["score"] == 0.9
    assert read.track("recut").items[-1] == Gap(10)  # as long as the other track


def test_rounding_to_frames_moves_nothing(project: Path) -> None:
    found = change(project)
    clip = found.tracks[1][3]
    clip.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(
            round(clip.source_range.start_time.value), clip.source_range.start_time.rate
        ),
        clip.source_range.duration,
    )
    save(found, project)
    assert read_otio(project) == example(project.parent)


def test_a_trim_beyond_the_shot_is_allowed(project: Path) -> None:
    found = change(project)
    clip = found.tracks[1][0]
    rate = clip.source_range.duration.rate
    clip.source_range = otio.opentime.TimeRange(
        otio.opentime.RationalTime(2990, rate), otio.opentime.RationalTime(48, rate)
    )
    save(found, project)
    item = read_otio(project).track("recut").items[0]
    assert isinstance(item, Clip)
    assert item.usable is None
    assert item.media.available is None
    assert item.media.checksum == "sha256:12"


def test_order_removal_and_swapped_media(project: Path) -> None:
    found = change(project)
    track = found.tracks[1]
    last = track[5].clone()
    del track[5], track[4]
    track.insert(0, last)
    track[1].media_reference.target_url = "file:///elsewhere/new%20one.mp4"
    save(found, project)
    items = read_otio(project).track("recut").items
    assert [type(item).__name__ for item in items] == ["Clip", "Clip", "Gap", "Clip"]
    first, second = items[:2]
    assert isinstance(first, Clip)
    assert isinstance(second, Clip)
    assert first.speed == 0
    assert second.media.path == Path("/elsewhere/new one.mp4")
    assert (second.media.bars, second.media.checksum, second.usable) == (Bars(), "", None)


def test_effects_win(project: Path) -> None:
    found = change(project)
    clip = found.tracks[1][3]
    del clip.effects[:]
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    save(found, project)
    item = read_otio(project).track("recut").items[2]
    assert isinstance(item, Clip)
    assert (item.speed, item.mirrored) == (2, False)


def test_what_others_leave_is_kept(project: Path, tmp_path: Path) -> None:
    found = change(project)
    found.metadata["Resolve"] = {"bin": [1, 2]}
    found.tracks.metadata["fcp"] = {"id": "stack"}
    track = found.tracks[1]
    track.metadata["fcp"] = {"id": "track"}
    track[0].metadata["fcp"] = {"id": "clip"}
    track[0].media_reference.metadata["fcp"] = {"id": "media"}
    track[0].effects.append(otio.schema.Effect("Blur", "GaussianBlur", metadata={"r": 3}))
    track[0].markers.append(otio.schema.Marker("look", metadata={"m": 1}))
    track[1].name = "My dissolve"
    track[1].metadata["fcp"] = {"id": "dissolve"}
    music = otio.schema.Track("music", kind="Audio")
    music.append(otio.schema.Gap(duration=otio.opentime.RationalTime(10, 25)))
    found.tracks.append(music)
    save(found, project)
    read = read_otio(project)
    assert read.metadata["Resolve"] == {"bin": [1, 2]}
    write_otio(read, tmp_path / "again.otio")
    again = change(tmp_path / "again.otio")
    assert again.is_equivalent_to(found)
    assert read_otio(tmp_path / "again.otio") == read


def test_lists_and_numbers_of_others_are_kept_to_the_last_bit(project: Path) -> None:
    """Also text that looks like that by which they pass OpenTimelineIO."""
    mark = json.loads(otio.schema.Marker("look").to_json_string())
    told: dict[str, Any] = {
        "rows": [[0.1 + 0.2, 1e-320], {"deep": [1.0, 1, "1"]}],
        "half": 1.9999999999999998,
        "text": "\0json:[1]",
        "texts": ["\0json:[1]", {"inner": "\0json:{"}],
        "inside": {"text": "\0json:{", "marks": [mark, 0.1 + 0.2]},
    }
    data = json.loads(project.read_text())
    data["metadata"]["other"] = told
    project.write_text(json.dumps(data))
    kept = read_otio(project).metadata["other"]
    marks = kept["inside"].pop("marks")
    told["inside"].pop("marks")
    assert kept == told
    assert [type(one) for one in kept["rows"][1]["deep"]] == [float, int, str]
    assert (marks[0].name, marks[1]) == ("look", 0.1 + 0.2)


@pytest.mark.slow
def test_without_our_metadata_defaults_are_used(project: Path) -> None:
    def stripped(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: stripped(value) for key, value in node.items() if key != "kuleshov"}
        return [stripped(value) for value in node] if isinstance(node, list) else node

    project.write_text(json.dumps(stripped(json.loads(project.read_text()))))
    read = read_otio(project)
    assert read.rate == RATE
    assert read.layout == Layout.side_by_side(640, 360)
    assert [track.duration for track in read.tracks] == [100, 100]
    wave = read.track("recut").items[2]
    assert isinstance(wave, Clip)
    assert wave.media.path == project.parent / "c.mov"
    assert abs(wave.start - F(7, 3)) < F(1, 10_000)
    assert (wave.speed, wave.mirrored) == (F(1, 3), True)
    assert read.sound is not None
    assert read.track("recut").transitions == example().track("recut").transitions


def test_clips_counted_from_a_timecode(tmp_path: Path) -> None:
    def span(first: float, length: float) -> Any:
        time = otio.opentime.RationalTime
        return otio.opentime.TimeRange(time(first, 25), time(length, 25))

    reference = otio.schema.ExternalReference("/x/tape.mov", span(90_000, 1000))
    clip = otio.schema.Clip("tape", reference, span(90_100, 50))
    found = otio.schema.Timeline("t")
    found.tracks.append(otio.schema.Track("V1", [clip]))
    save(found, tmp_path / "t.otio")
    read = read_otio(tmp_path / "t.otio")
    item = read.tracks[0].items[0]
    assert isinstance(item, Clip)
    assert (item.start, item.duration, read.rate) == (F(4), 50, F(25))
    assert item.media.available == TimeRange(F(0), F(40))
    assert item.media.path == Path("/x/tape.mov")


# ---------------------------------------------------------------- what is none


def bad_files() -> Iterator[tuple[str, str]]:
    yield "", "not an OpenTimelineIO"
    yield "{", "not an OpenTimelineIO"
    yield "[1, 2]", "no timeline"
    yield '{"OTIO_SCHEMA": "Nonsense.1"}', "no timeline"
    yield otio.schema.Clip("alone").to_json_string(), "no timeline"
    yield otio.schema.Timeline("empty").to_json_string(), "no pictures"
    nested = otio.schema.Timeline("nested")
    nested.tracks.append(otio.schema.Track("V1", [otio.schema.Stack()]))
    yield nested.to_json_string(), "flatten"


@pytest.mark.parametrize(("text", "reason"), list(bad_files()))
def test_files_that_are_no_project(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bad.otio").write_text(text)
    with pytest.raises(ProjectError, match=reason) as caught:
        read_otio(tmp_path / "bad.otio")
    assert "bad.otio" in str(caught.value)


def test_damaged_metadata_newer_formats_and_missing_files(project: Path) -> None:
    text = project.read_text()
    project.write_text(text.replace('"start": "1001/3000"', '"start": "soon"'))
    with pytest.raises(ProjectError, match="damaged"):
        read_otio(project)
    project.write_text(text.replace('"format": 2', '"format": 99'))
    with pytest.raises(ProjectError, match="newer"):
        read_otio(project)
    with pytest.raises(ProjectError, match="not there"):
        read_otio(project.with_name("none.otio"))


def test_a_failed_write_leaves_the_old_file(project: Path) -> None:
    before = project.read_bytes()
    with pytest.raises(ProjectError, match="metadata"):
        write_otio(replace(example(), metadata={"x": object()}), project)
    assert project.read_bytes() == before
    assert [path.name for path in project.parent.iterdir()] == ["film.otio"]
    with pytest.raises(ProjectError, match="not written"):
        write_otio(example(), project.parent / "nowhere" / "film.otio")


def clips_heard() -> Timeline:
    film = example()
    return replace(film, sound=ClipSound(-18.5, F(1, 30)))


def test_the_clips_own_sound_is_kept(tmp_path):
    film, path = clips_heard(), tmp_path / "film.otio"
    write_otio(film, path)
    assert read_otio(path) == film
    track = change(path).tracks[-1]
    assert track.kind == "Audio"
    names = [type(child).__name__ for child in track]
    assert names == ["Clip", "Gap", "Clip", "Gap"]  # a held picture has no sound
    assert track.duration() == change(path).tracks[1].duration()


def test_the_clips_own_sound_outlives_lost_metadata_of_the_track(tmp_path):
    film, path = clips_heard(), tmp_path / "film.otio"
    write_otio(film, path)
    changed = change(path)
    changed.tracks[-1].metadata.clear()
    otio.adapters.write_to_file(changed, str(path))
    assert read_otio(path).sound == film.sound


def test_a_songs_fade_is_kept(tmp_path):
    media = Media(ROOT / "song.mp3")
    film = replace(example(), sound=Sound(media, F(1, 7), F(3), F(3, 2)))
    write_otio(film, tmp_path / "film.otio")
    assert read_otio(tmp_path / "film.otio") == film
