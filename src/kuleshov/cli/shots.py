"""The verb `kuleshov shots`: list the shots of a film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.common import answer_json, json_option, this_job

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis
    from kuleshov.features.tags import Tag


@click.command("shots")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--tags", "tagged", is_flag=True, help="Also give each shot's tags: close-up, pan left."
)
@json_option
def command(file: Path, tagged: bool, as_json: bool) -> None:
    """List the shots of a film: frames, times, and how each begins.

    With --tags also scale, faces, camera, speed, light, contrast, colour, hues, things recognised,
    titles and length, as far as they can be measured.
    """
    from kuleshov.archive.shot_tags import tags_of_analysis
    from kuleshov.desk.answers import shots_as_data
    from kuleshov.desk.desk import Desk
    from kuleshov.features.analyse import ARCHIVE_GRID
    from kuleshov.features.measuring import NEEDED

    job = this_job()
    with Desk() as desk:
        needed = NEEDED if tagged else ()
        analysis = desk.source(file, only=needed, grid=ARCHIVE_GRID, job=job).analysis
    tags = tags_of_analysis(analysis) if tagged else None
    if as_json:
        answer_json(shots_as_data(analysis, tags))
    else:
        _tell(analysis, tags)


def _tell(analysis: Analysis, tags: Sequence[Sequence[Tag]] | None) -> None:
    from kuleshov.features.tags import phrases
    from kuleshov.timecode import format_time

    count = len(analysis.shots)
    click.echo(
        f"{analysis.path.name}: {count} shot{'s' * (count != 1)}, {analysis.frames} frames at "
        f"{float(analysis.probe.video.rate):.6g} a second."
    )
    for number, shot in enumerate(analysis.shots):
        span, into = analysis.range_of(shot.frames), shot.transition
        how = (
            into.kind
            if not len(into.frames)
            else (f"{into.kind} of {len(into.frames)} frame{'s' * (len(into.frames) != 1)}")
        )
        click.echo(
            f"{shot.number:>4}  {format_time(span.start)}  {float(span.duration):>7.2f} s  "
            f"frames {shot.frames.first}-{shot.frames.end}  {how}{'  black' if shot.black else ''}"
        )
        if tags is not None and tags[number]:
            click.echo(f"      {phrases(tags[number])}")
