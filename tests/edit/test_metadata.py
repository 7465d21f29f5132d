"""Metadata pass through OpenTimelineIO as they are in the file."""

import json

import opentimelineio as otio
import pytest

from kuleshov.project.otio_in import parsed
from kuleshov.project.otio_metadata import as_text, plain

PREFIX = as_text({"metadata": {"a": []}})["metadata"]["a"].removesuffix("[]")

VALUES = [
    0.1 + 0.2,
    1.7976931348623157e308,
    -0.0,
    12345678901234,
    True,
    None,
    "",
    "words",
    [],
    {},
    [0.1, [2, {"deep": 0.30000000000000004}], "x"],
    {"metadata": {"again": [1.5]}, "a": {"b": {"c": None}}},
    f"{PREFIX}[1]",
    [f"{PREFIX}[1]"],
    {"text": PREFIX},
]


def text_of(metadata: object) -> str:
    """Return a file's text: a timeline with a clip that has these metadata."""
    film = otio.schema.Timeline("film")
    film.tracks.append(otio.schema.Track("recut", [otio.schema.Clip("clip")]))
    told = json.loads(film.to_json_string())
    told["tracks"]["children"][0]["children"][0]["metadata"] = metadata
    return json.dumps(told)


def read(metadata: object) -> otio.schema.Clip:
    """Return the clip, apart from its timeline."""
    return parsed(text_of(metadata)).tracks[0][0].clone()


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_metadata_come_out_as_they_went_in(value):
    metadata = {"other program": value, "kuleshov": {"clip": {"value": value}}}
    clip = read(metadata)
    found = plain(clip.metadata)
    assert json.dumps(found, sort_keys=True) == json.dumps(metadata, sort_keys=True)


def test_names_can_be_seen_without_reading_what_they_hold():
    clip = read({"kuleshov": {"clip": {}}, "b": 1})
    assert "kuleshov" in clip.metadata


def test_an_object_in_metadata_is_one_and_what_is_beside_it_stays_exact():
    marker = json.loads(otio.schema.Marker("here", metadata={"x": [1]}).to_json_string())
    clip = read({"program": {"seen": [marker, 0.1 + 0.2], "share": 0.1 + 0.2}})
    seen, share = clip.metadata["program"]["seen"], clip.metadata["program"]["share"]
    assert isinstance(seen[0], otio.schema.Marker)
    assert plain(seen[0].metadata) == {"x": [1]}
    assert plain(seen[1]) == plain(share) == 0.1 + 0.2


@pytest.mark.parametrize("text", ["", "[", "{}", '{"OTIO_SCHEMA": 1}', '"words"', "[1]"])
def test_what_is_no_timeline_is_told(text):
    try:
        found = parsed(text)
    except ValueError:
        return
    assert not isinstance(found, otio.schema.Timeline)
