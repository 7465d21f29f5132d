"""Which shots of an archive a filter leaves, and what it says where that is none."""

from dataclasses import replace
from pathlib import Path

import pytest

from kuleshov.archive.catalogue import Location
from kuleshov.archive.filters import named_footage, parse_terms
from kuleshov.archive.rows import ArchiveRows
from kuleshov.cli.hints import told
from kuleshov.errors import MatchError, UsageError
from kuleshov.footage import Slate
from kuleshov.notes import Note
from match.rows import film

SLATES = {
    1: ("/films/old/chaplin.mp4", Slate("The Immigrant", "Charles Chaplin", "Public domain")),
    2: ("/films/old/train_1896.mkv", Slate("Arrival of a Train", "Lumière", "Public Domain")),
    3: ("/films/new/street.mp4", Slate("", "", "CC0")),
    4: ("/films/new/[a] 10:30.mp4", Slate("Alien: Covenant", "", "CC BY-NC")),
}


def made(number):
    path, slate = SLATES[number]
    one = film(number, 12, (4.0, 8.0))
    return replace(
        one, footage=replace(one.footage, slate=slate, locations=(Location(Path(path), 1, 1),))
    )


@pytest.fixture
def rows():
    return ArchiveRows([made(number) for number in SLATES], unwanted={"leader": 3})


def bins(**held):
    return {
        name: {(made(number).footage.checksum, shot) for number, shot in shots}
        for name, shots in held.items()
    }


def left(rows, only=(), exclude=(), held=None, is_grey=None):
    """The films that are left, with the numbers of their shots."""
    found = parse_terms(only, exclude).apply(rows, held or {}, is_grey)
    assert found.unwanted == rows.unwanted
    assert all(len(one.edges()[0]) == len(one.shots) for one in found.films)
    return {one.footage.id: [shot.index for shot in one.shots] for one in found.films}


def films(rows, *only, exclude=()):
    return list(left(rows, only, exclude))


def grey(one, shot):
    return one.footage.id == 1 or (one.footage.id == 2 and shot.index == 1)


ALL = [0, 1, 2]


def test_without_terms_everything_stays(rows):
    nothing = parse_terms([], [])
    assert not nothing
    assert nothing.apply(rows, {}) is rows
    assert parse_terms(["bw"], [])


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("chaplin.mp4", [1]),
        ("Chaplin", [1]),
        ("*.mp4", [1, 3, 4]),
        ("TRAIN*", [2]),
        ("/films/new/street.mp4", [3]),
        ("/films/new/../old/chaplin.mp4", [1]),
        ("/films/old", [1, 2]),
        ("/films/old/", [1, 2]),
        ("/films/*/*.mkv", [2]),
        ("*/new/*", [3, 4]),
        ("the immigrant", [1]),
        ("*train", [2]),
        ("[a] 10:30.mp4", [4]),
        ("title:TRAIN", [2]),
        ("title:alien: cov", [4]),
        ("author:chaplin", [1]),
        ("licence:public domain", [1, 2]),
        ("licence:cc0", [3]),
        ("License: CC", [3, 4]),
    ],
)
def test_a_term_names_films(rows, term, expected):
    assert films(rows, term) == expected
    assert films(rows, exclude=[term]) == [n for n in SLATES if n not in expected]


def test_a_path_is_meant_from_where_one_is(rows, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    place = Location(tmp_path / "films" / "a.mp4", 1, 1)
    here = made(1)
    here = replace(here, footage=replace(here.footage, locations=(*here.footage.locations, place)))
    archive = ArchiveRows([here, made(2)])
    for term in ("films/a.mp4", "films", "films/*.mp4", "./films/a.mp4"):
        assert films(archive, term) == [1]


def test_shots_in_black_and_white_or_in_colour(rows):
    assert left(rows, ["bw"], is_grey=grey) == {1: ALL, 2: [1]}
    assert left(rows, ["colour"], is_grey=grey) == {2: [0, 2], 3: ALL, 4: ALL}
    assert left(rows, (), ["BW"], is_grey=grey) == {2: [0, 2], 3: ALL, 4: ALL}
    known = ArchiveRows([replace(one, grey=frozenset({2})) for one in rows.films])
    assert left(known, ["bw"]) == {number: [2] for number in SLATES}


def test_shots_of_a_bin(rows):
    held = bins(Trains=[(2, 0), (2, 2), (3, 1)], hands=[(1, 1)])
    assert left(rows, ["bin:trains"], held=held) == {2: [0, 2], 3: [1]}
    assert left(rows, ["bin:Trains", "bin:hands"], held=held) == {1: [1], 2: [0, 2], 3: [1]}
    assert left(rows, (), ["bin:Trains"], held=held) == {1: ALL, 2: [1], 3: [0, 2], 4: ALL}


def test_terms_of_a_kind_are_alternatives_and_kinds_add_up(rows):
    assert films(rows, "chaplin", "street") == [1, 3]
    assert films(rows, "licence:cc0", "licence:nc") == [3, 4]
    assert films(rows, "*.mp4", "licence:public domain") == [1]
    assert left(rows, ["bw", "*.mkv"], is_grey=grey) == {2: [1]}
    assert films(rows, "*.mp4", exclude=["chaplin", "licence:nc"]) == [3]


def test_nothing_left_names_the_terms(rows):
    with pytest.raises(MatchError, match=r"only 'chaplin', exclude 'licence:public domain'"):
        left(rows, ["chaplin"], ["licence:public domain"])
    with pytest.raises(MatchError, match="only 'bw'") as caught:
        left(rows, ["bw"], is_grey=lambda *_: False)
    assert told(caught.value).endswith("They are said with --only and --exclude.")
    # That nothing is black and white is no reason not to leave it out.
    assert left(rows, (), ["bw"], is_grey=lambda *_: False) == dict.fromkeys(SLATES, ALL)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("chapln", r"No footage matches 'chapln'; the archive has chaplin\.mp4\."),
        ("imigrant", r"No footage matches 'imigrant'; the archive has The Immigrant\."),
        ("xyzzy", r"the archive has chaplin\.mp4, train_1896\.mkv, street\.mp4, "),
        ("*.avi", r"No footage matches '\*\.avi'"),
        ("licence:gpl", r"'gpl' in its licence; the archive has .*Public domain"),
        ("author:lumiere", r"in its author; the archive has Lumière\."),
        ("bin:trans", r"There is no bin 'trans'; did you mean trains\?"),
        ("bin:none", r"The bin 'none' is empty"),
    ],
)
def test_a_term_that_matches_nothing_says_what_there_is(rows, term, said):
    held = {**bins(trains=[(2, 0)], boats=[(1, 1)]), "none": set()}
    for only, exclude in (([term], []), ([], [term])):
        with pytest.raises(UsageError, match=said):
            parse_terms(only, exclude).apply(rows, held)


def test_there_are_no_bins_at_all(rows):
    with pytest.raises(UsageError, match="There is no bin"):
        left(rows, ["bin:trains"])


def test_footage_that_cannot_be_used_is_told_apart(rows):
    broken = ArchiveRows(rows.films[1:], [(made(1).footage, Note("missing", "it is missing."))])
    with pytest.raises(UsageError, match=r"chaplin\.mp4 \('chaplin'\) cannot be used: it is mis"):
        left(broken, ["chaplin"])


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("licence:", "needs something behind it, as in licence:cc0"),
        ("bin: ", "as in bin:trains"),
        ("lisence:cc0", "There is no 'lisence:'"),
    ],
)
def test_terms_that_are_none(term, said):
    for only, exclude in (([term], []), ([], [term])):
        with pytest.raises(UsageError, match=said):
            parse_terms(only, exclude)


def test_names_of_an_empty_archive():
    with pytest.raises(UsageError, match="No footage matches 'a'; the archive is empty"):
        named_footage("a", [])


def test_a_long_archive_is_not_listed_whole():
    many = [film(number, 4).footage for number in range(1, 30)]
    with pytest.raises(UsageError, match=r"the archive has (\d\.mp4, ){7}\d\.mp4 and others\.$"):
        named_footage("xyzzy", many)


def test_footage_in_several_places_is_found_by_each_and_named_as_asked(tmp_path):
    """Of equal files one is indexed and all are known; the one that was asked for is used."""
    one = film(1, 12, (4.0, 8.0))
    places = [Location(tmp_path / name, 1, 1) for name in ("flowers copy.mp4", "flowers.mp4")]
    two = replace(one, footage=replace(one.footage, locations=tuple(places)))
    rows = ArchiveRows([two, made(3)])
    for asked, path in (
        ("flowers.mp4", places[1]),
        ("flowers", places[1]),
        (str(places[1].path), places[1]),
        ("flowers copy.mp4", places[0]),
        ("flowers*", places[0]),
    ):
        (found,) = parse_terms([asked], []).apply(rows, {}).films
        assert found.footage.path == path.path
        assert len(found.footage.locations) == 2
    with pytest.raises(UsageError, match=r"flowers\.mp4"):
        named_footage("flower.mp4", [two.footage])
