"""The documents say what is."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kuleshov
from cli_reference import reference
from kuleshov.cli.main import main

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
    assert {"index", "recut"} <= verbs <= set(main.list_commands(None))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert {"demo", "test", "check"} <= asked <= targets
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link


def test_every_module_is_on_the_map():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in MODULES:
        parts = name.split(".")[1:]
        if len(parts) == 2 and parts[0] != "cli":
            assert f"`{parts[1]}`" in text or f"{parts[0]}/{parts[1]}" in text, name


def test_the_examples_in_the_documents_run():
    for path in (ROOT / "docs").glob("*.md"):
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
