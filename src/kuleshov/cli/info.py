"""The verb `kuleshov info`: say what the archive and the caches hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuleshov import __version__
from kuleshov.cli.common import answer_json, archive_option, chosen_archive, json_option, note

if TYPE_CHECKING:
    from kuleshov.desk.holdings import Holdings


@click.command("info")
@click.option(
    "--forget-sources", is_flag=True, help="Delete what was seen of sources; no film is touched."
)
@click.option(
    "--forget-networks",
    is_flag=True,
    help="Delete the networks compiled for this machine; when needed they are compiled again.",
)
@click.option(
    "--forget-previews",
    is_flag=True,
    help="Delete previews and proxies of projects; no film is touched, and they are made again.",
)
@archive_option
@json_option
def command(
    forget_sources: bool,
    forget_networks: bool,
    forget_previews: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Say what the archive holds, which networks are bundled, and what is kept among your caches.

    A source is looked at once: what was seen is kept for the next time, up to a limit of space.
    Networks are compiled once for this machine, and kept too. So are previews of projects, and
    proxies, small copies of what they show. Each has a limit of its own.
    """
    from kuleshov.desk.holdings import forget_networks as networks_forgotten
    from kuleshov.desk.holdings import forget_previews as previews_forgotten
    from kuleshov.desk.holdings import forget_sources as sources_forgotten
    from kuleshov.desk.holdings import holdings

    if forget_sources:
        gone = sources_forgotten()
        note(f"Forgotten: {gone.entries} looks at sources, {gone.bytes / 1e6:.1f} MB.")
    if forget_networks:
        note(f"Forgotten: compiled networks, {networks_forgotten().bytes / 1e6:.1f} MB.")
    if forget_previews:
        note(f"Forgotten: previews and proxies, {previews_forgotten() / 1e6:.1f} MB.")
    there = holdings(chosen_archive(root))
    if as_json:
        answer_json(there.as_data())
    else:
        _tell(there)


def _tell(there: Holdings) -> None:
    from kuleshov.timecode import format_time

    footage = there.footage
    click.echo(f"kuleshov {__version__}")
    click.echo(f"archive  {there.root}{'' if there.exists else '  (nothing indexed yet)'}")
    if footage:
        length = format_time(sum(one.footage.duration for one in footage))
        shots = sum(one.shots for one in footage)
        films = f"{len(footage)} film{'s' * (len(footage) != 1)}"
        click.echo(f"holds    {films}, {shots} shot{'s' * (shots != 1)}, {length}")
    for one in footage:
        width, height = one.footage.probe.video.display_size
        shape = f"{width}x{height}"
        click.echo(
            f"  {format_time(one.footage.duration)}  {one.shots:>4} "
            f"{'shot ' if one.shots == 1 else 'shots'}  {shape:>9}  "
            f"{one.footage.path}{'  MISSING' if one.missing else ''}"
        )
    if any(one.missing for one in footage):
        click.echo("missing  what was moved is found again with `kuleshov relink FOLDER`")
    kept = there.sources
    click.echo(
        f"sources  {kept.entries} look{'' if kept.entries == 1 else 's'} kept, "
        f"{kept.bytes / 1e6:.1f} of at most {there.sources_limit / 1e6:.0f} MB, in "
        f"{there.sources_folder}"
    )
    made = there.compiled
    click.echo(
        f"compiled {made.usage.entries} network{'' if made.usage.entries == 1 else 's'}, "
        f"{made.usage.bytes / 1e6:.1f} of at most {made.limit / 1e6:.0f} MB, in {made.folder} "
        "(--forget-networks takes them away)"
    )
    for name, part in (("previews", there.previews), ("proxies", there.proxies)):
        click.echo(
            f"{name:8} {part.usage.bytes / 1e6:.1f} of at most {part.limit / 1e6:.0f} MB, in "
            f"{part.folder} (--forget-previews takes them away)"
        )
    if there.words:
        click.echo(f"taught   {', '.join(there.words)}")
    for encoder, seen in there.encoders.items():
        click.echo(f"encoder  {encoder}  reads words; has seen {seen} of {len(footage)} films")
    if not there.encoders:
        click.echo(
            "encoder  none that reads any words; one can be had: pip install 'kuleshov[clip]', "
            "then `kuleshov index FOLDER --encoder clip` downloads it once (605 MB, by LAION, "
            "MIT licence) and looks at the footage with it"
        )
    for model in there.models:
        click.echo(f"network  {model.name} {model.version}  ({model.licence})")
