"""Tags: of films made to be told, and of rows that say what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fakes import CutDetector, Inline, MeanEncoder
from films import flat, make_film
from kuleshov.archive.shot_tags import shared_phrases, tags_of_analysis, why
from kuleshov.features import concepts
from kuleshov.features.analyse import Analyst
from kuleshov.features.encoder import Encoded
from kuleshov.features.face_nets import Face
from kuleshov.features.faces import row_of
from kuleshov.features.material import Trait
from kuleshov.features.measuring import tag_shot
from kuleshov.features.motion import Motion, camera_of
from kuleshov.features.movement import Movement
from kuleshov.features.tags import SENTENCES, WORDS, Tag, kind_of, mirrored, phrase, phrases
from kuleshov.features.tone import Tone, colours_of, lab, lights_of, rgb

SIZE = (160, 90)
RATE = 20
FRAMES = 40


def texture(seed: int = 1, size: float = 5) -> NDArray[np.float64]:
    """Soft blobs of this size in pixels, (400, 700), from 40 to 215."""
    from scipy.ndimage import gaussian_filter

    raw = gaussian_filter(np.random.default_rng(seed).normal(size=(400, 700)), size)
    return np.asarray(40 + 175 * (raw - raw.min()) / np.ptp(raw))


def moving(across: float = 0, down: float = 0, grow: float = 0, turn: float = 0) -> Iterator:
    """A camera over a texture: what it sees moves by parts of the picture's size a second."""
    from scipy.ndimage import map_coordinates

    ground, (width, height) = texture(), SIZE
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - height / 2, x - width / 2
    for frame in range(FRAMES):
        time = frame / RATE - FRAMES / RATE / 2
        scale, angle = np.exp(-grow * time), turn * time
        u = (x * np.cos(angle) - y * np.sin(angle)) * scale + 350 - across * width * time
        v = (x * np.sin(angle) + y * np.cos(angle)) * scale + 200 - down * height * time
        picture = flat(128, size=SIZE)
        picture[:height] = map_coordinates(ground, [v, u], order=1)
        yield picture


def shaking() -> Iterator:
    rng = np.random.default_rng(3)
    # As real pictures have, it has shapes that a jerk does not take out of sight.
    ground, (width, height) = texture(size=25), SIZE
    for _ in range(FRAMES // 5):
        left, top = rng.integers(-6, 7, 2)
        for step in range(5):
            picture = flat(128, size=SIZE)
            at = 150 + top + step * top // 3, 250 + left + step * left // 3
            picture[:height] = ground[at[0] : at[0] + height, at[1] : at[1] + width]
            yield picture


def tags_of_film(path: Path, pictures: Iterator) -> dict[str, list[str]]:
    """The words of each kind of a film of one shot."""
    make_film(path, pictures, RATE)
    parts = (Tone(), Motion(), Movement())
    analyst = Analyst(Inline(), lambda: CutDetector(255), MeanEncoder(), parts)  # type: ignore[arg-type]
    (tags,) = tags_of_analysis(analyst.analyse(path, 8))
    found: dict[str, list[str]] = {}
    for tag in tags:
        assert 0 <= tag.share <= 1
        assert tag.word in WORDS[tag.kind]
        found.setdefault(tag.kind, []).append(tag.word)
    return found


@pytest.mark.slow
def test_a_shot_has_the_same_tags_on_whatever_grid_it_was_looked_at(tmp_path):
    path = make_film(tmp_path / "a.mp4", shaking(), RATE)
    parts = (Tone(), Motion(), Movement())
    analyst = Analyst(Inline(), lambda: CutDetector(255), MeanEncoder(), parts)  # type: ignore[arg-type]
    archived, source, odd = (tags_of_analysis(analyst.analyse(path, n)) for n in (2, 8, 3))
    assert archived == source
    assert odd != source  # the film is such that the grid matters


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "camera", "speed"),
    [
        ({}, "static", "still"),
        ({"across": -0.15}, "pan right", "moderate"),
        ({"across": 0.15}, "pan left", "moderate"),
        ({"down": 0.15}, "tilt up", "moderate"),
        ({"down": -0.15}, "tilt down", "moderate"),
        ({"across": -0.03}, "pan right", "slow"),
        ({"across": -0.45}, "pan right", "fast"),
        ({"grow": 0.25}, "push in", "moderate"),
        ({"grow": -0.25}, "pull out", "moderate"),
        ({"turn": 0.3}, "roll", "moderate"),
    ],
)
def test_the_camera_and_its_speed(tmp_path, how, camera, speed):
    found = tags_of_film(tmp_path / "a.mp4", moving(**how))
    assert found["camera"][0] == camera
    assert found["speed"] == [speed]
    assert found["length"] == ["1 to 3 s"]


@pytest.mark.slow
def test_a_camera_that_shakes_is_held_by_hand(tmp_path):
    assert tags_of_film(tmp_path / "a.mp4", shaking())["camera"] == ["handheld"]


def test_a_part_that_moves_is_named_beside_the_whole():
    motion = Motion()
    from kuleshov.features.flow import CELLS, Flow

    moved = np.zeros((200, 2))
    moved[:40, 0] = 0.02  # to the right, fast, for 2 of 10 s; then the other way for 5
    moved[100:, 0] = -0.01
    grid = np.broadcast_to(moved[:, None, None], (200, *CELLS, 2)).astype(np.float16)
    camera = np.column_stack([moved, np.zeros((200, 2))]).astype(np.float16)
    flow = Flow(grid, camera, np.zeros(200, np.float16), 16 / 9)
    rows = motion.describe_flow(flow, np.arange(200) / 20, np.arange(20) / 2, 20, ())
    words = {tag.word: tag for tag in tag_shot({"motion": rows}, 10.0) if tag.kind == "camera"}
    assert words["pan right"].share == pytest.approx(0.5, abs=0.1)
    assert words["pan right"].value == pytest.approx(0.2, abs=0.03)
    assert "pan left" not in words  # too short a part of the shot


def picture(luma: NDArray | int, u: int = 128, v: int = 128) -> Iterator:
    made = flat(0, u, v, SIZE)
    made[: SIZE[1]] = luma
    return iter([made] * 12)


def steps(*levels: int) -> NDArray[np.uint8]:
    """Columns of these levels."""
    return np.repeat(np.array(levels, np.uint8), SIZE[0] // len(levels))[None].repeat(SIZE[1], 0)


@pytest.mark.parametrize(
    ("luma", "light", "contrast"),
    [
        (steps(20, 30, 40, 50), "low key", "low contrast"),
        (steps(60, 90, 120, 150, 180), "even light", "medium contrast"),
        (steps(16, 16, 230, 230), "even light", "high contrast"),
        (steps(180, 200, 220, 235), "high key", "low contrast"),
        # White letters on black.
        (steps(*[16] * 19, 235), "low key", "medium contrast"),
    ],
)
def test_light_and_contrast(tmp_path, luma, light, contrast):
    found = tags_of_film(tmp_path / "a.mp4", picture(luma))
    assert (found["light"], found["contrast"]) == ([light], [contrast])
    assert found["colour"] == ["black and white"]
    assert "hue" not in found


def tone(seen: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Rows of tone of pictures (N, S, S, 3)."""
    count = len(seen)
    return Tone().describe(
        Encoded(seen, np.zeros((count, 1), np.float32), np.zeros((count, 1, 1, 1), np.float32))
    )


HUES = {
    "red": (200, 30, 30), "orange": (230, 150, 40), "yellow": (230, 220, 50),
    "green": (40, 160, 60), "cyan": (40, 190, 190), "blue": (40, 60, 200),
    "purple": (150, 40, 160), "pink": (240, 120, 160),
}  # fmt: skip


@pytest.mark.parametrize("hue", HUES)
def test_hues_are_called_by_their_names(hue):
    seen = np.full((3, 32, 32, 3), HUES[hue], np.uint8)
    tags = tag_shot({"tone": tone(seen)}, 2.0)
    assert [tag.word for tag in tags if tag.kind == "hue"] == [hue]


def colour_of(seen: NDArray[np.uint8]) -> str:
    tags = tag_shot({"tone": tone(seen[None])}, 2.0)
    return next(tag.word for tag in tags if tag.kind == "colour")


def test_colour():
    ramp = np.linspace(30, 220, 32)[None, :, None].repeat(32, 0)
    vivid = np.zeros((32, 32, 3), np.uint8)
    for number, value in enumerate(HUES.values()):
        vivid[:, number * 4 : number * 4 + 4] = value
    assert colour_of(vivid) == "colourful"
    assert colour_of((ramp * [1, 1, 1]).astype(np.uint8)) == "black and white"
    assert colour_of((ramp * [1.0, 0.86, 0.62]).astype(np.uint8)) == "tinted"
    muted = (0.85 * vivid.mean(axis=2, keepdims=True) + 0.15 * vivid).astype(np.uint8)
    assert colour_of(muted) == "muted"


def test_what_rows_say_of_tone_can_be_read_back():
    rng = np.random.default_rng(2)
    cells = rng.integers(40, 200, (4, 4, 3)).astype(np.uint8)
    seen = cells.repeat(8, 0).repeat(8, 1)[None]
    row = tone(seen)
    back = rgb(colours_of(row)[0]).reshape(4, 4, 3).astype(int)
    assert np.abs(back - cells).max() < 25  # vivid colours are kept less exactly
    assert np.abs(back - cells).mean() < 4
    light = lab(seen.astype(np.float32))[..., 0]
    assert lights_of(row)[0, 3] == pytest.approx(float(np.median(light)), abs=1)


def face(height: float, middle: float = 0.5, expression: str = "") -> Face:
    shares = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
    told = tuple(0.82 if name == expression else 0.03 for name in shares) if expression else ()
    return Face((middle - 0.1, 0.2, 0.2, height), 0.9, 0, 0, 0, 0, 1, told)


@pytest.mark.parametrize(
    ("height", "scale"),
    [(0.9, "extreme close-up"), (0.5, "close-up"), (0.3, "medium close-up"),
     (0.18, "medium shot"), (0.11, "medium long shot"), (0.07, "long shot")],
)  # fmt: skip
def test_scale_is_told_by_the_face(height, scale):
    tags = {tag.kind: tag for tag in tag_shot({"faces": np.array([row_of([face(height)])] * 4)}, 2)}
    assert tags["scale"].word == scale
    assert tags["scale"].value == pytest.approx(height, abs=0.01)
    assert (tags["scale"].share, tags["faces"].word) == (1, "one face")


def test_faces_place_and_expression():
    rows = np.array([row_of([face(0.4, 0.2, "happy"), face(0.2, 0.8)]), row_of([])] * 3)
    tags = {tag.kind: tag for tag in tag_shot({"faces": rows}, 2)}
    assert tags["faces"].word == "two faces"
    assert (tags["face"].word, tags["expression"].word) == ("left", "happy")
    assert tags["faces"].share == pytest.approx(0.5)
    none = {tag.kind: tag.word for tag in tag_shot({"faces": np.array([row_of([])] * 3)}, 2)}
    assert none == {"faces": "no face", "length": "1 to 3 s"}
    rare = {
        t.kind for t in tag_shot({"faces": np.array([row_of([face(0.5)]), *[row_of([])] * 4])}, 2)
    }
    assert "scale" not in rare


def test_titles_and_things():
    rows = np.zeros((3, len(Trait)), np.float16)
    rows[:, Trait.TITLE] = 0.9
    assert Tag("material", "title", 0.9, 0.9).word in {
        tag.word for tag in tag_shot({"material": rows}, 2) if tag.kind == "material"
    }
    logits = np.zeros((4, concepts.CLASSES), np.float32)
    logits[:, 7] = 14
    things = [t for t in tag_shot({"concepts": concepts.pack(logits)}, 2) if t.kind == "thing"]
    assert [t.word for t in things] == [concepts.names()[7]]
    unsure = concepts.pack(np.zeros((4, concepts.CLASSES), np.float32))
    assert not [t for t in tag_shot({"concepts": unsure}, 2) if t.kind == "thing"]


def test_every_kind_has_words_and_a_sentence():
    assert set(SENTENCES) == set(WORDS)
    words = [word for kind in WORDS for word in WORDS[kind]]
    assert len(words) == len(set(words))
    assert kind_of("pan left") == "camera"
    assert kind_of("zeppelin") is None
    assert phrase(Tag("speed", "fast", 1)) == "fast movement"


def test_mirrored_tags_go_the_other_way():
    tags = (Tag("camera", "pan left", 1), Tag("face", "right", 1), Tag("camera", "tilt up", 1))
    assert [tag.word for tag in mirrored(tags)] == ["pan right", "left", "tilt up"]
    assert mirrored(mirrored(tags)) == tags


def test_a_match_says_why():
    one = (
        Tag("scale", "close-up", 1), Tag("faces", "one face", 1), Tag("camera", "push in", 1),
        Tag("light", "low key", 1), Tag("contrast", "medium contrast", 1),
        Tag("length", "1 to 3 s", 1),
    )  # fmt: skip
    other = tuple(tag for tag in one if tag.word != "one face")
    facets = {"tone": 0.2, "subject": 0.81, "composition": 0.77, "motion": 0.61, "faces": 0.7}
    assert why(one, other, facets) == (
        "both: close-up, push in, low key; subject 0.81, composition 0.77, faces 0.70"
    )
    assert shared_phrases(one, ()) == []
    assert why(one, (), {"tone": 0.3}) == ""
    assert "medium contrast" not in phrases(one)


def test_the_camera_can_be_read_back_from_rows():
    from kuleshov.features.flow import CELLS, Flow

    camera = np.tile(np.array([0.2, -0.1, 0.06, 0.04]) / 20, (40, 1))
    grid = np.zeros((40, *CELLS, 2), np.float16)
    flow = Flow(grid, camera.astype(np.float16), np.zeros(40, np.float16), 16 / 9)
    rows = Motion().describe_flow(flow, np.arange(40) / 20, np.array([1.0]), 20, ())
    assert camera_of(rows)[0] == pytest.approx([-0.2, -0.1, 0.06, -0.04], abs=0.008)
