"""Make pages of stills, and data, of what was found, seen or is offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kuleshov.archive.shot_tags import shared_phrases, tags_of, why
from kuleshov.desk.asking import Found
from kuleshov.desk.choosing import ShotOffers
from kuleshov.desk.products import Products, Written
from kuleshov.edit.listing import listed
from kuleshov.features import tags as words
from kuleshov.features.analyse import Analysis
from kuleshov.features.tags import Tag
from kuleshov.jobs import QUIET, Job
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.text.by_words import Named
from kuleshov.render.apart import apart
from kuleshov.render.sheet import SheetOptions, sheet

__all__ = ["found_as_data", "shots_as_data", "shown_tags", "write_found", "write_offers"]


def shown_tags(candidate: Candidate) -> tuple[Tag, ...]:
    """Return the tags of the shot that a clip is taken from, mirrored if the clip is."""
    found = tags_of(candidate.film, candidate.film.shot(candidate.shot))
    return words.mirrored(found) if candidate.mirrored else found


def write_found(found: Found, name: str, out: Path, *, job: Job = QUIET) -> Products:
    """Write what was found as a page of stills, each with the tags that explain it.

    Of a search that found nothing no page is written. Raises `RenderError`.
    """
    wanted = found.understood.tags if found.understood is not None else ()
    reasons = []
    for one in found.hits:
        own = shown_tags(one)
        asked_for = [words.phrase(tag) for tag in own if any(w.share([tag]) for w in wanted)]
        reasons.append(asked_for or list(shared_phrases(found.tags, own)))
    if not reasons:
        return Products()
    return _written(name, found.hits, reasons, out, job)


def write_offers(shots: Sequence[ShotOffers], out: Path, *, job: Job = QUIET) -> Products:
    """Write what shots may show as a page of stills, with the numbers by which it is taken.

    Raises `RenderError`, and `UsageError` where nothing is offered.
    """
    clips, reasons = [], []
    for shot in shots:
        for one in shot.offers:
            if one.clip is not None:
                clips.append(one.clip)
                said = [f"shot {shot.slot}, offer {one.number}"]
                said += ["chosen"] if one.chosen else []
                reasons.append(said + (["refused"] if one.refused else []))
    named = ", ".join(shot.slot for shot in shots)
    return _written(f"Offers for shot {named}", clips, reasons, out, job)


def _written(
    name: str, clips: Sequence[Candidate], reasons: Sequence[Sequence[str]], out: Path, job: Job
) -> Products:
    with job.step("drawing the sheet"):
        pages = apart(sheet, listed(name, clips, reasons), out, SheetOptions(), job=job)
    return Products(tuple(Written(path, "sheet") for path in pages))


def found_as_data(found: Found, drift: float = 0.0) -> dict[str, Any]:
    """Return what was found as data for JSON.

    With it goes what words were taken to mean, and what only has such a name.
    """
    heard = found.understood
    return {
        "understood": None if heard is None else heard.as_data() | {"drift": drift},
        "hits": [_clip_as_data(one, found.tags) for one in found.hits],
        "named": [_named_as_data(one) for one in found.named],
    }


def _clip_as_data(candidate: Candidate, example: tuple[Tag, ...]) -> Mapping[str, Any]:
    own = shown_tags(candidate)
    return {
        **_where(candidate),
        "speed": round(float(candidate.speed), 6),
        "score": round(candidate.score, 6),
        "facets": {name: round(value, 6) for name, value in candidate.facets.items()},
        "mirrored": candidate.mirrored,
        "tags": words.as_data(own),
        **({"why": why(example, own, candidate.facets)} if example else {}),
    }


def _named_as_data(one: Named) -> Mapping[str, Any]:
    return {**_where(one.hit), "kind": one.naming.kind, "name": one.naming.name}


def _where(candidate: Candidate) -> dict[str, Any]:
    return {
        "footage": str(candidate.film.footage.path),
        "start_s": round(float(candidate.media.start), 6),
        "end_s": round(float(candidate.media.end), 6),
    }


def shots_as_data(
    analysis: Analysis, tags: Sequence[Sequence[Tag]] | None = None
) -> dict[str, Any]:
    """Return the shots of a film, with their tags if given, as data for JSON.

    Times are given exactly, as fractions of a second, and as decimals.
    """
    shots: list[dict[str, Any]] = []
    for number, shot in enumerate(analysis.shots):
        span, into = analysis.range_of(shot.frames), shot.transition
        shots.append(
            {
                "number": shot.number,
                "first_frame": shot.frames.first,
                "end_frame": shot.frames.end,
                "start": str(span.start),
                "end": str(span.end),
                "start_s": round(float(span.start), 6),
                "end_s": round(float(span.end), 6),
                "black": shot.black,
                "transition": {
                    "kind": into.kind,
                    "first_frame": into.frames.first,
                    "end_frame": into.frames.end,
                },
                **({"tags": words.as_data(tags[number])} if tags is not None else {}),
            }
        )
    return {
        "footage": str(analysis.path),
        "frames": analysis.frames,
        "rate": str(analysis.probe.video.rate),
        "shots": shots,
    }
