"""Write docs/cli.md from the commands' own help. A test compares the two.

python tools/cli_reference.py
"""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.main import main

OUT = Path(__file__).parents[1] / "docs" / "cli.md"


def reference() -> str:
    """Return the text of docs/cli.md."""
    parts = [
        "# Command line\n",
        "Written by `make docs` from the commands' own help. Progress goes to stderr, answers to "
        "stdout. Exit status: 0; 1 where the work failed, with one sentence that says why; 2 where "
        "the call was wrong; 130 after Ctrl-C.\n",
    ]
    context = click.Context(main, info_name="kuleshov")
    for name in main.list_commands(context):
        parts += _sections(main, name, context)
    return "\n".join(parts)


def _sections(group: click.Group, name: str, parent: click.Context) -> list[str]:
    """Return the help of one command, and of those below it."""
    command = group.get_command(parent, name)
    assert command is not None
    # A fixed width: help wraps to the terminal otherwise.
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=90,
        max_content_width=90,
        help_option_names=["-h", "--help"],
    )
    text = command.get_help(context).rstrip()
    sections = [f"## {context.command_path}\n\n```\n{text}\n```\n"]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            sections += _sections(command, inner, context)
    return sections


if __name__ == "__main__":
    OUT.write_text(reference(), encoding="utf-8")
    print(OUT)
