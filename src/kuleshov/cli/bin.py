"""The verb `kuleshov bin`: keep shots of the archive together under a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    this_job,
)

if TYPE_CHECKING:
    from kuleshov.desk.keeping import BinShot, BinSize


@click.command("bin")
@click.argument("name", required=False)
@click.option("--add", multiple=True, metavar="FOOTAGE[:SHOT[-SHOT]]", help="Put shots in.")
@click.option("--remove", multiple=True, metavar="FOOTAGE[:SHOT[-SHOT]]", help="Take shots out.")
@click.option("--delete", is_flag=True, help="Delete the bin; the footage stays.")
@archive_option
@json_option
def command(
    name: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    delete: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Keep shots of the archive together under a name, for --only bin:NAME.

    Without NAME it lists the bins; with NAME alone, the shots in that bin. FOOTAGE is a file name,
    a path, a title, or a pattern of these with *; SHOT a number as `kuleshov shots` shows it, and
    without one all shots are meant. --add and --remove may be repeated.
    """
    from kuleshov.archive.archive import open_archive, write_archive
    from kuleshov.desk.keeping import bins_of, change_bin, in_bin

    archive_root = chosen_archive(root)
    if name is None and (add or remove or delete):
        raise click.UsageError("Name the bin: kuleshov bin NAME --add FOOTAGE.")
    if delete and (add or remove):
        raise click.UsageError("--delete goes with neither --add nor --remove.")
    # An archive that is not there is not made for the sake of a bin.
    with open_archive(archive_root) as archive:
        bins = bins_of(archive)
    if name is None:
        _tell_bins(bins, as_json)
        return
    if add or remove or delete:
        with write_archive(archive_root, job=this_job()) as archive:
            change_bin(archive, name, add, remove, delete=delete)
    if delete:
        if as_json:
            answer_json({"deleted": name})
        else:
            click.echo(f"The bin {name} is deleted.")
        return
    with open_archive(archive_root) as archive:
        name, held = in_bin(archive, name)
    if as_json:
        answer_json({"name": name, "shots": [one.as_data() for one in held]})
    else:
        _tell_shots(name, held)


def _tell_bins(bins: Sequence[BinSize], as_json: bool) -> None:
    if as_json:
        answer_json({"bins": [asdict(one) for one in bins]})
        return
    for one in bins:
        click.echo(f"{one.shots:>6} shots of {one.footage:>4} films  {one.name}")
    if not bins:
        click.echo("There are no bins: make one with `kuleshov bin NAME --add FOOTAGE`.")


def _tell_shots(name: str, held: Sequence[BinShot]) -> None:
    from kuleshov.timecode import format_time

    click.echo(f"{name}: {len(held)} shots.")
    for one in held:
        time = "" if one.start is None else format_time(one.start)
        frames = one.shot.frames
        click.echo(
            f"{one.shot.number:>6}  {time}  frames {frames.first}-{frames.end}  {one.footage.path}"
        )
