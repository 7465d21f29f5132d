"""Measure how often what words find is what they say, by hand-made labels.

    python benchmarks/words.py ARCHIVE [--each]
    python benchmarks/words.py ARCHIVE --plain [--held-out] [--each]

ARCHIVE holds the films of `queries.RELEVANT` (the shared test footage and the samples); with
`--plain` those of `plain_queries.PLAIN`, of which each half is asked by itself, and which say how
often the first answer is right, and one of the first five. Plain ConSE
(Norouzi et al. 2013: the ten likeliest classes of a row averaged among the words, each by its
probability, compared with the query; the best row of a shot counts) stands beside ours without
tags, ours, and what chance finds. Of 5, as many can be right as there are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from kuleshov.archive.archive import open_archive
from kuleshov.archive.rows import ArchiveRows
from kuleshov.errors import UsageError
from kuleshov.features import concepts
from kuleshov.features.sentences import Sentences
from kuleshov.features.specs import bundled_rows
from kuleshov.jobs import QUIET
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.text import by_words as words
from kuleshov.match.text.lexicon import ClassLexicon
from plain_queries import PLAIN
from queries import ABSENT, QUERIES, RELEVANT

Shot = tuple[str, int]
Finder = Callable[[str], list[Shot]]


def shots_of(rows: ArchiveRows) -> list[Shot]:
    return [(film.footage.path.stem, shot.index) for film in rows.films for shot in film.shots]


def relevant(query: str, shots: list[Shot]) -> set[Shot]:
    found: set[Shot] = set()
    for part in ({**PLAIN, **RELEVANT})[query].split(","):
        name, *spans = part.split()
        numbers = {
            number
            for span in spans
            for number in range(int(span.split("-")[0]), int(span.split("-")[-1]) + 1)
        }
        found |= {s for s in shots if s[0].startswith(name) and (not spans or s[1] in numbers)}
    return found


def ours(rows: ArchiveRows, lexicon: ClassLexicon) -> Finder:
    def find(query: str) -> list[Shot]:
        options = MatchOptions(candidates=10)
        try:
            found = words.find_words(query, Fraction(2), rows, options, lexicon=lexicon)
        except UsageError:  # it says that nothing of it is understood
            return []
        return [(c.film.footage.path.stem, c.shot) for c in found.hits]

    return find


def untagged(rows: ArchiveRows, lexicon: ClassLexicon) -> Finder:
    """Return a finder by the lexicon alone, which is asked the whole text."""

    def find(query: str) -> list[Shot]:
        asked = words._Asked((words.Sought(lexicon.ask(query), lexicon.facet),), None, (), ())
        seen = words._looked_at(asked, rows, QUIET)
        best = sorted(seen, key=lambda shot: (-seen[shot].odds[0], shot))[:10]
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
    parser.add_argument("--plain", action="store_true", help="ask the plain queries instead")
    parser.add_argument("--held-out", action="store_true", help="of the plain ones the other half")
    given = parser.parse_args()
    with open_archive(given.archive) as archive:
        rows = ArchiveRows.load(archive, bundled_rows())
        shots, lexicon = shots_of(rows), ClassLexicon()
        ways: dict[str, Finder] = {
            "ConSE": conse(rows, Sentences()),
            "without tags": untagged(rows, lexicon),
            "ours": ours(rows, lexicon),
        }
        print(f"{len(shots)} shots of {len(rows.films)} films, {len(rows)} rows")
        if given.plain:
            plainly(list(PLAIN)[int(given.held_out) :: 2], ways, shots, each=given.each)
            return
        for half, name in enumerate(("tuning", "held out")):
            asked = [q for n, q in enumerate(QUERIES) if n % 2 == half and q in RELEVANT]
            report(name, asked, ways, shots, each=given.each)
            judged(asked, rows, lexicon, shots)
            absent(ABSENT[half::2], rows, lexicon)


def plainly(asked: list[str], ways: dict[str, Finder], shots: list[Shot], *, each: bool) -> None:
    """Print how often the first answer is right, and one of the first five."""
    first: dict[str, list[int]] = {}
    for way, find in ways.items():
        first[way] = []
        for query in asked:
            right = relevant(query, shots)
            found = [shot in right for shot in find(query)]
            first[way].append(found.index(True) + 1 if True in found else 99)
        ranks = np.array(first[way])
        at1, at5 = int((ranks == 1).sum()), int((ranks <= 5).sum())
        print(f"  {way:14} first {at1} of {len(asked)}, among five {at5}")
    for number, query in enumerate(asked if each else ()):
        told = "  ".join(f"{way} {ranks[number]:>2}" for way, ranks in first.items())
        print(f"    {query:36} {len(relevant(query, shots)):>3} right; first right at {told}")


def judged(asked: list[str], rows: ArchiveRows, lexicon: ClassLexicon, shots: list[Shot]) -> None:
    """Print how often a best answer is called clear, and how often that is right."""
    options, counts = MatchOptions(candidates=1), np.zeros((2, 2), int)
    for query in asked:
        found = words.find_words(query, Fraction(2), rows, options, lexicon=lexicon).hits
        best = [((c.film.footage.path.stem, c.shot), c.score) for c in found[:1]]
        for shot, score in best:
            counts[int(shot in relevant(query, shots)), int(score >= words.CLEAR)] += 1
    (wrong, wrong_clear), (right, right_clear) = counts
    print(f"  best answers called clear: {right_clear} right, {wrong_clear} wrong;", end=" ")
    print(f"called unclear: {right} right, {wrong} wrong")


def absent(asked: Sequence[str], rows: ArchiveRows, lexicon: ClassLexicon) -> None:
    """Print how often a best answer is called clear where nothing answers."""
    clear = []
    for query in asked:
        try:
            found = words.find_words(
                query, Fraction(2), rows, MatchOptions(candidates=1), lexicon=lexicon
            )
        except UsageError:  # it says that nothing of it is understood
            continue
        if found.hits[0].score >= words.CLEAR:
            clear.append(query)
    told = f" ({', '.join(clear)})" if clear else ""
    print(f"  of {len(asked)} things that are not there {len(clear)} are called clear{told}")


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
