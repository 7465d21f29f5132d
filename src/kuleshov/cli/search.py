"""`kuleshov search`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    TIME,
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    networks,
)
from kuleshov.cli.matching import filter_options, match_options

if TYPE_CHECKING:
    from kuleshov.match.candidates import Candidate, MatchOptions
    from kuleshov.match.filters import Filter


@click.command("search")
@click.option("--like", required=True, type=click.Path(path_type=Path), help="A film or picture.")
@click.option("--at", type=TIME, default="0", show_default=True, help="Where in the example.")
@click.option("--for", "length", type=TIME, default="2", show_default=True, help="How long, in s.")
@click.option("-k", "count", default=10, show_default=True, help="How many answers.")
@match_options
@filter_options
@archive_option
@json_option
def command(
    like: Path,
    at: Fraction,
    length: Fraction,
    count: int,
    match: MatchOptions,
    filters: Filter,
    root: Path | None,
    as_json: bool,
) -> None:
    """Find clips of the archive that look like an example, best first.

    The score runs from 0 (as alike as a random pair) to 1 (the same picture); each facet tells what
    share of random pairs are less alike.
    """
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli import work
    from kuleshov.match.search import find_like

    if length <= 0:
        raise click.UsageError("--for must be above 0.")
    # The source's own material is what one searches for, when it is there.
    options = replace(match, candidates=count, allow_same=True)
    with networks() as loaded, open_archive(chosen_archive(root)) as archive:
        rows = work.offered(archive, loaded, filters)
        example = loaded.analyst.describe(like, at, at + length, mirrored=match.mirror)
        found = find_like(example, length, rows, loaded.reference, options)
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


def _tell(found: list[Candidate]) -> None:
    from kuleshov.timecode import format_time

    for rank, candidate in enumerate(found, 1):
        facets = "  ".join(f"{name} {value:.2f}" for name, value in candidate.facets.items())
        mirrored = "  mirrored" if candidate.mirrored else ""
        click.echo(
            f"{rank:>3}  {candidate.score:.2f}  {candidate.film.footage.path}  "
            f"{format_time(candidate.media.start)}-{format_time(candidate.media.end)}  "
            f"{facets}{mirrored}"
        )
