"""An open project, tried at random: whatever is done, undone and opened again, nothing is lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from desk.shelf import ShelfDesk
from edit.cuts import parts
from kuleshov.desk import saving
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
from kuleshov.desk.editing import Done, Editing
from kuleshov.errors import MatchError, UsageError

pytestmark = pytest.mark.slow

SLOTS = st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8"])  # the last is not there


@cache
def desk() -> ShelfDesk:
    return ShelfDesk()


def seen(told: dict[str, Any]) -> dict[str, object]:
    """What each slot shows, whatever it scores."""
    found: dict[str, object] = {}
    for slot, select in told["selects"].items():
        film, clip = select["candidate"] or (None, {})
        shown = {name: clip[name] for name in clip if name not in ("strength", "score", "facets")}
        found[slot] = {**select, "candidate": (film, shown)}
    return found


class Project(RuleBasedStateMachine):
    """`steps` are the cuts that were, field by field, and `at` which of them is now."""

    @initialize()
    def begins(self) -> None:
        self.soon, saving._SOON = saving._SOON, 1e6  # it is saved when that is asked for
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "film.otio"
        self.editing = Editing.begin(desk(), "source.mp4", self.path)  # type: ignore[arg-type]
        self.steps: list[tuple[str, dict[str, object]]] = [("", parts(self.editing.cut))]
        self.at = 0
        self.versions: dict[int, dict[str, object]] = {}

    def done(self, call: Callable[[], Done]) -> None:
        """Do something; where it cannot be done, nothing is."""
        before = self.editing.revision
        try:
            done = call()
        except (UsageError, MatchError):
            assert self.editing.revision == before
            return
        assert done.said
        assert self.editing.revision == before + 1
        changed = {one.slot for one in done.changed}
        old, new = seen(self.steps[self.at][1]), seen(parts(self.editing.cut))
        assert changed == {s for s in {*old, *new} if old.get(s) != new.get(s)}
        self.steps = [*self.steps[: self.at + 1], (done.said, parts(self.editing.cut))]
        self.at += 1

    def do(self, change: Change) -> None:
        self.done(lambda: self.editing.do(change))

    @rule(slot=SLOTS, number=st.integers(0, 11), count=st.integers(1, 30))
    def pick(self, slot: str, number: int, count: int) -> None:
        def call() -> Done:
            found = self.editing.suggestions(slot, count)
            return self.editing.pick(slot, found[number % len(found)].offer)

        self.done(call)

    @rule(slot=SLOTS)
    def lock(self, slot: str) -> None:
        self.do(Lock(slot))

    @rule(slot=st.none() | SLOTS)
    def unlock(self, slot: str | None) -> None:
        self.do(Unlock(slot))

    @rule(slot=SLOTS, what=st.sampled_from(["clip", "shot", "footage"]), here=st.booleans())
    def refuse(self, slot: str, what: Any, here: bool) -> None:
        self.do(Refuse(slot, what, here))

    @rule(number=st.none() | st.integers(1, 3))
    def allow(self, number: int | None) -> None:
        self.do(Allow(number))

    @rule(slot=SLOTS, by=st.integers(-9, 9))
    def slip(self, slot: str, by: int) -> None:
        self.do(Slip(slot, by))

    @rule(slot=SLOTS)
    def mirror(self, slot: str) -> None:
        self.do(Mirror(slot))

    @rule(slot=SLOTS, by=st.sampled_from([None, Fraction(1, 2), Fraction(5, 4), Fraction(9)]))
    def speed(self, slot: str, by: Fraction | None) -> None:
        self.do(Speed(slot, by))

    @rule(slot=SLOTS, frames=st.integers(0, 12))
    def hold(self, slot: str, frames: int) -> None:
        self.do(Hold(slot, frames))

    @rule(slot=SLOTS, other=SLOTS)
    def swap(self, slot: str, other: str) -> None:
        self.do(Swap(slot, other))

    @rule(slot=SLOTS, change=st.sampled_from([Own, Black, Still]))
    def instead(self, slot: str, change: Any) -> None:
        self.do(change(slot))

    @rule(slot=SLOTS, frame=st.integers(0, 40))
    def still(self, slot: str, frame: int) -> None:
        self.do(Still(slot, frame))

    @rule(slot=SLOTS, x=st.none() | st.floats(0, 1), y=st.floats(0, 1))
    def focus(self, slot: str, x: float | None, y: float) -> None:
        self.do(Focus(slot, x, y))

    @rule(
        slot=st.none() | SLOTS,
        tone=st.none() | st.floats(0, 2),
        tightness=st.none() | st.floats(0, 1),
        freshness=st.none() | st.floats(0, 1),
    )
    def weigh(
        self,
        slot: str | None,
        tone: float | None,
        tightness: float | None,
        freshness: float | None,
    ) -> None:
        weights = None if tone is None else {"tone": tone}
        self.do(Weigh(weights, tightness, freshness, slot))

    @rule(slots=st.none() | st.lists(SLOTS, min_size=1, max_size=2).map(tuple))
    def fill(self, slots: tuple[str, ...] | None) -> None:
        self.do(Fill(slots))

    @rule(number=st.integers(1, 4))
    def take_back(self, number: int) -> None:
        self.done(lambda: self.editing.take_back(number))

    @rule(times=st.integers(1, 4))
    def undo(self, times: int) -> None:
        for _ in range(times):
            if not self.at:
                with pytest.raises(UsageError, match="nothing to undo"):
                    self.editing.undo()
                return
            assert self.editing.undo().said == f"Undo: {self.steps[self.at][0]}"
            self.at -= 1

    @rule(times=st.integers(1, 4))
    def redo(self, times: int) -> None:
        for _ in range(times):
            if self.at + 1 == len(self.steps):
                with pytest.raises(UsageError, match="nothing to redo"):
                    self.editing.redo()
                return
            self.at += 1
            assert self.editing.redo().said == f"Redo: {self.steps[self.at][0]}"

    @rule()
    def keep(self) -> None:
        version = self.editing.keep_version()
        self.versions[version.id] = parts(self.editing.cut)

    @precondition(lambda self: self.versions)
    @rule(number=st.integers(0, 9))
    def go_back(self, number: int) -> None:
        version = [*self.versions][number % len(self.versions)]
        differs = {one.slot for one in self.editing.compare(None, version)}
        self.done(lambda: self.editing.go_back(version))
        assert parts(self.editing.cut) == self.versions[version]
        assert {one.slot for one in self.editing.last.changed} == differs

    @rule()
    def opens_again(self) -> None:
        said = self.editing.to_undo, self.editing.to_redo, self.editing.versions
        self.editing.close()
        self.editing = Editing.open(desk(), self.path)  # type: ignore[arg-type]
        assert not self.editing.notes
        assert (self.editing.to_undo, self.editing.to_redo, self.editing.versions) == said

    @rule()
    def is_saved(self) -> None:
        assert self.editing.flush()

    @rule()
    def is_killed(self) -> None:
        """Nothing is saved any more, and what it held is free."""
        said = self.editing.to_undo, self.editing.to_redo, self.editing.versions
        assert self.editing.safe
        self.editing._journal._close()
        self.editing._hold.leave()
        self.editing = Editing.open(desk(), self.path)  # type: ignore[arg-type]
        assert {note.code for note in self.editing.notes} <= {"brought-back"}
        assert (self.editing.to_undo, self.editing.to_redo, self.editing.versions) == said

    @invariant()
    def is_what_was_done(self) -> None:
        if not hasattr(self, "editing"):
            return
        assert parts(self.editing.cut) == self.steps[self.at][1]
        assert self.editing.steps == self.at
        shown = self.editing.shots()
        assert len(shown) == len(self.editing.cut.slots)
        assert self.editing.timeline().duration == self.editing.cut.rhythm.frames

    def teardown(self) -> None:
        if hasattr(self, "editing"):
            saving._SOON = self.soon
            self.editing.close()
            shutil.rmtree(self.folder)


TestProject = Project.TestCase
TestProject.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink it takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
