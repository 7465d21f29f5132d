"""The verb `kuleshov offers`: list what may stand in a shot of a recut."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.by_hand import SHOTS
from kuleshov.cli.common import (
    answer_json,
    archive_option,
    check_sheet,
    encoder_option,
    json_option,
    note,
    tell_written,
    this_job,
)
from kuleshov.cli.hints import hinted

if TYPE_CHECKING:
    from fractions import Fraction

    from kuleshov.desk.choosing import ShotOffers


@click.command("offers")
@click.argument("project", type=click.Path(path_type=Path))
@click.option("--shot", required=True, type=SHOTS, help="The shots to list: 5, or 3,7-9.")
@click.option(
    "-k",
    "count",
    default=12,
    show_default=True,
    type=click.IntRange(1),
    help="Number of offers for each shot.",
)
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="Draw a page of the offers, .png or .jpg."
)
@encoder_option
@archive_option
@json_option
def command(
    project: Path,
    shot: tuple[str, ...],
    count: int,
    sheet: Path | None,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """List the clips that a shot of a recut (.otio) may show, the one it shows now first.

    `kuleshov recut --project PROJECT --take SHOT=NUMBER` takes one by its number.
    """
    from kuleshov.desk.answers import write_offers
    from kuleshov.desk.choosing import offers_as_data
    from kuleshov.desk.desk import Desk

    if sheet is not None:
        check_sheet(sheet, project, "project")
    job = this_job()
    with Desk(root, encoder, job=job) as desk:
        going = desk.resume(project, job=job)
        shots = going.offers(shot, count)
        for one in going.notes:
            note(f"Note: {hinted(one)}")
        if sheet is not None:
            tell_written(write_offers(shots, sheet, job=job))
    if as_json:
        answer_json({"project": str(project), **offers_as_data(going, shots)})
        return
    for one_shot in shots:
        _tell(one_shot, going.cut.rhythm.rate)
    for number, refusal in enumerate(going.cut.refused, 1):
        click.echo(f"refused {number}: {refusal}")


_INSTEAD = {"own": "the source's own", "black": "black", "still": "a still of the source"}


def _tell(shot: ShotOffers, rate: Fraction) -> None:
    """Print the offers of one slot."""
    from kuleshov.timecode import format_time

    told, offers = shot.decided, shot.offers
    at = format_time(told["first_frame"] / rate)
    locked = f", {_INSTEAD[told['instead']]}" if "instead" in told else ""
    locked += ", locked" if told["locked"] else ""
    room = told.get("slip_room")
    slips = f", can be slipped by {room[0]:+d} to {room[1]:+d} pictures" if room else ""
    click.echo(f"shot {shot.slot}: {told['frames']} frames from {at}{locked}{slips}")
    if not offers:
        click.echo("  nothing is offered for it")
    for one in offers:
        sign = "*" if one.chosen else " "
        clip = one.clip
        if clip is None:
            click.echo(f"{sign}{one.number:>4}       {one.path.name}: not in the archive now")
            continue
        marks = [
            *(["mirrored"] if clip.mirrored else []),
            *([f"{float(clip.speed):.3g}x speed"] if clip.speed != 1 else []),
            *([f"holds its last {float(clip.held):.2f} s"] if clip.held else []),
            *(["refused"] if one.refused else []),
            *([f"also in shot {', '.join(one.shown_in)}"] if one.shown_in else []),
        ]
        score = f"{clip.score:.2f}" if clip.facets else "   -"
        place = f"{one.path.name}  shot {clip.shot + 1} from {format_time(one.start)}"
        rest = "  ".join(part for part in (one.why, ", ".join(marks)) if part)
        click.echo(f"{sign}{one.number:>4}  {score}  {place}  {rest}".rstrip())
