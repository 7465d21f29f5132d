"""Train the lenses that come with Kuleshov: `python tools/make_lenses.py --minutes 20`.

They are trained on the bundled samples, whose licences allow it, by the code that
`kuleshov see train` runs. Needs `pip install 'kuleshov[see]'` and the base network, which
`tools/make_base.py` makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kuleshov.see.bundled import FOLDER
from kuleshov.see.course import Course
from kuleshov.see.data import GatherOptions, Span, gather, held_out
from kuleshov.see.lens import Origin
from kuleshov.see.train import Moment, train

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


def told(moment: Moment) -> None:
    """Print what previews measured."""
    if moment.measured is not None:
        print(f"{moment.minutes:.1f} min, step {moment.step}: {moment.measured}", flush=True)


def main() -> None:
    """Train each into `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--out", type=Path, default=Path("build/lenses"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, origin in LENSES.items():
        pictures = gather([Span(SAMPLES / origin.name)], GatherOptions())
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
            report=told,
        )
        kept = FOLDER / f"{name}.see"
        kept.write_bytes(made.path.read_bytes())
        print(f"{kept}: {kept.stat().st_size} bytes, {made.steps} steps")


if __name__ == "__main__":
    main()
