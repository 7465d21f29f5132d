"""The page on a film: whole, self-contained, escaped, and right about what it says."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import CutDetector, Inline, MeanEncoder
from films import clicks, flat, make_film
from kuleshov.features.analyse import Analyst
from kuleshov.features.encoder import NO_NETWORK
from kuleshov.features.facet import Reference
from kuleshov.features.motion import Motion
from kuleshov.features.movement import Movement
from kuleshov.features.tags import Tag
from kuleshov.features.tone import Tone
from kuleshov.footage import Slate
from kuleshov.notes import Note
from kuleshov.project.file import write_otio
from kuleshov.report.film import FilmReport, ShotReport, clock, read_film
from kuleshov.report.page import page
from kuleshov.report.pairs import pairs, told_of
from kuleshov.report.rhymes import rhymes
from kuleshov.report.stills import ROOM, Still, embedded, stills
from kuleshov.report.terms import TERMS
from kuleshov.report.words import cutting, summary
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Layout, Media, Timeline, Track
from match.rows import reference

pytestmark = pytest.mark.slow

SIZE = (96, 54)
LEVELS = (40, 200, 90, 42, 160, 220)
NASTY = "<script>alert('x')</script> & \"Ça\" 映画"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Checked(HTMLParser):
    """Reads a page and remembers what matters; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def check(text: str) -> Checked:
    """A page that needs nothing beside it, with alternative texts and no script."""
    parsed = Checked(text)
    assert not parsed.all("script")
    assert not parsed.all("link")
    for _, attributes in parsed.seen:
        for name in ("src", "href", "srcset", "poster", "data"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in text
    assert "@import" not in text
    assert all(image.get("alt") for image in parsed.all("img"))
    assert parsed.all("html") == [{"lang": "en"}]
    assert len(parsed.all("h1")) == 1
    ids = [a["id"] for _, a in parsed.seen if "id" in a]
    assert len(ids) == len(set(ids))
    style = text[text.index("<style>") : text.index("</style>")]
    classes = {name for _, a in parsed.seen for name in (a.get("class") or "").split()}
    assert not {name for name in classes if not re.search(rf"\.{name}\b", style)}
    return parsed


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("read") / "source.mp4"
    pictures = [flat(level, size=SIZE) for level in LEVELS for _ in range(20)]
    return make_film(path, pictures, 20, sound=clicks([1.0, 2.0], 6.0))


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    parts = (Tone(), Motion(), Movement())
    return Analyst(Inline(), CutDetector, MeanEncoder(), parts)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def scales() -> Reference:
    """Any scale will do for tone and motion."""
    levels = reference()["subject.levels"]
    return Reference({"tone.levels": levels, "motion.levels": levels}, NO_NETWORK)


@pytest.fixture(scope="module")
def film(source: Path, analyst: Analyst, scales: Reference) -> FilmReport:
    return read_film(analyst.analyse(source, 8), scales)


def pictures_of(film: FilmReport, analyst: Analyst) -> dict[int, Still]:
    video = analyst.analyse(film.path, 8).probe.video
    found = stills(film.path, video, [shot.still for shot in film.shots])
    return {s.number: still for s, still in zip(film.shots, found, strict=True) if still}


def test_every_shot_is_on_the_page(film, analyst):
    shown = pictures_of(film, analyst)
    parsed = check(page("A film", film, shown))
    assert [shot.number for shot in film.shots] == list(range(1, len(LEVELS) + 1))
    ids = {attributes.get("id") for attributes in parsed.all("figure")}
    assert {f"shot-{n}" for n in range(1, len(LEVELS) + 1)} <= ids
    assert "static camera" in parsed.words
    assert parsed.all("svg")[0]["role"] == "img"
    for term in ("cut", "static", "average shot length"):
        assert TERMS[term] in parsed.words
    assert TERMS["wipe"] not in parsed.words


def test_the_stills_are_those_of_the_shots(film, analyst):
    for number, still in pictures_of(film, analyst).items():
        data = base64.b64decode(still.address.partition(",")[2])
        picture = Image.open(io.BytesIO(data))
        assert picture.size == (still.width, still.height)
        expected = (LEVELS[number - 1] - 16) * 255 / 219
        assert np.asarray(picture.convert("L")).mean() == pytest.approx(expected, abs=4)


def test_what_is_measured(film):
    assert film.span == TimeRange(Fraction(0), Fraction(6))
    assert film.cuts == (1, 2, 3, 4, 5)
    assert film.louder == 2  # the clicks at 1 and 2 s, over silence
    assert film.loudness is not None
    assert film.loudness.max() > -20
    assert film.loudness.min() == -60
    light = film.colours.mean(axis=1)
    parts = np.array_split(light, len(LEVELS))
    expected = [(level - 16) * 255 / 219 for level in LEVELS]
    assert [np.median(part) for part in parts] == pytest.approx(expected, abs=6)
    assert film.tally["camera"] == {"static": pytest.approx(1)}
    assert sum(film.tally["light"].values()) == pytest.approx(1)


def test_sentences_on_the_rhythm(film):
    said = " ".join(cutting(film))
    assert "The average shot length is 1.0 s" in said
    assert "5 cuts" in said
    assert "Of 5 changes of shot 2 fall" in said
    assert summary(film).startswith("6 shots in 6.0 s; mostly ")
    shots = [
        replace(film.shots[0], span=TimeRange(Fraction(a), Fraction(b)))
        for a, b in [(0, 2), (2, 4), (4, 6), (6, 8), (8, 9), (9, 10), (10, 11), (11, 12), (12, 16)]
    ]
    whole = replace(film, span=TimeRange(Fraction(0), Fraction(16)), shots=tuple(shots))
    assert "It gets faster: 2.0 s a shot in its first half" in " ".join(cutting(whole))


def test_black_between_shots_is_none_that_is_counted(film):
    black = replace(film.shots[2], still=None, span=TimeRange(Fraction(2), Fraction(3)))
    whole = replace(film, shots=(*film.shots[:2], black, *film.shots[3:]))
    assert len(whole.pictured) == 5
    assert summary(whole).startswith("5 shots in 6.0 s")
    long = replace(black, span=TimeRange(Fraction(2), Fraction(60)))
    whole = replace(film, shots=(*film.shots[:2], long, *film.shots[3:]))
    assert "The average shot length is 1.0 s" in " ".join(cutting(whole))


def test_a_part_of_a_film(source, analyst, scales):
    part = read_film(analyst.analyse(source, 8), scales, TimeRange(Fraction(1), Fraction(3)))
    assert [shot.number for shot in part.shots] == [1, 2]
    assert part.louder == 1
    assert ("Length", "2.0 s (a part of 6.0 s)") in part.facts
    check(page("A part", part, {}))


def test_a_film_of_one_shot_without_sound(tmp_path, analyst, scales):
    path = make_film(tmp_path / "one.mp4", [flat(120, size=SIZE)] * 30, 20)
    film = read_film(analyst.analyse(path, 8), scales)
    parsed = check(page("One", film, pictures_of(film, analyst)))
    assert film.loudness is None
    assert "one shot" in parsed.words
    assert "Rhymes" not in parsed.words
    assert ("Sound", "none") in film.facts


def test_texts_are_escaped(film):
    tags = (Tag("thing", NASTY, 1.0, 0.9),)
    shots = (replace(film.shots[0], tags=tags), *film.shots[1:])
    facts = (("Author", NASTY), *film.facts)
    note = Note("nasty", NASTY)
    nasty = replace(film, shots=shots, facts=facts, notes=(note,), slate=Slate(NASTY))
    text = page(NASTY, nasty, {}, facts=[(NASTY, NASTY)], notes=[note])
    parsed = check(text)
    assert "<script" not in text
    assert parsed.words.count(NASTY) >= 5


def test_a_film_of_a_thousand_shots_stays_small(film):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (270, 480, 3)).astype(np.uint8))
    still = embedded(noise, 1000)  # no picture takes more
    assert len(still.address) * 1000 < 15_000_000 * 0.85
    assert len(still.address) <= ROOM / 1000 * 1.4
    one = film.shots[0]
    long = [
        replace(one, number=n, span=TimeRange(Fraction(n), Fraction(n + 1))) for n in range(1000)
    ]
    whole = replace(film, shots=tuple(long), span=TimeRange(Fraction(0), Fraction(1000)), rhymes=())
    text = page("Long", whole, dict.fromkeys(range(1000), still))
    assert len(text) < 15_000_000
    assert len(check(text).all("img")) == 1000


def test_one_picture_is_as_good_as_there_is_room():
    picture = Image.new("RGB", (480, 270), (90, 60, 30))
    assert embedded(picture, 5).width == 400
    assert embedded(Image.new("RGB", (32, 18)), 5).width == 48


def test_shots_that_rhyme_lie_apart(source, analyst, scales):
    analysis = analyst.analyse(source, 8)
    tags = [()] * len(analysis.shots)
    found = rhymes(analysis, analysis.shots, tags, scales)
    assert (found[0].first, found[0].second) == (0, 3)  # 40 and 42: all but the same picture
    used = [number for rhyme in found for number in (rhyme.first, rhyme.second)]
    assert len(used) == len(set(used))
    assert all(rhyme.second - rhyme.first > 1 for rhyme in found)


def project(source: Path, clips: Sequence[Path]) -> Timeline:
    usual = ["no face", "1 to 3 s"]  # no reason to call two shots alike
    words = {"source": ["close-up", "low key", NASTY, *usual], "clip": ["low key", NASTY, *usual]}
    about = {"kuleshov": {"score": 0.5, "facets": {"tone": 0.9}, "tags": words}}
    items = tuple(
        Clip(Media(path), Fraction(n), 20, caption=f"film {n}", metadata=about)
        for n, path in enumerate(clips)
    )
    beside = tuple(Clip(Media(source), Fraction(n), 20) for n in range(len(clips)))
    layout = Layout.single(*SIZE)
    tracks = (Track("recut", items), Track("source", beside))
    return Timeline("Remade", Fraction(20), layout, tracks)


def test_a_recut_is_shown_beside_its_source(source, film):
    told = list(pairs(project(source, [source, source])))
    assert [answer.shared for answer in told] == [("low key", NASTY)] * 2
    parsed = check(page("Remade", film, {}, told))
    assert len(parsed.all("img")) == 4
    assert "Shot and clip" in parsed.words
    assert f"Both: low key, {NASTY}." in parsed.words
    assert "0.90" in parsed.words
    assert not any((a.get("id") or "").startswith("shot-") for a in parsed.all("figure"))


def test_missing_footage_is_said_and_stood_in_for(source, tmp_path):
    timeline = project(source, [source, tmp_path / "gone.mp4"])
    told = list(pairs(timeline))
    assert "missing" in told[1].marks
    _, (lost,) = told_of(timeline)
    assert "gone.mp4 (1 clip)" in str(lost)
    parsed = check(page("Remade", None, {}, told, [lost]))
    assert "gone.mp4" in parsed.words


def test_lengths_are_read_easily():
    assert [clock(s) for s in (4.25, 62, 3723)] == ["4.2 s", "1:02", "1:02:03"]


def test_a_shot_is_a_record(film):
    assert isinstance(film.shot(3), ShotReport)
    assert film.shot(3).span == TimeRange(Fraction(2), Fraction(3))


def test_projects_are_read_back(source, tmp_path):
    """What the page needs survives being written."""
    from kuleshov.project.file import read_otio

    write_otio(project(source, [source]), tmp_path / "a.otio")
    (pair,) = pairs(read_otio(tmp_path / "a.otio"))
    assert pair.tags[0] == ("close-up", "low key", NASTY, "no face")
