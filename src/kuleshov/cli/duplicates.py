"""The verb `kuleshov duplicates`: find material that the archive holds more than once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    json_option,
    note,
    this_job,
)
from kuleshov.cli.hints import hinted
from kuleshov.cli.matching import filter_options

if TYPE_CHECKING:
    from kuleshov.archive.catalogue import Footage
    from kuleshov.archive.filters import Filter
    from kuleshov.match.same.duplicates import Group


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
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.repeated import repeated

    job = this_job()
    with Desk(root, job=job) as desk:
        found = repeated(desk, filters, job=job)
        for said in found.notes:
            note(hinted(said))
    if as_json:
        answer_json(found.as_data())
    else:
        _tell(found.same, found.groups)


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
            width, height = footage.probe.video.display_size
            click.echo(
                f"  {footage.path}  {width}x{height}  {format_time(footage.duration)}  "
                f"{footage.bytes / 1e6:.1f} MB"
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
