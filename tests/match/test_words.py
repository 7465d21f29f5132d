"""Search by words: what is taken for what, and which shots answer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import kuleshov
from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.body_nets import COCO, Thing
from kuleshov.features.concepts import names, pack
from kuleshov.features.encoder import encoder
from kuleshov.features.face_nets import EXPRESSIONS, Face
from kuleshov.features.faces import row_of
from kuleshov.features.tags import Tag
from kuleshov.features.things import row_of as things_row
from kuleshov.footage import Slate
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.text import grounds
from kuleshov.match.text.by_words import CLEAR, find_words
from kuleshov.match.text.film_words import SCENES
from kuleshov.match.text.lexicon import ClassLexicon
from kuleshov.match.text.objects import OBJECTS, object_of
from kuleshov.match.text.phrases import PHRASES, parse
from kuleshov.media.sampling import FrameBatch, ReadRequest, read
from kuleshov.notes import texts
from kuleshov.timecode import FrameRange
from match.rows import film

SAMPLES = Path(kuleshov.__file__).parent / "samples" / "archive"
SECOND = Fraction(1)


@pytest.fixture(scope="module")
def lexicon():
    return ClassLexicon()


def shown(number, *classes):
    """A film of a shot of 4 s for each class, which the classifier sees in it."""
    cuts = tuple(4.0 * (n + 1) for n in range(len(classes) - 1))
    made = film(number, 4.0 * len(classes), cuts)
    logits = np.random.default_rng(number).normal(0, 1, (len(made.shown), 1000))
    for place, name in enumerate(classes):
        logits[8 * place : 8 * place + 8, names().index(name)] += 12
    return replace(made, rows={**made.rows, "concepts": pack(logits)})


@pytest.fixture(scope="module")
def archive():
    return ArchiveRows(
        [shown(1, "tabby", "sports car", "seashore"), shown(2, "pizza", "beagle", "castle")]
    )


def ask(text, archive, lexicon, drift=0.0, count=6, tags=None):
    options = MatchOptions(candidates=count)
    return find_words(text, SECOND, archive, options, drift, lexicon=lexicon, tags=tags)


def first(text, archive, lexicon, **how):
    best = ask(text, archive, lexicon, **how).hits[0]
    return best.film.footage.id, best.shot


@pytest.mark.parametrize(
    ("text", "shot"),
    [
        ("cat", (1, 0)),
        ("cars", (1, 1)),
        ("the sea", (1, 2)),
        ("food", (2, 0)),
        ("a dog", (2, 1)),
        ("building", (2, 2)),
        ("animal, not a cat", (2, 1)),
        ("animal -dog", (1, 0)),
        ("a kitten on the sofa", (1, 0)),
    ],
)
def test_the_shot_that_shows_it_comes_first(text, shot, archive, lexicon):
    assert first(text, archive, lexicon) == shot


def test_one_clip_of_each_shot_inside_its_core_with_scores_in_order(archive, lexicon):
    found = ask("dog", archive, lexicon).hits
    assert len({(c.film.footage.id, c.shot) for c in found}) == len(found) == 6
    scores = [c.score for c in found]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] < 0.5 < scores[0] < 1
    for c in found:
        assert c.usable.start <= c.media.start < c.media.end <= c.usable.end
        assert c.media.duration == SECOND
        assert c.held == 0


def test_tags_are_asked_and_turned_round_without_filtering(archive, lexicon):
    known = {(1, 0): "black and white", (2, 1): "colourful"}

    def tags(one):
        return {
            shot.index: [Tag("colour", known.get((one.footage.id, shot.index), "muted"), 1.0)]
            for shot in one.shots
        }

    assert first("black and white", archive, lexicon, tags=tags) == (1, 0)
    assert first("animal, black and white", archive, lexicon, tags=tags) == (1, 0)
    assert first("animal, not black and white", archive, lexicon, tags=tags) == (2, 1)
    assert len(ask("black and white", archive, lexicon, tags=tags).hits) == 6


def test_phrases_names_and_negation(lexicon):
    asked = parse("Slow pan over water, no people", lexicon.knows)
    assert (asked.text, asked.words, asked.against) == ("water", ("water",), ())
    assert [(w.said, w.negated) for w in asked.wanted] == [
        ("slow", False),
        ("pan", False),
        ("people", True),
    ]
    assert parse("red wine", lexicon.knows).wanted == ()
    assert parse("a red car", lexicon.knows).text == "car"
    assert [w.said for w in parse("Close-up, b&w", lexicon.knows).wanted] == [
        "close-up",
        "b&w",
    ]
    assert parse("a cat without dogs but snow", lexicon.knows).against == ("dogs",)
    assert parse("cat -dog snow", lexicon.knows).words == ("cat", "snow")


def test_every_phrase_asks_for_tags_that_there_are():
    from kuleshov.features.tags import WORDS

    for words in PHRASES.values():
        assert all(word in WORDS[kind] and 0 < share <= 1 for (kind, word), share in words.items())
    known = set(names())
    assert all(set(shown.split(", ")) <= known for shown in SCENES.values())


def test_what_was_understood_is_said(archive, lexicon):
    found = ask("a happy dog, no cars", archive, lexicon, tags=lambda _: {})
    said = str(found.understood)
    assert said.startswith("dog: ")
    assert "against cars" in said
    assert "happy" in said
    assert found.understood.as_data()["tags"][0]["said"] == "happy"


def test_unknown_words_are_named_and_nothing_understood_is_refused(archive, lexicon):
    with pytest.raises(UsageError, match="Nothing of 'xyzzy' is understood"):
        ask("xyzzy", archive, lexicon)
    found = ask("xyzzy dog", archive, lexicon)
    assert "'xyzzy' is not understood" in found.notes[0].text
    assert found.hits[0].shot == 1


def test_common_classes_are_held_to_what_is_usual(lexicon):
    """A class seen everywhere says little, a rare one at the same likelihood much."""
    share = lexicon._prior.share
    often, seldom = int(share.argmax()), int(share.argmin())
    logits = np.zeros((2, 1000))
    logits[0, often] = logits[1, seldom] = 6
    rows = pack(logits)
    usual = lexicon.ask(names()[often]).bits(rows)[0]
    rare = lexicon.ask(names()[seldom]).bits(rows)[1]
    assert rare > usual + 1


def test_drift_leads_away_in_order_and_repeatably(archive, lexicon):
    meant = lexicon.ask("cat", drift=0).names
    adrift = lexicon.ask("cat", drift=1).names
    assert not set(meant) & set(adrift)
    near, far = (ask("cat", archive, lexicon, drift=d) for d in (0.2, 1.0))
    again = ask("cat", archive, lexicon, drift=1.0)
    assert near.hits[0].shot == 0
    assert far.hits[0].media != near.hits[0].media
    assert [c.score for c in far.hits] == [c.score for c in again.hits]
    with pytest.raises(UsageError, match="drift lies"):
        ask("cat", archive, lexicon, drift=1.5)


def test_an_empty_archive_and_one_without_concepts_are_refused(lexicon):
    with pytest.raises(MatchError, match="offers no shots"):
        ask("cat", ArchiveRows([]), lexicon)
    with pytest.raises(MatchError, match="holds no concepts yet"):
        ask("cat", ArchiveRows([film(3, 4.0)]), lexicon)


@pytest.mark.slow
def test_the_samples_are_found_by_name(lexicon):
    eyes, seen = encoder(), {}
    for name in ("coffee_table", "animal_portraits", "opossum_in_snow", "minneapolis_flight"):
        batches = read(ReadRequest(SAMPLES / f"{name}.mp4", 1, eyes.side))
        pictures = np.concatenate([b.pictures for b in batches if isinstance(b, FrameBatch)])[:6]
        logits = eyes(np.ascontiguousarray(pictures)).logits
        assert logits is not None
        seen[name] = pack(logits)
    for text, wanted in (
        ("a cup of coffee", "coffee_table"),
        ("snow", "opossum_in_snow"),
        ("animal", "animal_portraits"),
        ("a city", "minneapolis_flight"),
    ):
        asked = parse(text, lexicon.knows)
        question = lexicon.ask(asked.text, asked.words)
        assert max(seen, key=lambda name: question.bits(seen[name]).max()) == wanted, text


def smiling(number, *shares):
    """A film of one shot with a face, which smiles as much as given, twice a second."""
    made = film(number, len(shares) / 2)
    rows = []
    for share in shares:
        expression = [0.0] * len(EXPRESSIONS)
        expression[EXPRESSIONS.index("happy")] = share
        expression[EXPRESSIONS.index("neutral")] = 1 - share
        face = Face((0.3, 0.2, 0.3, 0.5), 0.9, 0, 0, 0, 0.1, 0.9, tuple(expression))
        rows.append(row_of([face]))
    return replace(made, rows={**made.rows, "faces": np.stack(rows)})


def test_a_face_is_found_at_the_moment_at_which_it_smiles(lexicon):
    never = smiling(1, *[0.1] * 12)
    once = smiling(2, *[0.0] * 8, 0.9, 0.95, 0.9, 0.0)
    flicker = smiling(3, *[0.0] * 6, 0.9, *[0.0] * 5)
    answer = find_words(
        "smiling", SECOND, ArchiveRows([never, flicker, once]), lexicon=lexicon, tags=lambda _: {}
    )
    best = answer.hits[0]
    assert best.film.footage.id == 2
    assert best.media.start <= Fraction(19, 4) <= best.media.end
    assert best.score > 5 * answer.hits[1].score
    assert not answer.notes
    faint = find_words("smiling", SECOND, ArchiveRows([never]), lexicon=lexicon, tags=lambda _: {})
    assert "come nearest" in faint.notes[0].text


def test_what_does_not_clearly_show_it_is_said_to_be_nothing(archive, lexicon):
    found = ask("volcano", archive, lexicon)
    assert found.hits[0].score < CLEAR
    assert any("Nothing in the archive clearly shows" in note for note in texts(found.notes))
    clear = ask("dog", archive, lexicon)
    assert clear.hits[0].score >= CLEAR
    assert not any("clearly" in note for note in texts(clear.notes))


def likely(number, **shares):
    """A film of one shot in which the classifier gives classes, `_` for a space, these shares, and
    the rest to nothing that is asked for."""
    made = film(number, 4.0)
    logits = np.full((len(made.shown), 1000), -20.0)
    logits[:, names().index("gyromitra")] = np.log(1 - sum(shares.values()))
    for name, share in shares.items():
        logits[:, names().index(name.replace("_", " "))] = np.log(share)
    return replace(made, rows={**made.rows, "concepts": pack(logits)})


def test_what_one_class_of_many_says_alone_is_doubted(lexicon):
    """A painted face is like a comic book to the classifier, and like nothing else of books."""
    painted = ArchiveRows([likely(1, comic_book=0.9)])
    shelves = ArchiveRows([likely(1, bookcase=0.6, library=0.1)])
    alone, together = (ask("book", rows, lexicon).hits[0].score for rows in (painted, shelves))
    assert alone < CLEAR <= together
    # A word that means one class has no other to ask.
    assert ask("comic book", painted, lexicon).hits[0].score >= CLEAR


def test_what_is_only_less_unlikely_than_elsewhere_is_not_clear(lexicon):
    faint = ArchiveRows([likely(1, violin=0.03)])
    plain = ArchiveRows([likely(1, violin=0.6)])
    assert ask("violin", faint, lexicon).hits[0].score < CLEAR
    assert ask("violin", plain, lexicon).hits[0].score >= CLEAR


def test_what_things_do_is_not_asked_of_single_pictures(archive, lexicon):
    assert parse("water flowing", lexicon.knows).text == "water"
    assert parse("a hand drawing", lexicon.knows).words == ("hand", "drawing")
    assert parse("flowing", lexicon.knows).text == "flowing"
    assert parse("lightning over the city", lexicon.knows).words == ("lightning", "city")
    assert first("water flowing", archive, lexicon) == (1, 2)


def test_a_shot_too_short_to_be_seen_answers_nothing(lexicon):
    film = shown(1, "beagle", "beagle")
    first, *rest = film.shots
    frames = FrameRange(first.core.first, first.core.first + 4)  # a sixth of a second
    brief = replace(film, shots=(replace(first, core=frames), *rest))
    numbers = [c.shot for c in ask("dog", ArchiveRows([brief]), lexicon).hits]
    assert first.index not in numbers
    assert first.index in [c.shot for c in ask("dog", ArchiveRows([film]), lexicon).hits]


def test_names_are_found_apart_and_instead_of_words_that_mean_nothing(archive, lexicon):
    films = list(archive.films)
    footage = films[0].footage
    films[0] = replace(films[0], footage=replace(footage, slate=Slate(author="Warner Brothers")))
    found = ask("Warner", ArchiveRows(films), lexicon)
    assert {one.hit.film.footage.id for one in found.named} == {footage.id}
    assert {(one.naming.kind, one.naming.name) for one in found.named} == {
        ("author", "Warner Brothers")
    }
    assert not any(c.facets.get("name") for c in found.hits)


def seen_together(number, *shots):
    """A film of a shot of 4 s for each group of classes, all of which the classifier sees in it."""
    cuts = tuple(4.0 * (n + 1) for n in range(len(shots) - 1))
    made = film(number, 4.0 * len(shots), cuts)
    logits = np.random.default_rng(number).normal(0, 1, (len(made.shown), 1000))
    for place, classes in enumerate(shots):
        for name in classes:
            logits[8 * place : 8 * place + 8, names().index(name)] += 12
    return replace(made, rows={**made.rows, "concepts": pack(logits)})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a toy on a red table", ["toy", "table"]),
        ("red and white flowers", ["flowers"]),
        ("a man on a motorcycle", ["motorcycle"]),
        ("cooking in a pan", ["pan"]),
        ("an old man with a beard", ["beard"]),
        ("a small child on a sofa", ["sofa"]),
        ("a glass of wine beside a lit candle", ["glass wine", "lit candle"]),
    ],
)
def test_parts_are_what_is_to_be_seen_and_not_what_people_are_like(text, parts, lexicon):
    assert [part.text for part in parse(text, lexicon.knows).parts] == parts


def test_words_between_parts_are_not_asked_after(archive, lexicon):
    asked = parse("a bicycle beside a car, behind a tree", lexicon.knows)
    assert asked.words == ("bicycle", "car", "tree")
    notes = ask("a cat beside a car", archive, lexicon).notes
    assert not any(note.code == "word-not-understood" for note in notes)


def test_a_pan_is_a_movement_or_a_thing(lexicon):
    def wanted(text):
        return [one.said for one in parse(text, lexicon.knows).wanted]

    assert wanted("a slow pan over water") == ["slow", "pan"]
    assert wanted("cooking in a pan") == []


@pytest.mark.parametrize("text", ["a dog on a sofa", "a sofa with a dog", "dog and sofa"])
def test_what_shows_both_comes_before_what_shows_one(text, lexicon):
    one = seen_together(1, ["beagle"], ["studio couch"], ["beagle", "studio couch"], ["castle"])
    found = ask(text, ArchiveRows([one]), lexicon).hits
    assert found[0].shot == 2
    assert found[-1].shot == 3


def test_people_do_not_drown_the_thing(lexicon):
    """Nearly all shots have a face: that says less than the motorcycle that one of them has."""
    one = seen_together(1, ["moped"], ["suit"], ["wig"], ["jersey"], ["bow tie"])

    def tags(film_):
        return {
            shot.index: [Tag("faces", "one face" if shot.index else "no face", 1.0)]
            for shot in film_.shots
        }

    assert ask("a man on a motorcycle", ArchiveRows([one]), lexicon, tags=tags).hits[0].shot == 0
    assert ask("a man", ArchiveRows([one]), lexicon, tags=tags).hits[0].shot != 0


def test_of_shots_of_people_that_are_as_sure_the_largest_face_comes_first(lexicon):
    one = seen_together(1, ["suit"], ["suit"], ["suit"])

    def tags(film_):
        heights = (0.2, 0.7, 0.4)
        return {
            shot.index: [
                Tag("faces", "one face", 1.0),
                Tag("scale", "close-up", 1.0, heights[shot.index]),
            ]
            for shot in film_.shots
        }

    for text in ("a man", "a woman's face", "the man\u2019s head"):
        found = ask(text, ArchiveRows([one]), lexicon, tags=tags).hits
        assert [hit.shot for hit in found] == [1, 2, 0]


def test_whose_something_is_leaves_what_it_is(lexicon):
    assert [w.said for w in parse("a man's face", lexicon.knows).wanted] == ["man", "face"]
    assert parse("the dog's ball", lexicon.knows).words == ("dog", "ball")


@pytest.mark.parametrize("text", ["cat", "cars", "the sea", "food", "a dog", "building"])
def test_more_words_do_not_make_it_worse(text, archive, lexicon):
    right = first(text, archive, lexicon)
    for more in (f"a small white {text}", f"an old {text} at night", f"{text} in the evening"):
        assert first(more, archive, lexicon, tags=lambda _: {}) == right


def test_scores_are_not_equal_where_one_shows_more(lexicon):
    one = film(1, 8.0, (4.0,))
    logits = np.zeros((len(one.shown), 1000))
    logits[:, names().index("tabby")] = 14
    logits[8:, names().index("tiger cat")] = 13
    made = replace(one, rows={**one.rows, "concepts": pack(logits)})
    found = ask("cat", ArchiveRows([made]), lexicon).hits
    assert found[0].score > found[1].score


def test_what_a_text_looks_like_decides_where_the_classes_say_nothing(lexicon):
    """The classifier is at a loss, but one shot lies in the direction of a desert."""
    one = film(1, 12.0, (4.0, 8.0))
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (len(one.shown), 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for place, text in ((0, "city"), (1, "desert"), (2, "forest")):
        rows[8 * place : 8 * place + 8] += 0.5 * lexicon.look(text).vector
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    flat = pack(np.zeros((len(one.shown), 1000)))
    made = replace(one, rows={**one.rows, "concepts": flat, "subject": rows.astype(np.float16)})
    for text, shot in (("a city", 0), ("desert", 1), ("the forest", 2)):
        assert ask(text, ArchiveRows([made]), lexicon).hits[0].shot == shot
    away = ask("forest, no city", ArchiveRows([made]), lexicon, tags=lambda _: {}).hits
    assert away[0].shot == 2


def test_a_taught_word_is_asked_beside_others_and_turned_round(lexicon):
    """A word that was taught means what it was taught, even where it says something else."""
    from kuleshov.features.separator import separate
    from kuleshov.match.text.looks import taught

    one = seen_together(1, ["castle"], ["castle"], ["moped"], ["moped"])
    rng = np.random.default_rng(3)
    rows = rng.normal(0, 1, (len(one.shown), 256)).astype(np.float32)
    mark = rng.normal(0, 1, 256).astype(np.float32)
    for shot in (1, 3):
        rows[8 * shot : 8 * shot + 8] += 2 * mark
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    made = ArchiveRows([replace(one, rows={**one.rows, "subject": rows.astype(np.float16)})])
    found = separate(rows[8:11], np.zeros((0, 256), np.float32), rows)
    own = {"old dog": taught("Old Dog", found)}

    def order(text):
        hits = find_words(text, SECOND, made, lexicon=lexicon, taught=own, tags=lambda _: {}).hits
        return [hit.shot for hit in hits]

    assert set(order("Old Dog")[:2]) == {1, 3}
    assert order("old dog on a motorcycle")[0] == 3
    assert order("a castle, no old dog")[0] == 0
    said = find_words("an old dog", SECOND, made, lexicon=lexicon, taught=own).understood
    assert said.seen == ("Old Dog",)
    assert said.text == "old dog"


def test_bodies_are_asked_as_faces_are(archive, lexicon):
    """Somebody from behind is a person, though no face is seen."""
    known = {(1, 1): ("body", "from behind"), (2, 2): ("people", "two people")}

    def tags(one):
        return {
            shot.index: [
                Tag("faces", "no face", 1.0),
                Tag(*known.get((one.footage.id, shot.index), ("people", "no people")), 1.0),
            ]
            for shot in one.shots
        }

    assert first("from behind", archive, lexicon, tags=tags) == (1, 1)
    assert first("two people", archive, lexicon, tags=tags) == (2, 2)
    assert first("a man", archive, lexicon, tags=tags) == (2, 2)


def with_things(number, *shots):
    """A film of a shot of 4 s for each group of objects, which the detector sees in its rows.

    An object is its name, its box and, if it is not in all of the shot's rows, in how many.
    """
    made = film(number, 4.0 * len(shots), tuple(4.0 * (n + 1) for n in range(len(shots) - 1)))
    rows = np.zeros((len(made.shown), 60), np.float16)
    for place, objects in enumerate(shots):
        for row in range(8):
            held = [Thing(name, 0.6, box) for name, box, *most in objects if row < (*most, 8)[0]]
            rows[8 * place + row] = things_row(held)
    flat = np.zeros((len(made.shown), 1000))
    return ArchiveRows([replace(made, rows={**made.rows, "concepts": pack(flat), "things": rows})])


LEFT, RIGHT, ALL = (0.1, 0.4, 0.2, 0.3), (0.6, 0.4, 0.2, 0.3), (0.1, 0.1, 0.8, 0.9)
BELOW = (0.05, 0.55, 0.3, 0.4)


@pytest.mark.parametrize(
    ("text", "shots"),
    [
        ("a dog", ([("cat", LEFT)], [("dog", LEFT)])),
        ("an animal", ([("car", LEFT)], [("dog", LEFT)])),
        ("a crow", ([("car", LEFT)], [("bird", LEFT)])),
        ("cars", ([("car", LEFT, 1)], [("car", LEFT, 8)])),
        ("two dogs", ([("dog", LEFT)], [("dog", LEFT), ("dog", RIGHT)])),
        ("two dogs", ([("dog", x) for x in (LEFT, RIGHT, ALL, BELOW)], [("dog", LEFT)] * 2)),
        ("several dogs", ([("dog", LEFT)] * 2, [("dog", LEFT)] * 5)),
        ("a close-up of a dog", ([("dog", LEFT)], [("dog", ALL)])),
        ("a long shot of a dog", ([("dog", ALL)], [("dog", (0.1, 0.4, 0.1, 0.1))])),
        ("a dog on a chair", ([("dog", RIGHT), ("chair", BELOW)],
                              [("dog", LEFT), ("chair", BELOW)])),
        ("a man on a horse", ([("person", RIGHT), ("horse", BELOW)],
                              [("person", LEFT), ("horse", BELOW)])),
        ("a dog beside a car", ([("dog", LEFT, 4), ("car", RIGHT, 0)],
                                [("dog", LEFT, 4), ("car", RIGHT, 4)])),
        ("a car, no dogs", ([("car", LEFT), ("dog", RIGHT)], [("car", LEFT)])),
        ("a glass of wine", ([("cup", LEFT)], [("wine glass", LEFT)])),
    ],
)  # fmt: skip
def test_what_a_detector_found_answers_where_and_how_it_was_asked(text, shots, lexicon):
    for order in (shots, shots[::-1]):
        rows = with_things(1, *order)
        found = ask(text, rows, lexicon, tags=lambda _: {}).hits
        assert order[found[0].shot] is shots[1]
        assert found[0].strength > found[1].strength


def test_numbers_and_sizes_of_objects_are_said(lexicon):
    rows = with_things(1, [("dog", LEFT)])
    for text, said in (
        ("two dogs", "2 in one picture"),
        ("several dogs", "3 or more in one picture"),
        ("a close-up of a dog", "filling the picture"),
    ):
        understood = find_words(text, SECOND, rows, lexicon=lexicon, tags=lambda _: {}).understood
        assert understood.seen[0] == said
        assert not understood.tags
    assert not ask("a close-up of a man", rows, lexicon, tags=lambda _: {}).understood.seen


def test_every_word_for_an_object_means_one_that_there_is():
    for word, kinds in OBJECTS.items():
        assert set(kinds) <= set(COCO), word
        assert object_of([word]) is not None
    assert object_of(["dragon"]) is None


def with_grounds(number, *shots):
    """A film of a shot of 4 s for each ground, whose rows lie as far along its line as they may."""
    made = film(number, 4.0 * len(shots), tuple(4.0 * (n + 1) for n in range(len(shots) - 1)))
    rows: dict[str, list[np.ndarray]] = {"subject": [], "tone": []}
    for name in shots:
        line = grounds.known().get(name, np.zeros(317))[:-1]
        for facet, part in (("subject", line[:256]), ("tone", line[256:])):
            size = np.linalg.norm(part)
            rows[facet] += [part / size if size else part] * 8
    flat = {"concepts": pack(np.zeros((len(made.shown), 1000)))}
    seen = {facet: np.array(each, np.float16) for facet, each in rows.items()}
    return ArchiveRows([replace(made, rows={**made.rows, **flat, **seen})])


@pytest.mark.parametrize("name", grounds.known())
def test_a_ground_is_found_by_each_of_its_words(name, lexicon):
    rows = with_grounds(1, "", name, "")
    for word in (word for word, meant in grounds.GROUNDS.items() if meant == name):
        found = ask(word, rows, lexicon, tags=lambda _: {}).hits
        assert found[0].shot == 1, word
        plain, without = (
            {hit.shot: hit.strength for hit in ask(text, rows, lexicon, tags=lambda _: {}).hits}
            for text in ("a dog", f"a dog, no {word}")
        )
        assert without[1] - plain[1] < min(without[0] - plain[0], without[2] - plain[2]) - 1


def test_of_the_sky_at_night_nothing_is_known():
    assert grounds.ground_of(("sky",)) is not None
    assert grounds.ground_of(("sky",), {"at night"}) is None
    assert grounds.ground_of(("stars", "sky", "night")) is None


def test_grounds_of_which_nothing_could_be_learnt_are_not_asked():
    assert set(grounds.GROUNDS.values()) <= set(grounds.known())
    assert grounds.ground_of(("cartoon", "sea")) is None


def test_under_water_is_one_name_and_a_part_by_itself():
    asked = parse("a dog under water", ("dog", "under water").__contains__)
    assert [part.text for part in asked.parts] == ["dog", "under water"]
