"""The verb `kuleshov see train`: train a lens on footage."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import (
    answer_json,
    archive_option,
    json_option,
    note,
    output_option,
    this_job,
)
from kuleshov.cli.hints import hinted
from kuleshov.cli.matching import filter_options
from kuleshov.errors import ArchiveError, ModelError

if TYPE_CHECKING:
    from kuleshov.archive.filters import Filter
    from kuleshov.desk.asking import Ask
    from kuleshov.desk.seeing import ToSee
    from kuleshov.see.training.course import Course
    from kuleshov.see.training.gathering import GatherOptions
    from kuleshov.see.training.pictures import Pictures
    from kuleshov.see.training.train import Trained
    from kuleshov.see.training.trainer import Knobs

_LARGEST_CROP = 192


@click.command("train", short_help="Train a lens on one kind of footage.")
@click.argument("paths", metavar="[PATHS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--text", metavar="WORDS", help="Train on shots of the archive found by these words.")
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    help="Train on shots of the archive that look like this film or picture.",
)
@click.option("--bin", "bin_name", help="Train on the shots of this bin.")
@output_option("The lens, .see.")
@click.option(
    "--size", default=256, show_default=True, help="Shorter side of pictures, a multiple of 32."
)
@click.option(
    "--minutes", default=20.0, show_default=True, help="Minutes to train in all, at most."
)
@click.option("--steps", type=click.IntRange(1), help="End after so many steps, if that is sooner.")
@click.option("--resume", is_flag=True, help="Go on with a training that was stopped.")
@click.option(
    "--patience",
    default=12,
    show_default=True,
    type=click.IntRange(0),
    help="End after so many previews without gain; 0 ends only by the clock.",
)
@click.option(
    "--preview", default=1.0, show_default=True, help="Minutes between previews, when it saves."
)
@click.option("--most", default=1500, show_default=True, help="Number of pictures at most.")
@click.option("--device", help="Train on cuda, mps or cpu.  [default: the fastest there is]")
@click.option("--no-base", is_flag=True, help="Begin from nothing, not from the bundled network.")
@click.option("--seed", default=0, show_default=True, help="Random seed of the training.")
@click.option("--sheet-only", is_flag=True, help="Write only the sheet of pictures to train on.")
@filter_options
@archive_option
@json_option
def command(
    paths: tuple[Path, ...],
    text: str | None,
    like: Path | None,
    bin_name: str | None,
    out: Path,
    size: int,
    minutes: float,
    steps: int | None,
    resume: bool,
    patience: int,
    preview: float,
    most: int,
    device: str | None,
    no_base: bool,
    seed: int,
    sheet_only: bool,
    filters: Filter,
    root: Path | None,
    as_json: bool,
) -> None:
    """Train a lens on PATHS (films, pictures and folders of them), or on shots of the archive.

    The footage should be of one kind: waves, fire, clouds, faces, one painter's pictures. 200
    pictures are enough to begin with; a film gives two a second. Beside OUT.see lies a folder
    OUT.training: pictures.jpg shows what was taken, preview.png what the lens makes of pictures
    that it was not trained on, once a minute. Ctrl-C ends the training early and keeps what was
    learnt. Needs PyTorch: pip install 'kuleshov[see]'.
    """
    if out.suffix.lower() != ".see":
        raise click.UsageError(f"A lens is a .see file: -o must end in .see, not {out.name!r}.")
    from kuleshov.desk.room import make_room

    make_room(out, None, "lens", "footage")
    if not sheet_only:
        _need_torch()
    from kuleshov.see.training.course import Course, check_begun, training_folder
    from kuleshov.see.training.gathering import GatherOptions

    # What is quickly known to be wrong is said before PyTorch is loaded, which takes seconds.
    course = Course(minutes, steps, preview, patience)
    options = GatherOptions(size=size, most=most, seed=seed)
    if not sheet_only:
        check_begun(out, resume)
    footage = _footage(paths, _asked(text, like, bin_name), filters, root)
    if not sheet_only:
        from kuleshov.see.training.trainer import Knobs, chosen_device

        knobs = Knobs(size=size, crop=min(_LARGEST_CROP, size), base=not no_base, seed=seed)
        where = chosen_device(device)
    pictures = _gathered(footage, options)
    sheet = training_folder(out) / "pictures.jpg"
    # Resumed, it has its sheet; other footage, which is refused, must not take its place.
    _show(pictures, footage, None if resume and sheet.exists() else sheet, out.stem)
    if sheet_only:
        if as_json:
            answer_json(_taken(pictures, sheet))
        return
    made = _trained(pictures, footage, out, knobs, course, resume, where)
    if as_json:
        answer_json(_taken(pictures, sheet) | _as_data(made))
    else:
        _tell(made)


def _need_torch() -> None:
    """Raise `ModelError` where a package that training needs is not installed."""
    for name in ("torch", "onnx"):
        if importlib.util.find_spec(name) is None:
            raise ModelError(
                f"Training needs a package that is not here ({name}): pip install 'kuleshov[see]'."
            )


def _asked(text: str | None, like: Path | None, bin_name: str | None) -> Ask | None:
    from kuleshov.desk.asking import Ask

    given = any(one is not None for one in (text, like, bin_name))
    return Ask(text, like, bin=bin_name) if given else None


def _footage(paths: Sequence[Path], ask: Ask | None, filters: Filter, root: Path | None) -> ToSee:
    """Return the footage to train on.

    The archive is searched where something is asked of it; otherwise it says who made what lies at
    `paths`.
    """
    from kuleshov.desk.desk import Desk
    from kuleshov.desk.seeing import footage_to_see

    job = this_job()
    with Desk(root, job=job) as desk:
        try:
            return footage_to_see(paths, ask, desk, filters, job=job)
        except ArchiveError:
            if root is not None or ask is not None:
                raise
        return footage_to_see(paths, None, None, job=job)


def _gathered(footage: ToSee, options: GatherOptions) -> Pictures:
    from kuleshov.media.guard import ProcessLimits, memory_limit, spared
    from kuleshov.see.training.gathering import gather

    limits = ProcessLimits(memory=memory_limit() + options.memory)
    return spared(gather, footage.spans, options, limits=limits, job=this_job())


def _show(pictures: Pictures, footage: ToSee, path: Path | None, name: str) -> None:
    """Print the notes on the pictures that were taken, and write the sheet of them."""
    from kuleshov.see.training.sheet import sheet

    for one in (*footage.notes, *pictures.notes):
        note(hinted(one))
    if path is None:
        note(f"{len(pictures)} pictures to train on.")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(pictures, path, f"What {name} is trained on")
    note(f"{len(pictures)} pictures to train on: {path}")


def _trained(
    pictures: Pictures,
    footage: ToSee,
    out: Path,
    knobs: Knobs,
    course: Course,
    resume: bool,
    device: str,
) -> Trained:
    from kuleshov.desk.seeing import origins
    from kuleshov.see.training.holdout import held_out
    from kuleshov.see.training.train import train

    learnt, held = held_out(pictures)
    note(f"Training on {device}; Ctrl-C ends it early and keeps what was learnt.")
    return train(
        learnt.pixels,
        held.pixels,
        out,
        knobs,
        course,
        origins=origins(pictures, footage.slates),
        resume=resume,
        device=device,
        job=this_job(),
    )


def _taken(pictures: Pictures, sheet: Path) -> dict[str, Any]:
    return {"pictures": len(pictures), "refused": dict(pictures.refused), "sheet": str(sheet)}


def _as_data(made: Trained) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "lens": str(made.path),
        "steps": made.steps,
        "minutes": round(made.minutes, 2),
        "ended": made.ended,
        "measured": asdict(made.measured),
        "device": made.lens.recipe["device"],
    }


def _tell(made: Trained) -> None:
    why = {
        "minutes": "its time is over (--resume with more --minutes goes on)",
        "steps": "its steps are done",
        "plateau": "it was not gaining any more",
        "stopped": "it was stopped; --resume goes on",
    }[made.ended]
    click.echo(f"{made.path}: {made.steps} steps in {made.minutes:.1f} minutes; {why}.")
    click.echo(f"Look through it: kuleshov see look {made.path} FILM -o OUT.mp4")
