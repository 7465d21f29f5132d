"""Docstrings begin with one plain sentence: what can be held by a rule is held here.

Whether a sentence is true and good English only a reader can say.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kuleshov.cli.main import main

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "src" / "kuleshov").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
WIDTH = 100

# Noun clauses, of which a reader has to guess what they are of.
RIDDLES = ("What", "Whether", "How", "Where", "Which", "Who", "Why", "When", "By", "Of", "From")
# A function does something: it does not begin with the thing that it gives.
THINGS = ("The", "A", "An", "All", "Each", "Every", "Those", "One", "Its", "It", "This", "That")

Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def nodes(node: Node, name: str = "", *, public: bool = True) -> Iterator[tuple[str, Node, bool]]:
    """Yield the module and each class and function in it, with whether it is public."""
    yield name or "the module", node, public
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inside = isinstance(node, ast.Module | ast.ClassDef)
            seen = public and inside and not child.name.startswith("_")
            yield from nodes(child, f"{name}.{child.name}".strip("."), public=seen)


def is_property(node: Node) -> bool:
    marks = getattr(node, "decorator_list", [])
    return any("property" in ast.unparse(mark) for mark in marks)


def faults(name: str, node: Node, public: bool) -> Iterator[str]:
    said = ast.get_docstring(node, clean=False)
    if said is None:
        if public and not _is_click(node):
            yield f"{name} has no docstring"
        return
    first = said.split("\n")[0]
    word = re.split(r"[\s:,;]", first)[0]
    if not first.endswith((".", ".)")):
        yield f"{name}: the first line is one sentence and ends with a full stop: {first!r}"
    if not (first[0].isupper() or first[0] == "`"):
        yield f"{name}: the first line begins with a capital letter: {first!r}"
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if function and not is_property(node):
        if word in (*RIDDLES, *THINGS):
            yield f"{name}: say what it does (Return, Yield, Write, ...): {first!r}"
    elif word in RIDDLES and not (word == "Whether" and function):
        yield f"{name}: say what it is, not {word!r}: {first!r}"


def _is_click(node: Node) -> bool:
    """Return whether a function is a command, whose help a test of the command line holds."""
    return any("click" in ast.unparse(mark) for mark in getattr(node, "decorator_list", []))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_a_plain_sentence(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert not [fault for found in nodes(tree) for fault in faults(*found)]


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for verb in group.list_commands(context):
        command = group.get_command(context, verb)
        assert command is not None
        yield f"{name} {verb}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {verb}")


@pytest.mark.parametrize(("name", "command"), list(commands(main, "kuleshov")))
def test_help_names_its_noun(name, command):
    assert command.help
    for option in command.params:
        said = getattr(option, "help", None)
        if isinstance(option, click.Option) and said != "Show this message and exit.":
            assert said, f"{name} {option.opts[0]} has no help"
            first, *rest = said.split()
            assert first not in ("Of", "For", "In", "To", "From", "What", "Whether"), said
            assert first[0].isupper(), said
            assert rest, said


def test_no_sentence_says_is_no():
    word = re.compile(r"\b(?:is|are) no (?!longer\b|more\b|such\b|larger\b)(\w+)")
    there = re.compile(r"\b[Tt]here (?:is|are) no ")
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            said = word.search(there.sub("", " ".join(node.value.split())))
            if said is not None:
                found.append(f"{path.name}:{node.lineno}: {said[0]}")
    assert not found
