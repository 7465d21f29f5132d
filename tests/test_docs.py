"""The documents say what is."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import kuleshov
from cli_reference import reference
from kuleshov.cli.main import main
from module_map import module_map

ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(kuleshov.__path__, "kuleshov."))


def test_the_command_line_reference_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text() == reference(), "run `make docs`"


@pytest.mark.parametrize("name", [m for m in MODULES if m != "kuleshov.__main__"])
def test_every_exported_name_exists(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for exported in getattr(module, "__all__", ()):
        assert hasattr(module, exported), f"{name}.{exported}"


def test_the_readme_names_only_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    verbs = set(re.findall(r"^\s*(?:\$ )?kuleshov ([a-z]+)", text, re.MULTILINE))
    assert {"index", "recut"} <= verbs <= set(main.list_commands(click.Context(main)))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert {"demo", "test", "check"} <= asked <= targets
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link


def test_the_map_of_modules_is_up_to_date():
    assert (ROOT / "docs" / "modules.md").read_text() == module_map(), "run `make docs`"


def test_every_room_is_on_the_plan():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in MODULES:
        parts = name.split(".")[1:]
        if (importlib.import_module(name).__spec__.submodule_search_locations) is not None:
            assert f"`{'/'.join(parts)}`" in text, name


def test_every_decision_is_on_the_plan():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        title = path.read_text().splitlines()[0].removeprefix("# ")
        assert f"- [{title}](decisions/{path.name})" in text, path.name
        assert "\n**Decision" in path.read_text(), path.name


def test_the_plan_is_short():
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    assert len(lines) <= 240, "a decision has a page of its own, under docs/decisions"


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_lead_to_something(path):
    for link, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", path.read_text()):
        there = path.parent / link if link else path
        assert there.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
            assert anchor in slugs, f"{link}#{anchor}"


def test_the_examples_in_the_documents_run():
    for path in (ROOT / "docs").rglob("*.md"):
        failed, _ = doctest.testfile(str(path), module_relative=False)
        assert not failed, path.name
    assert doctest.testfile(str(ROOT / "docs" / "time.md"), module_relative=False).attempted


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from kuleshov.cli.main import main\n"
        "try:\n    main.main(['--help'], standalone_mode=False)\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'numpy', 'av', 'scipy', 'openvino', 'PIL', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_there_is_one_version():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited
    assert cited[1] == kuleshov.__version__
    assert f"## {kuleshov.__version__}" in (ROOT / "CHANGELOG.md").read_text()
