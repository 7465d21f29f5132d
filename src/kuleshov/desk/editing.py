"""An open project: its cut, what was done to it, its versions; saved after each change.

    with Editing.begin(desk, trailer, project) as editing:
        editing.do(Lock("5"))
        done = editing.do(Fill())
        for one in done.changed:
            print(one.text)
        editing.undo()
        for one in editing.suggestions("7"):
            print(one.offer, one.why)

All of it goes into the project file: what was done can be undone after it was closed and opened
again. One process at a time changes a project; whoever comes second reads, until the first is done.
Another program may change the file meanwhile: that is noticed, and both are kept.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from kuleshov.archive.archive import write_archive
from kuleshov.archive.filters import Filter
from kuleshov.archive.rows import ArchiveRows
from kuleshov.desk.changes import (
    INSTEAD,
    Change,
    Fill,
    Pick,
    Refuse,
    Weigh,
    allowing,
    offer_id,
)
from kuleshov.desk.history import Evidence, History, Version
from kuleshov.desk.journal import Base, Journal
from kuleshov.desk.learning import Learned, evidence_of, learned_from
from kuleshov.desk.projects import set_aside
from kuleshov.desk.saving import Hold, Saver, kept_beside
from kuleshov.desk.suggestions import Suggester, Suggestion, Wish
from kuleshov.edit.cut import Cut, RecutOptions, Select
from kuleshov.edit.laying import Laid, crop_of, film, laid, notes_on
from kuleshov.edit.laying import Shown as Clips
from kuleshov.edit.layouts import arranged
from kuleshov.edit.resuming import KnownLines, memory_of
from kuleshov.edit.taking import slip_room, taken
from kuleshov.errors import KuleshovError, MatchError, ProjectError, UsageError
from kuleshov.features.facet import PRINT
from kuleshov.jobs import QUIET, Job, Yielding
from kuleshov.match.align.candidates import Candidate
from kuleshov.match.align.stock import Stock
from kuleshov.match.align.strength import DEFAULT_WEIGHTS
from kuleshov.match.same.own import own_material
from kuleshov.notes import Note, together
from kuleshov.project.file import write_otio
from kuleshov.project.memory import KEY, ours, with_ours
from kuleshov.project.otio_out import OtioItems
from kuleshov.timeline import Timeline

if TYPE_CHECKING:
    from kuleshov.desk.choosing import Resumed
    from kuleshov.desk.desk import Desk

__all__ = ["Changed", "Done", "Editing", "Shown", "Since", "State"]

State = Literal["proposed", "chosen", "locked", "refused", "missing", "own", "black", "still"]
"""How a slot stands: proposed by Kuleshov; chosen or locked by a person; open, since all that was
offered is refused, or since there is nothing; or what it shows where nothing fits."""

Differs = Literal["", "standing", "picture"]
"""In what a slot differs between two cuts: nothing, whether it is locked or picked, or all else."""

_EDITING = "editing"  # where history lies among our metadata of a timeline
_STAMP = "stamp"  # in it: up to where it holds what is in the journal
_PICKS = 3  # after the editor weighed by hand, before anything is proposed again
_SETTLED = 2.0  # s for which nothing is added to an archive before it is looked at
_READ_ONLY = (
    "{name} is being edited elsewhere: it can be looked at here, and edited once that is closed."
)


@dataclass(frozen=True)
class Changed:
    """One slot that a change changed, in words; it can be taken back alone by its `number`."""

    number: int
    slot: str
    text: str
    before: Select | None = field(default=None, repr=False)
    after: Select | None = field(default=None, repr=False)

    @property
    def what(self) -> tuple[str, ...]:
        """All that differs, in a few words each."""
        old, new = self.before, self.after
        if old is None or new is None:
            return ("another clip",)
        if _clip(old) != _clip(new):
            return ("another clip", *_lock(old, new))
        return tuple(_changes(old, new)) or ("another clip",)


@dataclass(frozen=True)
class Since:
    """All that changed since the project was opened, or since a `version` was kept after that."""

    changed: tuple[Changed, ...]
    version: Version | None = None


@dataclass(frozen=True)
class Done:
    """A change that was made: the revision after it, its name, and each slot that it changed."""

    revision: int
    said: str
    changed: tuple[Changed, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A slot as it stands.

    Where a clip stands there, `offer` is what it was chosen from and `clip` what is shown of it
    after changes by hand. `room` is by how many pictures it may still be slipped, back and on;
    `why` says in words why it answers.
    """

    slot: str
    number: int | None
    state: State
    locked: bool = False
    offer: Candidate | None = None
    clip: Candidate | None = None
    select: Select | None = None
    room: tuple[int, int] = (0, 0)
    why: str = ""


class Editing:
    """A project that is being edited, with its history and versions, saved after each change.

    Safe among threads: one changes it at a time, and who only looks waits for nobody. `notes` say
    what was found when it was opened. `read_only` is a sentence where it cannot be changed now.
    `watch` is called after each change, save or failure, from any thread.
    """

    def __init__(
        self,
        desk: Desk,
        project: Path,
        resumed: Resumed,
        history: History,
        hold: Hold,
        *,
        read_only: bool = False,
    ) -> None:
        self.desk, self.project = desk, Path(project)
        self.stock: Stock = resumed.stock
        self.notes: tuple[Note, ...] = resumed.notes
        self.revision = 0
        self.last = Done(0, "")
        self._last_from = history.now  # the cut before that
        self.watch: Callable[[], None] = _nobody
        self._lock = threading.RLock()
        self._laying = threading.Lock()
        self._laid: tuple[Cut, Timeline, Clips] | None = None
        self._compares = False
        self._beside = Yielding()  # what is found out in the background, until it is closed
        # The archive's versions when it was asked for more, and as it was seen last, since when.
        self._archive: int | None = None
        self._looked: tuple[int, float] | None = None
        self._more = 0  # films that came to it since
        self._slots = Laid()
        self._lines: KnownLines = {}  # of what is written again and again
        self._items: OtioItems = {}
        self._known_shown: dict[str, tuple[object, object, Shown]] = {}
        self._known_changes: dict[int, dict[str, tuple[object, object, Differs]]] = {}
        self._history, self._hold = history, hold
        self._begun: tuple[Cut, Version | None] = history.now, None  # since when changes are told
        self._since: tuple[Cut, Cut, Since] | None = None
        self._held = not read_only
        self._suggester = Suggester(desk.with_encoder(resumed.cut.source.encoder))
        self._seen: dict[str, tuple[str, ...]] = {}  # suggestions on the screen, by slot
        self._learnt: tuple[object, Learned] | None = None
        self._known: str | None = None  # the digest of the file as it is known here
        self._aside: Path | None = None  # where another program's version was put
        self._saver = Saver(self._save, self._told)
        self._journal = Journal(kept_beside(self.project, ".journal"))

    # Opening and closing

    @classmethod
    def begin(
        cls,
        desk: Desk,
        source: str | Path,
        project: str | Path,
        options: RecutOptions = RecutOptions(),
        filters: Filter = Filter(),
        *,
        job: Job = QUIET,
    ) -> Editing:
        """Remake a film, and edit that as a new project; one that is in the way is kept aside.

        Raises `ProjectError` where the project is being edited elsewhere, or cannot be written;
        else as `Desk.cut`.
        """
        project = Path(project).absolute()
        hold = Hold(project)
        if not hold.take():
            raise ProjectError(_READ_ONLY.format(name=project.name))
        try:
            begun = desk.cut(Path(source).absolute(), options, filters, job=job)
            kept = set_aside(project)
            history = History(begun.cut)
            editing = cls(desk, project, begun, history, hold)
            if kept is not None:
                text = f"{project.name} was there before: it is kept as {kept.name}."
                editing.notes = (*editing.notes, Note("project-kept", text, {"path": str(kept)}))
            editing._journal.begin("")
            editing._save()
            history.tell = editing._journal.add
        except BaseException:
            hold.leave()
            raise
        return editing

    @classmethod
    def open(cls, desk: Desk, project: str | Path, *, job: Job = QUIET) -> Editing:
        """Go on with a project; it is `read_only` where another process edits it.

        Raises as `Desk.resume`.
        """
        project = Path(project).absolute()
        hold = Hold(project)
        held = hold.take()
        try:
            found = _read(desk, project, job, held=held)
            editing = cls(desk, project, found.resumed, found.history, hold, read_only=not held)
            editing.notes = (*found.resumed.notes, *found.notes)
            editing._begins(found)
        except BaseException:
            hold.leave()
            raise
        return editing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Save what is not saved yet, and let others edit the project.

        Raises `ProjectError` where it cannot be saved; it stays open then.
        """
        if self._held and not self._saver.close():
            raise ProjectError(self._saver.error or f"{self.project} was not written.")
        self._beside.stop()
        if self._held:
            self._journal.close()
        self._hold.leave()

    # How it is

    @property
    def cut(self) -> Cut:
        """The cut as it is now."""
        return self._history.now

    @property
    def read_only(self) -> str | None:
        """A sentence on why it cannot be changed now; None where it can."""
        return None if self._held else _READ_ONLY.format(name=self.project.name)

    @property
    def saved(self) -> bool:
        """Whether the project file holds all that was done."""
        return self._saver.saved

    @property
    def safe(self) -> bool:
        """Whether all that was done outlives this process, be it saved or in the journal."""
        return self._journal.safe or self.saved

    @property
    def error(self) -> str | None:
        """A sentence on why the last save failed; None where it did not."""
        return self._saver.error

    @property
    def to_undo(self) -> str | None:
        """The name of the change that `undo` would undo; None for nothing."""
        return self._history.to_undo

    @property
    def to_redo(self) -> str | None:
        """The name of the change that `redo` would make again; None for nothing."""
        return self._history.to_redo

    @property
    def steps(self) -> int:
        """The number of steps that can be undone."""
        return self._history.steps

    def timeline(self) -> Timeline:
        """Return the film: tracks `recut` and `source`, as they are rendered."""
        return self._film_of(self.cut)[0]

    def said(self, *, wait: bool = True) -> tuple[Note, ...]:
        """Return what is to be said of the film as it is now, and of how it was opened.

        Which shots repeat others takes a while to find out where it was not asked before; who does
        not `wait` is told of a change (`watch`) once that is known.
        """
        cut = self.cut
        clips = self._film_of(cut)[1]
        known = wait or cut.offers.knows_copies(cut.shown)
        if not known and not self._compares:
            self._compares = True
            threading.Thread(target=self._compare, args=(cut,), daemon=True).start()
        return together(self.notes, notes_on(cut, clips, cut.copies() if known else None))

    def shots(self, *, reasons: bool = True) -> tuple[Shown, ...]:
        """Return what each slot shows, in the film's order; slots that nothing is to answer too.

        To find the `reasons`, why each clip answers, takes a while where that was not asked before.
        """
        cut = self.cut
        return tuple(self._shown(cut, slot, reasons) for slot in cut.slots)

    def suggestions(
        self,
        slot: str,
        count: int = 24,
        wish: Wish = Wish(),
        *,
        anew: bool = False,
        job: Job = QUIET,
    ) -> tuple[Suggestion, ...]:
        """Return what may stand in a slot, best first, likes together; see `desk.suggestions`."""
        found = self._suggester
        with self._beside.first():
            return found.suggestions(self.cut, self.stock, slot, count, wish, anew=anew, job=job)

    def offer(self, offer: str, slot: str | None = None) -> Candidate:
        """Return an offer by its id, as a slot has it. Raises `MatchError` where none is known."""
        return self._suggester.found(self.cut, offer, slot)

    def keep_in_bin(
        self, name: str, offer: str, slot: str | None = None, *, out: bool = False
    ) -> None:
        """Put the shot of an offer into a bin, which is made if need be, or take it out.

        Raises `MatchError` for an offer that is not known, `UsageError` for a name that cannot be
        one, and for a bin to take out of that is not there; `ArchiveError` where it cannot be
        written, as while another process writes to the archive.
        """
        one = self.offer(offer, slot)
        with write_archive(self.desk.root, wait=False) as archive:
            bins = archive.catalogue.bin_table
            (bins.remove if out else bins.add)(name, one.ref.checksum, [one.shot])

    # What is done

    def do(self, change: Change, *, job: Job = QUIET) -> Done:
        """Change the cut, and return what changed.

        Raises `UsageError` where that cannot be done; nothing is changed then.
        """
        with self._beside.first(), self._lock:
            self._check_held()
            before = self.cut
            grown = self._grown(before, job) if isinstance(change, Fill) else before
            after = change.made(grown, self.stock, job)
            evidence = self._evidence(change, before)
            weighed = isinstance(change, Weigh) and change.slot is None
            words = change.words(before)
            return self._goes_on(words, before, after, evidence=evidence, weighed=weighed)

    def pick(self, slot: str, offer: str, *, job: Job = QUIET) -> Done:
        """Let a slot show an offer, by its id.

        Raises `MatchError` where it is not known, and as `do`.
        """
        slot = self.cut.slot_of(slot)
        return self.do(Pick(slot, self.offer(offer, slot)), job=job)

    def take_back(self, *numbers: int) -> Done:
        """Take back some of what changed last, by their numbers, as one change; the others stay.

        Raises `UsageError` where there is none, or a slot was changed since.
        """
        with self._lock:
            self._check_held()
            there = {one.number: one for one in self.last.changed}
            for number in numbers:
                if number not in there:
                    raise UsageError(f"There is no change {number} to take back.")
            back = [one for one in self.last.changed if one.number in numbers]
            before = self.cut
            for one in back:
                if _plainly(before.selects.get(one.slot)) != _plainly(one.after):
                    raise UsageError(f"Shot {one.slot} was changed since: undo that first.")
            after = before.selecting({one.slot: one.before for one in back})
            begun = self._last_from
            after = _allowing(after, {one.slot for one in back}, begun)
            kept = self.last
            names = ", ".join(one.slot for one in back)
            words = f"Take back: {'shot' if len(back) == 1 else 'shots'} {names}"
            done = self._goes_on(words, before, after)
            # What else changed can still be taken back.
            rest = tuple(other for other in kept.changed if other not in back)
            self.last, self._last_from = replace(kept, revision=self.revision, changed=rest), begun
            return done

    def since(self) -> Since:
        """Return what changed since the project was opened, or since the last version after that.

        Each change can be taken back alone (`restore`).
        """
        (then, version), now = self._begun, self.cut
        if self._since is None or self._since[0] is not then or self._since[1] is not now:
            self._since = then, now, Since(_differences(then, now), version)
        return self._since[2]

    def restore(self, *slots: str, version: int | None = None) -> Done:
        """Let slots show what they did when `since` begins, or what a version has, as one change.

        Raises `UsageError` for no such slot or version, for one that is as it was already, and for
        one that is locked now and is to be as in a version.
        """
        with self._lock:
            self._check_held()
            before = self.cut
            then = self._begun[0] if version is None else self._cut_of(version)
            names = [before.slot_of(slot) for slot in dict.fromkeys(slots)]
            for slot in names:
                old, new = then.selects.get(slot), before.selects.get(slot)
                if _plainly(old) == _plainly(new):
                    raise UsageError(f"Shot {slot} is as it was already.")
                if version is not None and new is not None and new.locked:
                    raise UsageError(f"Shot {slot} is locked: unlock it first.")
            if not names:
                raise UsageError("Name a shot to be as it was.")
            after = before.selecting({slot: then.selects.get(slot) for slot in names})
            after = _allowing(after, names, then)
            of = f"{'shot' if len(names) == 1 else 'shots'} {', '.join(names)}"
            kept = None if version is None else self._history.version_of(version).name
            words = f"Take back: {of}" if kept is None else f"Take {of} from {kept}"
            return self._goes_on(words, before, after)

    def undo(self) -> Done:
        """Undo what was done last. Raises `UsageError` where there is nothing."""
        with self._lock:
            self._check_held()
            before = self.cut
            words, after = self._history.back(self.stock.by_checksum)
            return self._moved(f"Undo: {words}", before, after)

    def redo(self) -> Done:
        """Do again what was undone last. Raises `UsageError` where there is nothing."""
        with self._lock:
            self._check_held()
            before = self.cut
            words, after = self._history.forth(self.stock.by_checksum)
            return self._moved(f"Redo: {words}", before, after)

    # What is learnt

    def seen(self, slot: str, offers: Iterable[str]) -> None:
        """Remember which suggestions of a slot are on the screen, by their ids.

        A pick among them says something of the editor's taste.
        """
        self._seen[self.cut.slot_of(slot)] = tuple(offers)

    def learned(self) -> Learned:
        """Return what was learnt of the editor's taste, and what is proposed for it.

        Who has just weighed by hand has said what is wanted: nothing is proposed until some picks
        after that.
        """
        with self._lock:
            evidence, weights = self._history.evidence, self.cut.options.match.weights
            waits = self._history.weighed and self._history.picks_since_weighed < _PICKS
        if self._learnt is None or self._learnt[0] != (evidence, weights):
            found = Learned(0)
            with contextlib.suppress(LookupError, TypeError, ValueError):
                found = learned_from(evidence, weights or DEFAULT_WEIGHTS)
            self._learnt = ((evidence, weights), found)
        found = self._learnt[1]
        return replace(found, proposal=None) if waits else found

    def apply_learned(self) -> Done:
        """Weigh facets as is proposed, which can be undone; what was learnt is taken up by that.

        Raises `UsageError` where nothing is proposed.
        """
        with self._lock:
            self._check_held()
            proposal = self.learned().proposal
            if proposal is None:
                raise UsageError("Nothing is proposed: pick some more shots first.")
            change, before = Weigh(proposal.weights), self.cut
            after = change.made(before, self.stock)
            return self._goes_on(change.words(before), before, after, heard=True)

    def forget_learned(self) -> None:
        """Forget what was learnt of the editor's taste so far."""
        with self._lock:
            self._check_held()
            self._history.forget()
            self._touched()

    # Versions

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions that were kept, the oldest first."""
        return self._history.versions

    def keep_version(self, name: str = "") -> Version:
        """Keep the cut as it is now under a name, by default a number."""
        with self._lock:
            self._check_held()
            name = name.strip() or f"Version {len(self.versions) + 1}"
            when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            version = self._history.keep(name, when)
            self._begun = self.cut, version
            self._touched()
            return version

    def rename_version(self, version: int, name: str) -> Version:
        """Give a version another name. Raises `UsageError` for no such version, or no name."""
        with self._lock:
            self._check_held()
            if not name.strip():
                raise UsageError("A version needs a name.")
            renamed = self._history.rename(version, name.strip())
            if self._begun[1] is not None and self._begun[1].id == version:
                self._begun = self._begun[0], renamed
                self._since = None
            self._touched()
            return renamed

    def forget_version(self, version: int) -> None:
        """Forget a version. Raises `UsageError` for none."""
        with self._lock:
            self._check_held()
            self._history.drop(version)
            self._touched()

    def go_back(self, version: int) -> Done:
        """Go back to a version, which can be undone. Raises `UsageError` for none."""
        with self._lock:
            self._check_held()
            before = self.cut
            found, after = self._history.version(version, self.stock.by_checksum)
            return self._goes_on(f"Go back to {found.name}", before, after)

    def compare(self, one: int | None, other: int | None) -> tuple[Changed, ...]:
        """Return in which slots two versions differ, slot by slot; None is the cut as it is now."""
        with self._lock:
            return _differences(self._cut_of(one), self._cut_of(other))

    def count_changes(self, version: int) -> int:
        """Return in how many slots the cut as it is now shows something else than a version."""
        return self._count(version, "picture")

    def count_standing(self, version: int) -> int:
        """Return in how many slots the same as in a version is locked or picked now, or no more."""
        return self._count(version, "standing")

    def _count(self, version: int, what: Differs) -> int:
        """Return in how many slots the cut as it is now differs so from a version.

        What did not change since it was asked last is not compared again.
        """
        with self._lock:
            then, now = self._cut_of(version).selects, self.cut
            known = self._known_changes.setdefault(version, {})
            for slot in now.plan.wanted:
                old, new = then.get(slot), now.selects.get(slot)
                one = known.get(slot)
                if one is None or one[0] is not old or one[1] is not new:
                    known[slot] = (old, new, _differ(old, new))
            return sum(differs == what for _, _, differs in known.values())

    def version_timeline(self, version: int) -> Timeline:
        """Return the film of a version. Raises `UsageError` for none."""
        with self._lock:
            cut = self._cut_of(version)
        return film(cut)[0]

    def crop(self, slot: str, version: int | None = None) -> tuple[float, float] | None:
        """Return where the film, or a version, crops what a slot shows; None: in the middle."""
        with self._lock:
            cut = self._cut_of(version)
        return crop_of(cut, slot)

    def _cut_of(self, version: int | None) -> Cut:
        if version is None:
            return self.cut
        return self._history.version(version, self.stock.by_checksum)[1]

    # Other programs, other processes

    def changed_outside(self) -> bool:
        """Return whether another program changed the project since it was read or saved here."""
        if self._aside is not None:
            return True
        digest = _digest(self.project)
        return digest is not None and self._known is not None and digest != self._known

    def relink(self, folders: Sequence[Path], *, job: Job = QUIET) -> tuple[Path, ...]:
        """Look in folders for footage that is not there; return where what was found lies now.

        The archive and the project point to it from then on, which is one change; steps and
        versions show what was found as well. Raises `ProjectError` where the project cannot be
        written, else as `relinking.relink_all`.
        """
        from kuleshov.desk.relinking import relink_all

        self._check_held()
        # To look for what the archive lacks may take long: nobody waits for that.
        archive = relink_all(folders, self.desk.root, needed=False, job=job)
        with self._lock:
            if not self.flush():
                raise ProjectError(self.error or f"{self.project} was not written.")
            found = relink_all(folders, self.desk.root, [self.project], needed=False, job=job)
            moved = [path for one in found.projects for path in one.moved.values()]
            if archive.moved or moved:
                self._take_in("Find footage again", job)
                self._history.read_anew()
        return tuple(dict.fromkeys((*archive.moved.values(), *moved)))

    def take_in(self, *, job: Job = QUIET) -> Done:
        """Go on with what another program left in the project.

        The cut as it was here is one step back. Where nothing was left, nothing is done or said.
        Raises `ProjectError` where the other cannot be read: nothing is changed then.
        """
        with self._lock:
            if self._held and not self.changed_outside():
                return Done(self.revision, "")
            return self._take_in("Take in what another program changed", job)

    def _take_in(self, words: str, job: Job) -> Done:
        with self._lock:
            self._check_held()
            path = self._aside or self.project
            digest = _digest(path)
            resumed, _ = _resumed(self.desk, path, job)
            before = self.cut
            self._works_with(resumed)
            self.notes = together(self.notes, resumed.notes)
            if self._aside is None:
                self._known = digest
            self._aside = None
            done = self._goes_on(words, before, resumed.cut)
        self.flush()  # what the other left besides is in its file alone
        return done

    def take_over(self, *, job: Job = QUIET) -> bool:
        """Edit the project, if nobody else does by now; whether one can.

        What the other left is read first. Raises as `Desk.resume`.
        """
        with self._lock:
            if self._held:
                return True
            if not self._hold.take():
                return False
            try:
                found = _read(self.desk, self.project, job, held=True)
                if found.digest != self._known or found.entries or found.notes:
                    self._history = found.history
                    self._works_with(found.resumed)
                    self.notes = together(found.resumed.notes, found.notes)
                    self.revision += 1
                self._held = True
                self._begins(replace(found, history=self._history))
            except BaseException:
                self._held = False
                self._hold.leave()
                raise
            self.watch()
            return True

    def more_footage(self, *, job: Job = QUIET) -> tuple[Note, ...]:
        """Suggest what came to the archive since the project's offers were ranked, and say so.

        That may have been long before it was opened. To ask whether there is anything costs next to
        nothing. While films are being added it waits
        until none was for two seconds. Raises `ArchiveError`, `Closed` as `Desk.stock`.
        """
        desk = self._suggester.desk
        version, moment = desk.archive.catalogue.version(), time.monotonic()
        if self._looked is None or version != self._looked[0]:
            self._looked = version, moment if self._looked else -math.inf
        if version == self._archive or moment - self._looked[1] < _SETTLED:
            return ()
        self._archive = version
        there = desk.stock(job=job)[0].rows.films
        known, newest = self.stock.by_checksum.keys(), self.cut.newest
        new = [
            film
            for film in there
            if film.footage.checksum not in known
            or (newest is not None and film.footage.id > newest)
        ]
        before, self._more = self._more, len(new)
        if len(new) == before:
            return ()
        with self._lock:
            less = ArchiveRows(new)
            if new and not self.cut.options.match.allow_same:
                own = own_material(self.cut.source.analysis.features.get(PRINT), less, job)
                less = own.left_of(less)
            self._suggester.more = Stock(less, self.stock.reference) if new else None
            self.revision += 1
        self.watch()
        films = f"{len(new)} films" if len(new) > 1 else "A film"
        text = f"{films} came to the archive: what they show is among the suggestions."
        return (Note("archive-grown", text, {"films": len(new)}),) if len(new) > before else ()

    def _grown(self, cut: Cut, job: Job) -> Cut:
        """Return a cut with offers of the footage that came to the archive since."""
        more = self._suggester.more
        if more is None:
            return cut
        ask = (cut, self.stock)
        slots = [slot for slot in cut.plan.wanted if slot not in cut.stale]
        offers = {s: self._suggester.offers(*ask, s, job=job) for s in job.over(slots)}
        newest = max([cut.newest or 0, *(film.footage.id for film in more.rows.films)])
        return replace(cut, offers=cut.offers.having(offers), newest=newest)

    def flush(self) -> bool:
        """Save now what is not saved yet, and return whether all is."""
        return self._saver.flush()

    def secure(self) -> bool:
        """See to it that what was done outlives this process, and return whether it does.

        It is in the journal as soon as it is done; where that cannot be written, it is saved now.
        """
        return self._journal.safe or self.flush()

    def _check_held(self) -> None:
        if not self._held and not self.take_over():
            raise UsageError(_READ_ONLY.format(name=self.project.name), code="read-only")

    # Inside

    def _begins(self, found: _Read) -> None:
        """Go on from what the project holds, and from what was done besides."""
        self._known = found.digest
        if self._held:
            self._journal.begin(found.base, found.entries)
            self._history.tell = self._journal.add
            if found.entries:
                self._saver.changed()

    def _works_with(self, resumed: Resumed) -> None:
        """Ask the archive that a project was resumed with, by the encoder that it was made with."""
        self.stock = resumed.stock
        self._suggester.desk = self.desk.with_encoder(resumed.cut.source.encoder)
        self._suggester.more = None
        self._archive, self._more = None, 0

    def _goes_on(
        self,
        words: str,
        before: Cut,
        after: Cut,
        *,
        evidence: Evidence | None = None,
        heard: bool = False,
        weighed: bool = False,
    ) -> Done:
        self._history.add(words, after, evidence=evidence, heard=heard, weighed=weighed)
        return self._moved(words, before, after)

    def _evidence(self, change: Change, before: Cut) -> Evidence | None:
        """Return what a change says of the editor's taste, by what was on the screen."""
        if not isinstance(change, Pick | Refuse):
            return None
        slot = before.slot_of(change.slot)
        if isinstance(change, Pick):
            picked = change.offer
        else:
            select = before.select(slot)
            if select.candidate is None:
                return None
            picked = select.candidate
        shown = (self._offer(before, name) for name in self._seen.get(slot, ()))
        own = offer_id(picked)
        others = [one for one in shown if one is not None and offer_id(one) != own]
        return evidence_of(others, picked, refused=isinstance(change, Refuse))

    def _offer(self, cut: Cut, offer: str) -> Candidate | None:
        try:
            return self._suggester.found(cut, offer)
        except MatchError:
            return None

    def _moved(self, said: str, before: Cut, after: Cut) -> Done:
        self.revision += 1
        self.last = Done(self.revision, said, _differences(before, after))
        self._last_from = before
        self._touched()
        return self.last

    def _touched(self) -> None:
        """Have what is new saved, and tell whoever watches."""
        self._saver.changed()
        self.watch()

    def _shown(self, cut: Cut, slot: str, reasons: bool) -> Shown:
        place, select = cut.slots[slot], cut.selects.get(slot)
        if select is None or select.candidate is None:
            locked = select is not None and select.locked
            return Shown(slot, place.number, _state(cut, slot), locked, select=select)
        one, state = select.candidate, _state(cut, slot)
        known = self._known_shown.get(slot)
        if (
            known is not None
            and known[0] is select
            and known[1] is place
            and known[2].state == state
        ):
            if reasons and not known[2].why:
                why = self._suggester.why(cut, slot, one)
                self._known_shown[slot] = (select, place, replace(known[2], why=why))
            return self._known_shown[slot][2]
        least, most = slip_room(select, place, cut.rhythm.rate)
        shown = Shown(
            slot,
            place.number,
            state,
            select.locked,
            offer=one,
            clip=taken(select, place, cut.rhythm.rate),
            select=select,
            room=(least - select.slip, most - select.slip),
            why=self._suggester.why(cut, slot, one) if reasons else "",
        )
        self._known_shown[slot] = (select, place, shown)
        return shown

    def _save(self) -> None:
        """Write the project; what another program left there is set aside first."""
        with self._lock:
            cut, frozen, stamp = self.cut, self._history.frozen(), self._journal.stamp
        kept = {_EDITING: {**frozen.written(), _STAMP: [*stamp]}}
        timeline, _ = self._film_of(cut)
        known = {**ours(timeline), **memory_of(cut, self._lines).written(cut.unknown), **kept}
        whole = replace(timeline, metadata={**timeline.metadata, KEY: known})
        if self._known is not None and _digest(self.project) not in (None, self._known):
            with contextlib.suppress(OSError):
                self._aside = set_aside(self.project)
            if self._aside is not None:
                text = (
                    f"{self.project.name} was changed by another program meanwhile: that is kept "
                    f"as {self._aside.name}."
                )
                note = Note("project-changed-outside", text, {"path": str(self._aside)})
                self.notes = together(self.notes, (note,))
        write_otio(arranged(whole, "side-by-side"), self.project, known=self._items)
        self._known = _digest(self.project)
        with self._lock:
            self._history.saved(frozen)
            self._journal.saved(stamp)

    def _film_of(self, cut: Cut) -> tuple[Timeline, Clips]:
        with self._laying:
            if self._laid is None or self._laid[0] is not cut:
                self._laid = (cut, *laid(cut, known=self._slots))
            return self._laid[1:]

    def _compare(self, cut: Cut) -> None:
        """Find what the clips of a cut have in common, and say when that is known."""
        try:
            cut.copies(job=self._beside)
        except KuleshovError:
            return
        finally:
            self._compares = False
        self.watch()

    def _told(self, error: str | None) -> None:
        others = tuple(note for note in self.notes if note.code != "project-not-saved")
        if error is not None:
            text = f"{error} What was done is kept here, and saving is tried again."
            others = (*others, Note("project-not-saved", text, {"path": str(self.project)}))
        self.notes = others
        self.watch()


def _nobody() -> None:
    pass


def _digest(path: Path) -> str | None:
    """Return what tells the content of a file from others; None where it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return None


def _resumed(desk: Desk, project: Path, job: Job) -> tuple[Resumed, object]:
    """Return a project as it was read, and its history, which is not kept for other programs."""
    resumed = desk.resume(project, job=job)
    ours_of = resumed.cut.kept.get(KEY, {})
    known = {key: value for key, value in ours_of.items() if key != _EDITING}
    kept = with_ours(resumed.cut.kept, known)
    return replace(resumed, cut=replace(resumed.cut, kept=kept)), ours_of.get(_EDITING)


@dataclass(frozen=True)
class _Read:
    """A project as it was read, and what its journal has besides.

    `digest` is that of the file, `base` the name of what it holds.
    """

    resumed: Resumed
    history: History
    notes: tuple[Note, ...]
    entries: list[dict[str, Any]]
    digest: str | None
    base: Base


def _read(desk: Desk, project: Path, job: Job, *, held: bool) -> _Read:
    """Return a project; whoever holds it goes on with what a process that was killed did last."""
    digest = _digest(project)
    resumed, written = _resumed(desk, project, job)
    bases: list[Base] = [f"={digest}"]
    stamp = written.get(_STAMP) if isinstance(written, Mapping) else None
    if isinstance(stamp, list) and len(stamp) == 2 and isinstance(stamp[1], int):
        bases.insert(0, (str(stamp[0]), stamp[1]))
    entries = Journal(kept_beside(project, ".journal")).left(bases) if held else []
    if not isinstance(written, Mapping):
        lost = (_unfit(project),) if entries is None or entries else ()
        return _Read(resumed, History(resumed.cut), lost, [], digest, bases[0])
    films = resumed.stock.by_checksum
    notes: tuple[Note, ...] = ()
    if entries is None:
        entries, notes = [], (_unfit(project),)
    if entries:
        try:
            history = History.read(written, resumed.cut, entries, films)
        except ProjectError:
            entries, notes = [], (_unfit(project),)
        else:
            text = (
                f"Kuleshov was ended by force: what was done last in {project.name} was not in "
                "the file yet, and is brought back."
            )
            note = Note("brought-back", text, {"path": str(project), "steps": len(entries)})
            return _Read(resumed, history, (note,), entries, digest, bases[0])
    try:
        history = History.read(written, resumed.cut)
    except ProjectError as error:
        damaged = Note("history-damaged", str(error))
        return _Read(resumed, History(resumed.cut), (*notes, damaged), [], digest, bases[0])
    return _Read(resumed, history, notes, entries, digest, bases[0])


def _unfit(project: Path) -> Note:
    text = (
        f"{project.name} is not the file any more that was edited here last: what was done in the "
        "last moment before Kuleshov was ended by force is not in it."
    )
    return Note("not-brought-back", text, {"path": str(project)})


def _state(cut: Cut, slot: str) -> State:
    select = cut.selects.get(slot)
    if select is None:
        if slot not in cut.plan.wanted:
            kept = cut.slots[slot].shot in cut.plan.titles and cut.options.titles == "keep"
            return "own" if kept else "black"
        return "refused" if cut.offers.get(slot) and cut.refusals(slot) else "missing"
    if select.instead is not None:
        return select.instead
    if select.locked:
        return "locked"
    changed = select.candidate is None or not select.as_offered or select.focus is not None
    return "chosen" if select.picked or changed else "proposed"


def _differences(before: Cut, after: Cut) -> tuple[Changed, ...]:
    """In which slots two cuts differ, in words."""
    found: list[Changed] = []
    for slot in after.plan.wanted:
        old, new = before.selects.get(slot), after.selects.get(slot)
        if old is new or _plainly(old) == _plainly(new):
            continue
        text = f"Shot {slot}: {_difference(old, new)}"
        found.append(Changed(len(found) + 1, slot, text, old, new))
    return tuple(found)


def _allowing(cut: Cut, slots: Collection[str], then: Cut) -> Cut:
    """Return the cut with what was refused since `then` allowed where these slots show it again."""
    shown = []
    for slot in slots:
        select = cut.selects.get(slot)
        if select is not None and select.candidate is not None:
            shown.append((slot, taken(select, cut.slots[slot], cut.rhythm.rate)))
    for refusal in cut.refused:
        fits = any(refusal.slot in (None, slot) and refusal.holds_for(one) for slot, one in shown)
        if fits and refusal not in then.refused:
            cut = allowing(cut, refusal)
    return cut


def _differ(old: Select | None, new: Select | None) -> Differs:
    if old is new:
        return ""
    if old is None or new is None or _picture(old) != _picture(new):
        return "picture"
    return "" if _standing(old) == _standing(new) else "standing"


def _plainly(select: Select | None) -> object:
    """Return a select that `==` compares, also where the archive was read anew meanwhile."""
    return None if select is None else (_standing(select), _picture(select))


_STANDING = ("locked", "picked")
_standing = attrgetter(*_STANDING)
_shown = attrgetter(*sorted({one.name for one in fields(Select)} - {"candidate", *_STANDING}))


def _picture(select: Select) -> tuple[object, ...]:
    """Return what tells a select from others, but for how it stands."""
    one = select.candidate
    if one is None:
        return (None, _shown(select))
    clip = (one.film.footage.checksum, one.media, one.speed, one.held, one.mirrored)
    return (clip, _shown(select))


def _difference(old: Select | None, new: Select | None) -> str:
    if old is not None and new is not None and _clip(old) == _clip(new):
        told = [*_changes(old, new)]
        if told:
            return ", ".join(told)
    return f"{_named(old)} → {_named(new)}"


def _clip(select: Select) -> object:
    one = select.candidate
    return (select.instead, select.items) if one is None else offer_id(one)


def _changes(old: Select, new: Select) -> Iterable[str]:
    yield from _lock(old, new)
    if old.slip != new.slip:
        yield f"slipped by {new.slip - old.slip:+d}"
    if old.mirrored != new.mirrored:
        yield "mirrored" if new.mirrored else "no longer mirrored"
    if old.speed != new.speed:
        yield "at its first speed" if new.speed is None else f"at {float(new.speed):.3g}x speed"
    if old.hold != new.hold:
        yield f"holds its last {new.hold} frames" if new.hold else "no longer held"
    if old.focus != new.focus:
        yield "cropped elsewhere" if new.focus is not None else "cropped by itself"
    if old.still != new.still:
        yield "another still"
    if replace(old, picked=new.picked, candidate=new.candidate) == new and old.picked != new.picked:
        yield "picked by hand" if new.picked else "no longer picked by hand"


def _lock(old: Select, new: Select) -> Iterable[str]:
    if old.locked != new.locked:
        yield "locked" if new.locked else "unlocked"


def _named(select: Select | None) -> str:
    if select is None:
        return "nothing"
    if select.candidate is None:
        put = "what an editing program put there"
        return put if select.instead is None else INSTEAD[select.instead]
    one = select.candidate
    return f"{one.film.footage.path.name} from {float(one.media.start):.2f} s"
