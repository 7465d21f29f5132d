"""`kuleshov search WORDS` on an archive of two made films."""

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from films import flat, make_film
from kuleshov.cli.main import main
from kuleshov.errors import UsageError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    (folder / "films").mkdir()
    for name, level in (("dark", 30), ("bright", 220)):
        pictures = []
        for n in range(30):
            picture = flat(level, size=(96, 64))
            picture[10 + n % 8 : 20 + n % 8, 20:60] = 120
            pictures.append(picture)
        make_film(folder / "films" / f"{name}.mp4", pictures, 10)
    archive = folder / "archive"
    run("index", folder / "films", "--archive", archive)
    return archive


def run(*arguments):
    return CliRunner().invoke(
        main, [str(argument) for argument in arguments], catch_exceptions=False,
        standalone_mode=False,
    )  # fmt: skip


def test_words_answer_with_what_was_understood_and_a_sheet(root, tmp_path):
    sheet = tmp_path / "sheet.png"
    result = run("search", "dark", "-k", 2, "--archive", root, "--sheet", sheet)
    assert result.exit_code == 0
    assert "Understood: dark (low key)" in result.stderr
    assert "dark.mp4" in result.stdout.splitlines()[0]
    with Image.open(sheet) as page:
        assert page.width > 300


def test_json_holds_what_was_understood(root):
    result = run("search", "bright", "--drift", "0.5", "--archive", root, "--json")
    told = json.loads(result.stdout)
    assert told["understood"]["tags"][0]["said"] == "bright"
    assert told["understood"]["drift"] == 0.5
    assert told["hits"][0]["footage"].endswith("bright.mp4")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("xyzzy",), "is understood"), (("dog", "--drift", "2"), "drift lies"), ((" ",), "empty")],
)
def test_bad_words_are_one_sentence(root, arguments, said):
    from click import UsageError as ClickUsage

    with pytest.raises((UsageError, ClickUsage), match=said):
        run("search", *arguments, "--archive", root)
