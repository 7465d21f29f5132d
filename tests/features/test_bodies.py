"""Bodies: found, described, compared, read back, named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kuleshov
from kuleshov.features.bodies import WIDTH, Bodies, bodies_of, posture_of, row_of
from kuleshov.features.body_nets import COCO, JOINTS, Body, BodyFinder, Thing, ThingFinder
from kuleshov.features.encoder import NO_NETWORK, Encoded
from kuleshov.features.face_nets import Face
from kuleshov.features.faces import row_of as face_row
from kuleshov.features.facet import BODIES, FACES, THINGS, Reference
from kuleshov.features.measuring import tag_shot
from kuleshov.features.things import row_of as thing_row
from kuleshov.features.things import things_of
from kuleshov.media.sampling import FrameBatch, ReadRequest, read

SAMPLES = Path(kuleshov.__file__).parent / "samples"
FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage" / "archive"
ASPECT = 16 / 9

# A figure that stands and faces us, in parts of its height, x from its middle; its left is our
# right.
STANDING = {
    "nose": (0.0, 0.07), "left eye": (0.02, 0.055), "right eye": (-0.02, 0.055),
    "left ear": (0.035, 0.06), "right ear": (-0.035, 0.06),
    "left shoulder": (0.1, 0.18), "right shoulder": (-0.1, 0.18),
    "left elbow": (0.12, 0.33), "right elbow": (-0.12, 0.33),
    "left wrist": (0.12, 0.47), "right wrist": (-0.12, 0.47),
    "left hip": (0.06, 0.47), "right hip": (-0.06, 0.47),
    "left knee": (0.06, 0.71), "right knee": (-0.06, 0.71),
    "left ankle": (0.06, 0.95), "right ankle": (-0.06, 0.95),
}  # fmt: skip
RAISED = {"right elbow": (-0.16, 0.08), "right wrist": (-0.16, -0.06)}
SEATED = {
    "left knee": (0.1, 0.52), "right knee": (-0.1, 0.52),
    "left ankle": (0.1, 0.76), "right ankle": (-0.1, 0.76),
}  # fmt: skip
CROUCHED = {
    "left knee": (0.14, 0.45), "right knee": (-0.14, 0.45),
    "left ankle": (0.1, 0.62), "right ankle": (-0.1, 0.62),
}  # fmt: skip


def body(x=0.5, y=0.1, height=0.8, *moved, hidden=(), behind=False, lying=False, mirrored=False):
    """A figure, its middle at `x`, its top at `y`, `height` of the picture high when it stands."""
    places = dict(STANDING)
    for change in moved:
        places |= change
    joints = []
    for name in JOINTS:
        across, down = places[name]
        if behind:
            across = -across
        if mirrored:
            across = -across
        if lying:
            across, down = down - 0.5, 0.9 + across
        score = 0.0 if name in hidden else 0.8
        joints.append((x + across * height / ASPECT, y + down * height, score))
    if mirrored and not behind:  # the other arm is the left one
        pairs = {n: n.replace("left", "@").replace("right", "left").replace("@", "right")
                 for n in JOINTS}  # fmt: skip
        joints = [joints[JOINTS.index(pairs[name])] for name in JOINTS]
    seen = np.array([joint[:2] for joint in joints if joint[2]])
    low, high = seen.min(axis=0), seen.max(axis=0)
    return Body((*low.tolist(), *(high - low).tolist()), 0.8, tuple(joints))


LEGS = tuple(name for name in JOINTS if name.split()[-1] in ("knee", "ankle"))
PICTURES = {
    "standing": [body()],
    "raised": [body(0.5, 0.1, 0.8, RAISED)],
    "seated": [body(0.5, 0.1, 0.8, SEATED)],
    "crouched": [body(0.5, 0.1, 0.8, CROUCHED)],
    "lying": [body(lying=True)],
    "behind": [body(behind=True)],
    "to the knees": [body(0.5, 0.1, 1.1, hidden=LEGS)],
    "far": [body(0.8, 0.6, 0.15)],
    "two": [body(0.3), body(0.7)],
    "crowd": [body(0.1 * n, 0.3, 0.4) for n in range(1, 10)],
}


def alike(one, other):
    rows = (row_of(bodies, ASPECT).astype(np.float64) for bodies in (one, other))
    return float(np.dot(*rows))


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_bodies_are_alike_by_one_and_no_others_as_much(name):
    assert alike(PICTURES[name], PICTURES[name]) == pytest.approx(1, abs=2e-3)
    for other, bodies in PICTURES.items():
        if other != name:
            assert 0 < alike(PICTURES[name], bodies) < 0.97
            assert alike(PICTURES[name], bodies) == alike(bodies, PICTURES[name])


def test_nobody_is_half_like_nobody_and_unlike_anybody():
    assert alike([], []) == pytest.approx(0.5, abs=1e-3)
    for bodies in PICTURES.values():
        assert alike([], bodies) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("asked", "best", "others"),
    [
        # A raised arm answers a raised arm, of whoever and from whichever side.
        ([body(0.45, 0.05, 0.85, RAISED)], "raised", ("standing", "seated", "crouched", "lying")),
        ([body(0.5, 0.1, 0.8, RAISED, behind=True)], "raised", ("standing", "seated")),
        ([body(0.5, 0.12, 0.8, CROUCHED)], "crouched", ("standing", "raised", "lying")),
        ([body(0.5, 0.05, 0.8, SEATED)], "seated", ("standing", "raised", "lying")),
        ([body(0.55, 0.1, 0.8, lying=True)], "lying", ("standing", "seated", "crouched")),
        ([body(0.52, 0.08, 0.85, behind=True)], "behind", ("standing", "raised", "two")),
        ([body(0.25, 0.15, 0.7), body(0.72)], "two", ("standing", "behind", "far", "crowd")),
        ([body(0.75, 0.5, 0.2)], "far", ("standing", "two", "crowd")),
    ],
)
def test_what_people_do_is_answered_by_the_same(asked, best, others):
    for other in others:
        assert alike(asked, PICTURES[best]) > alike(asked, PICTURES[other]) + 0.01, other


def test_who_is_cut_off_at_the_knees_is_still_like_who_is_not():
    legless = [body(0.5, 0.1, 0.8, hidden=LEGS)]
    raised = [body(0.5, 0.1, 0.8, RAISED, hidden=LEGS)]
    assert alike(raised, PICTURES["raised"]) > alike(raised, PICTURES["standing"])
    assert alike(raised, PICTURES["raised"]) > alike(legless, PICTURES["raised"])


def test_an_arm_on_the_same_side_is_more_alike_than_one_on_the_other():
    other = body(0.5, 0.1, 0.8, RAISED, mirrored=True)
    assert alike([other], PICTURES["raised"]) < 0.97
    assert alike([other], PICTURES["raised"]) > alike(PICTURES["standing"], PICTURES["raised"])


def test_bodies_are_read_back_from_a_row():
    for bodies in PICTURES.values():
        row = row_of(bodies, ASPECT)
        assert row.shape == (WIDTH,)
        count, found, aspect = bodies_of(row)
        assert count == min(len(bodies), 8)
        assert aspect == pytest.approx(ASPECT, abs=0.01)
        largest = sorted(bodies, key=lambda one: -one.height)[: len(found)]
        for one, given in zip(found, largest, strict=True):
            assert one.box == pytest.approx(given.box, abs=0.01)
            assert np.allclose(one.joints, given.joints, atol=0.01)


def test_a_posture_is_told_by_how_joints_stand_to_each_other():
    standing, behind = (posture_of(body(behind=b), ASPECT) for b in (False, True))
    assert standing.front is not None
    assert standing.front > 0.9
    assert behind.front is not None
    assert behind.front < -0.9
    assert standing.figure == pytest.approx(0.8, rel=0.25)
    assert posture_of(body(0.5, 0.1, 0.8, RAISED), ASPECT).raised[0] > 0.5 > 0 > standing.raised[0]
    assert standing.tilt == pytest.approx(0, abs=0.1)
    lying = posture_of(body(lying=True), ASPECT).tilt
    assert lying in (pytest.approx(np.pi / 2, abs=0.1), pytest.approx(-np.pi / 2, abs=0.1))
    hidden = posture_of(replace(body(), joints=((0.0, 0.0, 0.0),) * len(JOINTS)), ASPECT)
    assert (hidden.front, hidden.tilt, hidden.raised, hidden.legs) == (None, None, (), None)


@pytest.mark.parametrize(
    ("name", "people", "does", "not_so"),
    [
        ("standing", "one person", {"full figure"}, {"sitting", "lying", "arms raised"}),
        ("raised", "one person", {"full figure", "arms raised"}, {"from behind"}),
        ("seated", "one person", {"sitting"}, {"full figure", "lying", "crouching"}),
        ("crouched", "one person", {"crouching"}, {"full figure", "lying"}),
        ("lying", "one person", {"lying"}, {"sitting", "crouching"}),
        ("behind", "one person", {"from behind", "full figure"}, {"lying"}),
        ("to the knees", "one person", set(), {"full figure", "sitting"}),
        ("two", "two people", {"full figure"}, {"from behind"}),
        ("crowd", "crowd", {"full figure"}, {"from behind"}),
    ],
)
def test_what_bodies_do_is_named(name, people, does, not_so):
    rows = {BODIES: np.stack([row_of(PICTURES[name], ASPECT)] * 4)}
    tags = tag_shot(rows, 2.0)
    assert [tag.word for tag in tags if tag.kind == "people"] == [people]
    words = {tag.word for tag in tags if tag.kind == "body"}
    assert does <= words
    assert not words & not_so


def test_who_shows_a_face_is_not_seen_from_behind_and_a_face_is_somebody():
    rows = {BODIES: np.stack([row_of(PICTURES["behind"], ASPECT)] * 3)}
    rows[FACES] = np.stack(
        [face_row([Face((0.4, 0.1, 0.2, 0.3), 0.9, 0.0, 0.0, 0.0, 0.0, 1.0)])] * 3
    )
    assert "from behind" not in {tag.word for tag in tag_shot(rows, 1.0)}
    rows[BODIES] = np.stack([row_of([], ASPECT)] * 3)
    assert "one person" in {tag.word for tag in tag_shot(rows, 1.0)}


def test_what_is_seen_most_of_the_shot_is_what_people_do():
    rows = [row_of(PICTURES["standing"], ASPECT)] * 3 + [row_of(PICTURES["raised"], ASPECT)]
    words = {tag.word for tag in tag_shot({BODIES: np.stack(rows)}, 2.0)}
    assert "arms raised" not in words
    nobody = [row_of([], ASPECT)] * 9 + [row_of(PICTURES["raised"], ASPECT)]
    words = {tag.word for tag in tag_shot({BODIES: np.stack(nobody)}, 5.0)}
    assert "no people" in words
    assert "arms raised" not in words


def test_things_are_read_back_and_named_with_their_number():
    things = [
        Thing("dog", 0.8, (0.1, 0.5, 0.2, 0.3)),
        Thing("dog", 0.6, (0.6, 0.5, 0.2, 0.3)),
        Thing("person", 0.5, (0.4, 0.1, 0.2, 0.8)),
        Thing("clock", 0.25, (0.9, 0.1, 0.05, 0.05)),
    ]
    row = thing_row(things)
    back = things_of(row)
    assert [thing.name for thing in back] == [thing.name for thing in things]
    for one, given in zip(back, things, strict=True):
        assert (*one.box, one.score) == pytest.approx((*given.box, given.score), abs=1e-3)
    (tag,) = (tag for tag in tag_shot({THINGS: np.stack([row] * 4)}, 2.0) if tag.kind == "object")
    assert (tag.word, tag.value, tag.share) == ("dog", 2.0, 1.0)
    assert things_of(thing_row([])) == ()
    assert len(set(COCO)) == 80


class Counting:
    """A loader of networks that see one person, and a body, in the middle of every picture."""

    def __init__(self, likely=0.9, kind=0):
        self.likely, self.kind, self.asked = likely, kind, []

    def __call__(self, name, shape):
        def network(pictures):
            self.asked.append(name)
            height, width = shape[1] // 4, shape[2] // 4
            at = (0, height // 2, width // 2)
            if name == "centernet-coco":
                maps = {"likely": np.zeros((1, height, width, 80), np.float32)}
                maps["likely"][(*at, self.kind)] = self.likely
                maps["sides"] = np.full((1, height, width, 4), height, np.float32)
                return maps
            maps = {"middles": np.zeros((1, height, width, 1), np.float32)}
            maps["middles"][(*at, 0)] = 0.8
            maps["joints"] = np.full((1, height, width, 17), 0.5, np.float32)
            maps["sizes"] = np.full((1, height, width, 2), height / 2, np.float32)
            maps["centres"] = np.zeros((1, height, width, 2), np.float32)
            for name_ in ("expected", "moved"):
                maps[name_] = np.zeros((1, height, width, 34), np.float32)
            return maps

        return network


def finder_of(loader):
    return BodyFinder(ThingFinder(loader), loader)


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (90, 160, 3), dtype=np.uint8)


def test_bodies_are_looked_for_only_where_somebody_may_be():
    somebody, nobody = Counting(), Counting(likely=0.05)
    assert len(finder_of(somebody).find(noise())) == 1
    assert somebody.asked == ["centernet-coco", "movenet-multipose"]
    assert finder_of(nobody).find(noise()) == ()
    assert nobody.asked == ["centernet-coco"]
    hardly = Counting(likely=0.1)  # told as a person, but bodies are not looked for
    assert finder_of(hardly).find(noise()) == ()
    assert hardly.asked == ["centernet-coco"]
    assert [thing.name for thing in ThingFinder(Counting(likely=0.1)).find(noise())] == ["person"]
    flat = Counting()
    assert finder_of(flat).find(np.full((90, 160, 3), 70, np.uint8)) == ()
    assert flat.asked == []


def test_a_picture_is_looked_at_for_things_once():
    loader = Counting()
    things = ThingFinder(loader)
    finder = BodyFinder(things, loader)
    for number in (1, 2, 1, 2):
        finder.find(noise(number))
        things.find(noise(number))
    assert loader.asked.count("centernet-coco") == 2


def test_a_bottle_is_nobody():
    bottle = Counting(kind=COCO.index("bottle"))
    assert [thing.name for thing in ThingFinder(bottle).find(noise())] == ["bottle"]
    assert finder_of(bottle).find(noise()) == ()


def pictures_of(path, every=4):
    for batch in read(ReadRequest(path, large=256)):
        if isinstance(batch, FrameBatch) and batch.large is not None:
            yield from batch.large[::every]


@pytest.mark.slow
def test_nobody_is_in_the_sky():
    for name in ("earth_at_night.mp4", "night_sky.mp4", "ocean_wave.mp4"):
        finder = BodyFinder()
        assert not any(finder.find(picture) for picture in pictures_of(SAMPLES / "archive" / name))


@pytest.mark.slow
@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="needs the footage that is not in the repository")
@pytest.mark.parametrize(
    ("name", "usual", "front"),
    [("chaplin.mp4", 2, 1), ("people_one_by_one.mp4", 1, -1), ("bottles.mp4", 0, 0)],
)
def test_people_are_found_in_films(name, usual, front):
    finder, counts, sides = BodyFinder(), [], []
    for picture in pictures_of(FOOTAGE / name, 8):
        found = finder.find(picture)
        counts.append(len(found))
        if found:
            posture = posture_of(found[0], picture.shape[1] / picture.shape[0])
            sides.append(posture.front or 0)
    assert np.bincount(counts).argmax() == usual
    if front:
        assert np.sign(np.median(sides)) == front


@pytest.mark.slow
def test_a_facet_gives_a_row_a_picture():
    pictures = np.stack([noise(1), np.full((90, 160, 3), 9, np.uint8)])
    empty = np.zeros((2, 0), np.float32)
    facet = Bodies(Reference({}, NO_NETWORK), finder_of(Counting()))
    rows = facet.describe(Encoded(pictures, empty, empty, pictures))
    assert rows.shape == (2, WIDTH)
    assert [bodies_of(row)[0] for row in rows] == [1, 0]


@pytest.mark.parametrize("name", PICTURES)
def test_a_mirrored_body_is_that_of_the_mirrored_figure(name):
    for one in PICTURES[name]:
        assert np.allclose(one.mirrored().mirrored().joints, one.joints)
    raised = body(0.4, 0.1, 0.8, RAISED)
    turned = body(0.6, 0.1, 0.8, RAISED, mirrored=True)
    assert np.allclose(raised.mirrored().joints, turned.joints)
    assert raised.mirrored().box == pytest.approx(turned.box)
