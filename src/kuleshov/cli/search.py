"""The verb `kuleshov search`: find clips by words or by an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov.cli.asking import ask_options
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
from kuleshov.cli.many import ray_option, shared
from kuleshov.cli.matching import filter_options, match_options

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.asking import Ask, Found
    from kuleshov.match.align.candidates import MatchOptions
    from kuleshov.match.text.by_words import Named


@click.command("search")
@ask_options
@click.option(
    "-k",
    "count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Number of hits.",
)
@click.option(
    "--more",
    type=int,
    multiple=True,
    metavar="N",
    help="More like answer N: the numbers are those of the answers to the same call without --more "
    "and --less, which are found again for it. May be repeated.",
)
@click.option("--less", type=int, multiple=True, metavar="N", help="Less like answer N; likewise.")
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="Draw a page of the hits, .png or .jpg."
)
@match_options
@filter_options
@ray_option("a large archive looked through for an example")
@encoder_option
@archive_option
@json_option
def command(
    ask: Ask,
    count: int,
    more: tuple[int, ...],
    less: tuple[int, ...],
    sheet: Path | None,
    match: MatchOptions,
    filters: Filter,
    ray: str | None,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Find clips of the archive that show what WORDS say, or look like an example, best first.

    Of words the score is how likely they hold, 0 to 1, one clip of each shot: what is to be seen
    ("a dog", "snow", "no cars") by what a classifier sees, and how it is shown ("close-up", "slow
    pan", "two people", "at night", "black and white") by the shots' tags. What was understood is
    said first. Of an example it runs from 0 (as alike as a random pair) to 1 (the same picture);
    each facet tells what share of random pairs are less alike.
    """
    from kuleshov.desk.answers import found_as_data, write_found
    from kuleshov.desk.desk import Desk

    if sheet is not None:
        check_sheet(sheet, ask.like, "example")
    job = this_job()
    ask = replace(ask, more=more, less=less)
    with Desk(root, encoder, job=job) as desk:
        with shared(desk, ray, job, ask):
            found = desk.find(ask, match=replace(match, candidates=count), filters=filters, job=job)
        if sheet is not None:
            tell_written(write_found(found, ask.name, sheet, job=job))
        for said in found.told:
            note(hinted(said))
        if as_json:
            answer_json(found_as_data(found, ask.drift))
        else:
            _tell(found)
            _tell_named(found.named)


def _tell_named(found: Sequence[Named]) -> None:
    """Print the footage that has such a name, apart from the footage that shows it."""
    from kuleshov.timecode import format_time

    if found:
        click.echo("By name:")
    for one in found:
        media = one.hit.media
        click.echo(
            f"           {one.hit.film.footage.path}  "
            f"{format_time(media.start)}-{format_time(media.end)}  {one.naming.kind}: "
            f"{one.naming.name}"
        )


def _tell(found: Found) -> None:
    from kuleshov.archive.shot_tags import shared_phrases
    from kuleshov.desk.answers import shown_tags
    from kuleshov.features.tags import phrases
    from kuleshov.timecode import format_time

    for rank, candidate in enumerate(found.hits, 1):
        facets = "  ".join(f"{name} {value:.2f}" for name, value in candidate.facets.items())
        mirrored = "  mirrored" if candidate.mirrored else ""
        click.echo(
            f"{rank:>3}  {candidate.score:.2f}  {candidate.film.footage.path}  "
            f"{format_time(candidate.media.start)}-{format_time(candidate.media.end)}  "
            f"{facets}{mirrored}"
        )
        own = shown_tags(candidate)
        # Of an example, what both are; else what the shot is.
        shared = ", ".join(shared_phrases(found.tags, own))
        if said := f"both: {shared}" if shared else phrases(own):
            click.echo(f"           {said}")
