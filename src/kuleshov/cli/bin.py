"""`kuleshov bin`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    chosen_archive,
    json_option,
    say_waiting,
)
from kuleshov.errors import ArchiveError, UsageError

if TYPE_CHECKING:
    from kuleshov.archive.archive import Archive
    from kuleshov.archive.catalogue import Footage


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

    archive_root = chosen_archive(root)
    if name is None and (add or remove or delete):
        raise click.UsageError("Name the bin: kuleshov bin NAME --add FOOTAGE.")
    if delete and (add or remove):
        raise click.UsageError("--delete goes with neither --add nor --remove.")
    # An archive that is not there is not made for the sake of a bin.
    with open_archive(archive_root) as archive:
        listed = _listed(archive)
    if name is None:
        _answer({"bins": listed}, as_json)
        return
    if add or remove or delete:
        with write_archive(archive_root, waiting=say_waiting(archive_root)) as archive:
            _change(archive, name, add, remove, delete=delete)
    with open_archive(archive_root) as archive:
        _answer({"deleted": name} if delete else _contents(archive, name), as_json)


def _change(
    archive: Archive, name: str, add: Iterable[str], remove: Iterable[str], *, delete: bool
) -> None:
    """Change a bin; nothing is changed where one of the shots is not there."""
    bins = archive.catalogue.bin_table
    adding = [part for text in add for part in _meant(archive, text)]
    removing = [part for text in remove for part in _meant(archive, text)]
    if delete:
        bins.delete(name)
    if removing:
        bins.named(name)
    for checksum, shots in adding:
        bins.add(name, checksum, shots)
    for checksum, shots in removing:
        bins.remove(name, checksum, shots)


def _meant(archive: Archive, text: str) -> list[tuple[str, list[int]]]:
    """The shots that FOOTAGE[:SHOT[-SHOT]] means, by the checksum of the footage."""
    from kuleshov.match.filters import named_footage

    catalogue = archive.catalogue
    footage = catalogue.all(with_missing=True)
    parts = re.fullmatch(r"(.+):(\d+)(?:-(\d+))?", text)
    if parts is None or any(p.path.name == text for f in footage for p in f.places):
        found = named_footage(text, footage)
        return [(f.checksum, [shot.index for shot in catalogue.shots(f.id)]) for f in found]
    first, last = int(parts[2]), int(parts[3] or parts[2])
    if last < first:
        raise UsageError(f"{text}: the last shot comes before the first.")
    meant = []
    for film in named_footage(parts[1], footage):
        there = [shot.number for shot in catalogue.shots(film.id)]
        if not there or first < there[0] or last > there[-1]:
            has = f"has shots {there[0]} to {there[-1]}" if there else "has no shots"
            raise UsageError(f"{film.path.name} {has}: {text} is not among them.")
        meant.append((film.checksum, [n - 1 for n in there if first <= n <= last]))
    return meant


def _listed(archive: Archive) -> list[dict[str, Any]]:
    """All bins with what they hold."""
    return [
        {"name": name, "shots": len(shots), "footage": len({checksum for checksum, _ in shots})}
        for name, shots in archive.catalogue.bins().items()
    ]


def _contents(archive: Archive, name: str) -> dict[str, Any]:
    """A bin's shots, in the order of the archive; times in seconds where they can be read."""
    catalogue = archive.catalogue
    name = catalogue.bin_table.named(name)
    held = catalogue.bins()[name]
    shots = []
    for film in catalogue.all(with_missing=True):
        inside = [s for s in catalogue.shots(film.id) if (film.checksum, s.index) in held]
        times = _times(archive, film) if inside else []
        for shot in inside:
            span = shot.frames
            known = span.end < len(times)
            shots.append(
                {
                    "footage": str(film.path),
                    "checksum": film.checksum,
                    "shot": shot.number,
                    "first_frame": span.first,
                    "end_frame": span.end,
                    "start_s": times[span.first] if known else None,
                    "end_s": times[span.end] if known else None,
                }
            )
    return {"name": name, "shots": shots}


def _times(archive: Archive, film: Footage) -> list[float]:
    """When each frame begins, and the end of the last, in seconds; empty where that is lost."""
    base = film.probe.video.time_base
    try:
        pts, _ = archive.store.frames(film.checksum)
    except ArchiveError:
        return []
    return [round(float(int(t) * base), 6) for t in pts] + [round(float(film.duration), 6)]


def _answer(answer: dict[str, Any], as_json: bool) -> None:
    from kuleshov.timecode import format_time

    if as_json:
        answer_json(answer)
    elif "bins" in answer:
        for held in answer["bins"]:
            click.echo(f"{held['shots']:>6} shots of {held['footage']:>4} films  {held['name']}")
        if not answer["bins"]:
            click.echo("There are no bins: make one with `kuleshov bin NAME --add FOOTAGE`.")
    elif "deleted" in answer:
        click.echo(f"The bin {answer['deleted']} is deleted.")
    else:
        click.echo(f"{answer['name']}: {len(answer['shots'])} shots.")
        for shot in answer["shots"]:
            time = "" if shot["start_s"] is None else format_time(shot["start_s"])
            click.echo(
                f"{shot['shot']:>6}  {time}  frames {shot['first_frame']}-{shot['end_frame']}  "
                f"{shot['footage']}"
            )
