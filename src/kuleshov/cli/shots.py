"""`kuleshov shots`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import answer_json, json_option, networks

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis
    from kuleshov.features.tags import Tag


@click.command("shots")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tags", "tagged", is_flag=True, help="Say what film people would say of each shot.")
@json_option
def command(file: Path, tagged: bool, as_json: bool) -> None:
    """List the shots of a film: frames, times, and how each begins.

    With --tags also scale, faces, camera, speed, light, contrast, colour, hues, things recognised,
    titles and length, as far as they can be measured.
    """
    from kuleshov.cli import work
    from kuleshov.features.analyse import ARCHIVE_GRID
    from kuleshov.features.tagging import NEEDED
    from kuleshov.match.tagged import tags_of_analysis

    with networks() as loaded:
        analysis, _ = work.analyse_source(
            file, loaded, only=NEEDED if tagged else (), grid=ARCHIVE_GRID
        )
    tags = tags_of_analysis(analysis) if tagged else None
    if as_json:
        answer_json(as_data(analysis, tags))
    else:
        _tell(analysis, tags)


def as_data(analysis: Analysis, tags: Sequence[Sequence[Tag]] | None = None) -> dict[str, Any]:
    """The shots of a film, with their tags if given; times both exact, as fractions of a second,
    and as decimals."""
    from kuleshov.features.tags import as_data as tag_data

    shots: list[dict[str, Any]] = []
    for number, shot in enumerate(analysis.shots):
        span, into = analysis.range_of(shot.frames), shot.transition
        shots.append(
            {
                "number": shot.number,
                "first_frame": shot.frames.first,
                "end_frame": shot.frames.end,
                "start": str(span.start),
                "end": str(span.end),
                "start_s": round(float(span.start), 6),
                "end_s": round(float(span.end), 6),
                "black": shot.black,
                "transition": {
                    "kind": into.kind,
                    "first_frame": into.frames.first,
                    "end_frame": into.frames.end,
                },
                **({"tags": tag_data(tags[number])} if tags is not None else {}),
            }
        )
    return {
        "footage": str(analysis.path),
        "frames": analysis.frames,
        "rate": str(analysis.probe.video.rate),
        "shots": shots,
    }


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
