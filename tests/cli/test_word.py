"""`kuleshov word` and `search --more --less`, on an archive of three made films."""

import json

import numpy as np
import pytest
from click import UsageError as CallError
from click.testing import CliRunner
from PIL import Image

from films import make_film
from kuleshov.cli.main import main
from kuleshov.errors import UsageError

pytestmark = pytest.mark.slow


def picture(kind, n):
    """Waves, discs or a ramp, a little elsewhere in each frame."""
    y, x = np.mgrid[0:96, 0:128]
    if kind == "waves":
        light = 127 + 60 * np.sin(x / 9 + n / 5) * np.sin(y / 6) + (x * y % 37)
    elif kind == "discs":
        light = 255 * (((x % 32 - 16) ** 2 + ((y + n) % 32 - 16) ** 2) < 100)
    else:
        light = (x + y + n) % 224
    return light.astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("word")
    (place / "films").mkdir()
    for kind in ("waves", "discs", "ramp"):
        pictures = [picture(kind, n) for n in range(30)]
        make_film(place / "films" / f"{kind}.mp4", pictures, 10)
        Image.fromarray(picture(kind, 40)).save(place / f"{kind}.png")
    run("index", place / "films", "--archive", place / "archive")
    return place


def run(*arguments):
    return CliRunner().invoke(
        main, [str(argument) for argument in arguments], catch_exceptions=False,
        standalone_mode=False,
    )  # fmt: skip


def films(folder, *question):
    result = run("search", *question, "--archive", folder / "archive", "--json")
    return [hit["footage"].rpartition("/")[2] for hit in json.loads(result.stdout)["hits"]]


def word(folder, *arguments):
    result = run("word", *arguments, "--archive", folder / "archive", "--json")
    return json.loads(result.stdout)


def test_a_word_is_taught_found_by_and_forgotten(folder):
    film = folder / "films" / "discs.mp4"
    told = word(
        *(folder, "My Dots", "--like", folder / "discs.png", "--like", film, "--at", "0:01"),
        *("--not", folder / "ramp.png"),
    )
    assert told["name"] == "My Dots"
    assert told["like"][0].endswith("discs.png")
    assert told["like"][1].endswith("discs.mp4 at 0:00:01.000")
    assert told["not"][0].endswith("ramp.png")
    assert told["sure"] > 0.5
    assert films(folder, "my dots")[0] == "discs.mp4"
    assert films(folder, "bright, my dots")[0] == "discs.mp4"
    assert films(folder, "no my dots")[-1] == "discs.mp4"
    only = run("search", "light", "--only", "word:my dots", "--archive", folder / "archive",
               "--json")  # fmt: skip
    assert {hit["footage"].rpartition("/")[2] for hit in json.loads(only.stdout)["hits"]} == {
        "discs.mp4"
    }
    assert [one["name"] for one in word(folder)["words"]] == ["My Dots"]
    assert word(folder, "My Dots", "--forget") == {"forgotten": "My Dots"}
    assert word(folder) == {"words": []}
    with pytest.raises(UsageError, match="No word was taught"):
        run("search", "light", "--only", "word:my dots", "--archive", folder / "archive")


def test_a_bin_teaches_a_word_and_its_shots_are_examples(folder):
    run("bin", "box", "--add", "waves", "--archive", folder / "archive")
    told = word(folder, "box", "--bin", "box")
    assert told["like"] == [f"{folder / 'films' / 'waves.mp4'}:1"]
    assert told["sure"] is None
    assert films(folder, "box")[0] == "waves.mp4"
    word(folder, "box", "--forget")


def test_answers_may_be_more_like_one_and_less_like_another(folder):
    plain = films(folder, "light")
    for number, film in enumerate(plain, 1):
        assert films(folder, "light", "--more", number)[0] == film
        assert films(folder, "light", "--less", number)[-1] == film
    last, first = len(plain), plain[0]
    turned = films(folder, "light", "--more", last, "--less", 1)
    assert turned[0] == plain[-1]
    assert turned[-1] == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("word", "--like", "a.png"), "Name the word"),
        (("word", "x", "--at", "1"), "belongs to the --like"),
        (("word", "x", "--not", "{}/ramp.png"), "at least one example"),
        (("word", "x", "--like", "{}/nowhere.png"), "nowhere"),
        (("word", "x"), "No word 'x' was taught"),
        (("word", "x", "--forget"), "No word"),
        (("word", "x", "--forget", "--like", "a.png"), "goes with none"),
        (("word", "...", "--like", "{}/ramp.png"), "letters or numbers"),
        (("search", "light", "--more", "99"), "have only"),
        (("search", "light", "--more", "1", "--less", "1"), "both more and less"),
        (("search", "--bin", "x", "--more", "1"), "goes with words"),
        (("search", "light", "--less", "0"), "counted from 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder, arguments, said):
    from kuleshov.errors import KuleshovError

    with pytest.raises((KuleshovError, CallError, FileNotFoundError), match=said):
        run(*(one.format(folder) for one in arguments), "--archive", folder / "archive")
