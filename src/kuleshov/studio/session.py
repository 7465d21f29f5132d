"""Hold what one studio is doing: the open project, its windows, and what is under way."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from kuleshov.archive.archive import open_archive, opened_archive
from kuleshov.archive.filters import Filter
from kuleshov.desk.desk import Desk
from kuleshov.desk.editing import Editing
from kuleshov.desk.making import Makers
from kuleshov.desk.preview import Preview
from kuleshov.desk.products import Products
from kuleshov.edit.cut import RecutOptions, Select
from kuleshov.edit.taking import taken
from kuleshov.errors import ArchiveError, KuleshovError, MatchError, NotWritten, UsageError
from kuleshov.files import check_writable
from kuleshov.footage import ShotRef
from kuleshov.garbage import nothing_searched, set_aside, taken_back
from kuleshov.jobs import Job
from kuleshov.notes import Note, together
from kuleshov.studio import films, orders
from kuleshov.studio.answers import NotYet, Refused, plain_json
from kuleshov.studio.hub import STATE, Hub
from kuleshov.studio.jobs import Jobs, Kind
from kuleshov.studio.places import Places, id_of, project_beside
from kuleshov.studio.posters import shots_told
from kuleshov.studio.reading import Fields
from kuleshov.studio.state import clip_of, nothing_open, state_of
from kuleshov.timecode import FrameRange
from kuleshov.timeline import Timeline

__all__ = ["Session"]

_NOTES = 50  # that are shown
_NAMED = 5  # files, in a sentence
_OPENING = 3.0  # s within which what cannot open a folder says so
_MADE = 100  # films that can be played again

T = TypeVar("T")
Order = TypeVar("Order", films.RenderOrder, films.GifOrder, films.ExportOrder)
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Opened:
    """A project that is open: its cut, and what plays of it.

    `first` is the revision with which it was opened: those of a studio never go back. `replaced`
    says at which one each slot got another clip; `last` what was done last; `written` when the
    project file was written that is known here, and how long it is.
    """

    editing: Editing
    preview: Preview
    first: int
    replaced: dict[str, int] = field(default_factory=dict)
    last: Mapping[str, Any] | None = None
    written: tuple[int, int] | None = None


class Session:
    """One studio: one desk, one project at a time, any number of windows. Safe among threads.

    `options` and `filters` are what a new recut begins with; `local` says that all windows are on
    this machine.
    """

    def __init__(
        self,
        desk: Desk,
        places: Places,
        options: RecutOptions = RecutOptions(),
        filters: Filter = Filter(),
        *,
        local: bool = True,
    ) -> None:
        self.desk, self.places, self.hub = desk, places, Hub()
        self.jobs = Jobs(self._job_told, self.hub.note)
        self._options, self._filters = options, filters
        self._local = local
        self._lock = threading.RLock()
        self._opened: _Opened | None = None
        self._notes: tuple[Note, ...] = ()
        self._made: OrderedDict[str, Path] = OrderedDict()
        self._first = 1
        self._closed = False

    def close(self) -> str | None:
        """Stop what is under way, save, and close the project and the desk.

        Returns what could not be saved, in a sentence, None where all is.
        """
        self._closed = True
        self.jobs.close()
        with self._lock:
            opened, self._opened = self._opened, None
        unsaved = None if opened is None else _close(opened)
        self.desk.close()
        return unsaved

    # Opening

    def prepare(self) -> None:
        """Read the archive's rows in the background: whoever opens a project waits for them."""

        def read() -> None:
            with contextlib.suppress(KuleshovError):  # who opens a project hears of it
                self.desk.stock()

        threading.Thread(target=read, name="kuleshov-archive", daemon=True).start()

    def open_project(self, identity: str) -> str:
        """Open a project that was open before; return the job. Raises `Refused`."""
        return self.open_path(self.places.project(identity))

    def open_film(self, identity: str) -> str:
        """Begin a recut of a film, or go on with the one beside it; return the job."""
        return self.open_path(self.places.film(identity))

    def open_path(self, path: Path, project: Path | None = None) -> str:
        """Open a project, or begin a recut of a film, and return the job.

        The recut lies in `project` (None: beside the film).
        """
        if path.suffix.lower() == ".otio":
            return self.jobs.start("open", path.name, lambda job: self._go_on(path, job)).id
        self.places.add(path)  # where it cannot be opened now it is listed, to be opened later
        return self.jobs.start("open", path.name, lambda job: self._begin(path, project, job)).id

    def _go_on(self, project: Path, job: Job, *said: Note) -> Mapping[str, Any]:
        with self._lock:
            opened = self._opened
        if opened is not None and opened.editing.project == project.absolute():
            return {"text": f"{project.name} is open already."}
        with job.step(f"opening {project.name}"), nothing_searched(), _prepared() as makers:
            editing = Editing.open(self.desk, project.absolute(), job=job)
            return self._enter(editing, makers, job, *said)

    def _begin(self, film: Path, project: Path | None, job: Job) -> Mapping[str, Any]:
        said: tuple[Note, ...] = ()
        if project is None:
            project, said = self._place_of(film)
        project = project.absolute()
        if project.exists():
            text = f"Going on with {project.name}, which was there."
            return self._go_on(project, job, Note("project-found", text, {"path": str(project)}))
        with job.step(f"beginning a recut of {film.name}"), _prepared() as makers:
            editing = Editing.begin(
                self.desk, film.absolute(), project, self._options, self._filters, job=job
            )
            return self._enter(editing, makers, job, *said)

    def _place_of(self, film: Path) -> tuple[Path, tuple[Note, ...]]:
        """Return the place of a film's project: beside the film, or in the studio's own folder.

        The studio's folder is taken where nothing can be written beside the film, which is said.
        """
        beside = project_beside(film)
        if beside.exists():
            return beside, ()
        try:
            check_writable(beside)
        except NotWritten:
            kept = self.places.root / "projects" / f"{film.stem}-{id_of(film)[:6]}.otio"
            kept.parent.mkdir(parents=True, exist_ok=True)
            text = f"Nothing can be written beside {film.name}: its project lies in {kept.parent}."
            return kept, (Note("project-elsewhere", text, {"path": str(kept)}),)
        return beside, ()

    def _enter(self, editing: Editing, makers: Makers, job: Job, *said: Note) -> Mapping[str, Any]:
        """Put a project in the place of the one that was open; `said` are notes on it."""
        try:
            job.check()
            preview = Preview(self.desk, editing, makers=makers)
            preview.heard(self._segment_ready, self._sounded)
            editing.watch = self._changed
        except BaseException:
            editing.close()
            raise
        try:
            self.leave()
        except BaseException:
            preview.close()
            editing.close()
            raise
        with self._lock:
            opened = self._opened = _Opened(editing, preview, self._first)
            self._notes = said
            closed = self._closed
            set_aside()
        if closed:  # the studio was closed meanwhile
            _close(opened)
        self.places.used(editing.project)
        self.hub.tell(STATE)
        return {"text": f"{editing.project.name} is open."}

    def leave(self) -> None:
        """Close the project that is open, and go back to the start.

        Raises `Refused` where it cannot be saved: then it stays open.
        """
        with self._lock:
            opened = self._opened
            if opened is None:
                return
            if not opened.editing.flush():
                why = opened.editing.error or f"{opened.editing.project.name} cannot be saved."
                raise Refused(507, "not-saved", f"{why} It stays open until it is.")
            self._opened, self._first = None, self._revision(opened) + 1
        _close(opened)
        self.hub.tell(STATE)

    def index(self, identity: str | None) -> str:
        """Index a folder that was named at the start, or footage that was dropped; return the job.

        None: again what the archive holds, as far as it is there. Raises `Refused`.
        """
        if identity is None:
            what, paths = "The archive", self._held()
        else:
            folder = self.places.folder(identity)
            dropped = folder == self.places.given
            what, paths = "Dropped footage" if dropped else folder.name, [folder]

        def call(job: Job) -> Mapping[str, Any]:
            done = self.desk.index(paths, job=job)
            for failure in done.failed[:_NOTES]:
                self._say(Note("not-indexed", f"{failure.path}: {failure.reason}"))
            new = len(done.added) + len(done.updated)
            films = "1 film" if new == 1 else f"{new} films"
            verb = "indexed again" if identity is None else "added"
            text = f"{what}: {films} {verb}, {len(done.known)} known already."
            return {"text": text, "added": new, "failed": len(done.failed), "shots": done.shots}

        return self.jobs.start("index", what, call).id

    def _held(self) -> list[Path]:
        """Return where the archive's films lie. Raises `Refused` where none is there."""
        held: list[Path] = []
        if (self.desk.root / "catalogue.sqlite").exists():
            with open_archive(self.desk.root) as archive:
                held = [one.path for one in archive.catalogue.all()]
        if not held:
            raise Refused(409, "archive-empty", "The archive holds no film that is there.")
        return held

    def relink(self, identity: str) -> str:
        """Look for footage that is not there in a folder that was named at the start.

        The archive and the open project point to what is found, which can be undone. Returns the
        job. Raises `Refused`.
        """
        folder = self.places.folder(identity)
        editing = self._open().editing
        if editing.read_only is not None:
            raise Refused(409, "read-only", editing.read_only)

        def call(job: Job) -> Mapping[str, Any]:
            with job.step(f"looking in {folder.name}"):
                found = editing.relink([folder], job=job)
            with self._lock:
                opened = self._opened
            if opened is not None and opened.editing is editing:
                opened.preview.look_again()
            self.hub.tell(STATE)
            names = ", ".join(path.name for path in found[:_NAMED])
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            text = f"Found again in {folder.name}: {names}{more}."
            if not found:
                text = f"Nothing that is missing lies in {folder.name}."
            return {"text": text, "found": len(found)}

        return self.jobs.start("relink", folder.name, call).id

    # What there is

    def start(self) -> dict[str, Any]:
        """Return what may be opened, ready for JSON."""
        archive = self._archive()
        return {
            "recent": self.places.recent(),
            "films": self.places.films(),
            "more": self.places.more,
            "folders": self.places.folders_told(),
            "bins": archive.pop("bins"),
            "archive": archive,
            "dropped": str(self.places.dropped),
            "jobs": self.jobs.all(),
        }

    def _archive(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": str(self.desk.root), "exists": False, "bins": []}
        told |= {"footage": 0, "shots": 0, "hours": 0.0, "stills": [], "error": None}
        if not (self.desk.root / "catalogue.sqlite").exists():
            return told
        try:
            archive = opened_archive(self.desk.root)
        except ArchiveError as error:
            return told | {"error": str(error)}
        try:
            totals, bins = archive.catalogue.totals(), archive.catalogue.bins()
            return told | {
                "exists": True,
                "footage": totals.films,
                "shots": totals.shots,
                "hours": round(float(totals.duration) / 3600, 3),
                "stills": shots_told(archive.catalogue),
                "bins": _told_of(bins),
            }
        finally:
            archive.close()

    def state_text(self) -> str:
        """Return all that a page shows, as JSON."""
        with self._lock:
            opened, notes = self._opened, self._notes
        jobs = self.jobs.all()
        state = nothing_open(jobs, notes) if opened is None else self._state(opened, jobs, notes)
        return plain_json(state).encode("utf-8", "replace").decode()

    def _state(
        self, opened: _Opened, jobs: list[dict[str, Any]], notes: Sequence[Note]
    ) -> dict[str, Any]:
        """Return how the project is, read anew where it was changed meanwhile.

        It is read in many steps, without keeping anybody from changing it.
        """
        while True:
            revision = self._revision(opened)
            try:
                state = state_of(opened.editing, opened.preview, jobs, notes, opened.last, revision)
            except UsageError:  # a version that was told of is forgotten by now
                if self._revision(opened) == revision:
                    raise
                continue
            if self._revision(opened) == revision:
                return state

    def suggestions(self, slot: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return what may stand in a slot, ready for JSON. Raises `Refused`."""
        opened = self._open()
        count, wish, anew = orders.wish_of(query, self.places)
        revision = self._revision(opened)
        found = opened.editing.suggestions(slot, count, wish, anew=anew)
        told = [orders.suggested(one) for one in found]
        return {"slot": slot, "revision": revision, "suggestions": told}

    def keep_in_bin(self, slot: str, offer: str, name: str, *, out: bool) -> list[dict[str, Any]]:
        """Put the shot of an offer into a bin, or take it out; return all bins, ready for JSON."""
        self._open().editing.keep_in_bin(name, offer, slot, out=out)
        return _told_of(self.desk.archive.catalogue.bins())

    def shown(self, slot: str, offers: tuple[str, ...]) -> None:
        """Remember what was on the screen for a slot."""
        opened = self._open()
        opened.editing.seen(slot, offers)

    def compare(self, version: int, other: int | None) -> dict[str, Any]:
        """Return in what a version differs from another, or from what is now, ready for JSON."""
        editing = self._open().editing
        slots, rhythm = editing.cut.slots, editing.cut.rhythm
        rate = rhythm.rate

        def clip(slot: str, select: Select | None, of: int | None) -> dict[str, Any] | None:
            if select is None or select.candidate is None:
                return None
            crop = editing.crop(slot, of)
            return {**clip_of(taken(select, slots[slot], rate)), "crop": crop}

        return {
            "shots": [
                {
                    "slot": one.slot,
                    "text": one.text,
                    "differs": [*one.what],
                    "source_s": orders.seconds(rhythm.start + _middle(slots[one.slot].own) / rate),
                    "before": clip(one.slot, one.before, version),
                    "after": clip(one.slot, one.after, other),
                }
                for one in editing.compare(version, other)
            ]
        }

    # What is done

    def do(self, fields: Fields) -> dict[str, Any]:
        """Make one change, and return what it did, ready for JSON.

        It outlives this process when this returns: it is in the journal, and soon in the project.
        Where neither can be written, it is kept, the state says so, and it is tried again. Raises
        `Refused`.
        """
        opened = self._open()
        editing = opened.editing
        order = orders.order(fields)
        seen = fields.whole("revision", 0, default=self._revision(opened))
        stale = seen != self._revision(opened)
        if stale:
            self._check_fits(opened, fields, seen)
        before = editing.cut.selects
        try:
            with self.jobs.meanwhile("change", fields.text("do")) as job:
                done = order(editing, job)
        except UsageError as error:
            if stale:
                raise Refused(409, "changed-meanwhile", f"{error} {_MEANWHILE}") from error
            raise
        revision = self._revision(opened)
        for slot, now in editing.cut.selects.items():
            was = before.get(slot)
            if was is None or was.candidate is not now.candidate or was.instead != now.instead:
                opened.replaced[slot] = revision
        editing.secure()
        told = {"revision": revision, **orders.told(done)}
        if fields.text("do") not in orders.BESIDE:
            opened.last = told
        self.hub.tell(STATE)
        return dict(told)

    @staticmethod
    def _check_fits(opened: _Opened, fields: Fields, revision: int) -> None:
        """Refuse what was meant for something that is not there any more."""
        verb, slot = fields.text("do"), fields.data.get("slot")
        if verb in ("undo", "redo"):
            raise Refused(409, "changed-meanwhile", f"Not done. {_MEANWHILE}")
        if verb in _OF_WHAT_IS_SHOWN and opened.replaced.get(str(slot), 0) > revision:
            text = f"Shot {slot} shows another clip by now. {_MEANWHILE}"
            raise Refused(409, "changed-meanwhile", text)

    @staticmethod
    def _revision(opened: _Opened) -> int:
        return opened.first + opened.editing.revision

    def playhead(self, frame: int, playing: bool) -> None:
        """Make first what lies at a frame, which a window shows."""
        with self._lock:
            opened = self._opened
        if opened is not None:
            opened.preview.playhead(frame, playing)

    def watch(self) -> None:
        """Look whether something changed of which nobody tells.

        That is the project written by another program, which is taken in; footage that came to the
        archive; and a job that does not get on.
        """
        self.jobs.look()
        with self._lock:
            opened = self._opened
        if opened is None:
            return
        editing = opened.editing
        with contextlib.suppress(KuleshovError):
            for note in editing.more_footage():
                self._say(note)
        if editing.read_only is not None:
            with contextlib.suppress(KuleshovError):
                if editing.take_over():
                    self._say(Note("taken-over", "It can be changed here now."))
        elif self._written_outside(opened):
            try:
                done = editing.take_in()
            except KuleshovError as error:
                self._say(Note("not-taken-in", str(error)))
            else:
                if not done.said:
                    return  # it was taken in meanwhile
                opened.last = {"revision": self._revision(opened), **orders.told(done)}
                self._say(Note("changed-outside", f"{done.said}."))

    @staticmethod
    def _written_outside(opened: _Opened) -> bool:
        """Return whether another program wrote the project.

        While it is being saved here that cannot be told: then it is looked at again.
        """
        editing = opened.editing
        try:
            found = editing.project.stat()
        except OSError:
            return False  # it is moved, or gone: it will be written again with the next change
        written = (found.st_mtime_ns, found.st_size)
        if written == opened.written:
            return False
        for _ in range(2):
            if not editing.saved:
                return False
            if not editing.changed_outside():
                opened.written = written
                return False
        return True

    # Pictures and sound

    def still(self, identity: str, ms: int, width: int) -> bytes:
        """Return a picture of footage, or of the source, as JPEG."""
        with _there():
            return self._open().preview.still(identity, Fraction(ms, 1000), width)

    def clip(self, slot: str, offer: str) -> bytes:
        """Return a suggestion as a moving picture."""
        with _there():
            return self._open().preview.clip(slot, offer)

    def first_picture(self, slot: str, offer: str) -> bytes:
        """Return the first picture of a suggestion, as JPEG."""
        with _there():
            return self._open().preview.first(slot, offer)

    def init(self, film: str) -> bytes:
        """Return the beginning of every segment."""
        return _made_yet(self._open().preview.init(film), known=False)

    def segment(self, key: str, first: int, *, anew: bool = False) -> bytes:
        """Return a segment, placed where it plays; `anew`: what there is of it does not play.

        Raises `NotYet` while it is being made, and where it is not a part of the film any more: a
        page asks for it that has not heard of that.
        """
        return _made_yet(self._open().preview.segment(key, first, anew=anew), known=True)

    def picture(self, key: str, of: str, number: int, width: int) -> bytes:
        """Return a picture of a segment, as JPEG. Raises `NotYet` as `segment` does."""
        with _there():
            return _made_yet(self._open().preview.picture(key, of, number, width), known=True)

    def sound(self, key: str) -> Path:
        """Return the film's sound."""
        preview = self._open().preview
        return _made_yet(preview.sound(key), known=preview.film().sound == key)

    def wave(self, key: str) -> list[float]:
        """Return how loud the film is over its length, from 0 to 1."""
        preview = self._open().preview
        return _made_yet(preview.wave(key), known=preview.film().sound == key)

    def _changed(self) -> None:
        self.hub.tell(STATE)

    def _segment_ready(self, key: str, slot: str) -> None:
        self.hub.tell({"type": "segment", "key": key, "slot": slot})

    def _sounded(self, what: str, key: str) -> None:
        """Tell of what there is of the sound; that there is none the state says."""
        self.hub.tell(STATE if what == "silence" else {"type": what, "key": key})

    # Films

    def render(self, fields: Fields) -> str:
        """Render the film; return the job. Raises `Refused`, `UsageError`."""
        return self._writes("render", fields, films.render_order, films.rendered)

    def gif(self, fields: Fields) -> str:
        """Write some frames of the film as a GIF or WebP; return the job. Raises as `render`."""
        return self._writes("gif", fields, films.gif_order, films.looped)

    def export(self, fields: Fields) -> str:
        """Write the film as editing programs open it; return the job. Raises as `render`."""
        return self._writes("export", fields, films.export_order, films.exported)

    def _writes(
        self,
        kind: Kind,
        fields: Fields,
        ordered: Callable[[Fields, Path, Timeline], Order],
        made: Callable[[Timeline, Order, Job], Products],
    ) -> str:
        """Begin to write something of the film as it is now; return the job."""
        editing = self._open().editing
        timeline = editing.timeline()
        order = ordered(fields, editing.project, timeline)

        def call(job: Job) -> Mapping[str, Any]:
            done = made(timeline, order, job)
            return self._told_of([one.path for one in done.written], done.notes)

        return self.jobs.start(kind, order.out.name, call).id

    def _told_of(self, paths: Sequence[Path], notes: tuple[Note, ...]) -> Mapping[str, Any]:
        """Tell what was written; the first of the files is what was asked for."""
        for note in notes:
            self._say(note)
        with self._lock:
            for path in paths:
                self._made.pop(id_of(path), None)
                self._made[id_of(path)] = path
            while len(self._made) > _MADE:
                self._made.popitem(last=False)
        return {
            "text": f"Written in {paths[0].parent}: {', '.join(path.name for path in paths)}.",
            "made": id_of(paths[0]),
            "name": paths[0].name,
            "folder": str(paths[0].parent),
            "files": [{"name": path.name, "made": id_of(path)} for path in paths],
        }

    def made(self, identity: str) -> Path:
        """Return what was made, if it still is there. Raises `Refused`."""
        with self._lock:
            path = self._made.get(identity)
        if path is None or not path.is_file():
            raise Refused(404, "no-such-film", "There is no such film here.")
        return path

    def reveal(self, identity: str) -> str:
        """Open the folder of what was made, on this machine. Raises `Refused`."""
        folder = self.made(identity).parent
        if not self._local:
            raise Refused(409, "elsewhere", f"It lies in {folder}, on the studio's machine.")
        command = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
        if not _opens(command, folder):
            text = f"No program opens folders here: it lies in {folder}."
            raise Refused(409, "no-folders", text)
        return str(folder)

    # What is said

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                raise Refused(409, "nothing-open", "No project is open: open one first.")
            return self._opened

    def _say(self, note: Note) -> None:
        with self._lock:
            self._notes = together(self._notes, (note,))[-_NOTES:]
        self.hub.note(note)

    def _job_told(self, told: Mapping[str, Any]) -> None:
        self.hub.tell({"type": "job", **told})
        if told["state"] != "runs":
            self.hub.tell(STATE)


_OF_WHAT_IS_SHOWN = ("lock", "refuse", "slip", "mirror", "speed", "hold", "focus", "swap")
_MEANWHILE = "It was changed in another window meanwhile: look again."


def _opens(command: str, folder: Path) -> bool:
    """Have a folder opened; whether that succeeds, or at least does not fail within a while."""
    try:
        process = subprocess.Popen(
            [command, os.fspath(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        code = process.wait(_OPENING)
    except subprocess.TimeoutExpired:
        return True  # it may go on for as long as the folder is looked at
    except OSError:
        return False
    return code == 0 or sys.platform == "win32"  # where it says 1 whatever becomes of it


def _middle(frames: FrameRange) -> int:
    """Return the frame in the middle."""
    return (frames.first + frames.end) // 2


def _made_yet(found: T | None, *, known: bool) -> T:
    """Return what was made.

    Raises `NotYet` where it is `known`, for then it is being made, and else `Refused`.
    """
    if found is None:
        if known:
            raise NotYet
        raise Refused(404, "no-such-picture", "This is not a part of the film any more.")
    return found


@contextlib.contextmanager
def _prepared() -> Iterator[Makers]:
    """Begin what makes pictures while a project is opened: whoever sees it wants to play it."""
    makers = Makers()
    makers.start()
    try:
        yield makers
    except BaseException:
        makers.close()
        raise


@contextlib.contextmanager
def _there() -> Iterator[None]:
    """Whoever asks for a picture of what is not there asks for a wrong address."""
    try:
        yield
    except (MatchError, UsageError) as error:
        raise Refused(404, error.code or "no-such-picture", str(error)) from error


def _close(opened: _Opened) -> str | None:
    """Close what plays, then what is edited, which is saved by that; return what could not be."""
    calls: tuple[Callable[[], None], ...] = (
        opened.preview.close,
        opened.editing.close,
        taken_back,
    )
    unsaved = None
    for call in calls:
        try:
            call()
        except KuleshovError as error:
            unsaved = str(error)
            _log.warning("%s", unsaved)
    return unsaved


def _told_of(bins: Mapping[str, Collection[ShotRef]]) -> list[dict[str, Any]]:
    return [{"name": name, "shots": len(shots)} for name, shots in bins.items()]
