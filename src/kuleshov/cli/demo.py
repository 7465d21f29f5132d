"""`kuleshov demo`."""

from __future__ import annotations

from pathlib import Path

import click

from kuleshov.cli.common import json_option, networks, note


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
    from kuleshov.cli import work
    from kuleshov.cli.look import Appearance
    from kuleshov.cli.recut import check_output, tell, write
    from kuleshov.edit.recut import RecutOptions

    samples = Path(__file__).parents[1] / "samples"
    source, footage = source or samples / "trailer.mp4", footage or samples / "archive"
    if not source.is_file():
        raise click.UsageError(f"{source} is not there: name a film to remake.")
    out = folder / f"{source.stem}-recut.mp4"
    check_output(out, source, Appearance("alone"))
    with networks() as loaded:
        note(f"Indexing {footage} …")
        summary = work.index(folder / "archive", [footage], loaded)
        for failure in summary.failed:
            note(f"Skipped: {failure.path}: {failure.reason}")
        note(f"Remaking {source} …")
        (made,) = work.make_recut(folder / "archive", source.absolute(), loaded, RecutOptions())
    products = work.Products()
    write(
        products,
        made,
        out,
        (Appearance("alone"), Appearance("side-by-side")),
    )
    tell(products, as_json)
