"""Learn from people which of two answers is better: `python benchmarks/pairs.py make|ask|fit`.

    python benchmarks/pairs.py make FOLDER --archive DIR [--pairs 150] [--seed 0]
    python benchmarks/pairs.py ask FOLDER --name WHO
    python benchmarks/pairs.py fit FOLDER|benchmarks/judged_pairs.jsonl

`make` takes pictures two seconds apart and for each source picture two answers of other films, out
of the `BEST` shots by today's weights, and draws them as one: the source on the left, A and B
beside it, in an order that is drawn anew. `pairs.jsonl` holds what is known of each pair: the bits
of every facet, and of the source how light it is, how fast it moves, whether it shows people. `ask`
shows
one picture's name after another and takes a key: a, b, or = where neither is better; it goes on
where it was stopped. `fit` joins pairs and answers, fits weights to every other source film and
says how often they, and today's, agree with the answers of the other films, and the other way
round. Weights are never negative; a condition makes one larger or smaller.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kuleshov.archive.archive import open_archive
from kuleshov.archive.rows import ArchiveFilm, ArchiveRows
from kuleshov.features.bodies import bodies_of
from kuleshov.features.encoder import encoder
from kuleshov.features.facet import FACETS, load_reference
from kuleshov.features.movement import speeds_of
from kuleshov.features.specs import bundled_rows
from kuleshov.features.tone import lights_of
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.media import decode
from kuleshov.media.scale import Scaler

NAMES = tuple(FACETS)
BEST = 12  # shots
EVERY = 4  # rows: two seconds
STILL = 230, 130  # pixels
CONDITIONS = ("dark", "bright", "moving", "people")
FOR = {"dark": "tone", "bright": "tone", "moving": "motion", "people": "bodies"}
"""The facet whose weight each condition changes."""

Values = NDArray[np.float64]
Place = tuple[ArchiveFilm, int]


def make(folder: Path, root: Path, count: int, seed: int) -> None:
    """Draw pairs and write what is known of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    reference = load_reference(encoder())
    with open_archive(root) as archive:
        archived = ArchiveRows.load(archive, bundled_rows())
        places = [(f, row) for f in archived.films for row in shown(f)]
        film = np.array([archived.films.index(f) for f, _ in places])
        shot = np.array([shot_of(*place) for place in places])
        shot += 1000 * film
        bits = {}
        for facet in FACETS:
            rows = np.stack([f.rows[facet][row] for f, row in places]).astype(np.float32)
            size = rows.shape[1] if facet != "bodies" else 212
            alike = rows[:, :size] @ rows[:, :size].T
            bits[facet] = reference.scale(facet).bits(alike.ravel()).reshape(alike.shape)
        whole = sum(DEFAULT_WEIGHTS[facet] * bits[facet] for facet in FACETS)
        whole = np.where(film[:, None] == film[None], -np.inf, whole)
        turns = np.concatenate(
            [rng.permutation(np.flatnonzero(film == n)) * 1.0 for n in range(len(archived.films))]
        ).astype(int)
        rank = {p: n for f in range(film.max() + 1) for n, p in enumerate(turns[film[turns] == f])}
        asked = sorted(rank, key=lambda p: (rank[p], rng.random()))[:count]
        lines = []
        for number, one in enumerate(asked, 1):
            best = np.argsort(-whole[one])
            _, once = np.unique(shot[best], return_index=True)  # of each shot its best picture
            best = best[np.sort(once)[:BEST]]
            first, second = rng.choice(best, 2, replace=False)
            pictures = [still(places[p]) for p in (one, first, second)]
            drawn(pictures, number).save(folder / f"{number:03d}.png")
            lines.append(
                {
                    "file": f"{number:03d}.png",
                    "film": places[one][0].footage.path.name,
                    **{
                        name: about(places[p])
                        for name, p in zip("sab", (one, first, second), strict=True)
                    },
                    "bits": {
                        f: [round(float(bits[f][one, p]), 3) for p in (first, second)]
                        for f in FACETS
                    },
                    "is": conditions(places[one]),
                }
            )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "pairs.jsonl").write_text(text)


def shown(film: ArchiveFilm) -> list[int]:
    """Return rows of a film's shots that may be offered, two seconds apart, one a shot at least."""
    edges, _ = film.edges()
    found: list[int] = []
    for shot, (begin, end) in zip(film.shots, edges.tolist(), strict=True):
        if end > begin and shot.index not in film.titles:
            found += range((begin + end) // 2 % EVERY + begin if end - begin > EVERY else begin,
                           end, EVERY)  # fmt: skip
    return found


def shot_of(film: ArchiveFilm, row: int) -> int:
    """Return the number of the shot that a row belongs to."""
    edges, _ = film.edges()
    return next(
        s.index for s, (begin, end) in zip(film.shots, edges, strict=True) if begin <= row < end
    )


def about(place: Place) -> dict[str, object]:
    """Return where a picture is."""
    film, row = place
    return {"film": film.footage.path.name, "time": row / film.grid}


def conditions(place: Place) -> dict[str, float]:
    """Return how far each condition holds of a source, 0 to 1."""
    film, row = place
    light = float(lights_of(film.rows["tone"][row : row + 1])[0, 3])
    speed = float(np.mean(speeds_of(film.rows["movement"][row : row + 1])))
    people = bodies_of(film.rows["bodies"][row])[0]
    return {
        "dark": round(float(np.clip((40 - light) / 30, 0, 1)), 3),
        "bright": round(float(np.clip((light - 60) / 25, 0, 1)), 3),
        "moving": round(float(np.clip(speed / 0.25, 0, 1)), 3),
        "people": float(people > 0),
    }


def still(place: Place) -> Image.Image:
    """Return the picture of a row, as large as a still."""
    film, row = place
    path, video = film.footage.path, film.footage.probe.video
    assert video is not None
    high, wide = STILL[1], max(1, round(STILL[1] * float(video.active_aspect)))
    scaler, found = Scaler(video, high, wide, video.bars), None
    with decode.Film(path, threads=1, video=video) as opened:
        wanted = int(film.pts[film.shown[row]]) * video.time_base
        for picture in opened.pictures(Fraction(wanted)):
            found = scaler(picture.frame)
            if picture.time >= wanted:
                break
    made = Image.new("RGB", STILL, "black")
    if found is not None:
        image = Image.fromarray(np.ascontiguousarray(found))
        image.thumbnail(STILL)
        made.paste(image, ((STILL[0] - image.width) // 2, (STILL[1] - image.height) // 2))
    return made


def drawn(pictures: Sequence[Image.Image], number: int) -> Image.Image:
    """Return source and answers side by side."""
    wide, high = STILL
    made = Image.new("RGB", (3 * wide + 24, high + 16), "white")
    pen = ImageDraw.Draw(made)
    for place, (text, picture) in enumerate(zip((f"{number}", "A", "B"), pictures, strict=True)):
        made.paste(picture, (place * (wide + 8), 16))
        pen.text((place * (wide + 8) + 4, 2), text, fill="black")
    return made


def ask(folder: Path, name: str) -> None:
    """Take one key for each pair, from where it was stopped."""
    path = folder / f"answers-{name}.jsonl"
    done = {line["file"] for line in lines_of(path)} if path.is_file() else set()
    every = [str(line["file"]) for line in lines_of(folder / "pairs.jsonl")]
    files = [file for file in every if file not in done]
    print("Which is the better answer to the picture on the left? a, b, or = where neither is.")
    for file in files:
        try:
            said = input(f"{folder / file}: ").strip().lower()
            while said not in ("a", "b", "="):
                said = input("Please answer a, b or =: ").strip().lower()
        except (EOFError, KeyboardInterrupt):
            print("\nStopped; the same command goes on from here.")
            return
        with path.open("a") as answers:
            answers.write(json.dumps({"file": file, "best": said}) + "\n")


def lines_of(path: Path) -> list[dict[str, object]]:
    """Return the records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def judged(folder: Path) -> list[dict[str, object]]:
    """Return pairs with what was answered, out of a folder or of a file that holds both."""
    if folder.is_file():
        return lines_of(folder)
    pairs = {line["file"]: line for line in lines_of(folder / "pairs.jsonl")}
    answers = (line for path in sorted(folder.glob("answers-*.jsonl")) for line in lines_of(path))
    return [{**pairs[line["file"]], "best": line["best"]} for line in answers]


def fit(folder: Path) -> None:
    """Print how often weights agree with answers that they were not fitted on."""
    every = judged(folder)
    told = [line for line in every if line["best"] != "="]
    films = sorted({str(line["film"]) for line in told})
    half = np.array([films.index(str(line["film"])) % 2 for line in told])
    apart, given, sign = read(told)
    today = np.array([DEFAULT_WEIGHTS[f] for f in FACETS])
    print(f"{len(told)} pairs of {len(films)} films, {len(every) - len(told)} undecided")
    print(f"today's weights agree with {agreement((apart @ today) * sign):.3f}")
    for facet, column in zip(FACETS, apart.T, strict=True):
        print(f"  {facet:12} alone {agreement(column * sign):.3f}")
    for name, used in (("weights", False), ("weights that know conditions", True)):
        right: list[bool] = []
        for part in (0, 1):
            of, other = half == part, half != part
            weights, changes = learned(apart[of], given[of], sign[of], used=used)
            said = utility(apart[other], given[other], weights, changes)
            right += (said * sign[other] > 0).tolist()
            told_of = dict(zip(FACETS, np.round(weights / weights.sum(), 2).tolist(), strict=True))
            print(f"  fitted on half {part}: {told_of} {np.round(changes, 2).tolist()}")
        base = (apart @ today) * sign > 0
        print(f"{name}: held out {np.mean(right):.3f}, today's there {np.mean(base):.3f}")


def read(told: Sequence[Mapping[str, object]]) -> tuple[Values, Values, Values]:
    """Return bits of A less those of B (n, F), conditions (n, C), and 1 for A or -1 for B (n,)."""
    apart, given = [], []
    for line in told:
        bits, known = line["bits"], line["is"]
        assert isinstance(bits, dict)
        assert isinstance(known, dict)
        apart.append([bits[f][0] - bits[f][1] for f in FACETS])
        given.append([known[c] for c in CONDITIONS])
    sign = np.where([line["best"] == "a" for line in told], 1.0, -1.0)
    return np.array(apart), np.array(given), sign


def agreement(said: Values) -> float:
    """Return the share of pairs of which the right one is preferred; of equals half."""
    return float(np.mean((said > 0) + 0.5 * (said == 0)))


def utility(apart: Values, given: Values, weights: Values, changes: Values) -> Values:
    """Return what speaks for A and against B, (n,)."""
    each = np.tile(weights, (len(apart), 1))
    for number, condition in enumerate(CONDITIONS):
        each[:, NAMES.index(FOR[condition])] *= np.exp(changes[number] * given[:, number])
    return np.asarray((each * apart).sum(axis=1))


def learned(apart: Values, given: Values, sign: Values, *, used: bool) -> tuple[Values, Values]:
    """Return the likeliest weights, near today's, and how conditions change them, as logarithms."""
    from scipy.optimize import minimize

    start = np.log(np.array([DEFAULT_WEIGHTS[f] for f in FACETS]))

    def cost(numbers: Values) -> float:
        weights, changes = np.exp(numbers[: len(FACETS)]), numbers[len(FACETS) : -1]
        keen = np.exp(numbers[-1])
        said = keen * utility(apart, given, weights, changes * used) * sign
        near = ((numbers[: len(FACETS)] - start) ** 2).sum() + (changes**2).sum()
        return float(np.logaddexp(0, -said).sum() + near)

    found = minimize(cost, [*start, *np.zeros(len(CONDITIONS)), -1.0], method="L-BFGS-B").x
    return np.exp(found[: len(FACETS)]), found[len(FACETS) : -1] * used


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=("make", "ask", "fit"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="somebody")
    given = parser.parse_args()
    if given.verb == "make":
        make(given.folder, given.archive, given.pairs, given.seed)
    elif given.verb == "ask":
        ask(given.folder, given.name)
    else:
        fit(given.folder)


if __name__ == "__main__":
    main()
