"""Faces: found, described, compared, read back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kuleshov
from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.face_nets import EXPRESSIONS, Face, FaceFinder
from kuleshov.features.faces import WIDTH, Faces, faces_of, row_of
from kuleshov.features.facet import Reference
from kuleshov.media.sampling import FrameBatch, ReadRequest, read

pytestmark = pytest.mark.slow

SAMPLES = Path(kuleshov.__file__).parent / "samples"
FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage" / "archive"


def expression(name, share=0.94):
    rest = (1 - share) / (len(EXPRESSIONS) - 1)
    return tuple(share if name == each else rest for each in EXPRESSIONS)


def face(x=0.5, y=0.45, height=0.5, yaw=0.0, says="neutral", mouth=0.0, **others):
    """A face in the middle of a picture of 16:9, its box given by centre and height."""
    width = height * 0.75 / (16 / 9)
    return Face(
        box=(x - width / 2, y - height / 2, width, height),
        score=0.9,
        roll=others.get("roll", 0.0),
        yaw=yaw,
        pitch=others.get("pitch", 0.0),
        mouth_open=mouth,
        eyes_open=1.0,
        expression=expression(says) if height >= 0.16 else (),
    )


def mirrored(one):
    x, y, width, height = one.box
    return replace(one, box=(1 - x - width, y, width, height), yaw=-one.yaw, roll=-one.roll)


def alike(one, other):
    return float(row_of(one).astype(np.float64) @ row_of(other).astype(np.float64))


PICTURES = {
    "close": [face(height=0.8, says="happy", mouth=0.6)],
    "medium": [face(x=0.3, height=0.3, yaw=30)],
    "far": [face(x=0.7, height=0.08)],
    "two": [face(x=0.3, yaw=25), face(x=0.7, height=0.4, yaw=-25, says="angry")],
    "crowd": [face(x=0.1 * n, height=0.1 + 0.01 * n, yaw=9.0 * n) for n in range(1, 10)],
    "beyond": [face(x=0.98, y=1.02, height=1.3, says="afraid", roll=-30, pitch=-20)],
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_faces_are_alike_by_one_and_no_others_as_much(name):
    assert alike(PICTURES[name], PICTURES[name]) == pytest.approx(1, abs=2e-3)
    for other, faces in PICTURES.items():
        if other != name:
            assert 0 < alike(PICTURES[name], faces) < 0.9
            assert alike(PICTURES[name], faces) == alike(faces, PICTURES[name])


def test_no_face_is_half_like_no_face_and_unlike_any():
    assert alike([], []) == pytest.approx(0.5, abs=1e-3)
    for faces in PICTURES.values():
        assert alike([], faces) == 0


@pytest.mark.parametrize(
    "steps",
    [
        [[face(x=0.5 + 0.05 * n)] for n in range(9)],
        [[face(y=0.45 + 0.06 * n)] for n in range(8)],
        [[face(height=0.9 * 0.8**n)] for n in range(9)],
        [[face(x=0.1 + 0.2 * k, height=0.3) for k in range(n)] for n in range(1, 6)],
        [[face(yaw=10.0 * n)] for n in range(7)],
        [[face(mouth=0.15 * n)] for n in range(7)],
        [[face()], [face(pitch=20.0)], [face(pitch=40.0)]],
    ],
    ids=["across", "down", "size", "number", "yaw", "mouth", "pitch"],
)
def test_similarity_falls_smoothly_with_every_difference(steps):
    falling = [alike(steps[0], step) for step in steps]
    assert (np.diff(falling) < 0).all()
    assert np.diff(falling).min() > -0.3


def test_a_small_step_costs_as_much_wherever_it_is():
    """The marks on which values are spread leave no places that count more than others."""
    for start in np.linspace(0.12, 0.8, 18):
        cost = 1 - alike([face(x=start)], [face(x=start + 0.08)])
        assert 0.005 < cost < 0.05


def test_an_expression_counts_a_third_in_a_close_up_and_nothing_far_away():
    def gap(height):
        happy = face(height=height, says="happy", mouth=0.8)
        return 1 - alike([face(height=height)], [happy])

    assert 0.2 < gap(0.6) <= 0.34
    assert gap(0.6) > gap(0.25) > gap(0.17)
    assert gap(0.1) == pytest.approx(0, abs=5e-3)


def test_a_close_up_answers_a_close_up_before_its_place_or_side():
    close = [face(height=0.7)]
    assert alike(close, [face(x=0.6, height=0.65, yaw=20)]) > alike(close, [face(height=0.15)])
    assert alike(close, [face(height=0.15)]) > alike(close, [])


def test_mirrored_pictures_are_alike_as_much():
    for one in PICTURES.values():
        for other in PICTURES.values():
            flipped = [mirrored(f) for f in one], [mirrored(f) for f in other]
            assert alike(*flipped) == pytest.approx(alike(one, other), abs=2e-3)
    left = face(x=0.3, yaw=-30)
    assert alike([left], [mirrored(left)]) < 0.75
    assert alike([left], [mirrored(mirrored(left))]) == pytest.approx(1, abs=2e-3)


def test_the_largest_faces_can_be_read_back():
    assert WIDTH <= 256
    for faces in PICTURES.values():
        count, found = faces_of(row_of(faces))
        assert count == min(len(faces), 8)
        largest = sorted(faces, key=lambda each: -each.height)[:3]
        assert len(found) == len(largest)
        for one, other in zip(found, largest, strict=True):
            assert one.box == pytest.approx(other.box, abs=0.01)
            angles = (other.roll, other.yaw, other.pitch)
            assert (one.roll, one.yaw, one.pitch) == pytest.approx(angles, abs=1)
            assert one.mouth_open == pytest.approx(other.mouth_open, abs=0.01)
            assert one.expression == pytest.approx(other.expression, abs=0.01)
            assert one.says == other.says
    assert faces_of(row_of([])) == (0, ())


def test_a_face_must_have_an_extent_and_all_expressions():
    with pytest.raises(ValueError, match="extent"):
        replace(face(), box=(0.1, 0.1, 0.0, 0.2))
    with pytest.raises(ValueError, match="expressions"):
        replace(face(), expression=(1.0,))
    assert face(height=0.1).says == ""


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def pictures_of(path, numbers):
    """Sampled pictures of a film, 2 a second, 256 lines, by their numbers."""
    batches = [b for b in read(ReadRequest(path, large=256)) if isinstance(b, FrameBatch)]
    large = np.concatenate([b.large for b in batches if b.large is not None and len(b.large)])
    return np.ascontiguousarray(large[numbers])


@pytest.fixture(scope="module")
def astronaut():
    return pictures_of(SAMPLES / "archive" / "to_the_stars.mp4", [0, 5, 10, 20])


def test_a_smiling_face_is_found_and_nothing_else(finder, astronaut):
    near, nearer, rocket, galaxies = finder.find(astronaut)
    assert rocket == galaxies == []
    (small,), (large,) = near, nearer
    assert 0.3 < small.height < large.height < 0.9
    for one in (small, large):
        x, y, width, height = one.box
        assert 0.4 < x + width / 2 < 0.65
        assert 0.2 < y + height / 2 < 0.7
        assert abs(one.yaw) < 15
        assert abs(one.roll) < 10
        assert one.says == "happy"
        assert one.mouth_open > 0.2


def test_a_face_is_the_same_without_colours_mirrored_and_in_any_batch(finder, astronaut):
    picture = astronaut[:1]
    ((one,),) = finder.find(picture)
    grey = np.repeat(picture.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    ((other,),) = finder.find(grey)
    assert one.box == pytest.approx(other.box, abs=0.03)
    ((turned,),) = finder.find(np.ascontiguousarray(picture[:, :, ::-1]))
    assert mirrored(turned).box == pytest.approx(one.box, abs=0.03)
    assert mirrored(turned).yaw == pytest.approx(one.yaw, abs=8)
    among = finder.find(astronaut[[2, 0, 0, 3]])
    assert among[0] == among[3] == []
    assert among[1] == among[2]
    assert among[1][0].box == pytest.approx(one.box, abs=1e-3)


def test_a_turned_face_is_found_with_its_turn(finder, astronaut):
    (upright,) = finder.find(astronaut[:1])[0]
    size = 2 * astronaut.shape[1]
    wide = np.zeros((size, size, 3), np.uint8)
    wide[size // 4 : -size // 4, :455] = astronaut[0]
    from PIL import Image

    leaning = np.asarray(Image.fromarray(wide).rotate(-25, Image.Resampling.BILINEAR))
    found = finder.find(leaning[None])[0]
    assert len(found) == 1
    assert found[0].roll == pytest.approx(upright.roll + 25, abs=6)


def test_a_mouth_opens_into_a_smile(finder):
    shots = pictures_of(SAMPLES / "trailer.mp4", [17, 18, 19])
    found = finder.find(shots)
    assert [len(each) for each in found] == [1, 1, 1]
    assert found[2][0].expression[EXPRESSIONS.index("happy")] > 0.7


@pytest.mark.parametrize("name", ["ocean_wave", "night_sky", "coffee_table", "minneapolis_flight"])
def test_films_without_faces_have_none(finder, name):
    pictures = pictures_of(SAMPLES / "archive" / f"{name}.mp4", slice(None, None, 6))
    assert len(pictures) >= 2
    assert not any(finder.find(pictures))


def test_the_facet_takes_large_pictures_or_else_the_squeezed_ones(finder, astronaut):
    facet = Faces(Reference({}, NO_NETWORK), finder)
    squeezed = astronaut[:, ::2, : 2 * 224 : 2][:, :, :224]
    vectors = np.zeros((len(astronaut), 4), np.float32)
    seen = Encoded(squeezed, vectors, vectors[:, None, None], large=astronaut)
    rows = facet.describe(seen)
    assert rows.shape == (4, WIDTH)
    assert rows.dtype == np.float16
    assert [faces_of(row)[0] for row in rows] == [1, 1, 0, 0]
    assert facet.describe(replace(seen, large=None)).shape == (4, WIDTH)
    none = Encoded(squeezed[:0], vectors[:0], vectors[:0, None, None])
    assert facet.describe(none).shape == (0, WIDTH)


class Nets:
    """Networks that see a face wherever they look, with a given probability of its presence."""

    def __init__(self, presence, score=0.65):
        self.presence, self.score = presence, score
        self.asked = []

    def __call__(self, name, shape):
        def run(batch):
            assert batch.shape == shape
            self.asked.append((name, batch.shape))
            if name == "face-landmarks":
                points = np.random.default_rng(0).uniform(60, 130, (len(batch), 468, 3))
                presence = np.full(len(batch), self.presence, np.float32)
                return {"points": points.astype(np.float32), "presence": presence}
            if name == "face-expression":
                return {"expressions": np.full((len(batch), 7), 1 / 7, np.float32)}
            _, height, width, _ = batch.shape
            step = 16 if name == "blazeface-back" else 4
            count = height // step * (width // step)
            count = count * 2 + height // 32 * (width // 32) * 6 if step == 16 else count
            boxes, scores = np.zeros((1, count, 16), np.float32), np.zeros((1, count), np.float32)
            boxes[..., 2:4] = 60
            boxes[..., 6] = 20  # the right eye, beside the left one
            scores[0, count // 3] = self.score
            return {"boxes": boxes, "scores": scores}

        return run


def test_what_the_landmarks_deny_is_no_face():
    noise = np.random.default_rng(1).integers(0, 256, (1, 256, 455, 3), np.uint8)
    for presence, count in ((0.6, 0), (0.8, 1)):
        nets = Nets(presence)
        assert len(FaceFinder(nets).find(noise)[0]) == count
        detectors = [name for name, _ in nets.asked if name.startswith("blazeface")]
        # The second detector is asked only where the first found nothing.
        assert len(detectors) == 2 - count
        for name, shape in nets.asked:
            if name.startswith("blazeface"):
                assert shape[1] % 32 == shape[2] % 32 == 0
                assert shape[2] / shape[1] == pytest.approx(455 / 256, rel=0.06)


def test_the_second_detector_is_asked_only_where_the_first_has_a_hint():
    noise = np.random.default_rng(1).integers(0, 256, (1, 256, 455, 3), np.uint8)
    for score, asked in (
        (0.1, ["blazeface-back"]),
        (0.4, ["blazeface-back", "blazeface-full-range"]),
    ):
        nets = Nets(1.0, score)
        assert FaceFinder(nets).find(noise) == [[]]
        assert [name for name, _ in nets.asked] == asked


def test_a_picture_that_shows_nothing_costs_nothing():
    nets = Nets(1.0)
    plain = np.full((3, 256, 455, 3), 40, np.uint8)
    assert FaceFinder(nets).find(plain) == [[], [], []]
    assert nets.asked == []


def footage(name):
    path = FOOTAGE / name
    if not path.is_file():
        pytest.skip(f"the test footage is not there: {path}")
    return path


def test_two_men_at_a_desk(finder):
    found = finder.find(pictures_of(footage("obama_speech.mp4"), [2, 9, 15]))
    assert [len(faces) for faces in found] == [2, 2, 2]


def test_small_faces_in_black_and_white(finder):
    found = finder.find(pictures_of(footage("chaplin.mp4"), [8, 10, 13, 15]))
    assert [len(faces) for faces in found] == [1, 1, 1, 1]
    assert all(0.07 < faces[0].height < 0.2 for faces in found)


def test_animals_and_machines_are_no_faces(finder):
    for name in ("cockatoo.mp4", "nasa_13013.mp4"):
        assert not any(finder.find(pictures_of(footage(name), slice(None, None, 12))))
