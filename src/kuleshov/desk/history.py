"""The steps of a cut and the versions that were kept; both go into the project.

    history = History(cut)
    history.add("Lock shot 5", locked)
    words, before = history.back(films)

A moment is a cut, or, as it came out of a project and nobody has gone back to it yet, its data
(`edit.states`). At most `MOST` steps are kept, and as many bytes of offers as `LIMIT`; the oldest
go first. Versions stay.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from kuleshov.archive.rows import ArchiveFilm
from kuleshov.edit.cut import Cut
from kuleshov.edit.states import DAMAGED, Data, States, applied, difference
from kuleshov.errors import ProjectError, UsageError
from kuleshov.garbage import nothing_searched

__all__ = ["LIMIT", "MOST", "Evidence", "History", "Version"]

MOST = 200
"""Steps that are kept."""

LIMIT = 4 << 20
"""Bytes of the offers that steps may take in a project."""

_DECIDED = ("options", "only", "exclude", "asked", "offers", "selects", "refused", "stale")


Evidence = Mapping[str, Any]
"""What a step says of the editor's taste, ready for JSON (`desk.learning`)."""


class _Moment:
    """A cut, what was done to come there, and what that says of the editor's taste.

    `heard`: it takes up what was learnt before, which counts no more. `weighed`: the editor weighed
    the film's facets by hand.
    """

    def __init__(
        self,
        words: str,
        cut: Cut | None = None,
        data: Data | None = None,
        *,
        evidence: Evidence | None = None,
        heard: bool = False,
        weighed: bool = False,
    ) -> None:
        self.words, self.cut, self._data = words, cut, data
        self.evidence, self.heard, self.weighed = evidence, heard, weighed

    def data(self, states: States) -> Data:
        """Return the cut as data."""
        if self._data is None:
            assert self.cut is not None
            self._data = states.of(self.cut)
        return self._data

    def brought(self, states: States, like: Cut, films: Mapping[str, ArchiveFilm]) -> Cut:
        """Return the cut. Raises `ProjectError` where its data are damaged."""
        if self.cut is None:
            try:
                self.cut = states.cut(self.data(states), like, films)
            except DAMAGED as error:
                raise ProjectError(
                    f"What the project remembers of that is damaged ({error}): nothing was changed."
                ) from error
        return self.cut


@dataclass(frozen=True)
class Version:
    """A cut that was kept: its number `id`, its name, and when, in ISO 8601."""

    id: int
    name: str
    when: str


class History:
    """Moments of a cut, in their order, of which one is now; and versions.

    `tell` hears of whatever is done, as data from which `read` does it again.
    """

    def __init__(self, cut: Cut, states: States | None = None) -> None:
        self.tell: Callable[[Mapping[str, Any]], None] = _nobody
        self._footage = 0  # of which is told already
        self._states = states or States()
        self._moments = [_Moment("", cut)]
        self._at = 0
        self._versions: dict[int, tuple[Version, _Moment]] = {}

    # Steps

    @property
    def now(self) -> Cut:
        """The cut as it is now."""
        cut = self._moments[self._at].cut
        assert cut is not None
        return cut

    @property
    def steps(self) -> int:
        """The number of steps that can be undone."""
        return self._at

    @property
    def to_undo(self) -> str | None:
        """The name of the last step; None where there is nothing to undo."""
        return self._moments[self._at].words if self._at else None

    @property
    def to_redo(self) -> str | None:
        """The name of the step that was undone last; None where there is nothing to redo."""
        after = self._at + 1
        return self._moments[after].words if after < len(self._moments) else None

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence of the editor's taste in the steps up to now, since it was last taken up."""
        found: list[Evidence] = []
        for moment in self._moments[: self._at + 1]:
            found = [] if moment.heard else found
            found += [moment.evidence] if moment.evidence is not None else []
        return tuple(found)

    @property
    def picks_since_weighed(self) -> int:
        """The number of picks and refusals that count since the editor weighed by hand."""
        count = 0
        for moment in self._moments[: self._at + 1]:
            count = 0 if moment.weighed or moment.heard else count
            count += moment.evidence is not None
        return count

    @property
    def weighed(self) -> bool:
        """Whether the editor weighed by hand in the steps up to now."""
        return any(moment.weighed for moment in self._moments[: self._at + 1])

    def forget(self) -> None:
        """Forget what was learnt of the editor's taste."""
        for moment in self._moments:
            moment.evidence = None
        self.tell({"do": "forget"})

    def add(
        self,
        words: str,
        cut: Cut,
        *,
        evidence: Evidence | None = None,
        heard: bool = False,
        weighed: bool = False,
    ) -> None:
        """Go on to another cut; what was undone is gone."""
        before = self._moments[self._at]
        new = _Moment(words, cut, evidence=evidence, heard=heard, weighed=weighed)
        self._add(new)
        about = {"words": words, "evidence": evidence, "heard": heard, "weighed": weighed}
        self._told("step", before, new, about)

    def _add(self, new: _Moment) -> None:
        self._moments = [*self._moments[: self._at + 1], new][-MOST - 1 :]
        self._at = len(self._moments) - 1

    def back(self, films: Mapping[str, ArchiveFilm]) -> tuple[str, Cut]:
        """Go back by a step: return what was undone, and the cut before it. Raises `UsageError`."""
        if not self._at:
            raise UsageError("There is nothing to undo.", code="nothing-to-undo")
        before = self._moments[self._at - 1].brought(self._states, self.now, films)
        words = self._moments[self._at].words
        self._at -= 1
        self._told("back", self._moments[self._at + 1], self._moments[self._at], {})
        return words, before

    def forth(self, films: Mapping[str, ArchiveFilm]) -> tuple[str, Cut]:
        """Go on by a step that was undone. Raises `UsageError`."""
        if self._at + 1 == len(self._moments):
            raise UsageError("There is nothing to redo.", code="nothing-to-redo")
        after = self._moments[self._at + 1]
        cut = after.brought(self._states, self.now, films)
        self._at += 1
        self._told("forth", self._moments[self._at - 1], after, {"words": after.words})
        return after.words, cut

    def read_anew(self) -> None:
        """Have every cut but the one now brought back from its data, with the footage as it is."""
        for n, moment in enumerate(self._moments):
            if n != self._at:
                moment.data(self._states)
                moment.cut = None
        for _, moment in self._versions.values():
            moment.data(self._states)
            moment.cut = None

    # Versions

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that were kept, the oldest first."""
        return tuple(version for version, _ in self._versions.values())

    def keep(self, name: str, when: str) -> Version:
        """Keep the cut as it is now under a name."""
        version = Version(max(self._versions, default=0) + 1, name, when)
        self._versions[version.id] = (version, _Moment("", self.now))
        self.tell({"do": "keep", "id": version.id, "name": name, "when": when})
        return version

    def rename(self, version: int, name: str) -> Version:
        """Give a version another name. Raises `UsageError` for no such version."""
        found, moment = self._version(version)
        renamed = replace(found, name=name)
        self._versions[version] = (renamed, moment)
        self.tell({"do": "rename", "id": version, "name": name})
        return renamed

    def drop(self, version: int) -> None:
        """Drop a version. Raises `UsageError` for none."""
        self._version(version)
        del self._versions[version]
        self.tell({"do": "drop", "id": version})

    def version(self, version: int, films: Mapping[str, ArchiveFilm]) -> tuple[Version, Cut]:
        """Return a version and its cut. Raises `UsageError`, `ProjectError`."""
        found, moment = self._version(version)
        return found, moment.brought(self._states, self.now, films)

    def version_of(self, version: int) -> Version:
        """Return what is known of a version. Raises `UsageError`."""
        return self._version(version)[0]

    def _version(self, version: int) -> tuple[Version, _Moment]:
        if version not in self._versions:
            there = ", ".join(map(str, self._versions)) or "none"
            raise UsageError(f"There is no version {version}; there are {there}.")
        return self._versions[version]

    # As it is told

    def _told(self, what: str, old: _Moment, new: _Moment, about: Mapping[str, Any]) -> None:
        """Tell of a step: in what the cut after it differs from the one before."""
        if self.tell is _nobody:
            return
        states = self._states
        data, then = old.data(states), new.data(states)
        more = states.more(data, then, self._footage)
        self._footage = len(states.footage)
        self.tell({"do": what, "then": difference(data, then), **more, **about})

    def _done_again(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Do again what was told of. Raises `DAMAGED`."""
        for one in entries:
            what, here = one["do"], self._moments[self._at]
            if what == "forget":
                self.forget()
            elif what == "keep":
                version = Version(int(one["id"]), str(one["name"]), str(one["when"]))
                data = here.data(self._states)
                self._versions[version.id] = (version, _Moment("", data=data))
            elif what == "rename":
                known, moment = self._versions[int(one["id"])]
                self._versions[known.id] = (replace(known, name=str(one["name"])), moment)
            elif what == "drop":
                self._versions.pop(int(one["id"]), None)
            elif what == "back" and self._at:
                self._at -= 1
            elif what == "forth" and self._at + 1 < len(self._moments):
                self._at += 1
            else:
                data = applied(here.data(self._states), one["then"])
                evidence, heard = one.get("evidence"), bool(one.get("heard"))
                weighed, words = bool(one.get("weighed")), str(one.get("words", "Undo"))
                new = _Moment(words, data=data, evidence=evidence, heard=heard, weighed=weighed)
                self._add(new)

    # In a project

    def frozen(self) -> History:
        """Return the same history, which stays as it is, to be written without haste."""
        for moment in (*self._moments, *(moment for _, moment in self._versions.values())):
            moment.data(self._states)
        found = History(self.now, self._states)
        found._moments, found._at = self._moments, self._at
        found._versions = dict(self._versions)
        found._footage = len(self._states.footage)
        return found

    def saved(self, frozen: History) -> None:
        """Hear that a project holds what was frozen."""
        self._footage = max(self._footage, frozen._footage)

    def written(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        states = self._states
        kept = [moment.data(states) for _, moment in self._versions.values()]
        moments, first = [m.data(states) for m in self._moments], 0
        while True:
            data = states.written([*moments[first:], *kept])
            size = sum(map(len, data["offers"].values()))
            if size <= LIMIT or first >= self._at:
                break
            first += max(1, (self._at - first) // 4)
        told = {
            "at": self._at - first,
            "words": [moment.words for moment in self._moments[first:]],
            "evidence": {
                str(n): moment.evidence
                for n, moment in enumerate(self._moments[first:])
                if moment.evidence is not None
            },
            "heard": [n for n, moment in enumerate(self._moments[first:]) if moment.heard],
            "weighed": [n for n, moment in enumerate(self._moments[first:]) if moment.weighed],
            "first": moments[first],
            "then": [
                difference(a, b)
                for a, b in zip(moments[first:], moments[first + 1 :], strict=False)
            ],
            "versions": [
                {"id": v.id, "name": v.name, "when": v.when, "data": moment.data(states)}
                for v, moment in self._versions.values()
            ],
        }
        packed = base64.b64encode(zlib.compress(json.dumps(told).encode(), 6)).decode()
        return {**data, "steps": packed}

    @classmethod
    @nothing_searched()
    def read(
        cls,
        written: Mapping[str, Any],
        cut: Cut,
        entries: Sequence[Mapping[str, Any]] = (),
        films: Mapping[str, ArchiveFilm] = MappingProxyType({}),
    ) -> History:
        """Return the history of a project, whose cut was brought back as `cut`.

        Where that is not what was left, for the project was changed elsewhere, that is one more
        step. `entries` are what was told of since it was written, and is done again before that.
        Raises `ProjectError` where it is damaged.
        """
        try:
            states = States.read(written)
            footage = len(states.footage)
            for one in entries:
                if "offers" in one:
                    states.take(one)
            told = json.loads(zlib.decompress(base64.b64decode(written["steps"])))
            data: Data = told["first"]
            moments: list[_Moment] = []
            for words, changed in zip(told["words"], [{}, *told["then"]], strict=True):
                data = applied(data, changed)
                number = len(moments)
                evidence = told["evidence"].get(str(number))
                heard, weighed = number in told["heard"], number in told.get("weighed", ())
                moments.append(
                    _Moment(str(words), data=data, evidence=evidence, heard=heard, weighed=weighed)
                )
            history = cls(cut, states)
            history._at = int(told["at"])
            left = moments[history._at]._data
            history._versions = {
                int(one["id"]): (
                    Version(int(one["id"]), str(one["name"]), str(one["when"])),
                    _Moment("", data=one["data"]),
                )
                for one in told["versions"]
            }
            history._moments = moments
            now = states.of(cut)
            if same := left is not None and all(left[key] == now[key] for key in _DECIDED):
                moments[history._at].cut = cut
                moments[history._at]._data = now
            history._done_again(entries)
            if not same:
                history.add("Change it elsewhere", cut)
            history._moments[history._at].brought(states, cut, films)
            history._footage = footage
        except DAMAGED as error:
            raise ProjectError(
                f"What the project remembers of its history is damaged ({error})."
            ) from error
        return history


def _nobody(_entry: Mapping[str, Any]) -> None:
    pass
