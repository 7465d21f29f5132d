"""Define how long a training takes and where it keeps its state, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kuleshov.errors import UsageError

__all__ = ["Course", "check_begun", "training_folder"]


@dataclass(frozen=True)
class Course:
    """A course: when a training shows what it does, and when it ends.

    `minutes` in all, interruptions left out; `steps` in all if that is reached before. A preview
    every `preview` minutes. After `patience` previews without gain it ends; 0 never.
    """

    minutes: float = 20.0
    steps: int | None = None
    preview: float = 1.0
    patience: int = 12

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.preview <= 0:
            raise UsageError("A training takes more than 0 minutes, and shows itself now and then.")


def training_folder(out: Path) -> Path:
    """Return the folder in which a training of the lens `out` keeps its state and previews."""
    return out.with_suffix(".training")


def check_begun(out: Path, resume: bool) -> None:
    """Raise UsageError if `out` was trained before and is not to be resumed, or the reverse."""
    folder = training_folder(out)
    begun = (folder / "state.pt").exists()
    if begun and not resume:
        raise UsageError(
            f"{out} was being trained before: go on with that, name another file, or remove "
            f"{folder}.",
            code="training-begun",
        )
    if resume and not begun:
        raise UsageError(f"There is no training to resume in {folder}.", code="training-none")
