"""Train the lenses that come with Kuleshov: `python tools/make_lenses.py --minutes 20`.

They are trained on the bundled samples, whose licences allow it, by the code that
`kuleshov see train` runs. Needs `pip install 'kuleshov[see]'` and the base network, which
`tools/make_base.py` makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kuleshov.jobs import Job, Step
from kuleshov.notes import Note
from kuleshov.see.bundled import FOLDER
from kuleshov.see.lens import Origin
from kuleshov.see.training.course import Course
from kuleshov.see.training.gathering import GatherOptions, gather
from kuleshov.see.training.holdout import held_out
from kuleshov.see.training.pictures import FilmPart
from kuleshov.see.training.train import train

SAMPLES = FOLDER.parent.parent / "samples" / "archive"

LENSES = {
    "sea": Origin(
        "ocean_wave.mp4",
        0,
        title="A great wave, black and white",
        author="not named",
        licence="MIT, as packaged",
        url="npm: vide 0.5.1, examples/video/ocean.mp4",
    ),
}


class Printed(Job):
    """A job that prints what previews measured."""

    def __init__(self) -> None:
        super().__init__(self)

    def began(self, step: Step) -> None:
        """Print nothing."""

    def moved(self, step: Step) -> None:
        """Print nothing."""

    def ended(self, step: Step) -> None:
        """Print nothing."""

    def noted(self, note: Note) -> None:
        """Print what is said."""
        print(note, flush=True)


def main() -> None:
    """Train each into `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--out", type=Path, default=Path("build/lenses"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, origin in LENSES.items():
        pictures = gather([FilmPart(SAMPLES / origin.name)], GatherOptions())
        learnt, held = held_out(pictures)
        whose = Origin(
            origin.name, len(pictures), origin.title, origin.author, origin.licence, origin.url
        )
        made = train(
            learnt.pixels,
            held.pixels,
            given.out / f"{name}.see",
            course=Course(minutes=given.minutes, patience=0),
            origins=(whose,),
            job=Printed(),
        )
        kept = FOLDER / f"{name}.see"
        kept.write_bytes(made.path.read_bytes())
        print(f"{kept}: {kept.stat().st_size} bytes, {made.steps} steps")


if __name__ == "__main__":
    main()
