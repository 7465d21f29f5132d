import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from films import bars_around, make_film, numbered, read_number
from kuleshov.errors import RenderError
from kuleshov.footage import Bars
from kuleshov.render.sheet import SheetOptions, rows, sheet
from kuleshov.timeline import Clip, Gap, Layout, Media, Timeline, Track
from told import Told

F = Fraction
REFERENCE = Path(__file__).parents[1] / "data" / "sheet.png"

NUMBERS = {"kuleshov": {"score": 0.8, "facets": {"tone": 0.5, "motion": 1.0}}}


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    bars = Bars(20, 10, 20, 10)
    source = make_film(tmp_path / "source.mp4", numbered(80))
    footage = make_film(
        tmp_path / "footage.mp4", (bars_around(p, bars) for p in numbered(80, first=500))
    )
    media = Media(footage, bars=bars)
    recut = (
        Clip(media, F(10, 25), 11, metadata=NUMBERS),
        Gap(9),
        Clip(media, F(40, 25), 10, mirrored=True, speed=F(2)),
        Clip(media, F(78, 25), 10),
    )
    parts = tuple(Clip(Media(source), F(20 * i, 25), 20) for i in range(2))
    tracks = (Track("source", parts, region="source"), Track("recut", recut))
    return Timeline("A sheet", F(25), Layout.side_by_side(320, 180), tracks)


def number(still: Image.Image | None, mirrored: bool = False) -> int | None:
    assert still is not None
    return read_number(np.asarray(still.convert("L")), mirrored)


def test_stills_are_the_middle_frames(timeline: Timeline) -> None:
    listed = list(rows(timeline, SheetOptions()))
    assert [number(row.source) for row in listed] == [5, 15, 25, 35]
    assert [row.select is None for row in listed] == [False, True, False, False]
    assert number(listed[0].select) == 515
    assert number(listed[2].select, mirrored=True) == 550
    assert number(listed[3].select) == 579
    assert [row.marks for row in listed] == [(), ("black",), ("2x speed", "mirrored"), ("held",)]
    assert listed[0].score == 0.8
    assert listed[0].facets == (("tone", 0.5), ("motion", 1.0))
    assert listed[0].select is not None
    assert np.asarray(listed[0].select.convert("L")).min(axis=0).max() > 40  # no bars
    assert (listed[1].time, listed[2].place) == ("0:00:00.440", "from 0:00:01.600")


def test_black_between_two_fades_has_no_row(timeline: Timeline, tmp_path: Path) -> None:
    """It is no shot; black that stands for a shot has one."""
    source, track = timeline.tracks
    known = [{"kuleshov": {"shot": n}} for n in (1, 2, 3)]
    clips = [item for item in track.items if isinstance(item, Clip)]
    shots = [replace(clip, metadata=about) for clip, about in zip(clips, known, strict=True)]
    black = Gap(4, metadata={"kuleshov": {"shot": 4}})
    recut = replace(track, items=(shots[0], Gap(5), *shots[1:], black))
    film = replace(timeline, tracks=(source, recut))
    listed = list(rows(film, SheetOptions()))
    assert [(row.number, row.marks == ("black",)) for row in listed] == [
        *((n, False) for n in (1, 2, 3)),
        (4, True),
    ]
    job = Told()
    sheet(film, tmp_path / "sheet.png", None, job)
    assert [(done, of) for _, done, of in job.moves][-1] == (4, 4)


@pytest.mark.parametrize(("name", "kind"), [("s.png", "PNG"), ("s.jpg", "JPEG")])
def test_a_sheet_is_written_whole(timeline: Timeline, tmp_path: Path, name: str, kind: str) -> None:
    (folder := tmp_path / "out").mkdir()
    job = Told()
    assert sheet(timeline, folder / name, None, job) == (folder / name,)
    assert [(done, of) for _, done, of in job.moves] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [path.name for path in folder.iterdir()] == [name]
    with Image.open(folder / name) as image:
        assert image.format == kind
        assert image.width > 700
        assert np.asarray(image.convert("RGB")).max() > 200


@pytest.mark.slow
def test_a_sheet_says_what_both_share(timeline: Timeline, tmp_path: Path) -> None:
    told = {"kuleshov": {**NUMBERS["kuleshov"], "why": "both: close-up, low key; tone 0.50"}}
    other = {"kuleshov": {"why": "tone 0.90"}}  # nothing shared; the facets are drawn anyway
    track = timeline.track("recut")
    first, gap, third, last = track.items
    assert isinstance(first, Clip)
    assert isinstance(third, Clip)
    items = (replace(first, metadata=told), gap, replace(third, metadata=other), last)
    said = replace(timeline, tracks=(timeline.tracks[0], replace(track, items=items)))
    assert [row.why for row in rows(said, SheetOptions())] == ["close-up, low key", "", "", ""]
    sheet(said, tmp_path / "why.png")
    sheet(timeline, tmp_path / "plain.png")
    with Image.open(tmp_path / "why.png") as one, Image.open(tmp_path / "plain.png") as other_page:
        assert one.tobytes() != other_page.tobytes()


def test_pages_and_a_film_without_a_source_track(timeline: Timeline, tmp_path: Path) -> None:
    alone = replace(timeline, tracks=timeline.tracks[1:])
    assert all(row.source is None for row in rows(alone, SheetOptions()))
    pages = sheet(alone, tmp_path / "s.png", SheetOptions(page_rows=3))
    assert [page.name for page in pages] == ["s-1.png", "s-2.png"]
    for page in pages:
        with Image.open(page) as image:
            assert image.width > 400


@pytest.mark.slow
def test_a_sheet_looks_as_it_did(timeline: Timeline, tmp_path: Path) -> None:
    """Held against a picture that somebody looked at. Where a change is meant, look at the new one
    and put it in the place of the old: `KULESHOV_NEW_SHEET=1 pytest tests/render/test_sheet.py`."""
    listed = list(rows(timeline, SheetOptions(still=120)))
    sheet(timeline, tmp_path / "sheet.png", SheetOptions(still=120))
    with Image.open(tmp_path / "sheet.png") as image:
        made = np.asarray(image.convert("RGB")).astype(np.int16)
    if os.environ.get("KULESHOV_NEW_SHEET"):
        Image.fromarray(made.astype(np.uint8)).save(REFERENCE, optimize=True)
    with Image.open(REFERENCE) as image:
        wanted = np.asarray(image.convert("RGB")).astype(np.int16)
    assert made.shape == wanted.shape
    off = np.abs(made - wanted)
    assert off.mean() < 0.3
    # Nowhere is another thing: encoders differ by a few levels, letters by less than a still.
    cells = off[: off.shape[0] // 16 * 16, : off.shape[1] // 16 * 16]
    blocks = cells.reshape(cells.shape[0] // 16, 16, -1, 16, 3).mean(axis=(1, 3, 4))
    assert blocks.max() < 12
    # Every still is on it, each in a place of its own.
    stills = [s for row in listed for s in (row.source, row.select) if s is not None]
    found = [_places(made, np.asarray(still.convert("RGB")).astype(np.int16)) for still in stills]
    assert all(len(places) == 1 for places in found)
    assert len({place for places in found for place in places}) == len(stills) == 7


def _places(page: np.ndarray, still: np.ndarray) -> list[tuple[int, int]]:
    """Where on a page a still stands, (x, y) of its corner."""
    height, width = still.shape[:2]
    corner = np.argwhere((np.abs(page - still[0, 0]) < 3).all(axis=-1))
    return [
        (x, y)
        for y, x in corner.tolist()
        if page[y : y + height, x : x + width].shape == still.shape
        and (page[y : y + height, x : x + width] == still).all()
    ]


def test_a_missing_film_is_named(timeline: Timeline, tmp_path: Path) -> None:
    (tmp_path / "footage.mp4").unlink()
    with pytest.raises(RenderError, match=r"footage\.mp4"):
        sheet(timeline, tmp_path / "s.png")
    assert not (tmp_path / "s.png").exists()
