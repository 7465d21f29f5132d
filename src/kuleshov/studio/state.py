"""All that a page shows of a project, ready for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kuleshov.desk.changes import offer_id
from kuleshov.desk.editing import Editing, Shown
from kuleshov.desk.preview import Playable, Preview
from kuleshov.edit.cut import Cut
from kuleshov.match.align.candidates import Candidate, MatchOptions
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.notes import Note
from kuleshov.records import plain
from kuleshov.studio.orders import changes_of, number, seconds
from kuleshov.timeline import Clip, Item

__all__ = ["clip_of", "nothing_open", "state_of"]


def nothing_open(jobs: Sequence[Mapping[str, Any]], notes: Sequence[Note]) -> dict[str, Any]:
    """Return the state of a studio in which no project is open."""
    return {
        "revision": 0,
        "ready": False,
        "project": None,
        "film": None,
        "shots": [],
        "jobs": [*jobs],
        "notes": _notes(notes),
        "read_only": None,
    }


def state_of(
    editing: Editing,
    preview: Preview,
    jobs: Sequence[Mapping[str, Any]],
    notes: Sequence[Note],
    last: Mapping[str, Any] | None,
    revision: int,
) -> dict[str, Any]:
    """Return the state of a project that is open, at a `revision`."""
    cut, film, since = editing.cut, preview.film(), editing.since()
    return {
        "revision": revision,
        "ready": True,
        "project": {
            "name": editing.project.stem,
            "saved": editing.safe and editing.error is None,
            "error": editing.error,
        },
        "film": {**_film(film), "start_s": seconds(cut.rhythm.start)},
        "shots": _shots(editing, preview, film, cut),
        "weights": {
            "film": _weights(cut.options.match),
            "slots": {slot: _weights(asked.match) for slot, asked in cut.asked.items()},
        },
        "tightness": cut.options.match.tightness,
        "tightness_of": {slot: asked.match.tightness for slot, asked in cut.asked.items()},
        "freshness": cut.options.select.fresh,
        "refused": [{"number": n, "text": str(one)} for n, one in enumerate(cut.refused, 1)],
        "history": {"undo": editing.to_undo, "redo": editing.to_redo, "steps": editing.steps},
        "versions": [
            {
                "id": one.id,
                "name": one.name,
                "when": one.when,
                "changed": editing.count_changes(one.id),
                "standing": editing.count_standing(one.id),
            }
            for one in editing.versions
        ],
        "last": last,
        "since": {
            "version": None if since.version is None else since.version.name,
            "changed": changes_of(since.changed),
        },
        "learned": plain(editing.learned()),
        "jobs": [*jobs],
        "notes": _notes((*notes, *editing.said(wait=False), *preview.faults())),
        "read_only": editing.read_only,
    }


def _notes(notes: Iterable[Note]) -> list[dict[str, str]]:
    return [{"code": note.code, "text": note.text} for note in notes]


def _weights(match: MatchOptions) -> dict[str, float]:
    return {**dict.fromkeys(DEFAULT_WEIGHTS, 0.0), **(match.weights or DEFAULT_WEIGHTS)}


def _film(film: Playable) -> dict[str, Any]:
    """Return how a film is played, in the words of its page."""
    return {
        "rate": [film.rate.numerator, film.rate.denominator],
        "frames": film.frames,
        "width": film.width,
        "height": film.height,
        "picture": {name: [*place] for name, place in film.pictures.items()},
        "init": film.init,
        "codec": film.codec,
        "sound": film.sound,
        "sound_codec": film.sound_codec,
    }


def _shots(editing: Editing, preview: Preview, film: Playable, cut: Cut) -> list[dict[str, Any]]:
    """Return what each slot shows, in the film's order."""
    segments: dict[str, list[dict[str, Any]]] = {}
    for one in film.segments:
        told = {"key": one.key, "ready": preview.ready(one.key)}
        told |= {"first": one.frames.first, "end": one.frames.end}
        segments.setdefault(one.slot, []).append(told)
    crossed = {t.after: t for t in cut.rhythm.transitions}
    wanted = frozenset(cut.plan.wanted)
    crops = _crops(editing, cut)
    shots = []
    for place, shown in enumerate(editing.shots(reasons=False)):
        slot = cut.slots[shown.slot]
        before, after = crossed.get(place - 1), crossed.get(place)
        parts = segments.get(shown.slot, [])
        shots.append(
            {
                "slot": shown.slot,
                "number": shown.number,
                "first": slot.own.first,
                "end": slot.own.end,
                "state": shown.state,
                "locked": shown.locked,
                "clip": _clip(shown, crops.get(shown.slot)),
                "segment": parts[0] if parts else None,
                "segments": parts,
                "transition": {
                    "in": 0 if before is None else before.past_border,
                    "out": 0 if after is None else after.before_border,
                },
                "title": slot.shot in cut.plan.titles,
                "fixed": shown.slot not in wanted,
                "missing": _missing(shown, any(preview.faulty(one["key"]) for one in parts)),
            }
        )
    return shots


def _missing(shown: Shown, faulty: bool) -> list[str]:
    """Return the names of the files that a slot shows and that are not there.

    Of clips of the archive that is asked only where something is `faulty`.
    """
    paths = [item.media.path for item in _items(shown) if isinstance(item, Clip)]
    if faulty and shown.offer is not None:
        paths.append(shown.offer.film.footage.path)
    return [*dict.fromkeys(path.name for path in paths if not path.is_file())]


def _items(shown: Shown) -> tuple[Item, ...]:
    return () if shown.select is None else shown.select.items


def _crops(editing: Editing, cut: Cut) -> dict[str, tuple[float, float] | None]:
    """Return where the film crops the clip of each slot, be that chosen or not."""
    names = {slot.own.first: name for name, slot in cut.slots.items()}
    crops: dict[str, tuple[float, float] | None] = {}
    frame = 0
    for item in editing.timeline().recut.items:
        if isinstance(item, Clip) and frame in names:
            crops[names[frame]] = item.focus
        frame += item.duration
    return crops


def _clip(shown: Shown, crop: tuple[float, float] | None) -> dict[str, Any] | None:
    if shown.clip is None or shown.offer is None or shown.select is None:
        return None
    return {
        **clip_of(shown.clip),
        "offer": offer_id(shown.offer),
        "slip": shown.select.slip,
        "hold": shown.select.hold,
        "focus": shown.select.focus,
        "crop": crop,
        "room": [*shown.room],
        "score": number(shown.offer.score),
        "facets": {name: number(value) for name, value in shown.offer.facets.items()},
    }


def clip_of(one: Candidate) -> dict[str, Any]:
    """Return a clip: its footage, and what is shown of that."""
    return {
        "offer": offer_id(one),
        "footage": one.film.footage.path.name,
        "id": one.film.footage.id,
        "shot": one.shot + 1,
        "start_s": seconds(one.media.start),
        "end_s": seconds(one.media.end),
        "held_s": seconds(one.held),
        "usable": [seconds(one.usable.start), seconds(one.usable.end)],
        "rate": seconds(one.film.footage.probe.video.rate),
        "mirrored": one.mirrored,
        "speed": seconds(one.speed),
        "shape": seconds(one.film.footage.probe.video.active_aspect),
    }
