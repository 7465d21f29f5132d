"""Measure the tags of a shot, from its rows to what film people would say of it.

Nothing is decoded: the rows that are stored for matching hold faces, camera, light and colour, and
are read back. Where a threshold says no source, it was set by looking at some 150 shots of 23 films
(documentary, home video, animation, newsreel, stock footage) with their values beside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kuleshov.features import concepts
from kuleshov.features.bodies import Body, bodies_of, posture_of
from kuleshov.features.body_nets import PERSON
from kuleshov.features.face_nets import Face
from kuleshov.features.faces import EXPRESSIONS, faces_of
from kuleshov.features.facet import (
    BODIES,
    CONCEPTS,
    FACES,
    MATERIAL,
    MOTION,
    MOVEMENT,
    THINGS,
    TONE,
)
from kuleshov.features.grid import rows_of
from kuleshov.features.material import judge
from kuleshov.features.motion import camera_of, camera_word
from kuleshov.features.movement import speeds_of
from kuleshov.features.specs import ARCHIVE_GRID
from kuleshov.features.tags import WORDS, Tag
from kuleshov.features.things import things_of
from kuleshov.features.tone import colourless, colours_of, lights_of, strengths_of
from kuleshov.footage import Shot
from kuleshov.jobs import QUIET, Job

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis

__all__ = ["NEEDED", "tag_shot", "tagger", "tags_in", "tags_of_analysis"]

NEEDED = (FACES, BODIES, MOTION, MOVEMENT, TONE, MATERIAL, CONCEPTS, THINGS)
"""The rows that tags are measured from."""

Rows = NDArray[np.floating[Any]]

# Heights of a face, forehead to chin, in parts of the picture's height, from which on a shot has
# each scale. A face is some 0.8 of a head, a standing figure 7.5 heads (the draughtsman's canon).
# Above 0.78 chin or forehead are at the picture's edge; head and shoulders are 2 to 2.2 heads, to
# the chest 3.2, to the waist 4.5, to the knees 7 with some air above.
_SCALES = (0.78, 0.36, 0.24, 0.15, 0.09, 0.0)
_SHOWN = 0.34  # of a shot's rows must have a face for it to have a scale
_SIDES = (0.4, 0.6)  # of the width: between them a face is in the centre
_CLOSE = 1 / 6  # of the picture's height: below, expressions are guesses
_TOLD = 0.5  # mean probability of an expression that is worth a word

_STEP = 0.5  # s: rows of motion tell of so much
# A camera's shake over 1/8 s, for one over 1/2 s. Of 49 shots 42 then get the word that they get
# from every frame (`describe_camera`); with 1 it is 40, with 2 it is 36.
_SHAKE = 1.25
_RUN = 1.5  # s that a movement must last to be named beside that of the whole shot
_PART = 0.3  # of the shot, the same
_CORNER = 0.7  # of the picture's size: how far its corners are from the middle

_SPEEDS = (0.006, 0.06, 0.25)  # picture sizes a second; up to these still, slow, moderate
_DARK, _BRIGHT = 32.0, 68.0  # lightness; between them a median is even light
_CLEAR, _DIM = 62.0, 35.0  # of the brightest quarter in low key, the darkest in high key
_CONTRASTS = (38.0, 66.0)  # between the darkest and the brightest tenth
_LITTLE = 0.65  # of that between the darkest and the brightest fiftieth: alone never high contrast
_COLOURED = 0.22  # strength of a colour that is seen as one and not as grey: chroma of about 5
_VIVID, _USUAL = (
    0.75,
    0.3,
)  # strengths of the strongest and the median colours of colourful pictures
_ONE_HUE = 0.985  # how far the hues of a tinted picture agree (length of their mean direction)
_TINTED = 0.08  # strength of the weakest colour in tinted film: its greys have the tint, too

# Hue angles of CIELAB, in degrees, at which each hue of `WORDS` ends: sRGB's red is at 40, orange
# at 72, yellow at 103, green at 136, cyan at 196, blue at 306, magenta at 328, pink at 5.
_HUES = (("pink", 20), ("red", 48), ("orange", 82), ("yellow", 112), ("green", 172),
         ("cyan", 226), ("blue", 308), ("purple", 335), ("pink", 360))  # fmt: skip
_HUE_PART = 0.15  # of the picture that a hue must take
_MOST_HUES = 3

# Probability of a thing that is worth a word, in the whole shot or a quarter of it: of those below,
# half were wrong (a volcano for a wave); of those above, one in ten.
_LIKELY = 0.6
_MOST_THINGS = 3

# Of a body, in trunks from shoulders to hips, angles in radians; a figure's trunk is 0.29 of it.
_HELD = 0.5  # of the rows with a body in which a word must hold
_RAISED = 0.2  # that a wrist is above its shoulder
_SEATED, _SQUAT = 0.4, 0.75  # that knees, and ankles, are below the hips at most
_UPRIGHT, _LEVEL = math.radians(40), math.radians(60)  # tilt of a trunk: up to, and from
_BACK = -0.5  # front of who is seen from behind, at most; a face that was found says otherwise
_SEEN = 0.3  # score of a joint
_FEET, _HEAD = (15, 16), (0, 1, 2, 3, 4)  # joints

_FOUND = 0.4  # mean score, in the third of the rows that shows it best, of an object that is told
_THERE = 0.3  # score of one that is counted
_MOST_OBJECTS = 5

_LENGTHS = (1.0, 3.0, 10.0)  # s


def tag_shot(rows: Mapping[str, Rows], seconds: float, grid: int = 2) -> tuple[Tag, ...]:
    """Return the tags of a shot, in the order of `WORDS`.

    `rows`: for each kind of `NEEDED` those of the shot's core, (M, D), `grid` of them a second; M
    is the same for all and at least 1. A kind of rows that is lacking leaves out its tags.
    `seconds` is how long the core is.
    """
    found: list[Tag] = []
    judged = judge(rows[MATERIAL]) if MATERIAL in rows else None
    title = judged is not None and judged.kind == "title"  # drawn: no camera, no things in it
    if FACES in rows:
        found += _faces(rows[FACES])
    if BODIES in rows and not title:
        found += _bodies(rows[BODIES], rows.get(FACES))
    if MOTION in rows and not title:
        found += _camera(rows[MOTION], grid)
    if MOVEMENT in rows:
        found.append(_speed(rows[MOVEMENT]))
    if TONE in rows:
        found += [*_light(rows[TONE]), *_colour(rows[TONE])]
    if CONCEPTS in rows and not title:
        found += _things(rows[CONCEPTS])
    if THINGS in rows and not title:
        found += _objects(rows[THINGS])
    if judged is not None and title:
        found.append(Tag("material", "title", judged.share, judged.share))
    word = WORDS["length"][int(np.searchsorted(_LENGTHS, seconds, side="right"))]
    found.append(Tag("length", word, 1.0, seconds))
    return tuple(_rounded(tag) for tag in found)


def tags_in(
    rows: Mapping[str, Rows], shown: NDArray[np.int64], shot: Shot, seconds: float, grid: int
) -> tuple[Tag, ...]:
    """Return the tags of one shot of a film.

    `rows` (M, D) are the whole film's, `shown` (M,) the frames that they show, `seconds` the length
    of the shot's core.

    A shot between two rows is read by the next. A shot without picture has no tags.
    """
    if shot.black or not len(shot.core) or not len(shown):
        return ()
    part = slice(*rows_of(shown, shot.core))
    return tag_shot({name: rows[name][part] for name in NEEDED if name in rows}, seconds, grid)


def tags_of_analysis(analysis: Analysis, job: Job = QUIET) -> tuple[tuple[Tag, ...], ...]:
    """Return the tags of every shot of a film that was looked at.

    On whatever grid that was, they are read from the rows that the archive would have of it: a shot
    has the same tags as a source, as footage and on a page. Raises `Stopped` where the job is to
    stop.
    """
    return tuple(map(tagger(analysis), job.over(analysis.shots)))


def tagger(analysis: Analysis) -> Callable[[Shot], tuple[Tag, ...]]:
    """Return a function that tells the tags of a shot, as `tags_of_analysis` has them of all."""
    rows, shown, grid = _as_archived(analysis)

    def tags(shot: Shot) -> tuple[Tag, ...]:
        return tags_in(rows, shown, shot, float(analysis.range_of(shot.core).duration), grid)

    return tags


def _as_archived(
    analysis: Analysis,
) -> tuple[Mapping[str, NDArray[Any]], NDArray[np.int64], int]:
    """Return the rows that tags need, the frames they show and how many there are a second.

    They are on the archive's grid where theirs is a multiple of it.
    """
    step, odd = divmod(analysis.grid, ARCHIVE_GRID)
    kept = np.arange(-analysis.first_row % max(step, 1), len(analysis.shown), max(step, 1))
    if odd or step < 2 or not len(kept):
        return analysis.features, analysis.shown, analysis.grid
    rows = {name: part[kept] for name, part in analysis.features.items() if name in NEEDED}
    if MOVEMENT in rows:
        # It has a fixed number of samples a second: a row holds those of the rows left out too.
        all_of_it = analysis.features[MOVEMENT]
        next_ones = np.minimum(kept[:, None] + np.arange(step), len(all_of_it) - 1)
        rows[MOVEMENT] = all_of_it[next_ones].reshape(len(kept), -1)
    return rows, analysis.shown[kept], ARCHIVE_GRID


def _rounded(tag: Tag) -> Tag:
    """Return a tag rounded to what is worth keeping: four places."""
    value = None if tag.value is None else round(float(tag.value), 4)
    return Tag(tag.kind, tag.word, round(float(tag.share), 4), value)


def _faces(rows: Rows) -> list[Tag]:
    """Return scale, number of faces, and place and expression of the main one."""
    read = [faces_of(np.asarray(row, np.float16)) for row in rows]
    counts = np.array([count for count, _ in read])
    words = np.minimum(counts, 4)
    usual = int(np.bincount(words).argmax())
    main = [faces[0] for _, faces in read if faces]
    shown = len(main) / len(read)
    if shown < _SHOWN:
        usual = 0
    elif usual == 0:  # a face that is found every other time is there
        usual = int(np.bincount(words[words > 0]).argmax())
    share = float((words == usual).mean())
    number = Tag("faces", WORDS["faces"][usual], share, float(counts.mean()))
    if not usual:
        return [number]
    heights = np.array([face.height for face in main])
    middles = np.clip([face.box[0] + face.box[2] / 2 for face in main], 0, 1)
    height, middle = float(np.median(heights)), float(np.median(middles))
    return [
        _worded("scale", height, heights, _scale, shown),
        number,
        _worded("face", middle, middles, _side, shown),
        *_expression(main),
    ]


def _worded(
    kind: str, value: float, values: NDArray[Any], word: Callable[[float], str], shown: float
) -> Tag:
    """Return the word for a value; it holds by the share of the rows that say the same."""
    said = word(value)
    return Tag(kind, said, shown * float(np.mean([word(v) == said for v in values])), value)


def _scale(height: float) -> str:
    return WORDS["scale"][next(n for n, least in enumerate(_SCALES) if height >= least)]


def _side(middle: float) -> str:
    return WORDS["face"][int(np.searchsorted(_SIDES, middle))]


def _expression(main: Sequence[Face]) -> list[Tag]:
    told = [face.expression for face in main if face.expression and face.height >= _CLOSE]
    if len(told) < len(main) / 2:
        return []
    mean = np.mean(told, axis=0)
    best = int(mean.argmax())
    if mean[best] < _TOLD:
        return []
    return [Tag("expression", EXPRESSIONS[best], float(mean[best]), float(mean[best]))]


def _bodies(rows: Rows, faces: Rows | None) -> list[Tag]:
    """Return the number of people, and what the largest of them does."""
    read = [bodies_of(row) for row in rows]
    seen = np.zeros(len(read), np.int64)
    if faces is not None:
        seen += [faces_of(np.asarray(row, np.float16))[0] for row in faces]
    # A face that fills the picture has no body.
    counts = np.maximum([count for count, _, _ in read], seen)
    words = np.minimum(counts, 4)
    usual = int(np.bincount(words).argmax())
    if usual == 0 and (counts > 0).mean() >= _SHOWN:
        usual = int(np.bincount(words[words > 0]).argmax())
    share = float((words == usual).mean())
    tags = [Tag("people", WORDS["people"][usual], share, float(counts.mean()))]
    told = [
        _told_of(bodies[0], aspect, bool(faced))
        for (_, bodies, aspect), faced in zip(read, seen, strict=True)
        if bodies
    ]
    if len(told) < _SHOWN * len(read):
        return tags
    for word in WORDS["body"]:
        part = sum(word in words for words in told)
        if part >= _HELD * len(told):
            tags.append(Tag("body", word, part / len(told), part / len(read)))
    return tags


def _told_of(body: Body, aspect: float, faced: bool) -> set[str]:
    """Return which words for a body hold; `faced` says that the picture has a face."""
    posture = posture_of(body, aspect)
    scores = [score for _, _, score in body.joints]
    feet, head = (max(scores[n] for n in part) for part in (_FEET, _HEAD))
    upright = posture.tilt is not None and abs(posture.tilt) < _UPRIGHT
    seated = posture.thighs is not None and posture.thighs < _SEATED and upright
    low = posture.legs is not None and posture.legs < _SQUAT and feet >= _SEEN
    holds = {
        "full figure": feet >= _SEEN and head >= _SEEN and not seated,
        "from behind": posture.front is not None and posture.front < _BACK and not faced,
        "arms raised": bool(posture.raised) and posture.raised[0] > _RAISED,
        "sitting": seated and not low,
        "crouching": seated and low,
        "lying": posture.tilt is not None and abs(posture.tilt) > _LEVEL,
    }
    return {word for word, does in holds.items() if does}


def _objects(rows: Rows) -> list[Tag]:
    """Return what a detector finds beside people, the surest first."""
    read = [things_of(row) for row in rows]
    scores: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for number, things in enumerate(read):
        for thing in things:
            if thing.name == PERSON:
                continue
            best = scores.setdefault(thing.name, [0.0] * len(read))
            best[number] = max(best[number], thing.score)
            counts[thing.name] = counts.get(thing.name, 0) + (thing.score >= _THERE)
    third = max(1, math.ceil(len(read) / 3))
    sure = {name: float(np.mean(sorted(best)[-third:])) for name, best in scores.items()}
    named = sorted((name for name in sure if sure[name] >= _FOUND), key=lambda n: -sure[n])
    return [
        Tag(
            "object",
            name,
            float(np.mean(np.array(scores[name]) >= _THERE)),
            counts[name] / len(read),
        )
        for name in named[:_MOST_OBJECTS]
    ]


def _camera(rows: Rows, grid: int) -> list[Tag]:
    """Return what the camera does in the whole shot, and what else in a good part of it."""
    speeds = camera_of(rows)
    apart = speeds[:: max(1, round(_STEP * grid))]
    wavering = np.linalg.norm(np.diff(apart * (1, 1, 0.5, 0.5), axis=0), axis=1)
    shake = _SHAKE * float(np.median(wavering)) if len(wavering) else 0.0
    mean = speeds.mean(axis=0)
    word = _move(mean, shake)
    each = [_move(row) for row in speeds]
    if word == "handheld":
        return [Tag("camera", word, float(np.mean([one != "static" for one in each])), shake)]
    tags = [Tag("camera", word, each.count(word) / len(each), _fastest(mean))]
    for other in dict.fromkeys(each):
        part = each.count(other) / len(each)
        if other not in (word, "static") and part >= _PART and _longest(each, other) >= _RUN * grid:
            these = speeds[[one == other for one in each]].mean(axis=0)
            tags.append(Tag("camera", other, part, _fastest(these)))
    return tags


def _move(speeds: NDArray[np.float64], shake: float = 0.0) -> str:
    pan, tilt, zoom, roll = (float(speed) for speed in speeds)
    return camera_word(pan, tilt, zoom, roll, shake)


def _fastest(speeds: NDArray[np.float64]) -> float:
    """Return the fastest of pan, tilt, zoom and roll, as `camera_word` compares them."""
    return float(np.abs(speeds * (1, 1, _CORNER, _CORNER)).max())


def _longest(words: Sequence[str], wanted: str) -> int:
    """Return how often a word follows itself, at most."""
    best = run = 0
    for word in words:
        run = run + 1 if word == wanted else 0
        best = max(best, run)
    return best


def _speed(rows: Rows) -> Tag:
    speeds = speeds_of(rows).ravel()
    middle = float(np.median(speeds))
    word, each = int(np.searchsorted(_SPEEDS, middle)), np.searchsorted(_SPEEDS, speeds)
    return Tag("speed", WORDS["speed"][word], float((each == word).mean()), middle)


def _light(rows: Rows) -> list[Tag]:
    """Return key and contrast."""
    lights = lights_of(rows)  # at 2, 10, 25, 50, 75, 90 and 98 %
    whole = np.median(lights, axis=0)
    keys = np.array([_key(row) for row in lights])
    key = _key(whole)
    spread, spreads = float(_spread(whole)), _spread(lights)
    word, each = int(np.searchsorted(_CONTRASTS, spread)), np.searchsorted(_CONTRASTS, spreads)
    return [
        Tag("light", WORDS["light"][key], float((keys == key).mean()), float(whole[3])),
        Tag("contrast", WORDS["contrast"][word], float((each == word).mean()), spread),
    ]


def _spread(lights: NDArray[Any]) -> NDArray[Any]:
    """Return how far light and dark lie apart, by the seven lightnesses of pictures, (..., 7).

    White letters on black, or a moon, are a twentieth of the picture, and no low contrast.
    """
    most, little = lights[..., 5] - lights[..., 1], lights[..., 6] - lights[..., 0]
    return np.asarray(np.maximum(most, _LITTLE * little))


def _key(lights: NDArray[Any]) -> int:
    """Return 0 for low, 1 for even, 2 for high key, by the seven lightnesses of a picture."""
    if lights[3] < _DARK and lights[4] < _CLEAR:
        return 0
    return 2 if lights[3] > _BRIGHT and lights[2] > _DIM else 1


def _colour(rows: Rows) -> list[Tag]:
    """Return how colourful the shot is, and which hues it has."""
    strengths, cells = strengths_of(rows), colours_of(rows)
    words = np.array([_chroma(*pair) for pair in zip(strengths, cells, strict=True)])
    words[colourless(rows)] = 0
    most = int(np.bincount(words, minlength=4).argmax())
    share = float((words == most).mean())
    tag = Tag("colour", WORDS["colour"][most], share, float(np.median(strengths[:, 3])))
    return [tag] if most == 0 else [tag, *_hues(cells)]


def _chroma(strengths: NDArray[Any], cells: NDArray[Any]) -> int:
    """Return 1 for tinted, 2 for muted, 3 for colourful.

    By the four strengths and (16, 3) colours of a picture.
    """
    directions = cells[:, 1:] / np.maximum(np.linalg.norm(cells[:, 1:], axis=1), 1e-6)[:, None]
    together = float(np.linalg.norm(directions.mean(axis=0)))
    everywhere = strengths[0] >= _TINTED and strengths[1] >= _COLOURED and strengths[3] < _VIVID
    if everywhere and together >= _ONE_HUE:
        return 1
    return 3 if strengths[3] >= _VIVID and strengths[2] >= _USUAL else 2


def _hues(cells: NDArray[Any]) -> list[Tag]:
    """Return the hues of the means (M, 16, 3) of places of the picture, the largest first."""
    seen = np.log1p(np.linalg.norm(cells[..., 1:], axis=-1) / 15) / np.log1p(4) >= _COLOURED
    angles = np.degrees(np.arctan2(cells[..., 2], cells[..., 1])) % 360
    names = np.searchsorted([end for _, end in _HUES], angles, side="right")
    parts: dict[str, float] = {}
    for number, (name, _) in enumerate(_HUES):
        part = float((seen & (names == number)).mean())
        parts[name] = parts.get(name, 0.0) + part
    largest = sorted(parts.items(), key=lambda item: -item[1])[:_MOST_HUES]
    return [Tag("hue", name, part, part) for name, part in largest if part >= _HUE_PART]


def _things(rows: Rows) -> list[Tag]:
    """Return what a classifier recognises, in the whole shot or in a quarter of it."""
    likely = concepts.probabilities(rows)
    sure = np.maximum(likely.mean(axis=0), np.quantile(likely, 0.75, axis=0))
    best = np.argsort(-sure)[:_MOST_THINGS]
    named = concepts.names()
    return [
        Tag("thing", named[n], float((likely[:, n] >= 0.5).mean()), float(sure[n]))
        for n in best.tolist()
        if sure[n] >= _LIKELY
    ]
