"""Turn a page's wishes into changes of a project, and tell the page what came of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, cast

from kuleshov.desk.changes import (
    Allow,
    Black,
    Change,
    Fill,
    Focus,
    Hold,
    Lock,
    Mirror,
    Own,
    Refuse,
    Slip,
    Speed,
    Still,
    Swap,
    Unlock,
    Weigh,
)
from kuleshov.desk.editing import Changed, Done, Editing
from kuleshov.desk.suggestions import Suggestion, Wish
from kuleshov.edit.by_hand import What
from kuleshov.features.facet import FACETS
from kuleshov.jobs import Job
from kuleshov.studio.answers import Refused
from kuleshov.studio.places import Places
from kuleshov.studio.reading import Fields

__all__ = ["HEAVIEST", "VERBS", "changes_of", "order", "suggested", "told", "wish_of"]

HEAVIEST = 10.0
"""The greatest weight of a facet."""

_PICTURES = 100_000  # by which a clip may be slipped, or that it may be held
_MOST = 60  # suggestions
_SLOTS = 10_000  # at once

Order = Callable[[Editing, Job], Done]
"""Does to a project what a page wants."""


def order(fields: Fields) -> Order:
    """Return what a page wants done. Raises `Refused` where that is nothing that can be done."""
    verb = fields.one_of("do", VERBS)
    names, make = VERBS[verb]
    fields.only("do", "revision", *names)
    return make(fields)


def _change(make: Callable[[Fields], Change]) -> Callable[[Fields], Order]:
    """Return a verb that is one change."""

    def made(fields: Fields) -> Order:
        change = make(fields)
        return lambda editing, job: editing.do(change, job=job)

    return made


def _slot(fields: Fields) -> str:
    return fields.text("slot")


def _pick(fields: Fields) -> Order:
    slot, offer = _slot(fields), fields.text("offer")
    return lambda editing, job: editing.pick(slot, offer, job=job)


def _refuse(fields: Fields) -> Change:
    what = fields.one_of("what", ("clip", "shot", "footage"), "clip")
    return Refuse(_slot(fields), cast("What", what), fields.flag("here", default=False))


def _speed(fields: Fields) -> Change:
    if not fields.has("by"):
        return Speed(_slot(fields), None)
    by = fields.number("by", 0.01, 100)
    return Speed(_slot(fields), Fraction(by).limit_denominator(1000))


def _focus(fields: Fields) -> Change:
    if not fields.has("x") and not fields.has("y"):
        return Focus(_slot(fields))
    return Focus(_slot(fields), fields.number("x", 0, 1), fields.number("y", 0, 1))


def _weigh(fields: Fields) -> Change:
    weights = fields.numbers("weights", 0, HEAVIEST)
    _check_facets(weights)
    everywhere = fields.flag("everywhere", default=not fields.has("slot"))
    return Weigh(
        weights=weights,
        tightness=fields.number("tightness", 0, 1) if fields.has("tightness") else None,
        freshness=fields.number("freshness", 0, 1) if fields.has("freshness") else None,
        slot=None if everywhere else _slot(fields),
    )


def _check_facets(weights: Mapping[str, float] | None) -> None:
    for name in weights or {}:
        if name not in FACETS:
            text = f"There is no facet {name[:40]!r}; there are {', '.join(FACETS)}."
            raise Refused(422, "field-wrong", text)


def _fill(fields: Fields) -> Change:
    if fields.has("slots"):
        return Fill(fields.texts("slots", _SLOTS))
    return Fill((_slot(fields),) if fields.has("slot") else None)


def _undo(_fields: Fields) -> Order:
    return lambda editing, _job: editing.undo()


def _redo(_fields: Fields) -> Order:
    return lambda editing, _job: editing.redo()


def _take_back(fields: Fields) -> Order:
    several = fields.wholes("changes", 0, most=10_000) if fields.has("changes") else ()
    numbers = several or (fields.whole("change", 0),)
    return lambda editing, _job: editing.take_back(*numbers)


def _restore(fields: Fields) -> Order:
    slots = fields.texts("slots", _SLOTS)
    version = fields.whole("version", 0) if fields.has("version") else None
    return lambda editing, _job: editing.restore(*slots, version=version)


def _version(fields: Fields) -> Order:
    name = fields.text("name", "")[:100]

    def call(editing: Editing, _job: Job) -> Done:
        version = editing.keep_version(name)
        return Done(editing.revision, f"{version.name} is kept.")

    return call


def _rename_version(fields: Fields) -> Order:
    number, name = fields.whole("version", 0), fields.text("name")[:100]

    def call(editing: Editing, _job: Job) -> Done:
        version = editing.rename_version(number, name)
        return Done(editing.revision, f"The version is called {version.name}.")

    return call


def _forget_version(fields: Fields) -> Order:
    number = fields.whole("version", 0)

    def call(editing: Editing, _job: Job) -> Done:
        editing.forget_version(number)
        return Done(editing.revision, "The version is forgotten.")

    return call


def _go_back(fields: Fields) -> Order:
    number = fields.whole("version", 0)
    return lambda editing, _job: editing.go_back(number)


def _apply_learned(_fields: Fields) -> Order:
    return lambda editing, _job: editing.apply_learned()


def _forget_learned(_fields: Fields) -> Order:
    def call(editing: Editing, _job: Job) -> Done:
        editing.forget_learned()
        return Done(editing.revision, "What was learnt is forgotten.")

    return call


BESIDE = frozenset({"version", "rename_version", "forget_version", "forget_learned"})
"""Verbs that change nothing of the film: what was changed before can still be taken back."""

VERBS: Mapping[str, tuple[tuple[str, ...], Callable[[Fields], Order]]] = {
    "pick": (("slot", "offer"), _pick),
    "lock": (("slot",), _change(lambda fields: Lock(_slot(fields)))),
    "unlock": (
        ("slot",),
        _change(lambda fields: Unlock(_slot(fields) if fields.has("slot") else None)),
    ),
    "refuse": (("slot", "what", "here"), _change(_refuse)),
    "allow": (
        ("number",),
        _change(lambda fields: Allow(fields.whole("number", 1) if fields.has("number") else None)),
    ),
    "slip": (
        ("slot", "by"),
        _change(lambda fields: Slip(_slot(fields), fields.whole("by", -_PICTURES, _PICTURES))),
    ),
    "mirror": (("slot",), _change(lambda fields: Mirror(_slot(fields)))),
    "speed": (("slot", "by"), _change(_speed)),
    "hold": (
        ("slot", "frames"),
        _change(lambda fields: Hold(_slot(fields), fields.whole("frames", 0, _PICTURES))),
    ),
    "swap": (("slot", "with"), _change(lambda fields: Swap(_slot(fields), fields.text("with")))),
    "own": (("slot",), _change(lambda fields: Own(_slot(fields)))),
    "black": (("slot",), _change(lambda fields: Black(_slot(fields)))),
    "still": (
        ("slot", "frame"),
        _change(
            lambda fields: Still(
                _slot(fields), fields.whole("frame", 0) if fields.has("frame") else None
            )
        ),
    ),
    "focus": (("slot", "x", "y"), _change(_focus)),
    "weigh": (("slot", "weights", "tightness", "freshness", "everywhere"), _change(_weigh)),
    "fill": (("slot", "slots"), _change(_fill)),
    "undo": ((), _undo),
    "redo": ((), _redo),
    "take_back": (("change", "changes"), _take_back),
    "restore": (("slots", "version"), _restore),
    "version": (("name",), _version),
    "rename_version": (("version", "name"), _rename_version),
    "forget_version": (("version",), _forget_version),
    "go_back": (("version",), _go_back),
    "apply_learned": ((), _apply_learned),
    "forget_learned": ((), _forget_learned),
}
"""What can be done: the fields of each verb, and how they are read."""


def told(done: Done) -> dict[str, Any]:
    """Return what a change did, ready for JSON."""
    return {
        "said": done.said,
        "changed": changes_of(done.changed),
    }


def changes_of(changed: Iterable[Changed]) -> list[dict[str, Any]]:
    """Return what changed slot by slot, ready for JSON."""
    return [{"slot": one.slot, "text": one.text, "change": one.number} for one in changed]


def wish_of(query: Mapping[str, str], places: Places) -> tuple[int, Wish, bool]:
    """Return how many suggestions are wanted, by what they are ranked, and whether anew.

    Raises `Refused`. `like` names an offer, or a film or a picture that was dropped.
    """
    data: dict[str, Any] = {}
    for name, value in query.items():
        if name in ("weights", "count", "tightness", "anew"):
            try:
                data[name] = json.loads(value)
            except (ValueError, RecursionError):
                raise Refused(422, "field-wrong", f"{name} is JSON.") from None
        elif value:
            data[name] = value
    fields = Fields(data)
    fields.only("count", "words", "like", "bin", "weights", "tightness", "within", "anew")
    weights = fields.numbers("weights", 0, HEAVIEST)
    _check_facets(weights)
    like = fields.text("like", "")
    example = places.known(like)
    tightness = fields.number("tightness", 0, 1) if fields.has("tightness") else None
    wish = Wish(
        words=fields.text("words", "") or None,
        like=like if like and example is None else None,
        example=example,
        bin=fields.text("bin", "") or None,
        weights=weights,
        tightness=tightness,
        within=fields.text("within", "") or None,
    )
    return fields.whole("count", 1, _MOST, 24), wish, fields.flag("anew", default=False)


def suggested(one: Suggestion) -> dict[str, Any]:
    """Return a suggestion, ready for JSON."""
    clip = one.clip
    return {
        "offer": one.offer,
        "footage": clip.film.footage.path.name,
        "id": clip.film.footage.id,
        "shot": clip.shot + 1,
        "start_s": seconds(clip.media.start),
        "end_s": seconds(clip.media.end),
        "held_s": seconds(clip.held),
        "mirrored": clip.mirrored,
        "speed": seconds(clip.speed),
        "score": number(clip.score),
        "counts": number(one.counts),
        "facets": {name: number(value) for name, value in clip.facets.items()},
        "why": one.why,
        "chosen": one.chosen,
        "taken_by": [*one.shown_in],
        "near": one.near,
        "folded": one.folded,
        "group": one.group,
        "best": one.best,
        "sure": None if one.sure is None else number(one.sure),
    }


def seconds(time: Fraction) -> float:
    """Return a time, or a speed, as JSON has it."""
    return round(float(time), 6)


def number(value: float) -> float:
    """Return a figure as JSON has it; what is none is 0."""
    return round(float(value), 4) if math.isfinite(value) else 0.0
