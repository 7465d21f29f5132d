"""The desk: an open archive and the networks that look at films, as one object."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kuleshov.archive.archive import Archive, default_root, make_archive, opened_archive
from kuleshov.archive.catalogue import Footage
from kuleshov.archive.filters import Filter
from kuleshov.archive.reader import RowsReader
from kuleshov.archive.rows import ArchiveRows
from kuleshov.archive.sources import SourceCache, analysed, default_folder
from kuleshov.archive.taught import learnt, maker_of, shots_showing
from kuleshov.desk.choosing import Resumed
from kuleshov.desk.room import check_there
from kuleshov.edit.cut import RecutOptions, Source
from kuleshov.errors import Closed, MatchError, ModelError, ProjectError, UsageError
from kuleshov.features.analyse import SOURCE_GRID, Analyst, check_begins
from kuleshov.features.encoder import BUNDLED
from kuleshov.features.facet import Reference
from kuleshov.features.networks import Networks
from kuleshov.features.specs import AnalystSpec
from kuleshov.footage import ShotRef
from kuleshov.jobs import QUIET, Job, stoppable
from kuleshov.match.align.candidates import MatchOptions
from kuleshov.match.align.stock import Stock
from kuleshov.notes import Note, together
from kuleshov.timecode import TimeRange

if TYPE_CHECKING:
    from kuleshov.archive.ingest import IngestSummary
    from kuleshov.archive.tasks import Looker
    from kuleshov.desk.asking import Ask, Found
    from kuleshov.edit.recut import Recut
    from kuleshov.edit.resuming import Resumable
    from kuleshov.edit.supercut import Supercut, SupercutOptions
    from kuleshov.match.align.shards import Divide
    from kuleshov.timeline import Timeline

__all__ = ["ArchiveOffer", "Desk", "Resumed"]

_NO_END = Fraction(10**9)  # s
_NAMED = 5  # of the films that are missing


@dataclass(frozen=True, eq=False)
class ArchiveOffer:
    """The rows that an archive offers, and notes on what it cannot offer."""

    rows: ArchiveRows
    notes: tuple[Note, ...] = ()


class Desk:
    """An open archive with the networks that look at films: what a person works at.

        with Desk("archive") as desk:
            desk.index(["footage"])
            found = desk.find(Ask("snow"))

    Everything is opened when it is first needed and once: rows and their reference without any
    network, the networks only where a film is to be looked at. A desk may be used by several
    threads, and notices what other processes add to the archive. Close it, or use it in `with`:
    once it is closed it stays so.

    `root` is the archive's folder (None: `KULESHOV_ARCHIVE`, else among the user's data); it is
    made by the first `index`. `encoder` names another network to look with besides the bundled one
    (None: that alone, and for a project that is gone on with the one that it was made with).
    `sources` keeps what was seen of sources (None: among the user's caches). `job` hears of what is
    done once, such as getting to know another encoder.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        encoder: str | None = None,
        *,
        sources: SourceCache | None = None,
        job: Job = QUIET,
    ) -> None:
        self.root = default_root() if root is None else Path(root)
        self.networks = Networks(AnalystSpec(encoder or BUNDLED), job)
        self._may_choose, self._job = encoder is None, job
        self._others: dict[str, Desk] = {}
        self.sources = sources or SourceCache(default_folder())
        self._lock = threading.RLock()
        self._archive: Archive | None = None
        self._reader: RowsReader | None = None
        self._divide: Divide | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive and, for good, the process that decodes films.

        Nobody is waited for: a call that another thread still makes, and any later one that needs
        either, raises `Closed`; of a film that was being added nothing is left. What was returned
        before is of use as before.
        """
        with self._lock:
            self._closed = True
            if self._archive is not None:
                self._archive.close()
            others = [*self._others.values()]
        self.networks.close()
        for other in others:
            other.close()

    @property
    def may_choose(self) -> bool:
        """Whether no encoder was named, so that one may be taken without being told."""
        return self._may_choose

    @property
    def archive(self) -> Archive:
        """The archive, open to read. Raises `ArchiveError` where there is none."""
        return self._opened()[0]

    def _opened(self) -> tuple[Archive, RowsReader]:
        with self._lock:
            if self._closed:
                raise Closed("The desk")
            if self._archive is None or self._reader is None:
                self._archive = opened_archive(self.root)
                self._reader = RowsReader(self._archive)
            return self._archive, self._reader

    @property
    def analyst(self) -> Analyst:
        """The analyst that looks at films.

        The first access waits until its networks are compiled.
        """
        return self.networks.analyst

    @property
    def reference(self) -> Reference:
        """The reference by which likeness is read in bits."""
        return self.networks.reference

    def checksum(self, path: Path, *, job: Job = QUIET) -> str:
        """Return the SHA-256 of a file, which is read again only where it changed since.

        Raises `MediaError` where it cannot be read.
        """
        if self._closed:
            raise Closed("The desk")
        return self.sources.checksum(path, lambda file: self.networks.worker.checksum(file, job))

    def rows(self, filters: Filter = Filter(), *, job: Job = QUIET) -> ArchiveOffer:
        """Return what the archive offers now, as far as `filters` let it.

        Raises `ArchiveError` where there is no archive, `MatchError` where nothing of it was
        indexed with the encoder that was chosen, `UsageError` for filters that name what is not
        there.
        """
        stock, notes = self.stock(job=job)
        return ArchiveOffer(stock.within(filters, job), notes)

    def stock(self, *, job: Job = QUIET) -> tuple[Stock, tuple[Note, ...]]:
        """Return the archive as it is now, ready to be searched, and notes on what it cannot offer.

        Raises as `rows`.
        """
        archive, reader = self._opened()
        specs = self.networks.loaded(job).rows
        rows = reader.rows(specs, job)
        catalogue, divide, maker = archive.catalogue, self._divide, maker_of(specs)

        def words(name: str, within: ArchiveRows) -> AbstractSet[ShotRef]:
            return shots_showing(learnt(name, catalogue.word_table, rows, maker), within)

        stock = Stock(
            *(rows, self.reference),
            bins=catalogue.bins(),
            tags=catalogue.tag_table,
            words=words,
            shards=None if divide is None else divide(rows, specs, job),
        )
        return stock, self._left_out(archive, rows)

    def share(self, divide: Divide | None) -> None:
        """Have stretches scored by those who hold the shards of the archive (`Cluster.sharing`).

        None: by this process, as at first.
        """
        with self._lock:
            self._divide = divide
            for other in self._others.values():
                other.share(divide)

    def source(
        self,
        path: str | Path,
        *,
        mirrored: bool = False,
        only: Collection[str] | None = None,
        grid: int = SOURCE_GRID,
        begin: Fraction | None = None,
        end: Fraction | None = None,
        checksum: str = "",
        job: Job = QUIET,
    ) -> Source:
        """Return what is seen in a film, or in its part from `begin` to `end` s.

        What was seen before is kept and is not looked at again. It is described by all facets, or
        `only` by these, `grid` times a second; `mirrored` too where that is wanted. `checksum` is
        what it is known to be: it serves where the file cannot be reached now. Raises `MediaError`
        where it cannot be read.
        """
        path, part = Path(path), None
        if begin is not None or end is not None:
            part = TimeRange(begin or Fraction(0), _NO_END if end is None else end)
        with job.step(f"looking at {path.name}"):
            if not (checksum and not path.exists()):
                checksum = self.checksum(path, job=job)
            analysis = analysed(
                *(path, checksum, self.networks.when_needed(job), self.sources),
                grid=grid,
                mirrored=mirrored,
                only=only,
                part=part,
                job=job,
            )
        spec = self.networks.spec
        return Source(analysis, checksum, encoder="" if spec.is_bundled else spec.encoder)

    def index(
        self,
        paths: Iterable[str | Path],
        *,
        at_once: int | None = None,
        lookers: Sequence[Looker] = (),
        job: Job = QUIET,
    ) -> IngestSummary:
        """Bring the archive up to date with films and folders of films; make it if need be.

        So many films are looked at `at_once`; None: as many as this machine can look at. Where
        there are `lookers`, as those of a cluster, they look at one each instead. The archive may
        be used meanwhile, by this desk and by others. Raises `ArchiveError` where it cannot be
        written.
        """
        from kuleshov.archive.ingest import films_at_once, ingest, ingest_by

        if self._closed:
            raise Closed("The desk")
        make_archive(self.root, job=job)
        if lookers:
            groups = self.networks.loaded(job).groups
            return ingest_by(lookers, self.archive, [Path(path) for path in paths], groups, job)
        analyst = self.networks.looking(job)
        at_once = films_at_once() if at_once is None else at_once
        return ingest(self.archive, [Path(path) for path in paths], analyst, job, at_once=at_once)

    def find(
        self,
        ask: Ask,
        duration: Fraction | None = None,
        match: MatchOptions = MatchOptions(),
        filters: Filter = Filter(),
        *,
        job: Job = QUIET,
    ) -> Found:
        """Return the clips that answer, best first; see `desk.finding.find`."""
        from kuleshov.desk.finding import find

        return find(self, ask, duration, match, filters, job=job)

    def recut(
        self,
        source: str | Path,
        options: RecutOptions = RecutOptions(),
        filters: Filter = Filter(),
        *,
        job: Job = QUIET,
    ) -> tuple[Recut, ...]:
        """Return remakes of a film from the archive, as many as `options.select.variants`.

        Raises `MatchError` where the archive offers nothing, `MediaError` where the source cannot
        be read.
        """
        from kuleshov.edit.recut import recut_of

        self._check_source(source, options, job)
        stock, notes = self.stock(job=job)
        stock.within(filters, job)  # what is wrong with them is said before the source is looked at
        seen = self._to_remake(source, options, job)
        with job.step("matching"):
            made = recut_of(seen, stock, options, filters, job)
        return tuple(replace(one, notes=together(notes, one.notes)) for one in made)

    def cut(
        self,
        source: str | Path,
        options: RecutOptions = RecutOptions(),
        filters: Filter = Filter(),
        *,
        job: Job = QUIET,
    ) -> Resumed:
        """Return a recut as a value to choose from by hand, with the archive to ask.

        Raises as `recut`.
        """
        from kuleshov.edit.choosing import chosen, offered
        from kuleshov.edit.cut import begun

        self._check_source(source, options, job)
        stock, notes = self.stock(job=job)
        stock.within(filters, job)
        seen = self._to_remake(source, options, job)
        cut = begun(seen, stock, options, filters, job=job)
        cut = chosen(offered(cut, stock, job=job), job=job)
        return Resumed(cut, stock, notes)

    def resume(self, project: Path, *, job: Job = QUIET) -> Resumed:
        """Return the cut of a project to go on with, and the archive to ask.

        What was seen of the source is kept: it is looked at again only where that was forgotten.
        The encoder is the project's, where none was chosen for this desk. Raises `ProjectError`
        where it is not a project of a recut, or its encoder cannot be used here, and as `recut`.
        """
        from kuleshov.edit.resuming import resumable
        from kuleshov.project.file import read_otio

        timeline = stoppable(lambda: read_otio(project), job)
        known = resumable(timeline, project)
        if known.encoder and self._may_choose:
            other = self.with_encoder(known.encoder)
            try:
                other.networks.check()
            except (ModelError, UsageError) as error:
                raise ProjectError(
                    f"{project} was made with the encoder {known.encoder}, which cannot be used "
                    f"here: {error}"
                ) from error
            return other._resume(timeline, known, job)
        return self._resume(timeline, known, job)

    def with_encoder(self, encoder: str) -> Desk:
        """Return a desk at the same archive with another encoder, kept until this one is closed.

        It is this desk itself where that is its encoder ("" is the bundled one).
        """
        if (encoder or BUNDLED) == self.networks.spec.encoder:
            return self
        with self._lock:
            if self._closed:
                raise Closed("The desk")
            if encoder not in self._others:
                other = Desk(self.root, encoder, sources=self.sources, job=self._job)
                other.share(self._divide)
                self._others[encoder] = other
            return self._others[encoder]

    def _resume(self, timeline: Timeline, known: Resumable, job: Job) -> Resumed:
        from kuleshov.edit.credits import is_credit
        from kuleshov.edit.resuming import resumed

        stock, notes = self.stock(job=job)
        seen = self.source(
            known.path,
            mirrored=known.mirrored,
            begin=known.options.begin,
            end=known.options.end,
            checksum=known.checksum,
            job=job,
        )
        cut, more = stoppable(lambda: resumed(timeline, known, seen, stock), job)
        credited = any(map(is_credit, timeline.recut.items))
        return Resumed(cut, stock, (*notes, *more), credited)

    def supercut(
        self,
        ask: Ask,
        options: SupercutOptions | None = None,
        filters: Filter = Filter(),
        song: Path | None = None,
        *,
        job: Job = QUIET,
    ) -> Supercut:
        """Return a film of all shots that answer; see `desk.supercuts.supercut`."""
        from kuleshov.desk.supercuts import supercut
        from kuleshov.edit.supercut import SupercutOptions

        return supercut(self, ask, options or SupercutOptions(), filters, song, job=job)

    def _check_source(self, source: str | Path, options: RecutOptions, job: Job) -> None:
        """Refuse a source that is not there, or is shorter, before anything is opened."""
        check_there(Path(source))
        if options.begin:
            check_begins(self.networks.worker, Path(source), options.begin, job)

    def _to_remake(self, source: str | Path, options: RecutOptions, job: Job) -> Source:
        return self.source(
            source,
            mirrored=options.match.mirror,
            begin=options.begin,
            end=options.end,
            job=job,
        )

    def _left_out(self, archive: Archive, rows: ArchiveRows) -> tuple[Note, ...]:
        """Return notes on the footage that the archive cannot offer.

        Raises `MatchError` where that is all of it.
        """
        unseen = self._not_seen(archive, rows)
        missing = [footage for footage, why in rows.left_out if why.code == "footage-missing"]
        notes = [
            Note(why.code, f"Not offered: {footage.path}: {why}", why.about)
            for footage, why in rows.left_out
            if footage not in missing and footage not in unseen
        ]
        if missing:
            text = (
                f"Not offered: {_films(missing)}, which cannot be reached now: connect the drive, "
                "or find what was moved."
            )
            notes.append(Note("footage-missing", text, {"films": len(missing)}))
        if unseen:
            name = self.networks.spec.encoder
            if not rows.films:
                raise MatchError(
                    f"No footage of the archive is indexed with {name}: index it with that.",
                    code="encoder-unseen",
                )
            text = f"Not offered: {_films(unseen)}, not indexed with {name}: index it with that."
            notes.append(Note("encoder-unseen", text, {"films": len(unseen)}))
        return tuple(notes)

    def _not_seen(self, archive: Archive, rows: ArchiveRows) -> list[Footage]:
        """Return footage that is left out only because another encoder never saw it."""
        first, *others = self.networks.groups
        if not others:
            return []
        lacking = (f for f, _ in rows.left_out if not archive.store.has(f.checksum, others[0]))
        return [f for f in lacking if not f.missing and archive.store.has(f.checksum, first)]


def _films(footage: list[Footage]) -> str:
    """Return the number of films as a phrase, with the names of some."""
    names = ", ".join(sorted(film.path.name for film in footage)[:_NAMED])
    more = ", …" if len(footage) > _NAMED else ""
    return f"{len(footage)} film{'s' if len(footage) > 1 else ''} of the archive ({names}{more})"
