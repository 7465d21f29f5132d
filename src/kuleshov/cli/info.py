"""`kuleshov info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kuleshov import __version__
from kuleshov.cli.common import answer_json, archive_option, chosen_archive, json_option, note


@click.command("info")
@click.option(
    "--forget-sources", is_flag=True, help="Take away what was seen of sources; no film is touched."
)
@archive_option
@json_option
def command(forget_sources: bool, root: Path | None, as_json: bool) -> None:
    """Say what the archive holds, which networks are bundled, and what is kept of sources.

    A source is looked at once: what was seen is kept for the next time, up to a limit of space.
    """
    from kuleshov.cli import work

    if forget_sources:
        gone = work.source_cache().empty()
        note(f"Forgotten: {gone.entries} looks at sources, {gone.bytes / 1e6:.1f} MB.")
    data = _gather(chosen_archive(root))
    if as_json:
        answer_json(data)
    else:
        _tell(data)


def _gather(root: Path) -> dict[str, Any]:
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli import work
    from kuleshov.models.runtime import bundled

    footage: list[dict[str, Any]] = []
    exists = (root / "catalogue.sqlite").exists()
    if exists or root.is_file():
        with open_archive(root) as archive:
            for film in archive.catalogue.all(with_missing=True):
                video = film.probe.video
                footage.append(
                    {
                        "path": str(film.path),
                        "checksum": film.checksum,
                        "seconds": round(float(film.duration), 3),
                        "frames": film.frames,
                        "rate": str(video.rate),
                        "width": video.display_size[0],
                        "height": video.display_size[1],
                        "shots": len(archive.catalogue.shots(film.id)),
                        "missing": not any(place.path.exists() for place in film.places),
                    }
                )
    cache = work.source_cache()
    kept = cache.usage()
    return {
        "version": __version__,
        "archive": str(root),
        "exists": exists,
        "footage": footage,
        "sources": {
            "folder": str(cache.folder),
            "looks": kept.entries,
            "bytes": kept.bytes,
            "limit": cache.limit,
        },
        "models": [
            {"name": m.name, "version": m.version, "licence": m.licence, "sha256": m.sha256}
            for m in bundled()
        ],
    }


def _tell(data: dict[str, Any]) -> None:
    from kuleshov.timecode import format_time

    footage = data["footage"]
    click.echo(f"kuleshov {data['version']}")
    click.echo(f"archive  {data['archive']}{'' if data['exists'] else '  (nothing indexed yet)'}")
    if footage:
        length = format_time(sum(film["seconds"] for film in footage))
        shots = sum(film["shots"] for film in footage)
        films = f"{len(footage)} film{'s' * (len(footage) != 1)}"
        click.echo(f"holds    {films}, {shots} shot{'s' * (shots != 1)}, {length}")
    for film in footage:
        shape = f"{film['width']}x{film['height']}"
        click.echo(
            f"  {format_time(film['seconds'])}  {film['shots']:>4} shots  {shape:>9}  "
            f"{film['path']}{'  MISSING' if film['missing'] else ''}"
        )
    if any(film["missing"] for film in footage):
        click.echo("missing  what was moved is found again with `kuleshov relink FOLDER`")
    kept = data["sources"]
    click.echo(
        f"sources  {kept['looks']} look{'' if kept['looks'] == 1 else 's'} kept, "
        f"{kept['bytes'] / 1e6:.1f} of at most {kept['limit'] / 1e6:.0f} MB, in {kept['folder']}"
    )
    for model in data["models"]:
        click.echo(f"network  {model['name']} {model['version']}  ({model['licence']})")
