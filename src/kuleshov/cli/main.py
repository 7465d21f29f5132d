"""The command line, `kuleshov VERB`: load the module of a verb when it is called, and run it."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import logging
import os
import signal
import sys
from typing import NoReturn

import click

from kuleshov import __version__
from kuleshov.cli.hints import hinted, told
from kuleshov.errors import KuleshovError, UsageError
from kuleshov.jobs import unheard
from kuleshov.notes import Note

__all__ = ["main", "run"]

_VERBS = {
    "index": "Add footage to the archive.",
    "search": "Find shots by words, or by what they look like.",
    "shots": "List the shots of a film.",
    "read": "Write a page on a film's language, or on a recut.",
    "bin": "Keep shots of the archive together under a name.",
    "word": "Teach the archive a word by examples.",
    "slate": "Say who made footage, and on what terms.",
    "duplicates": "Find footage that the archive holds more than once.",
    "recut": "Remake a film from the archive.",
    "studio": "Shape a recut in the browser.",
    "live": "Let the archive answer a camera.",
    "offers": "List what a shot of a recut may show instead.",
    "supercut": "Make a film of everything alike that the archive holds.",
    "grid": "Show shots that are alike side by side, as loops.",
    "gif": "Make a GIF of the archive: remake one, or answer words.",
    "see": "Train a network on one kind of footage, and look through it.",
    "render": "Render a project again.",
    "relink": "Find footage again that was moved.",
    "credits": "List whose footage a project is made of.",
    "export": "Write a project as editing programs and spreadsheets open it.",
    "info": "Say what the archive holds.",
    "demo": "Try it on the samples, or on your own films.",
}


class _Verbs(click.Group):
    """The group of all verbs; a verb's module is loaded only when it is called.

    So `--help` answers at once.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"kuleshov.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _VERBS, 2)
            meant = f"did you mean {' or '.join(close)}?" if close else "see kuleshov --help."
            raise click.UsageError(f"There is no verb {args[0]!r}; {meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(_VERBS.items()))


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="kuleshov %(version)s")
def main() -> None:
    """Re-make films out of other films.

    Index a folder of footage, then recut a trailer, or any film, from it: for each of its shots
    the clip that looks most alike, to its own rhythm and sound.
    """
    log, heard = logging.getLogger("kuleshov"), _Warnings(logging.WARNING)
    log.addHandler(heard)
    click.get_current_context().call_on_close(lambda: log.removeHandler(heard))


class _Warnings(logging.Handler):
    """A log handler that tells the library's warnings on stderr, with advice about some of them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the warning."""
        click.echo(hinted(Note(getattr(record, "code", ""), record.getMessage())), err=True)


def run() -> NoReturn:
    """Run the command line and exit.

    The exit status is 0, 1 where the work failed, 2 where the call was wrong, 130 on Ctrl-C.
    """
    # Asked to end, it ends like after Ctrl-C: half-written files are taken away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _run()
    except KeyboardInterrupt:  # again, while it was being said
        ended = SystemExit(130)
    except SystemExit as error:
        ended = error
    # All is tidied up: a signal that comes now must not make a film that is done a failure.
    for late in (signal.SIGINT, signal.SIGTERM):
        signal.signal(late, signal.SIG_IGN)
    _leave_if_unheard(ended)
    raise ended


def _leave_if_unheard(ended: SystemExit) -> None:
    """End at once where a network still computes for nobody: the interpreter would crash."""
    if not unheard():
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(ended.code if isinstance(ended.code, int) else 1)


def _run() -> NoReturn:
    _allow_many_files()
    try:
        code = main.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        click.echo(
            "Stopped. What was done before stays: run the same command again to go on.", err=True
        )
        sys.exit(130)
    except KuleshovError as error:
        click.echo(f"Error: {told(error)}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # Whoever read the answer has enough of it (`kuleshov shots FILE | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # what nobody foresaw: a full disk, a drive that is gone
        named = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {named}{error.strerror or error}.", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _allow_many_files() -> None:
    """Ask the system for as many open files as it lets one have: a large archive has thousands."""
    try:
        import resource
    except ImportError:  # Windows has no such limit to raise
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16384 if hard == resource.RLIM_INFINITY else min(hard, 16384)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
