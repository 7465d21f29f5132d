"""Strict readers of EDL and FCPXML, written from the formats' own descriptions and sharing nothing
with what writes them: what a program that reads the file would show, frame by frame."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import opentimelineio as otio

F = Fraction

EDIT = re.compile(
    r"(\d{3})  ([A-Z0-9_]{1,8}) +V     (C        |D    (\d{3}) )(\S{11}) (\S{11}) (\S{11}) (\S{11})"
)
SPEED = re.compile(r"M2   ([A-Z0-9_]{1,8}) +(\d{3}\.\d) +(\S{11})")


@dataclass
class Edit:
    number: int
    reel: str
    dissolve: int
    source: tuple[int, int]
    record: tuple[int, int]
    speed: float | None = None  # frames a second


@dataclass
class Edl:
    title: str
    drop: bool
    edits: list[Edit] = field(default_factory=list)
    comments: dict[int, list[str]] = field(default_factory=dict)

    def shown(self, nominal: int) -> list[dict[str, float | None]]:
        """For each frame: reels seen, with the frame of the file (None for black)."""
        first, last = self.edits[0].record[0], self.edits[-1].record[1]
        frames: list[dict[str, float | None]] = [{} for _ in range(last - first)]
        for index, edit in enumerate(self.edits):
            place, end = edit.record[0] - first, edit.record[1] - first
            if edit.dissolve:
                before = self.edits[index - 1]
                assert before.number == edit.number, "a dissolve has two lines"
                assert before.record == (edit.record[0], edit.record[0])
                assert before.source[0] == before.source[1]
                assert edit.dissolve <= end - place
                for frame in range(place, place + edit.dissolve):
                    frames[frame][f"{before.reel}<"] = _at(before, frame - place, nominal)
            for frame in range(place, end):
                assert not any(not key.endswith("<") for key in frames[frame]), "edits overlap"
                frames[frame][edit.reel] = _at(edit, frame - place, nominal)
        assert all(frames), "there are holes"
        return frames


def _at(edit: Edit, moved: int, nominal: int) -> float | None:
    if edit.reel == "BL":
        return None
    speed = 1.0 if edit.speed is None else edit.speed / nominal
    return edit.source[0] + moved * speed


def read_edl(text: str, rate: Fraction) -> Edl:
    """Read a list; anything that is not in the form fails."""
    assert text.endswith("\r\n")
    lines = text.split("\r\n")
    assert lines[0].startswith("TITLE: ")
    assert lines[1] in ("FCM: DROP FRAME", "FCM: NON-DROP FRAME")
    found = Edl(lines[0][7:], lines[1] == "FCM: DROP FRAME")

    def frame(label: str) -> int:
        assert (label[8] == ";") == found.drop
        return int(otio.opentime.from_timecode(label, float(rate)).value)

    for line in filter(None, lines[2:]):
        if match := EDIT.fullmatch(line):
            times = [frame(label) for label in match.groups()[4:]]
            found.edits.append(
                Edit(
                    int(match[1]), match[2], int(match[4] or 0), (times[0], times[1]),
                    (times[2], times[3]),
                )
            )  # fmt: skip
            continue
        number = found.edits[-1].number
        if match := SPEED.fullmatch(line):
            those = [e for e in found.edits if e.number == number and e.reel == match[1]]
            those = [e for e in those if e.source[0] == frame(match[3])]
            assert those, "a speed of no edit"
            # Two lines of one event may name the same frame of the same reel: then in order.
            (next((e for e in those if e.speed is None), those[0])).speed = float(match[2])
        else:
            assert line.startswith("* "), line
            assert not line.startswith(("* FROM CLIP:", "* FROM FILE:")), "Premiere loses these"
            found.comments.setdefault(number, []).append(line[2:])
    numbers = [edit.number for edit in found.edits]
    assert sorted(set(numbers)) == list(range(1, len(set(numbers)) + 1))
    return found


# ---------------------------------------------------------------- FCPXML

# Children in order, for what is written here; as Apple's type definition of 1.10 has it.
CHILDREN = {
    "fcpxml": "resources library",
    "resources": "{format asset effect}",
    "asset": "media-rep",
    "library": "event",
    "event": "project",
    "project": "sequence",
    "sequence": "spine",
    "spine": "{asset-clip gap transition}",
    "asset-clip": "conform-rate timeMap adjust-crop adjust-conform adjust-transform {asset-clip}",
    "gap": "{asset-clip}",
    "transition": "filter-video",
    "timeMap": "{timept}",
    "adjust-crop": "crop-rect",
}
REQUIRED = {
    "format": {"id"},
    "asset": {"id"},
    "media-rep": {"src"},
    "effect": {"id", "uid"},
    "sequence": {"format"},
    "asset-clip": {"ref"},
    "gap": {"duration"},
    "transition": {"duration"},
    "filter-video": {"ref"},
    "timept": {"time", "value"},
    "adjust-crop": {"mode"},
}


def check_grammar(element: ET.Element) -> None:
    """The order of elements, and attributes that must be there."""
    assert REQUIRED.get(element.tag, set()) <= set(element.keys())
    model = CHILDREN.get(element.tag, "")
    order = re.findall(r"\{[^}]*\}|\S+", model)
    place = 0
    for child in element:
        while place < len(order) and child.tag not in order[place].strip("{}").split():
            place += 1
        assert place < len(order), f"{child.tag} is out of place in {element.tag}"
        place += not order[place].startswith("{")
        check_grammar(child)


def seconds(text: str) -> Fraction:
    match = re.fullmatch(r"(-?\d+)(?:/(\d+))?s", text)
    assert match, text
    number, below = int(match[1]), int(match[2] or 1)
    assert abs(number) < 2**63
    assert 0 < below < 2**31
    return Fraction(number, below)


@dataclass(frozen=True)
class Shown:
    """A clip of the spine: where it lies (frames), what it shows, and how."""

    path: Path | None
    own: tuple[int, int]
    at: list[tuple[Fraction, Fraction]]  # two points: local time, media time
    local: Fraction  # local time of the first frame
    mirrored: bool
    element: ET.Element

    def media(self, frame: int, rate: Fraction) -> Fraction:
        (t0, v0), (t1, v1) = self.at
        time = self.local + (frame - self.own[0]) / rate
        assert t0 <= time <= t1, "beyond the retimed range"
        return v0 + (time - t0) * (v1 - v0) / (t1 - t0)


@dataclass(frozen=True)
class Fcpxml:
    rate: Fraction
    duration: int
    clips: list[Shown]
    transitions: dict[int, tuple[int, int]]  # after which clip, frames
    connected: list[ET.Element]
    assets: dict[str, ET.Element]


def read_fcpxml(text: str) -> Fcpxml:
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n')
    root = ET.fromstring(text)
    assert (root.tag, root.get("version")) == ("fcpxml", "1.10")
    check_grammar(root)
    ids = {e.get("id", ""): e for e in root.iter() if e.get("id")}
    assert len(ids) == sum(1 for e in root.iter() if e.get("id"))
    sequence = root.find(".//sequence")
    assert sequence is not None
    rate = 1 / seconds(ids[sequence.get("format", "")].get("frameDuration", ""))
    origin = seconds(sequence.get("tcStart", "0s"))
    assert (origin * rate).denominator == 1

    def frames(time: str, begin: Fraction = F(0)) -> int:
        count = (seconds(time) - begin) * rate
        assert count.denominator == 1, "off the grid of the sequence"
        return int(count)

    clips: list[Shown] = []
    transitions: dict[int, tuple[int, int]] = {}
    place = 0
    for element in sequence[0]:
        first = frames(element.get("offset", ""), origin)
        length = frames(element.get("duration", ""))
        assert length > 0
        if element.tag == "transition":
            assert ids[element[0].get("ref", "")].tag == "effect"
            transitions[len(clips) - 1] = (first, first + length)
            continue
        assert first == place, "the spine has a hole"
        place = first + length
        clips.append(_shown(element, (first, place), rate, ids))
    duration = frames(sequence.get("duration", ""))
    assert place == duration
    spine = sequence[0][0]
    connected = [e for e in spine if e.get("lane")]
    for element in connected:
        assert element.get("offset") == spine.get("start")
        frames(element.get("duration", ""))
    return Fcpxml(rate, duration, clips, transitions, connected, ids)


def _shown(
    element: ET.Element, own: tuple[int, int], rate: Fraction, ids: dict[str, ET.Element]
) -> Shown:
    if element.tag == "gap":
        return Shown(None, own, [], F(0), False, element)
    asset = ids[element.get("ref", "")]
    start, length = seconds(asset.get("start", "")), seconds(asset.get("duration", ""))
    grid = 1 / seconds(ids[asset.get("format", "")].get("frameDuration", ""))
    assert (start * grid).denominator == (length * grid).denominator == 1
    conform = element.find("conform-rate")
    assert (conform is not None) == (grid != rate)
    assert conform is None or conform.get("scaleEnabled") == "0"
    local, curve = seconds(element.get("start", "")), element.find("timeMap")
    if curve is None:
        assert (local * grid).denominator == 1, "off the grid of the asset"
        points = [(start, F(0)), (start + length, length)]
    else:
        assert (local * rate).denominator == 1, "off the grid of the sequence"
        points = [(seconds(p.get("time", "")), seconds(p.get("value", ""))) for p in curve]
        assert all((time * rate).denominator == 1 for time, _ in points)
        points = [(time, value - start) for time, value in points]
        slack = rate and 3 / min(rate, grid)
        assert all(-slack <= value <= length + slack for _, value in points)
    transform = element.find("adjust-transform")
    mirrored = transform is not None and transform.get("scale") == "-1 1"
    path = Path(unquote(urlsplit(asset[0].get("src", "")).path))
    return Shown(path, own, points, local, mirrored, element)
