"""What libraries say, without naming options or verbs, as the command line tells it."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

import kuleshov
from kuleshov.cli import hints
from kuleshov.cli.hints import hinted, told
from kuleshov.desk.asking import Ask
from kuleshov.desk.room import check_output
from kuleshov.edit.grid import GridOptions
from kuleshov.edit.recut import RecutOptions
from kuleshov.edit.supercut import SupercutOptions
from kuleshov.errors import KuleshovError, MediaError, UsageError
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.notes import Note
from kuleshov.render.gif import Moving

SOURCES = Path(kuleshov.__file__).parent


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MatchOptions(stretch=9), "--max-stretch lies between 1 and 4, not at 9."),
        (lambda: MatchOptions(tightness=3), "--tightness lies between 0 and 1, not at 3."),
        (lambda: RecutOptions(begin=Fraction(-1)), "--in is a time from 0 on, not -1."),
        (lambda: SupercutOptions(rate=Fraction(0)), "--rate lies between 1 and 240, not at 0."),
        (lambda: Moving(limit=0), "--max-size must be above 0."),
        (lambda: Ask("snow", length=Fraction(0)), "--for must be above 0, not 0."),
        (lambda: GridOptions(length=Fraction(0)), "--length lies between 0.5 and 60 s, not at 0."),
        (lambda: check_output(Path("a.avi"), None, (".mp4",)), "-o must end in .mp4, not '.avi'."),
    ],
)
def test_a_wrong_field_is_called_as_its_option(make, said):
    with pytest.raises(UsageError) as caught:
        make()
    assert "--" not in str(caught.value)
    assert told(caught.value) == said


def test_advice_is_added_by_code():
    error = KuleshovError("There is no archive in x.", code="archive-missing")
    assert told(error).startswith("There is no archive in x. Add footage with `kuleshov index")
    assert told(KuleshovError("All is lost.")) == "All is lost."
    assert told(MediaError("a", "no beat.", code="no-beat")) == "a: no beat. Cut without --music."
    full = Note("film-full", "2 shots were left out: the film is full.")
    assert hinted(full) == f"{full} Let it be longer with --length."
    assert hinted(Note("shot-missing", "Shot 4 stays black.")) == "Shot 4 stays black."


def test_all_advice_is_for_a_code_that_is_given():
    text = "\n".join(path.read_text() for path in SOURCES.rglob("*.py") if path.name != "hints.py")
    for code in {*hints._ADVICE, *hints._ALSO}:
        assert f'"{code}"' in text, code


def test_libraries_name_no_options_and_no_verbs():
    """Whoever calls them may have neither."""
    for path in SOURCES.rglob("*.py"):
        if "cli" in path.parts:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not re.search(r"--[a-z]|`kuleshov [a-z]", line), f"{path}:{number}: {line}"
