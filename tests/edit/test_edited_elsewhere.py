"""Projects that an editing program changed: what is visible wins, what it dropped is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from films import make_film, noise, numbered, read_film, read_number, read_sound, with_tags
from kuleshov.edit.layouts import arranged
from kuleshov.exchange.export import export
from kuleshov.footage import Bars
from kuleshov.notes import texts
from kuleshov.project.file import read_otio, write_otio
from kuleshov.project.reattach import reattached
from kuleshov.render.film import render
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Gap, Layout, Media, Sound, Timeline, Track

pytestmark = pytest.mark.slow

F = Fraction
RATE = F(25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films, a source with sound, and a film from elsewhere; pictures carry numbers."""
    folder = tmp_path_factory.mktemp("edited")
    make_film(folder / "a.mp4", numbered(60), RATE)
    make_film(folder / "b.mp4", numbered(60, first=100), RATE)
    make_film(folder / "source.mp4", numbered(40, first=200), RATE, sound=noise(1.6))
    make_film(folder / "else.mp4", numbered(60, first=300), RATE)
    return folder


def candidate(path: Path, start: int, score: float, **fields: object) -> dict[str, Any]:
    times = {"start": str(F(start, 25)), "end": str(F(start + 10, 25))}
    facets = {"tone": score / 2}
    return {"footage": str(path), "checksum": path.stem, **times, "speed": "1"} | {
        "mirrored": False,
        "score": score,
        "facets": facets,
        **fields,
    }


def project(folder: Path) -> Timeline:
    """Four clips of ten frames: a from 0, b from 20 mirrored, a from 30, black."""
    whole = TimeRange(F(0), F(60, 25))
    a = Media(folder / "a.mp4", "a", Bars(2, 0, 2, 0), whole)
    b = Media(folder / "b.mp4", "b", available=whole)
    offers = [candidate(a.path, 0, 0.9), candidate(b.path, 40, 0.8, mirrored=True)]
    offers.append(candidate(folder / "else.mp4", 10, 0.7))

    def about(shot: int, score: float, *others: dict[str, Any]) -> dict[str, Any]:
        facts = {"shot": shot, "score": score, "facets": {"tone": score / 2}, "rank": 0}
        return {"kuleshov": {**facts, "candidates": list(others)}}

    second = TimeRange(F(0), F(1))
    items = (
        Clip(a, F(0), 10, usable=second, caption="One", metadata=about(0, 0.9, *offers)),
        Clip(b, F(20, 25), 10, mirrored=True, caption="Two", metadata=about(1, 0.6)),
        Clip(a, F(30, 25), 10, caption="Three", metadata=about(2, 0.5)),
        Gap(10),
    )  # fmt: skip
    source = Media(folder / "source.mp4", "s")
    beside = tuple(Clip(source, F(10 * n, 25), 10) for n in range(4))
    tracks = (Track("recut", items), Track("source", beside, region="source"))
    layout = Layout.side_by_side(320, 180)
    return Timeline("film", RATE, layout, tracks, Sound(source))


@pytest.fixture
def path(folder: Path, tmp_path: Path) -> Path:
    write_otio(project(folder), tmp_path / "film.otio")
    return tmp_path / "film.otio"


def edit(path: Path, change: Callable[[Any], None]) -> Timeline:
    found = otio.adapters.read_from_file(str(path))
    change(found)
    path.write_text(found.to_json_string(), encoding="utf-8")
    return read_otio(path)


def strip(path: Path) -> None:
    """What most programs do: our metadata are gone, and effects they do not know."""

    def bare(node: Any) -> Any:
        if isinstance(node, list):
            return [bare(one) for one in node]
        if not isinstance(node, dict):
            return node
        kept = {key: bare(value) for key, value in node.items() if key != "kuleshov"}
        if "effects" in kept:
            kept["effects"] = [e for e in kept["effects"] if e["OTIO_SCHEMA"] != "Effect.1"]
        return kept

    path.write_text(json.dumps(bare(json.loads(path.read_text()))), encoding="utf-8")


def clips(film: Timeline) -> list[Clip]:
    return [item for item in film.track("recut").items if isinstance(item, Clip)]


def span(first: float, length: float) -> Any:
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(first, 25), time(length, 25))


def shown(film: Timeline, out: Path) -> list[int | None]:
    """The numbers of the pictures of the rendered film, mirrored ones below 0."""
    render(arranged(film), out)
    numbers: list[int | None] = []
    for seen in read_film(out):
        if seen.luma.max() < 40:
            numbers.append(None)  # black
            continue
        number = seen.number
        if number is None or number >= 400:  # mirrored, a number is another one
            turned = read_number(seen.luma, mirrored=True)
            number = None if turned is None or turned >= 400 else -turned
        numbers.append(number)
    return numbers


# ---------------------------------------------------------------- one clip


def test_a_clip_that_shows_another_candidate_has_that_ones_score(path: Path, folder: Path) -> None:
    def change(found: Any) -> None:
        clip = found.tracks[0][0]
        clip.media_reference = otio.schema.ExternalReference((folder / "b.mp4").as_uri())
        clip.source_range = span(41, 10)

    clip = clips(edit(path, change))[0]
    ours = clip.metadata["kuleshov"]
    assert (clip.media.path.name, clip.media.checksum, clip.start) == ("b.mp4", "b", F(41, 25))
    assert (ours["score"], ours["facets"], ours["rank"]) == (0.8, {"tone": 0.4}, 1)
    assert len(ours["candidates"]) == 3
    assert (clip.media.bars, clip.usable) == (Bars(), None)


def test_a_clip_of_foreign_media_has_no_score_and_keeps_its_candidates(path: Path) -> None:
    def change(found: Any) -> None:
        reference = otio.schema.ExternalReference("file:///other/x.mov", span(90_000, 500))
        found.tracks[0][0].media_reference = reference
        found.tracks[0][0].source_range = span(90_050, 10)

    clip = clips(edit(path, change))[0]
    assert (clip.media.path, clip.start, clip.media.checksum) == (Path("/other/x.mov"), F(2), "")
    assert set(clip.metadata["kuleshov"]) == {"shot", "candidates"}


def test_the_same_file_counted_from_its_timecode_has_not_moved(path: Path, folder: Path) -> None:
    """A program that linked the file itself counts from the timecode that it found there."""

    def change(found: Any) -> None:
        for clip, first in zip(found.tracks[0][:3], (0, 20, 35), strict=True):
            clip.media_reference.available_range = span(90_000, 60)
            clip.source_range = span(90_000 + first, 10)

    film = edit(path, change)
    assert [clip.start for clip in clips(film)] == [F(0), F(20, 25), F(35, 25)]
    assert clips(film)[0] == clips(project(folder))[0]


def test_clips_and_tracks_that_were_switched_off_are_black_or_gone(path: Path) -> None:
    def change(found: Any) -> None:
        found.tracks[0][1].enabled = False
        found.tracks[1].enabled = False

    film = edit(path, change)
    assert [track.name for track in film.tracks] == ["recut"]
    assert [type(item).__name__ for item in film.tracks[0].items] == ["Clip", "Gap", "Clip", "Gap"]


# ---------------------------------------------------------------- a whole film, rendered


def test_swapped_trimmed_and_added_clips_are_rendered_so(
    path: Path, folder: Path, tmp_path: Path
) -> None:
    """Also without our metadata; the mirror, which programs drop, comes from the original."""

    def change(found: Any) -> None:
        track = found.tracks[0]
        moved = track[2].clone()
        del track[2]
        track.insert(0, moved)  # a from 30, a from 0, b from 20, black
        track[1].source_range = span(3, 5)  # trimmed at both ends
        foreign = otio.schema.Clip("new", otio.schema.ExternalReference("else.mp4"), span(7, 5))
        foreign.media_reference.target_url = (folder / "else.mp4").as_uri()
        track.insert(2, foreign)

    edit(path, change)
    strip(path)
    changed = read_otio(path)
    assert not any("kuleshov" in clip.metadata for clip in clips(changed))
    assert [clip.caption for clip in clips(changed)] == ["Three", "One", "new", "Two"]
    film, notes = reattached(changed, project(folder))
    three, one, new, two = clips(film)
    ours = [clip.metadata["kuleshov"].get("shot") for clip in (three, one, two)]
    assert ours == [2, 0, 1]
    assert (one.media.checksum, one.media.bars, one.caption) == ("a", Bars(2, 0, 2, 0), "One")
    assert (one.start, one.duration, one.usable) == (F(3, 25), 5, TimeRange(F(0), F(1)))
    assert len(one.metadata["kuleshov"]["candidates"]) == 3
    assert two.mirrored
    # Frames 7 to 11 of `else` are a part of a candidate of the first shot.
    assert new.metadata["kuleshov"]["score"] == 0.7
    assert texts(notes) == ["4 clips got back what an editing program had dropped."]
    assert shown(film, tmp_path / "film.mp4") == [
        *range(30, 40), *range(3, 8), *range(307, 312), *range(-120, -130, -1), *[None] * 10,
    ]  # fmt: skip
    sound, rate, _ = read_sound(tmp_path / "film.mp4")
    assert abs(sound.shape[1] / rate - 1.6) < 0.1
    assert abs(sound).max() > 0.1


def test_a_renamed_file_is_found_by_the_clips_name(path: Path, folder: Path) -> None:
    def change(found: Any) -> None:
        for clip in found.tracks[0][:3]:
            clip.media_reference.target_url = "file:///graded/" + clip.name + "_graded.mov"

    edit(path, change)
    strip(path)
    film, notes = reattached(read_otio(path), project(folder))
    assert [clip.metadata["kuleshov"]["shot"] for clip in clips(film)] == [0, 1, 2]
    assert not any("score" in clip.metadata["kuleshov"] for clip in clips(film))
    assert len(notes) == 1


def test_material_that_nobody_knows_stays_bare(path: Path, folder: Path) -> None:
    def change(found: Any) -> None:
        clip = found.tracks[0][0]
        clip.name = "foreign"
        clip.media_reference.target_url = "file:///other/foreign.mov"

    edit(path, change)
    strip(path)
    film, notes = reattached(read_otio(path), project(folder))
    assert "kuleshov" not in clips(film)[0].metadata
    assert any("1 clips are not of the original" in note for note in texts(notes))


def test_a_clip_on_a_track_above_is_seen(path: Path, folder: Path, tmp_path: Path) -> None:
    def change(found: Any) -> None:
        above = otio.schema.Track("V3", kind="Video")
        above.append(otio.schema.Gap(source_range=span(0, 15)))
        reference = otio.schema.ExternalReference((folder / "else.mp4").as_uri())
        above.append(otio.schema.Clip("over", reference, span(20, 10)))
        off = otio.schema.Clip("off", reference.clone(), span(20, 5))
        off.enabled = False
        above.append(off)
        found.tracks.insert(2, above)

    film = edit(path, change)
    assert [track.name for track in film.tracks] == ["recut", "source"]
    assert film.track("recut").region == "main"
    assert shown(film, tmp_path / "film.mp4") == [
        *range(10), *range(-120, -125, -1), *range(320, 330), *range(35, 40), *[None] * 10,
    ]  # fmt: skip


def test_sound_in_pieces_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def change(found: Any) -> None:
        track = found.tracks[2]
        first, second = track[0].clone(), track[0].clone()
        first.source_range, second.source_range = span(0, 10), span(20, 10)
        del track[:]
        track.append(first)
        track.append(second)

    assert edit(path, change).sound is None
    assert "in pieces" in caplog.text


def test_black_behind_the_sound_does_not_matter(path: Path, folder: Path) -> None:
    def change(found: Any) -> None:
        found.tracks[2].append(otio.schema.Gap(source_range=span(0, 10)))

    assert edit(path, change).sound == project(folder).sound


# ---------------------------------------------------------------- written afresh


def test_an_exported_project_shows_the_film_above_its_source(folder: Path, tmp_path: Path) -> None:
    film = project(folder)
    out = folder / "again.otio"
    assert export(film, out).notes == ()
    found = otio.adapters.read_from_file(str(out))
    assert [(t.name, t.kind) for t in found.tracks] == [
        ("source", "Video"), ("recut", "Video"), ("sound", "Audio"),
    ]  # fmt: skip
    mirrored = found.tracks[1][1]
    assert mirrored.metadata["kuleshov"]["clip"]["mirrored"] is True
    assert [(e.name, e.effect_name) for e in mirrored.effects] == [("Mirror", "Flop")]
    assert mirrored.media_reference.target_url == "b.mp4"
    again = read_otio(out)
    assert replace(again, tracks=again.tracks[::-1]) == film
    out.unlink()


def test_an_exported_project_counts_from_the_files_timecode(folder: Path, tmp_path: Path) -> None:
    path = with_tags(folder / "a.mp4", tmp_path / "tc.mov", timecode="10:00:00:00")
    media = Media(path, "tc")
    clips_ = (Clip(media, F(7, 25), 10), Clip(media, F(1, 7), 10, speed=F(1, 2)))
    track, sound = Track("recut", clips_), Sound(media, F(1, 5), F(4, 5))
    film = Timeline("f", RATE, Layout.single(64, 36), (track,), sound)
    export(film, tmp_path / "f.otio")
    found = otio.adapters.read_from_file(str(tmp_path / "f.otio"))
    first = found.tracks[0][0]
    assert first.media_reference.available_range.start_time.to_timecode() == "10:00:00:00"
    assert first.source_range.start_time.to_timecode() == "10:00:00:07"
    assert found.tracks[1][0].source_range.start_time.to_timecode() == "10:00:00:05"
    assert read_otio(tmp_path / "f.otio") == film
    strip(tmp_path / "f.otio")
    bare = read_otio(tmp_path / "f.otio")
    assert [round(clip.start * 25) for clip in clips(bare)] == [7, 4]
    assert bare.sound is not None
    assert bare.sound.start == F(1, 5)
    # The project itself, written as ever, is not changed by it.
    write_otio(film, tmp_path / "plain.otio")
    assert read_otio(tmp_path / "plain.otio") == film


@pytest.mark.parametrize("rate", [F(24000, 1001), F(30000, 1001), F(60000, 1001)])
def test_times_survive_floats_after_hours(rate: Fraction, tmp_path: Path) -> None:
    frame = 30 * 3600 * 24 + 7  # beyond a day
    media = Media(tmp_path / "a.mov", available=TimeRange(F(0), F(200_000)))
    items = tuple(Clip(media, (frame + 11 * n) / rate, 11) for n in range(30))
    film = Timeline("f", rate, Layout.single(64, 36), (Track("recut", items),))
    write_otio(film, tmp_path / "f.otio")
    assert read_otio(tmp_path / "f.otio") == film
    strip(tmp_path / "f.otio")
    bare = read_otio(tmp_path / "f.otio")
    assert bare.rate == rate
    starts = [clip.start for clip in clips(bare)]
    assert starts == [clip.start for clip in clips(film)]
