"""`kuleshov shots`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import answer_json, json_option, networks

if TYPE_CHECKING:
    from kuleshov.features.analyse import Analysis


@click.command("shots")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def command(file: Path, as_json: bool) -> None:
    """List the shots of a film: frames, times, and how each begins."""
    from kuleshov.cli import work

    with networks() as loaded:
        analysis, _ = work.analyse_source(file, loaded)
    if as_json:
        answer_json(as_data(analysis))
    else:
        _tell(analysis)


def as_data(analysis: Analysis) -> dict[str, Any]:
    """The shots of a film; times both exact, as fractions of a second, and as decimals."""
    shots = []
    for shot in analysis.shots:
        span, into = analysis.range_of(shot.frames), shot.transition
        shots.append(
            {
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
            }
        )
    return {
        "footage": str(analysis.path),
        "frames": analysis.frames,
        "rate": str(analysis.probe.video.rate),
        "shots": shots,
    }


def _tell(analysis: Analysis) -> None:
    from kuleshov.timecode import format_time

    click.echo(
        f"{analysis.path.name}: {len(analysis.shots)} shots, {analysis.frames} frames at "
        f"{float(analysis.probe.video.rate):.6g} a second."
    )
    for shot in analysis.shots:
        span, into = analysis.range_of(shot.frames), shot.transition
        how = into.kind if not len(into.frames) else f"{into.kind} of {len(into.frames)} frames"
        click.echo(
            f"{shot.index:>4}  {format_time(span.start)}  {float(span.duration):>7.2f} s  "
            f"frames {shot.frames.first}-{shot.frames.end}  {how}{'  black' if shot.black else ''}"
        )
