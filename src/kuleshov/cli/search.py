"""`kuleshov search`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    encoder_option,
    json_option,
    networks,
)
from kuleshov.cli.finding import Asked, asked_options
from kuleshov.cli.matching import filter_options, match_options

if TYPE_CHECKING:
    from kuleshov.match.candidates import Candidate, MatchOptions
    from kuleshov.match.filters import Filter


@click.command("search")
@asked_options
@click.option("-k", "count", default=10, show_default=True, help="How many answers.")
@match_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    asked: Asked,
    count: int,
    match: MatchOptions,
    filters: Filter,
    eyes: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Find clips of the archive that look like an example, best first.

    The score runs from 0 (as alike as a random pair) to 1 (the same picture); each facet tells what
    share of random pairs are less alike.
    """
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli.finding import find

    options = replace(match, candidates=count)
    with networks(eyes) as loaded, open_archive(chosen_archive(root)) as archive:
        found = find(asked, asked.length, archive, loaded, options, filters).candidates
    if as_json:
        answer_json([_as_data(candidate) for candidate in found])
    else:
        _tell(found)


def _as_data(candidate: Candidate) -> dict[str, Any]:
    return {
        "footage": str(candidate.film.footage.path),
        "start_s": round(float(candidate.media.start), 6),
        "end_s": round(float(candidate.media.end), 6),
        "speed": round(float(candidate.speed), 6),
        "score": round(candidate.score, 6),
        "facets": {name: round(value, 6) for name, value in candidate.facets.items()},
        "mirrored": candidate.mirrored,
    }


def _tell(found: Sequence[Candidate]) -> None:
    from kuleshov.timecode import format_time

    for rank, candidate in enumerate(found, 1):
        facets = "  ".join(f"{name} {value:.2f}" for name, value in candidate.facets.items())
        mirrored = "  mirrored" if candidate.mirrored else ""
        click.echo(
            f"{rank:>3}  {candidate.score:.2f}  {candidate.film.footage.path}  "
            f"{format_time(candidate.media.start)}-{format_time(candidate.media.end)}  "
            f"{facets}{mirrored}"
        )
