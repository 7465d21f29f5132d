"""Write docs/cli.md from the commands' own help. A test compares the two.

python tools/cli_reference.py
"""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.main import main

OUT = Path(__file__).parents[1] / "docs" / "cli.md"


def reference() -> str:
    """The text of docs/cli.md."""
    parts = [
        "# Command line\n",
        "Written by `make docs` from the commands' own help. Progress goes to stderr, answers to "
        "stdout. Exit status: 0; 1 where the work failed, with one sentence that says why; 2 where "
        "the call was wrong; 130 after Ctrl-C.\n",
    ]
    context = click.Context(main, info_name="kuleshov")
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        # A fixed width: help wraps to the terminal otherwise.
        inner = click.Context(
            command,
            info_name=name,
            parent=context,
            terminal_width=90,
            max_content_width=90,
            help_option_names=["-h", "--help"],
        )
        parts.append(f"## kuleshov {name}\n\n```\n{command.get_help(inner).rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    OUT.write_text(reference(), encoding="utf-8")
    print(OUT)
