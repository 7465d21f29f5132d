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
    make_room,
    networks,
    note,
    progress,
)
from kuleshov.cli.finding import Asked, asked_options
from kuleshov.cli.matching import filter_options, match_options

if TYPE_CHECKING:
    from kuleshov.cli.finding import Found
    from kuleshov.features.tags import Tag
    from kuleshov.match.candidates import Candidate, MatchOptions
    from kuleshov.match.filters import Filter
    from kuleshov.match.words import Named


_SHEETS = (".png", ".jpg", ".jpeg")


@click.command("search")
@asked_options
@click.option(
    "-k",
    "count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many answers.",
)
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="A page of the answers, .png or .jpg."
)
@match_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    asked: Asked,
    count: int,
    sheet: Path | None,
    match: MatchOptions,
    filters: Filter,
    eyes: str | None,
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
    from kuleshov.archive.archive import open_archive
    from kuleshov.cli.finding import find

    if sheet is not None:
        make_room(sheet, asked.like, "sheet", "example")
        if sheet.suffix.lower() not in _SHEETS:
            raise click.UsageError(f"--sheet must end in .png or .jpg, not {sheet.suffix!r}.")
    options = replace(match, candidates=count)
    with networks(eyes) as loaded, open_archive(chosen_archive(root)) as archive:
        found = find(asked, asked.length, archive, loaded, options, filters)
        tags = [_tags(candidate) for candidate in found.candidates]
    if sheet is not None and found.candidates:
        _draw(sheet, asked, found, tags)
    for said in found.told:
        note(said)
    if as_json:
        pairs = zip(found.candidates, tags, strict=True)
        answers = [_as_data(candidate, own, found.tags) for candidate, own in pairs]
        heard = found.understood
        understood = None if heard is None else heard.as_data() | {"drift": asked.drift}
        by_name = [
            {
                "footage": str(one.candidate.film.footage.path),
                "start_s": round(float(one.candidate.media.start), 6),
                "end_s": round(float(one.candidate.media.end), 6),
                "kind": one.naming.kind,
                "name": one.naming.name,
            }
            for one in found.named
        ]
        answer_json({"understood": understood, "answers": answers, "named": by_name})
    else:
        _tell(found.candidates, tags, found.tags)
        _tell_named(found.named)


def _tell_named(found: Sequence[Named]) -> None:
    """Say which footage has such a name, apart from what shows it."""
    from kuleshov.timecode import format_time

    if found:
        click.echo("By name:")
    for one in found:
        media = one.candidate.media
        click.echo(
            f"           {one.candidate.film.footage.path}  "
            f"{format_time(media.start)}-{format_time(media.end)}  {one.naming.kind}: "
            f"{one.naming.name}"
        )


def _draw(path: Path, asked: Asked, found: Found, tags: Sequence[tuple[Tag, ...]]) -> None:
    """The answers as a page, each with the tags that say why."""
    from kuleshov.edit.answers import answers
    from kuleshov.features.tags import phrase
    from kuleshov.match.tagged import shared_phrases
    from kuleshov.render.apart import apart
    from kuleshov.render.sheet import SheetOptions, sheet

    reasons = []
    for own in tags:
        wanted = found.understood.tags if found.understood is not None else ()
        asked_for = [phrase(tag) for tag in own if any(w.share([tag]) for w in wanted)]
        reasons.append(asked_for or shared_phrases(found.tags, own))
    with progress() as bars:
        bars.add_task("drawing the sheet", total=None, speed="")
        page = answers(asked.name, found.candidates, reasons)
        drawn = apart(sheet, page, path, SheetOptions())
    for written in drawn:
        note(f"Written: {written}")


def _tags(candidate: Candidate) -> tuple[Tag, ...]:
    """The tags of the shot that a clip is of, as the clip shows it."""
    from kuleshov.features.tags import mirrored
    from kuleshov.match.tagged import tags_of

    found = tags_of(candidate.film, candidate.film.shot(candidate.shot))
    return mirrored(found) if candidate.mirrored else found


def _as_data(
    candidate: Candidate, tags: tuple[Tag, ...], example: tuple[Tag, ...]
) -> dict[str, Any]:
    from kuleshov.features.tags import as_data
    from kuleshov.match.tagged import why

    return {
        "footage": str(candidate.film.footage.path),
        "start_s": round(float(candidate.media.start), 6),
        "end_s": round(float(candidate.media.end), 6),
        "speed": round(float(candidate.speed), 6),
        "score": round(candidate.score, 6),
        "facets": {name: round(value, 6) for name, value in candidate.facets.items()},
        "mirrored": candidate.mirrored,
        "tags": as_data(tags),
        **({"why": why(example, tags, candidate.facets)} if example else {}),
    }


def _tell(
    found: Sequence[Candidate], tags: Sequence[tuple[Tag, ...]], example: tuple[Tag, ...]
) -> None:
    from kuleshov.features.tags import phrases
    from kuleshov.match.tagged import shared_phrases
    from kuleshov.timecode import format_time

    for rank, (candidate, own) in enumerate(zip(found, tags, strict=True), 1):
        facets = "  ".join(f"{name} {value:.2f}" for name, value in candidate.facets.items())
        mirrored = "  mirrored" if candidate.mirrored else ""
        click.echo(
            f"{rank:>3}  {candidate.score:.2f}  {candidate.film.footage.path}  "
            f"{format_time(candidate.media.start)}-{format_time(candidate.media.end)}  "
            f"{facets}{mirrored}"
        )
        # Of an example, what both are; else what the shot is.
        shared = ", ".join(shared_phrases(example, own))
        if said := f"both: {shared}" if shared else phrases(own):
            click.echo(f"           {said}")
