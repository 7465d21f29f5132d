"""JSON and CSV say what the timeline says."""

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from edit.random_films import ROOT, facts, film_of, films, known_for
from kuleshov.exchange.tables import COLUMNS, csv_table, json_list
from kuleshov.smpte import Counting
from kuleshov.timeline import Clip, Media, Timeline

F = Fraction
SETTINGS = settings(max_examples=40, deadline=None)


@pytest.mark.slow
@SETTINGS
@given(film=films(), known=facts())
def test_tables_say_what_the_timeline_says(film: Timeline, known: dict) -> None:
    text, _ = json_list(film, known)
    read = json.loads(text)
    assert (read["format"], read["version"], F(read["rate"])) == ("kuleshov-clips", 1, film.rate)
    assert [track["name"] for track in read["tracks"]] == ["recut", "source"]
    counting = Counting.of(film.rate)
    first = counting.frame(read["timecode"]["start"])
    track = film.track("recut")
    rows = list(csv.DictReader(io.StringIO(csv_table(film, known)[0])))
    assert [int(row["number"]) for row in rows] == [
        number for number, item in enumerate(track.items, 1) if isinstance(item, Clip)
    ]
    for item, own, fields in zip(
        track.items, track.ranges(), read["tracks"][0]["items"], strict=True
    ):
        assert (fields["record_in_frame"], fields["record_out_frame"]) == (own.first, own.end)
        assert counting.frame(fields["record_in"]) == first + own.first
        assert fields["kind"] == ("clip" if isinstance(item, Clip) else "black")
        if not isinstance(item, Clip):
            continue
        row = rows.pop(0)
        assert list(row) == list(COLUMNS)
        end = item.start + item.duration * item.speed / film.rate
        for one in (fields, row):
            assert (F(one["source_in_exact"]), F(one["source_out_exact"])) == (item.start, end)
            assert F(one["speed"]) == item.speed
            assert float(one["source_in_seconds"]) == pytest.approx(float(item.start), abs=1e-6)
        assert fields["mirrored"] is item.mirrored
        assert row["mirrored"] == ("yes" if item.mirrored else "no")
        assert Path(fields["path"]) == item.media.path
        assert row["checksum"] == item.media.checksum
        one = known[item.media.path]
        counted = one.counting.frame(fields["source_in"]) - one.first
        assert abs((counted % one.counting.day) / one.rate - item.start) <= F(1, 2) / one.rate
    dissolves = read["tracks"][0]["transitions"]
    assert [(d["after"] - 1, d["before_border"], d["past_border"]) for d in dissolves] == [
        (t.after, t.before_border, t.past_border) for t in track.transitions
    ]


def test_what_a_project_knows_of_a_clip_is_in_the_tables() -> None:
    ours = {
        "shot": 3,
        "score": 0.75,
        "facets": {"tone": 0.5, "subject": 0.25},
        "slate": {"title": "T", "author": "=cmd()", "licence": "CC0", "url": "https://a.b"},
        "candidates": [
            {
                "footage": "x.mp4",
                "checksum": "ab",
                "shot": 2,
                "start": "1",
                "end": "3/2",
                "speed": "1",
                "mirrored": True,
                "score": None,
                "facets": {},
            }
        ],
    }
    clip = Clip(
        Media(ROOT / "a.mp4", "12"), F(4), 50, caption="-1", metadata={"kuleshov": ours}
    )  # fmt: skip
    film, known = film_of(clip), known_for("a.mp4", timecode="10:00:00:00", reel="R7")
    (row,) = csv.DictReader(io.StringIO(csv_table(film, known)[0]))
    assert (row["score"], row["tone"], row["subject"], row["faces"]) == ("0.75", "0.5", "0.25", "")
    assert (row["caption"], row["author"], row["licence"]) == ("'-1", "'=cmd()", "CC0")
    assert (row["reel"], row["source_in"], row["source_out"]) == (
        "R7",
        "10:00:04:00",
        "10:00:06:00",
    )
    item = json.loads(json_list(film, known)[0])["tracks"][0]["items"][0]
    assert item["candidates"] == ours["candidates"]
    assert item["slate"] == ours["slate"]
    assert item["caption"] == "-1"


def test_the_columns_are_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text()
    missing = [name for name in COLUMNS if f"`{name}`" not in text]
    assert not missing
