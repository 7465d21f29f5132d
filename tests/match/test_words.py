"""Search by words: what is taken for what, and which shots answer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import kuleshov
from kuleshov.errors import MatchError, UsageError
from kuleshov.features.concepts import names, pack
from kuleshov.features.encoder import encoder
from kuleshov.features.face_nets import EXPRESSIONS, Face
from kuleshov.features.faces import row_of
from kuleshov.features.tags import Tag
from kuleshov.footage import Slate
from kuleshov.match.candidates import MatchOptions
from kuleshov.match.lexicon import Classes
from kuleshov.match.phrases import PHRASES, parse
from kuleshov.match.rows import ArchiveRows
from kuleshov.match.scenes import SCENES
from kuleshov.match.words import CLEAR, find_words
from kuleshov.media.read import FrameBatch, ReadRequest, read
from kuleshov.timecode import FrameRange
from match.rows import film

SAMPLES = Path(kuleshov.__file__).parent / "samples" / "archive"
SECOND = Fraction(1)


@pytest.fixture(scope="module")
def lexicon():
    return Classes()


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
    best = ask(text, archive, lexicon, **how).candidates[0]
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
    found = ask("dog", archive, lexicon).candidates
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
    assert len(ask("black and white", archive, lexicon, tags=tags).candidates) == 6


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
    assert "'xyzzy' is not understood" in found.notes[0]
    assert found.candidates[0].shot == 1


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
    assert near.candidates[0].shot == 0
    assert far.candidates[0].media != near.candidates[0].media
    assert [c.score for c in far.candidates] == [c.score for c in again.candidates]
    with pytest.raises(UsageError, match="--drift"):
        ask("cat", archive, lexicon, drift=1.5)


def test_an_empty_archive_and_one_without_concepts_are_refused(lexicon):
    with pytest.raises(MatchError, match="offers no shots"):
        ask("cat", ArchiveRows([]), lexicon)
    with pytest.raises(MatchError, match="kuleshov index"):
        ask("cat", ArchiveRows([film(3, 4.0)]), lexicon)


def test_the_samples_are_found_by_name(lexicon):
    eyes, seen = encoder(), {}
    for name in ("coffee_table", "animal_portraits", "opossum_in_snow", "minneapolis_flight"):
        batches = read(ReadRequest(SAMPLES / f"{name}.mp4", 1, eyes.side))
        pictures = np.concatenate([b.pictures for b in batches if isinstance(b, FrameBatch)])[:6]
        seen[name] = pack(eyes(np.ascontiguousarray(pictures)).logits)
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
    best = answer.candidates[0]
    assert best.film.footage.id == 2
    assert best.media.start <= Fraction(19, 4) <= best.media.end
    assert best.score > 5 * answer.candidates[1].score
    assert not answer.notes
    faint = find_words("smiling", SECOND, ArchiveRows([never]), lexicon=lexicon, tags=lambda _: {})
    assert "come nearest" in faint.notes[0]


def test_what_does_not_clearly_show_it_is_said_to_be_nothing(archive, lexicon):
    found = ask("volcano", archive, lexicon)
    assert found.candidates[0].score < CLEAR
    assert any("Nothing in the archive clearly shows" in note for note in found.notes)
    clear = ask("dog", archive, lexicon)
    assert clear.candidates[0].score >= CLEAR
    assert not any("clearly" in note for note in clear.notes)


def test_a_shot_too_short_to_be_seen_answers_nothing(lexicon):
    film = shown(1, "beagle", "beagle")
    first, *rest = film.shots
    frames = FrameRange(first.core.first, first.core.first + 4)  # a sixth of a second
    brief = replace(film, shots=(replace(first, core=frames), *rest))
    numbers = [c.shot for c in ask("dog", ArchiveRows([brief]), lexicon).candidates]
    assert first.index not in numbers
    assert first.index in [c.shot for c in ask("dog", ArchiveRows([film]), lexicon).candidates]


def test_names_are_found_apart_and_instead_of_words_that_mean_nothing(archive, lexicon):
    films = list(archive.films)
    footage = films[0].footage
    films[0] = replace(films[0], footage=replace(footage, slate=Slate(author="Warner Brothers")))
    found = ask("Warner", ArchiveRows(films), lexicon)
    assert {one.candidate.film.footage.id for one in found.named} == {footage.id}
    assert {(one.naming.kind, one.naming.name) for one in found.named} == {
        ("author", "Warner Brothers")
    }
    assert not any(c.facets.get("name") for c in found.candidates)
