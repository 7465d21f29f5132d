"""Which font has the letters of a text, and how much of it fits."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

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


def forget():
    letters._system.cache_clear()
    letters._other.cache_clear()
    letters._SAID.clear()


@pytest.fixture
def no_fonts(monkeypatch):
    """A system without fonts."""
    monkeypatch.setattr(letters, "_folders", lambda: iter(()))
    forget()
    yield
    forget()


def drawn(text, mode="RGB", size=24):
    page = Image.new(mode, (400, 50))
    line(text, size, plain=True).draw(
        ImageDraw.Draw(page), (5, 5), (255, 255, 255) if mode == "RGB" else 255
    )
    return np.asarray(page)


def test_without_a_font_letters_are_question_marks_and_what_to_install_is_said_once(
    no_fonts, caplog
):
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        assert line("東京 tower", 20).text == "?? tower"
        assert line("한 🫨", 20).text == "? ?"
    assert lost("東京 tower")
    assert len(caplog.records) == 2
    assert "東京" in caplog.records[0].getMessage()
    assert "fonts-noto-cjk" in caplog.records[0].getMessage()
    assert "emoji" in caplog.records[1].getMessage()


def test_a_font_in_a_folder_of_the_system_is_used_whatever_it_is_called(
    tmp_path, monkeypatch, no_fonts
):
    """What the best font lacks is set in another, and the line is as wide as its parts."""
    own = Path(letters.__file__).parent / "fonts" / "DejaVuSans.ttf"
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "what.TTF").write_bytes(own.read_bytes())
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(letters, "_folders", lambda: iter((tmp_path,)))
    monkeypatch.setattr(letters, "_BUNDLED", "")  # Pillow's own font, which has no Cyrillic
    forget()
    other = str(tmp_path / "deep" / "er" / "what.TTF")
    assert letters._system() == (str(tmp_path / "broken.ttf"), other)
    assert line("Чаплин", 20, plain=True).parts == (("Чаплин", other),)
    has = letters._has
    lacks = {(other, "a"), (other, "b")}  # what one font has alone
    monkeypatch.setattr(letters, "_has", lambda *asked: asked not in lacks and has(*asked))
    mixed = line("a☂b", 20, plain=True)
    assert mixed.text == "a☂b"
    assert [part for part, name in mixed.parts if name == other] == ["☂"]
    assert mixed.width == pytest.approx(
        sum(letters._length(name, part, 20) for part, name in mixed.parts)
    )


def test_what_is_set_in_parts_stands_as_in_one(monkeypatch):
    """Parts in the same font draw what one part would, at every anchor."""
    one = line("left right", 24, plain=True)
    two = letters.Line(one.text, (("left ", one.main), ("right", one.main)), one.main, 24)
    for anchor in ("la", "ls", "mm", "ms", "ra"):
        pages = [Image.new("L", (300, 80)) for _ in range(2)]
        for page, each in zip(pages, (one, two), strict=True):
            each.draw(ImageDraw.Draw(page), (150, 40), 255, anchor)
        boxes = [np.argwhere(np.asarray(page) > 64) for page in pages]
        for edge in (np.min, np.max):
            assert abs(edge(boxes[0], axis=0) - edge(boxes[1], axis=0)).max() <= 1, anchor


@pytest.mark.parametrize("text", ["東京の夜", "北京的街道", "서울", "party 🎉 in 서울", "🐈🏽"])
def test_fonts_of_the_system_have_what_the_bundled_one_lacks(text):
    if lost(text):
        pytest.skip("this system has no font for it")
    assert line(text, 24).text == text
    assert not (drawn(text) == drawn("?" * len(text))).all()
    assert drawn(text, "L").max() > 128
    if "🎉" in text and any(letters._is_bitmap(name) for _, name in line(text, 24).parts):
        page = drawn(text).astype(int)
        assert abs(page[:, :, 0] - page[:, :, 2]).max() > 60  # in colour
