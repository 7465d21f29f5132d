"""The `.see` file."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import pytest

from kuleshov.errors import ModelError
from kuleshov.see.abstraction import LensTone
from kuleshov.see.lens import read_lens, write_lens
from see.tiny import lens


def test_a_lens_comes_back_as_it_was_and_gives_the_same_bytes(tmp_path):
    made = replace(lens("waves"), tone=LensTone(0.25, 0.1))
    write_lens(made, tmp_path / "a.see")
    assert read_lens(tmp_path / "a.see") == made
    write_lens(read_lens(tmp_path / "a.see"), tmp_path / "b.see")
    assert (tmp_path / "a.see").read_bytes() == (tmp_path / "b.see").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.see") as file:
        assert "CC0-1.0" in file.read("SOURCES.md").decode()


def test_a_lens_that_knows_no_tone_can_be_read(tmp_path):
    write_lens(lens(), tmp_path / "a.see")
    changed(tmp_path / "a.see", tone=None)
    assert read_lens(tmp_path / "a.see").tone is None


def changed(path, **facts):
    """The same lens with other facts."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["lens.json"] = json.dumps(json.loads(parts["lens.json"]) | facts).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)


def test_a_newer_lens_is_refused(tmp_path):
    write_lens(lens(), tmp_path / "a.see")
    changed(tmp_path / "a.see", format=99)
    with pytest.raises(ModelError, match="newer Kuleshov"):
        read_lens(tmp_path / "a.see")


@pytest.mark.parametrize(
    "facts",
    [
        {"abstraction": {"factor": 0}},
        {"abstraction": [1]},
        {"origins": [{"colour": "blue"}]},
        {"tone": {"mean": 7, "spread": 0.1}},
        {"tone": {"mean": 0.5}},
        {"size": "large"},
        {"format": "one"},
        {"recipe": 3},
    ],
)
def test_wrong_facts_are_one_clear_sentence(tmp_path, facts):
    write_lens(lens(), tmp_path / "a.see")
    changed(tmp_path / "a.see", **facts)
    with pytest.raises(ModelError, match="is not a lens, or is damaged"):
        read_lens(tmp_path / "a.see")


def test_damage_anywhere_is_found(tmp_path):
    path = tmp_path / "a.see"
    write_lens(lens(), path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(bytes(damaged))
        try:
            assert read_lens(path) == lens()  # in a part that nothing depends on
        except ModelError:
            continue
    for length in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="damaged"):
            read_lens(path)


def test_what_is_no_lens_is_refused(tmp_path):
    (tmp_path / "text.see").write_text("waves")
    for path in (tmp_path / "text.see", tmp_path):
        with pytest.raises(ModelError, match="is not a lens"):
            read_lens(path)
    with pytest.raises(ModelError, match="There is no lens"):
        read_lens(tmp_path / "none.see")
