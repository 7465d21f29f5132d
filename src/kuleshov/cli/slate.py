"""The verb `kuleshov slate`: say who made footage and on what terms it may be used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    note,
    this_job,
)
from kuleshov.cli.hints import hinted
from kuleshov.errors import UsageError

if TYPE_CHECKING:
    from kuleshov.archive.catalogue import Footage


@click.command("slate")
@click.argument("words", nargs=-1, metavar="[FOOTAGE]... [FIELD=TEXT]...")
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path),
    help="Enter the slates of a table: footage,title,author,licence,url.",
)
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path),
    help="Write such a table with what is known, to be filled in; - for stdout.",
)
@click.option("--tags", is_flag=True, help="Fill empty fields from what the files say themselves.")
@archive_option
@json_option
def command(
    words: tuple[str, ...],
    table: Path | None,
    exported: Path | None,
    tags: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Say who made footage and on what terms it may be used, for slates and credits.

    FOOTAGE is a file name, a path, a folder, a title, or a pattern of these with *. FIELD is title,
    author, licence or url; author= with nothing behind it makes the author unknown again. Without
    fields the slates are shown; without FOOTAGE, all.

    In a table for --csv the first line names the columns, an empty cell leaves what is known, and
    where a line is wrong nothing is entered.
    """
    from kuleshov.archive.archive import open_archive, write_archive
    from kuleshov.desk.keeping import enter_slates, footage_meant

    names, values = _parts(words)
    if values and not names:
        raise click.UsageError("Name the footage: kuleshov slate FOOTAGE author=NAME.")
    if table is not None and (names or values or tags or exported):
        raise click.UsageError("--csv goes alone: the table names the footage.")
    if exported is not None and (values or tags):
        raise click.UsageError("--export only writes what is known: enter fields before.")
    archive_root = chosen_archive(root)
    # An archive that is not there is not made for the sake of a slate.
    with open_archive(archive_root) as archive:
        asked = [film.checksum for film in footage_meant(archive, names)]
    if table is not None or values or tags:
        with write_archive(archive_root, job=this_job()) as archive:
            asked, notes = enter_slates(archive, asked, values, table, tags=tags)
        for said in notes:
            note(hinted(said))
    with open_archive(archive_root) as archive:
        held = {film.checksum: film for film in archive.catalogue.all(with_missing=True)}
        films = [held[checksum] for checksum in asked if checksum in held]
    if exported is not None:
        _export(films, exported)
    else:
        _answer(films, as_json)


def _parts(words: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return the footage that is named, and the fields of the slate with their values."""
    from kuleshov.archive.slates import FIELDS, field_named

    names, values = [], {}
    for word in words:
        name, sign, value = word.partition("=")
        field = field_named(name)
        if sign and field is not None:
            values[field] = value
        elif sign and name.isalpha() and not Path(word).exists():
            raise click.UsageError(f"A slate has no {name!r}, only {', '.join(FIELDS)}.")
        else:
            names.append(word)
    return names, values


def _export(films: Sequence[Footage], path: Path) -> None:
    from kuleshov.archive.slates import table_of
    from kuleshov.files import write_text

    text = table_of(films)
    if str(path) == "-":
        click.echo(text.encode("utf-8", errors="surrogateescape"), nl=False)
        return
    try:
        write_text(path, text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"table    {path}  ({len(films)} film{'' if len(films) == 1 else 's'})")


def _answer(films: Sequence[Footage], as_json: bool) -> None:
    if as_json:
        shown = [
            {"footage": str(film.path), "checksum": film.checksum, **asdict(film.slate)}
            for film in films
        ]
        answer_json({"footage": shown})
        return
    for film in films:
        click.echo(film.path.name)
        known = {name: text for name, text in asdict(film.slate).items() if text}
        for name, text in known.items():
            click.echo(f"    {name:<9} {text}")
        if not known:
            click.echo("    nothing is known")
