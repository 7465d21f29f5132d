"""Say where a page is that a verb serves, and open it in the browser; the options for that."""

from __future__ import annotations

import json
import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kuleshov.cli.common import note

__all__ = ["has_screen", "page_options", "tell_of_page"]

F = TypeVar("F", bound=Callable[..., Any])


def page_options(host_help: str) -> Callable[[F], F]:
    """Add `--host`, `--port` and `--no-browser`."""

    def added(function: F) -> F:
        for option in (
            click.option(
                "--no-browser", is_flag=True, help="Only say the address; open no browser."
            ),
            click.option(
                "--port",
                default=0,
                type=click.IntRange(0, 65535),
                help="Listen here.  [default: any]",
            ),
            click.option("--host", default="127.0.0.1", show_default=True, help=host_help),
        ):
            function = option(function)
        return function

    return added


def tell_of_page(
    said: str, address: str, *, warning: str | None, no_browser: bool, as_json: bool
) -> None:
    """Say where a page is, and open it in the browser if that can be seen.

    `said` is what is there; `warning` is for a page that others reach, too.
    """
    if as_json:
        click.echo(json.dumps({"url": address, "pid": os.getpid()}))
    else:
        click.echo(f"{said} is at {address} (Ctrl-C ends it).")
    if warning is not None:
        note(warning)
    if not no_browser and has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def has_screen() -> bool:
    """Return whether a browser can be seen: else one that writes into the terminal would begin."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
