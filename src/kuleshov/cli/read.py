"""The verb `kuleshov read`: write a page on the language of a film."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import answer_json, json_option, note, this_job
from kuleshov.cli.hints import hinted


@click.command("read")
@click.argument("film", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="The page, .html.  [default: FILM.html]",
)
@json_option
def command(film: Path, out: Path | None, as_json: bool) -> None:
    """Read a film, or a project (.otio): a page on its shots, rhythm, light, colours and rhymes.

    Of a project each shot of the source is shown beside the clip that answers it, with what both
    share. The page is one HTML file that needs nothing beside it.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.pages import page_of_film, page_of_project
    from kuleshov.desk.room import make_room
    from kuleshov.files import write_bytes

    out = out or Path(f"{film.stem}.html")
    if out.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"{out.name} is not a page: let its name end in .html.")
    make_room(out, film, "page", "film")
    read = page_of_project if film.suffix.lower() == ".otio" else page_of_film
    job = this_job()
    with Desk() as desk:
        page = read(desk, film, job=job)
    for said in page.notes:
        note(hinted(said))
    try:
        write_bytes(out, page.html.encode("utf-8", errors="replace"))
    except OSError as error:
        raise click.ClickException(f"{out} could not be written: {error.strerror}.") from error
    if as_json:
        answer_json({"page": str(out), "shots": page.shots, "bytes": out.stat().st_size})
    else:
        click.echo(f"{out}: {page.shots} shot{'s' if page.shots != 1 else ''}.")
