"""The verb `kuleshov demo`: index a sample archive and recut a sample trailer."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.appearance import check_film
from kuleshov.cli.common import json_option, note, this_job
from kuleshov.cli.made import tell


@click.command("demo")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the results go.",
)
@click.option("--source", type=click.Path(path_type=Path), help="A film to remake.")
@click.option("--footage", type=click.Path(path_type=Path), help="A folder to remake it from.")
@json_option
def command(folder: Path, source: Path | None, footage: Path | None, as_json: bool) -> None:
    """Index a sample archive and recut a sample trailer from it: two films, a sheet, a project.

    With --source and --footage it does the same with your own.
    """
    from kuleshov.desk.appearance import Appearance
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.products import write_made

    samples = Path(__file__).parents[1] / "samples"
    source, footage = source or samples / "trailer.mp4", footage or samples / "archive"
    if not source.is_file():
        raise click.UsageError(f"{source} is not there: name a film to remake.")
    looks = Appearance("alone"), Appearance("side-by-side")
    out = folder / f"{source.stem}-recut.mp4"
    check_film(out, source, looks[0])
    job = this_job()
    with Desk(folder / "archive", job=job) as desk:
        note(f"Indexing {footage} …")
        for failure in desk.index([footage], job=job).failed:
            note(f"Skipped: {failure.path}: {failure.reason}")
        note(f"Remaking {source} …")
        (made,) = desk.recut(source.absolute(), job=job)
        products = write_made(made, out, looks, job=job)
    tell(products, as_json)
