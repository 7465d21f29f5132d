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
    from kuleshov.cli.recut import tell
    from kuleshov.edit.interchange import write_otio
    from kuleshov.edit.recut import RecutOptions, layout_of
    from kuleshov.render.sheet import sheet

    samples = Path(__file__).parents[1] / "samples"
    source, footage = source or samples / "trailer.mp4", footage or samples / "archive"
    name = f"{source.stem}-recut"
    with networks() as loaded:
        note(f"Indexing {footage} …")
        summary = work.index(folder / "archive", [footage], loaded)
        for failure in summary.failed:
            note(f"Skipped: {failure.path}: {failure.reason}")
        note(f"Remaking {source} …")
        made = work.make_recut(folder / "archive", source.absolute(), loaded, RecutOptions())
    products = work.Products(project=folder / f"{name}.otio", notes=list(made.notes))
    assert products.project is not None
    work.keep_old(products.project)
    beside = layout_of(made.timeline, side_by_side=True)
    write_otio(beside, products.project)
    products.sheets = sheet(made.timeline, folder / f"{name}.sheet.png")
    for timeline, out in (
        (layout_of(made.timeline, side_by_side=False), folder / f"{name}.mp4"),
        (beside, folder / f"{name}-side-by-side.mp4"),
    ):
        products.films.append(work.render_film(timeline, out))
    tell(products, as_json)
