from dataclasses import replace
from pathlib import Path

import pytest

from kuleshov.archive.catalogue import Location
from kuleshov.footage import Slate
from kuleshov.match.text.names import named, parted
from match.rows import film


def footage(path="/films/a.mp4", **slate):
    one = film(1, 4).footage
    return replace(one, locations=(Location(Path(path), 1, 1),), slate=Slate(**slate))


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        ("aurora", "/films/AuroraBorealis2019.mp4", "file"),
        ("borealis aurora", "/films/AuroraBorealis2019.mp4", "file"),
        ("2019", "/films/AuroraBorealis2019.mp4", "file"),
        ("warner", "/films/Warner_Bros/x.mp4", "folder"),
        ("lumiere", "/films/Lumière-1895.mp4", "file"),
        ("Lumière", "/films/LUMIERES.mp4", "file"),
        ("STRASSE", "/films/straße.mp4", "file"),
        ("поезд", "/films/Поезда.mp4", "file"),
        ("火车", "/films/老火车站.mp4", "file"),
        ("the trains", "/films/train 3.mp4", "file"),
    ],
)
def test_names_are_found_in_any_script_without_capitals_and_accents(text, path, kind):
    found = named(text, footage(path))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    ("text", "path"),
    [("aura", "/films/aurora.mp4"), ("aurora snow", "/films/aurora.mp4"), ("the", "/films/the.mp4"),
     ("art", "/films/party.mp4"), ("201", "/films/2019.mp4"), ("films", "/films/x/y/a.mp4"),
     ("飞机", "/films/老火车站.mp4")],
)  # fmt: skip
def test_what_is_only_like_a_name_is_none(text, path):
    assert named(text, footage(path)) is None


def test_titles_and_authors_are_names():
    assert named("moon", footage(title="A Trip to the Moon")).kind == "title"
    assert named("méliès", footage(author="Georges Melies")).kind == "author"


def test_words_are_parted_at_signs_capitals_and_digits():
    assert parted("myTrip_to-NASA13013.v2") == ("my", "trip", "to", "nasa", "13013", "v", "2")
