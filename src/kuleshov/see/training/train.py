"""Train a lens. Needs PyTorch: `pip install 'kuleshov[see]'`.

Beside the lens, in a folder of its name, lies what one looks at meanwhile (`preview.png`,
`losses.png`, `losses.csv`, one sheet a minute in `previews`) and `state.pt`, saved at each preview,
from which a training that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import csv
import hashlib
import io
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kuleshov.errors import Stopped, UsageError
from kuleshov.files import write_bytes, write_text
from kuleshov.jobs import QUIET, Job, Step, stoppable
from kuleshov.notes import Note
from kuleshov.see.abstraction import Abstraction, LensTone, averaged, grey, matrices, tone_of
from kuleshov.see.lens import Lens, Origin, write_lens
from kuleshov.see.training.batches import as_tensors, coarse
from kuleshov.see.training.course import Course, check_begun, training_folder
from kuleshov.see.training.export import to_onnx
from kuleshov.see.training.measure import LensMeasures, measure
from kuleshov.see.training.pictures import LARGEST
from kuleshov.see.training.preview import loss_plot, preview_sheet
from kuleshov.see.training.trainer import BASE, Knobs, Trainer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Course", "Trained", "train"]

_SHOWN, _MEASURED = 8, 32
"""Held-out pictures on a preview sheet, and measured."""

_DEAF, _EARLY = 0.25, 2.0
"""Below this sensitivity a network hardly depends on its input; not said in the first minutes."""

_GAIN = 0.01
"""A plateau is where the held-out distance falls by less than this share."""

_EVERY = 10
"""Steps over which losses are averaged before they are kept."""

Pixels = Sequence["NDArray[np.uint8]"]


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    `ended` is "minutes", "steps", "plateau" or "stopped".
    """

    lens: Lens
    path: Path
    steps: int
    minutes: float
    measured: LensMeasures
    ended: str


def train(
    learnt: Pixels,
    held: Pixels,
    out: Path,
    knobs: Knobs = Knobs(),
    course: Course = Course(),
    *,
    origins: tuple[Origin, ...] = (),
    resume: bool = False,
    device: str | None = None,
    base: Path | None = BASE,
    job: Job = QUIET,
) -> Trained:
    """Train on the pictures `learnt`, measure on those `held` out, write the lens to `out`.

    Pictures are (H, W, 3) uint8 RGB. The job's step counts minutes; each preview is a note,
    `training-preview`. Ctrl-C ends the training early: the lens is made of what was learnt. Where
    the job is to stop, what was learnt is kept beside `out`, no lens is written and Stopped is
    raised. Either way `resume` goes on. Raises UsageError if `out` was trained before and `resume`
    is off, or if what is to be resumed was begun with other pictures or knobs.
    """
    job.check()
    run = stoppable(lambda: _Run(learnt, held, out, knobs, device, base, job), job)
    run.begin(resume)
    ended = "minutes"
    with job.step(f"training {out.stem}", of=course.minutes, unit="minutes") as step:
        try:
            try:
                ended = run.learn(course, step)
            except KeyboardInterrupt:
                ended = "stopped"
                text = "Stopping: what was learnt is being written."
                job.note(Note("training-stopping", text, {"step": run.trainer.step}))
            measured = run.look()
        except Stopped:
            run.save()
            raise
    recipe = {**asdict(knobs), "steps": run.trainer.step, "minutes": round(run.minutes, 2)}
    recipe |= {"pictures": len(learnt), "held out": len(held), "device": str(run.trainer.device)}
    lens = Lens(
        name=out.stem,
        network=to_onnx(run.trainer.average),
        size=knobs.size,
        abstraction=knobs.abstraction,
        tone=_tone(learnt),
        origins=origins,
        recipe=recipe,
        measured={name: round(value, 4) for name, value in asdict(measured).items()},
    )
    write_lens(lens, out)
    return Trained(lens, out, run.trainer.step, run.minutes, measured, ended)


@dataclass
class _Held:
    """The held-out pictures as they are looked at: (N, 3, S, S), and what the network is given."""

    targets: Tensor
    light: Tensor


@dataclass
class _History:
    """The history of losses, averaged over `_EVERY` steps, and of what previews measured."""

    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    previews: list[float] = field(default_factory=list)

    def add(self, step: int, recent: Sequence[dict[str, float]]) -> None:
        self.steps.append(step)
        for name in recent[0]:
            mean = sum(each[name] for each in recent) / len(recent)
            self.losses.setdefault(name, []).append(mean)

    def table(self) -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["step", *self.losses])
        columns = [[f"{value:.5g}" for value in values] for values in self.losses.values()]
        writer.writerows(zip(self.steps, *columns, strict=True))
        return buffer.getvalue()


class _Run:
    """A training and its folder."""

    def __init__(
        self,
        learnt: Pixels,
        held: Pixels,
        out: Path,
        knobs: Knobs,
        device: str | None,
        base: Path | None,
        job: Job,
    ) -> None:
        self.job = job
        self.folder = training_folder(out)
        self.out = out
        self.knobs = knobs
        self.marks = {"pictures": _fingerprint([*learnt, *held]), "knobs": repr(knobs)}
        self.trainer = Trainer(learnt, knobs, device, base)
        self.held = _held(held, knobs)
        self.history = _History()
        self.recent: list[dict[str, float]] = []
        self.looked: tuple[int, LensMeasures] | None = None
        self.before = 0.0
        self.started = time.monotonic()

    @property
    def minutes(self) -> float:
        """The time spent learning, in minutes, earlier runs included."""
        return self.before + (time.monotonic() - self.started) / 60

    def begin(self, resume: bool) -> None:
        """Make the folder, or go on with the training that lies there."""
        check_begun(self.out, resume)
        (self.folder / "previews").mkdir(parents=True, exist_ok=True)
        if resume:
            self._take_up(self.folder / "state.pt")
        self.started = time.monotonic()

    def learn(self, course: Course, told: Step) -> str:
        """Learn step after step until the course is run; return what ended it."""
        shown = self.minutes
        while True:
            if self.minutes >= course.minutes:
                return "minutes"
            if course.steps is not None and self.trainer.step >= course.steps:
                return "steps"
            self.recent.append(self.trainer.learn())
            if len(self.recent) == _EVERY:
                self.history.add(self.trainer.step, self.recent)
                self.recent = []
            told.at(self.minutes)
            # At the end there is one anyway: none shortly before it.
            left = course.minutes - self.minutes
            if self.minutes - shown >= course.preview and left >= course.preview / 2:
                self.look()
                shown = self.minutes
                if _flat(self.history.previews, course.patience):
                    return "plateau"

    def look(self) -> LensMeasures:
        """Paint the held-out pictures, measure, write sheet, plot and state; once for each step."""
        if self.looked is not None and self.looked[0] == self.trainer.step:
            return self.looked[1]
        painted, light, targets, measured = stoppable(self._measured, self.job)
        self.history.previews.append(measured.distance)
        title = (
            f"{self.out.stem}: step {self.trainer.step}, {self.minutes:.1f} minutes, "
            f"distance {measured.distance:.3f}, form {measured.form:.2f}, "
            f"sensitivity {measured.sensitivity:.2f}"
        )
        rows = [
            [_bytes(each) for each in (light[n].expand(3, -1, -1), painted[n], targets[n])]
            for n in range(min(_SHOWN, len(painted)))
        ]
        sheet = preview_sheet(rows, title)
        path = self.folder / "previews" / f"step-{self.trainer.step:06d}.png"
        write_bytes(path, sheet)
        write_bytes(self.folder / "preview.png", sheet)
        if self.history.steps:
            write_bytes(
                self.folder / "losses.png", loss_plot(self.history.losses, self.history.steps)
            )
            write_text(self.folder / "losses.csv", self.history.table())
        self.save()
        self.looked = self.trainer.step, measured
        self._tell(measured, path)
        return measured

    def _measured(self) -> tuple[Tensor, Tensor, Tensor, LensMeasures]:
        """Paint the held-out pictures; return them, what was given and wanted, and measures."""
        painted = self.trainer.paint(self.held.light)
        targets, light = (each.to(painted.device) for each in (self.held.targets, self.held.light))
        return painted, light, targets, measure(painted, light, targets, self.trainer.perception)

    def _tell(self, measured: LensMeasures, sheet: Path) -> None:
        """Say what a preview measured, and what looks wrong in it."""
        about = {"step": self.trainer.step, "minutes": round(self.minutes, 2), "sheet": str(sheet)}
        text = (
            f"{self.minutes:5.1f} min, step {self.trainer.step}: distance "
            f"{measured.distance:.3f}, form {measured.form:.2f}, sensitivity "
            f"{measured.sensitivity:.2f}: {sheet}"
        )
        self.job.note(Note("training-preview", text, {**about, **asdict(measured)}))
        if measured.sensitivity < _DEAF and self.minutes > _EARLY:
            text = (
                f"Warning: What it paints hardly depends on what it is given (sensitivity "
                f"{measured.sensitivity:.2f}; pictures differ by 1): look at {sheet}."
            )
            self.job.note(Note("training-deaf", text, about))

    def save(self) -> None:
        """Save what was learnt, so that the training can go on with it."""
        buffer = io.BytesIO()
        state = {
            "trainer": self.trainer.state(),
            "marks": self.marks,
            "minutes": self.minutes,
            "history": asdict(self.history),
            "recent": self.recent,
        }
        torch.save(state, buffer)
        write_bytes(self.folder / "state.pt", buffer.getvalue())

    def _take_up(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(
                path, map_location=self.trainer.device, weights_only=True
            )
            marks = dict(state["marks"])
            if marks == self.marks:
                self.trainer.restore(state["trainer"])
                self.history = _History(**state["history"])
                self.recent = list(state["recent"])
                self.before = float(state["minutes"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError) as error:
            raise UsageError(
                f"{path} cannot be read, so this training cannot go on: remove {self.folder} and "
                "begin again."
            ) from error
        for name, what in (("pictures", "other pictures"), ("knobs", "other options")):
            if marks.get(name) != self.marks[name]:
                raise UsageError(
                    f"{self.out} was begun with {what}: resume it with those, or name another file."
                )


def _held(pictures: Pixels, knobs: Knobs) -> _Held:
    """Return the middle of each picture, `size` pixels a side.

    At the middle of the scales of training.
    """
    from PIL import Image

    scale = (1 + LARGEST) / 2
    chosen = np.linspace(0, len(pictures) - 1, min(len(pictures), _MEASURED)).round().astype(int)
    crops = []
    for number in chosen:
        picture = Image.fromarray(pictures[number])
        side = min(picture.size) / scale
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        box = (left, top, left + side, top + side)
        size = (knobs.size, knobs.size)
        crops.append(np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box)))
    targets = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().div(255).contiguous()
    operator = as_tensors(matrices(knobs.size, knobs.size, knobs.abstraction))
    return _Held(targets, coarse(targets, operator))


def _tone(pictures: Pixels) -> LensTone:
    """Return how bright the pictures are, all together."""
    cells = []
    for pixels in pictures:
        size = matrices(*pixels.shape[:2], Abstraction())
        light = grey(np.moveaxis(pixels, 2, 0).astype(np.float32)) / np.float32(255)
        cells.append(averaged(light, size).ravel())
    return tone_of(np.concatenate(cells))


def _fingerprint(pictures: Pixels) -> str:
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(repr(picture.shape).encode())
        digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _bytes(picture: Tensor) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = (
        picture.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    )
    return array


def _flat(values: Sequence[float], patience: int) -> bool:
    """Return whether the last `patience` values bring less than `_GAIN` over the best before."""
    if patience == 0 or len(values) <= patience:
        return False
    return min(values[-patience:]) > min(values[:-patience]) * (1 - _GAIN)
