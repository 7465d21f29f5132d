"""`kuleshov duplicates`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    networks,
    progress,
)
from kuleshov.cli.matching import filter_options

if TYPE_CHECKING:
    from kuleshov.archive.catalogue import Footage
    from kuleshov.match.duplicates import Group, Shared
    from kuleshov.match.filters import Filter


@click.command("duplicates")
@filter_options
@archive_option
@json_option
def command(filters: Filter, root: Path | None, as_json: bool) -> None:
    """Find footage, and parts of it, that the archive holds in more than one file.

    Files that are the same to the byte, copies in other sizes, encodings and frame rates, mirrored,
    or cut out of longer films. Not found are copies that are cropped by more than a few per cent,
    turned, or run at another speed; of those that begin between two looks (half a second apart)
    fast movement may be missed. Nothing is decoded, nothing is changed.
    """
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli import work
    from kuleshov.match.duplicates import duplicates, grouped, same_files

    with networks() as loaded, open_archive(chosen_archive(root)) as archive:
        rows = work.offered(archive, loaded, filters)
        with progress() as bars:
            bars.add_task("comparing", total=None, speed="")
            groups = grouped(rows, duplicates(rows))
    same = same_files(rows)
    if as_json:
        files = [
            {**_footage(footage), "paths": [str(path) for path in paths]} for footage, paths in same
        ]
        answer_json({"same": files, "groups": [_as_data(group) for group in groups]})
    else:
        _tell(same, groups)


def _as_data(group: Group) -> dict[str, Any]:
    return {
        "kind": "copies" if group.whole else "parts",
        "best": str(group.footage[0].path),
        "footage": [_footage(one) for one in group.footage],
        "shared": [_shared(one) for one in group.shared],
    }


def _footage(footage: Footage) -> dict[str, Any]:
    width, height = footage.probe.video.display_size
    return {
        "path": str(footage.path),
        "checksum": footage.checksum,
        "width": width,
        "height": height,
        "duration_s": round(float(footage.duration), 6),
        "bytes": max((place.size for place in footage.places), default=0),
    }


def _shared(one: Shared) -> dict[str, Any]:
    return {
        "footage": str(one.one.path),
        "start_s": round(one.begin, 3),
        "end_s": round(one.end, 3),
        "other": str(one.other.path),
        "other_start_s": round(one.other_begin, 3),
        "other_end_s": round(one.other_end, 3),
        "likeness": round(one.likeness, 4),
        "mirrored": one.mirrored,
    }


def _tell(same: Sequence[tuple[Footage, tuple[Path, ...]]], groups: Sequence[Group]) -> None:
    from kuleshov.timecode import format_time

    if not groups and not same:
        click.echo("No material was found in more than one file.")
        return
    for _, paths in same:
        click.echo("The same file, byte for byte, which is used once:")
        for path in paths:
            click.echo(f"  {path}  {path.stat().st_size / 1e6:.1f} MB")
    for group in groups:
        click.echo("Copies, the best first:" if group.whole else "A part is in both:")
        for footage in group.footage:
            about = _footage(footage)
            click.echo(
                f"  {footage.path}  {about['width']}x{about['height']}  "
                f"{format_time(footage.duration)}  {about['bytes'] / 1e6:.1f} MB"
            )
        for one in group.shared:
            mirrored = "  mirrored" if one.mirrored else ""
            click.echo(
                f"    {one.one.path.name} {format_time(one.begin)}-{format_time(one.end)} is "
                f"{one.other.path.name} {format_time(one.other_begin)}-"
                f"{format_time(one.other_end)}  {one.likeness:.2f}{mirrored}"
            )
    spare = [footage for group in groups if group.whole for footage in group.footage[1:]]
    if spare:
        terms = " ".join(f'--exclude "{footage.path.name}"' for footage in spare)
        click.echo(f"To leave the copies out: {terms}")
