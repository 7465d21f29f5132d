"""How often what words find is what they say: precision at 1 and at 5, by hand-made labels.

    python benchmarks/words.py ARCHIVE [--each]

ARCHIVE holds the films of `queries.RELEVANT` (the shared test footage and the samples). Plain ConSE
(Norouzi et al. 2013: the ten likeliest classes of a row averaged among the words, each by its
probability, compared with the query; the best row of a shot counts) stands beside ours without
tags, ours, and what chance finds. Of 5, as many can be right as there are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from kuleshov.archive.archive import open_archive, tags_for
from kuleshov.features import concepts
from kuleshov.features.encoder import encoder
from kuleshov.features.facet import FACETS, KEPT, facets, load_reference
from kuleshov.features.sentences import Sentences
from kuleshov.match import words
from kuleshov.match.candidates import MatchOptions
from kuleshov.match.lexicon import Classes
from kuleshov.match.rows import ArchiveRows
from queries import QUERIES, RELEVANT

Shot = tuple[str, int]
Finder = Callable[[str], list[Shot]]


def shots_of(rows: ArchiveRows) -> list[Shot]:
    return [(film.footage.path.stem, shot.index) for film in rows.films for shot in film.shots]


def relevant(query: str, shots: list[Shot]) -> set[Shot]:
    found: set[Shot] = set()
    for part in RELEVANT[query].split(","):
        name, *spans = part.split()
        numbers = {
            number
            for span in spans
            for number in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)
        }
        found |= {s for s in shots if s[0].startswith(name) and (not spans or s[1] in numbers)}
    return found


def ours(rows: ArchiveRows, lexicon: Classes) -> Finder:
    def find(query: str) -> list[Shot]:
        options = MatchOptions(candidates=10)
        found = words.find_words(query, Fraction(2), rows, options, lexicon=lexicon)
        return [(c.film.footage.path.stem, c.shot) for c in found.candidates]

    return find


def untagged(rows: ArchiveRows, lexicon: Classes) -> Finder:
    """The lexicon alone, which is asked the whole text."""

    def find(query: str) -> list[Shot]:
        asked = words._Asked(lexicon.ask(query), (), ())
        seen = words._looked_at(asked, rows, lexicon.facet)
        best = sorted(seen, key=lambda shot: (-seen[shot][0], shot))[:10]
        return [(rows.films[film].footage.path.stem, shot) for film, shot in best]

    return find


def conse(rows: ArchiveRows, sentences: Sentences) -> Finder:
    names = sentences(concepts.names())
    shots, best = [], []
    for film in rows.films:
        likely = concepts.probabilities(film.rows["concepts"])
        top = np.argsort(-likely, axis=1)[:, :10]
        weight = np.take_along_axis(likely, top, 1)
        point = np.einsum("rk,rkd->rd", weight / weight.sum(axis=1, keepdims=True), names[top])
        point /= np.linalg.norm(point, axis=1, keepdims=True)
        edges, _ = film.edges()
        for shot, (first, end) in zip(film.shots, edges.tolist(), strict=True):
            first = min(first, len(point) - 1)
            shots.append((film.footage.path.stem, shot.index))
            best.append(point[first : max(end, first + 1)])

    def find(query: str) -> list[Shot]:
        asked = sentences([query])[0]
        order = np.argsort([-(part @ asked).max() for part in best], kind="stable")
        return [shots[n] for n in order[:10]]

    return find


def precision(find: Finder, query: str, right: set[Shot]) -> tuple[float, float]:
    found = find(query)
    hits = [shot in right for shot in found[:5]]
    return float(hits[0]), sum(hits) / min(5, len(right))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--each", action="store_true", help="tell of each query")
    given = parser.parse_args()
    eyes = encoder()
    wanted = tags_for(facets((*FACETS, *KEPT), load_reference(eyes)))
    with open_archive(given.archive) as archive:
        rows = ArchiveRows.load(archive, wanted)
        shots, lexicon = shots_of(rows), Classes()
        ways: dict[str, Finder] = {
            "ConSE": conse(rows, Sentences()),
            "without tags": untagged(rows, lexicon),
            "ours": ours(rows, lexicon),
        }
        print(f"{len(shots)} shots of {len(rows.films)} films, {len(rows)} rows")
        for half, name in enumerate(("tuning", "held out")):
            asked = [q for n, q in enumerate(QUERIES) if n % 2 == half and q in RELEVANT]
            report(name, asked, ways, shots, each=given.each)
            judged(asked, rows, lexicon, shots)


def judged(asked: list[str], rows: ArchiveRows, lexicon: Classes, shots: list[Shot]) -> None:
    """Print how often a best answer is called clear, and how often that is right."""
    options, counts = MatchOptions(candidates=1), np.zeros((2, 2), int)
    for query in asked:
        found = words.find_words(query, Fraction(2), rows, options, lexicon=lexicon).candidates
        best = [((c.film.footage.path.stem, c.shot), c.score) for c in found[:1]]
        for shot, score in best:
            counts[int(shot in relevant(query, shots)), int(score >= words.CLEAR)] += 1
    (wrong, wrong_clear), (right, right_clear) = counts
    print(f"  best answers called clear: {right_clear} right, {wrong_clear} wrong;", end=" ")
    print(f"called unclear: {right} right, {wrong} wrong")


def report(
    name: str, asked: list[str], ways: dict[str, Finder], shots: list[Shot], *, each: bool
) -> None:
    right = {query: relevant(query, shots) for query in asked}
    chance = float(np.mean([len(found) / len(shots) for found in right.values()]))
    print(f"\n{name}: {len(asked)} queries; by chance {chance:.2f} at 1")
    figures = {}
    for way, find in ways.items():
        begin = time.perf_counter()
        figures[way] = np.array([precision(find, query, right[query]) for query in asked])
        took = (time.perf_counter() - begin) / len(asked)
        at1, at5 = figures[way].mean(axis=0)
        print(f"  {way:14} P@1 {at1:.2f}  P@5 {at5:.2f}  {1000 * took:.0f} ms a query")
    if each:
        for number, query in enumerate(asked):
            told = "  ".join(f"{w} {f[number][1]:.2f}" for w, f in figures.items())
            print(f"    {query:36} {len(right[query]):>3} right  {told}")


if __name__ == "__main__":
    main()
