"""The verb `kuleshov live`: let the archive answer a camera."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from kuleshov.cli.common import archive_option, encoder_option, json_option, note, this_job
from kuleshov.cli.hints import hinted
from kuleshov.cli.matching import filter_options, weight_options
from kuleshov.cli.serving import page_options, tell_of_page

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.live import Answer, Live, LiveOptions
    from kuleshov.desk.live_source import Camera
    from kuleshov.match.align.strength import Weights

_WAYS = ("mirror", "cut")
_THROUGH = ("archive", "lens", "both")
_REACHED = (
    "It listens on {host}: whoever reaches that and has the address with its "
    "token sees the archive's films. Nothing that travels is encrypted, and browsers "
    "give no camera to a page that comes so: use a tunnel (ssh -L)."
)


@click.command("live")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="Play this film as the camera, at its own rate, and write an answer a line.",
)
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), help="Stop after so long, with --source."
)
@click.option(
    "--way",
    type=click.Choice(_WAYS),
    default=_WAYS[0],
    show_default=True,
    help="Way of answering. mirror shows the closest moment, as often as it changes; cut holds a "
    "clip, and cuts when something is clearly closer.",
)
@click.option(
    "--calm",
    type=click.FloatRange(0, 1),
    default=0.4,
    show_default=True,
    help="How much closer something must be to take the place of what is shown.",
)
@click.option(
    "--fresh",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How long what was shown stays away.",
)
@click.option(
    "--kiosk",
    is_flag=True,
    help="Show the archive's answer alone, without anything to press. With --port its address "
    "stays the same, so that the page goes on after a restart.",
)
@click.option(
    "--attract",
    type=click.FloatRange(0, 86400),
    default=45.0,
    show_default=True,
    metavar="SECONDS",
    help="Let the archive play slowly by itself, with --kiosk, when nobody has moved for so long; "
    "0 for never.",
)
@click.option(
    "--lens",
    "lenses",
    metavar="LENS",
    multiple=True,
    help="Also offer this lens to look through, a .see file; those that come with Kuleshov are "
    "there anyhow. Several may be named.",
)
@click.option(
    "--through",
    type=click.Choice(_THROUGH),
    default=_THROUGH[0],
    show_default=True,
    help="Begin with this in view: the archive's answer, the camera through a lens, or the answer "
    "through a lens (both).",
)
@click.option(
    "--takes",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("takes"),
    show_default=True,
    help="Keep takes, which are recorded from the page, in this folder.",
)
@page_options("Listen here; browsers give a camera only to pages of their own machine.")
@click.option("--mirror", is_flag=True, help="Also consider the archive's shots mirrored.")
@weight_options
@filter_options
@encoder_option
@archive_option
@json_option
def command(
    source: Path | None,
    seconds: float | None,
    way: str,
    calm: float,
    fresh: float,
    kiosk: bool,
    attract: float,
    lenses: tuple[str, ...],
    through: str,
    takes: Path,
    host: str,
    port: int,
    no_browser: bool,
    mirror: bool,
    weights: Weights | None,
    filters: Filter,
    encoder: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Let the archive answer a camera: whatever is done before it, old films do.

    It opens a page in the browser: the camera on one side, the archive's answer on the other, and
    what may be turned below. What the camera sees stays on this machine, and is not kept unless a
    take is recorded, which the page shows: that becomes a project of its own, as a recut is. Ctrl-C
    ends it.

    With --source a film is the camera instead, and each answer is a line: the time, the footage,
    which moment of it, the score from 0 (as alike as a random pair) to 1 (the same picture), and
    what share of random pairs each facet leaves behind. Frames that come while another one is
    looked at are dropped, so that no answer is late.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.live import Live
    from kuleshov.desk.live_source import Camera
    from kuleshov.match.live.holding import WAYS, LiveOptions

    if source is None and seconds is not None:
        raise click.UsageError("--seconds says how long a film plays: name it with --source.")
    chosen = next(one for one in WAYS if one == way)
    options = LiveOptions(chosen, calm, fresh, mirror=mirror)
    options = options if weights is None else replace(options, weights=weights)
    job = this_job()
    if source is None:
        desk = Desk(root, encoder, job=job)
        _show(
            desk,
            options,
            filters,
            _Page(host, port, no_browser, kiosk, attract, takes, lenses, through),
            as_json,
        )
        return
    with Desk(root, encoder, job=job) as desk, Camera(desk, source, job) as camera:
        live = Live(desk, options, filters, job=job)
        for said in live.notes:
            note(hinted(said))
        _play(live, camera, seconds, as_json)


@dataclass(frozen=True)
class _Page:
    """The page: where it listens, how it is shown, its takes and its lenses."""

    host: str
    port: int
    no_browser: bool
    kiosk: bool
    attract: float
    takes: Path
    lenses: tuple[str, ...]
    through: str


def _show(desk: Desk, options: LiveOptions, filters: Filter, page: _Page, as_json: bool) -> None:
    """Serve the page until a person ends it."""
    from kuleshov.see.bundled import bundled_lenses, lens_path
    from kuleshov.studio.app import door
    from kuleshov.studio.live import LiveSession, live_application
    from kuleshov.studio.live_lens import LensView, Through
    from kuleshov.studio.security import kept_token, new_token
    from kuleshov.studio.serving import address_of, is_local, listening, serve

    named = [lens_path(one) for one in page.lenses]
    lenses = {**{path.stem: path for path in named}, **bundled_lenses()}
    if page.through != "lens":  # which needs none
        desk.archive  # noqa: B018 - says what is wrong with it
    listener = listening(page.host, page.port)
    token = kept_token(page.port) if page.kiosk and page.port else new_token()
    address = address_of(page.host, listener, token)
    through = next(word for word in get_args(Through) if word == page.through)
    session = LiveSession(
        *(desk, options, filters),
        kiosk=page.kiosk,
        takes=page.takes,
        lens=LensView(lenses, through),
        attract=page.attract if page.kiosk else 0.0,
    )

    def ready() -> None:
        warning = None if is_local(page.host) else _REACHED.format(host=page.host)
        tell_of_page(
            "The live view",
            address,
            warning=warning,
            no_browser=page.no_browser,
            as_json=as_json,
        )

    behind = replace(door(page.host, listener, token), camera=True)
    try:
        serve(live_application(session, behind), listener, ready)
    finally:
        session.close()


def _play(live: Live, camera: Camera, seconds: float | None, as_json: bool) -> None:
    """Answer frame after frame until the film ends, or so many seconds of it are over."""
    answered, latencies = 0, []
    while (frame := camera.newest()) is not None and (seconds is None or frame.time < seconds):
        answer = live.look(frame.picture, frame.time, frame.came)
        if answer is None:
            continue
        answered += 1
        latencies.append(answer.took)
        click.echo(json.dumps(answer.line(), ensure_ascii=False) if as_json else _line(answer))
    if not as_json and latencies:
        import numpy as np

        middle, late = np.percentile(np.array(latencies) * 1000, [50, 95])
        note(
            f"{answered} answers, {camera.dropped} frames dropped; half of them took less than "
            f"{middle:.0f} ms, 95 of 100 less than {late:.0f} ms."
        )


def _line(answer: Answer) -> str:
    from fractions import Fraction

    from kuleshov.timecode import format_time

    moment = format_time(Fraction(answer.start).limit_denominator(1000))
    facets = "  ".join(f"{name} {value:.2f}" for name, value in answer.shown.facets.items())
    mirrored = "  mirrored" if answer.shown.spot.mirrored else ""
    return (
        f"{answer.shown.at:8.2f}  {answer.shown.score:.2f}  {answer.footage.path}  {moment}  "
        f"{facets}{mirrored}"
    )
