"""Which font has the letters of a text, and how much of it fits."""

from pathlib import Path

import pytest

from kuleshov import letters
from kuleshov.errors import RenderError
from kuleshov.letters import fitted, line, lost, wrapped


@pytest.mark.parametrize("text", ["Café Übung", "Чаплин", "Ωκεανός", "عمر", "שלום", "ქართული"])
def test_titles_of_many_scripts_have_their_letters(text):
    assert not lost(text)
    for plain in (False, True):
        assert line(text, 20, plain=plain).text == text


def test_a_font_of_ones_own_comes_first(monkeypatch):
    usual = line("Title", 20)
    own = Path(letters.__file__).parent / "fonts" / "DejaVuSans.ttf"
    monkeypatch.setenv("KULESHOV_FONT", str(own))
    assert line("Title", 20).font.getname() == ("DejaVu Sans", "Book") != usual.font.getname()
    monkeypatch.setenv("KULESHOV_FONT", "/no/such/font.ttf")
    with pytest.raises(RenderError, match="no/such/font"):
        line("Title", 20)


def test_lines_are_broken_and_cut_to_their_width():
    text = "many words of a title that go on and on " + "x" * 60
    parts = wrapped(text, 20, 150)
    assert all(part.width <= 150 for part in parts)
    assert "".join(part.text for part in parts).replace(" ", "") == text.replace(" ", "")
    cut = fitted(text, 20, 150)
    assert cut.width <= 150
    assert cut.text.endswith("…")
    assert fitted("short", 20, 150).text == "short"
