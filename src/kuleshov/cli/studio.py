"""`kuleshov studio`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import archive_option, encoder_option, json_option, note, this_job
from kuleshov.cli.matching import filter_options, match_options, select_options
from kuleshov.cli.serving import page_options, tell_of_page
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.match.choose.select import SelectOptions

_REACHED = (
    "It listens on {host}: whoever reaches that and has the address with its token sees "
    "and hears the films, reads names of files and folders, changes the project and has "
    "films rendered. Nothing that travels is encrypted."
)


@click.command("studio")
@click.argument(
    "what",
    metavar="[PROJECT.otio | FILM]",
    type=click.Path(path_type=Path),
    default=None,
    required=False,
)
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="The project of a film's recut, .otio.  [default: beside the film]",
)
@click.option(
    "--footage",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder whose films may be opened, and indexed, on the page. May be repeated.",
)
@match_options
@select_options
@filter_options
@page_options("Listen here; on another address than this machine's own, others reach it too.")
@encoder_option
@archive_option
@json_option
def command(
    what: Path | None,
    out: Path | None,
    footage: tuple[Path, ...],
    match: MatchOptions,
    choose: SelectOptions,
    filters: Filter,
    host: str,
    port: int,
    no_browser: bool,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Shape a recut in the browser: choose among suggestions, shot by shot.

    With a project it goes on with that; with a film it begins a recut of it; with nothing it shows
    what was open before. Everything is saved in the project at once. Ctrl-C ends it.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.edit.cut import RecutOptions
    from kuleshov.studio.places import Places, home
    from kuleshov.studio.security import new_token
    from kuleshov.studio.serving import address_of, is_local, listening, serve

    _check(what, out)
    listener, token = listening(host, port), new_token()
    address = address_of(host, listener, token)
    with Desk(root, encoder, job=this_job()) as desk:
        _check_archive(desk, what, footage)
        from kuleshov.studio.app import application, door
        from kuleshov.studio.session import Session

        session = Session(
            desk,
            Places(footage, home()),
            RecutOptions(match=match, select=choose),
            filters,
            local=is_local(host),
        )

        def ready() -> None:
            if what is not None:
                session.open_path(what.absolute(), out)
            else:
                session.prepare()
            warning = None if is_local(host) else _REACHED.format(host=host)
            tell_of_page(
                "The studio", address, warning=warning, no_browser=no_browser, as_json=as_json
            )

        try:
            serve(application(session, door(host, listener, token)), listener, ready)
        finally:
            unsaved = session.close()
    if unsaved is not None:
        raise click.exceptions.Exit(1)
    if not as_json:
        note("The studio is closed; everything is saved.")


def _check(what: Path | None, out: Path | None) -> None:
    """Refuse what cannot be opened, before anything is begun.

    Raises `UsageError`, `ProjectError` and the like.
    """
    from kuleshov.desk.room import make_room
    from kuleshov.edit.resuming import resumable
    from kuleshov.media.kinds import kind_of
    from kuleshov.project.file import read_otio

    if what is None:
        if out is not None:
            raise click.UsageError("-o names the project of a film's recut: name the film too.")
        return
    if what.is_dir():
        raise UsageError(f"{what} is a folder: name a film or a project, or say --footage {what}.")
    if not what.exists():
        raise UsageError(f"{what} does not exist: name a film or a project (.otio).")
    if what.suffix.lower() == ".otio":
        if out is not None:
            raise click.UsageError("-o belongs to a film: a project is saved where it is.")
        resumable(read_otio(what), what)
        return
    if kind_of(what) not in ("film", "other"):
        raise UsageError(f"{what} is not a film: name one, or a project (.otio).")
    project = what.with_suffix(".otio") if out is None else out
    if project.suffix.lower() != ".otio":
        raise UsageError(
            f"out must end in .otio, not {project.suffix or 'nothing'!r}.", option="out"
        )
    if project.exists():
        known = resumable(read_otio(project), project)
        if known.path.absolute() != what.absolute() and known.path.name != what.name:
            raise UsageError(
                f"{project} is there already, and is of {known.path.name}: name another with -o."
            )
    else:
        make_room(project, what, "project", "film")


def _check_archive(desk: object, what: Path | None, footage: tuple[Path, ...]) -> None:
    """Refuse to begin where there is no archive and nothing that one could be made of."""
    from kuleshov.desk.desk import Desk

    assert isinstance(desk, Desk)
    if what is not None and not footage:
        desk.archive  # noqa: B018 - says what is wrong with it
