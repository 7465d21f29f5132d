"""The live view: a page that sends what a camera sees, and plays what the archive answers.

It stands behind the same door as the studio. A page sends small frames as JPEG over a web socket,
at most two at a time; the server looks at the newest one and forgets the others, so that nothing
ever waits in a line. What it answers is where to play from; the pictures come as pieces of footage
(`desk.live_pieces`). Nothing that the camera sees is kept, unless a take runs (`live_takes`).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import math
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from kuleshov.archive.filters import Filter, parse_terms
from kuleshov.desk.desk import Desk
from kuleshov.desk.live import Answer, Live, LiveOptions
from kuleshov.desk.live_attract import AttractClip, AttractLoop
from kuleshov.desk.live_pieces import LENGTH, STEP, Pieces
from kuleshov.desk.takes import TakeHead
from kuleshov.errors import KuleshovError, MediaError
from kuleshov.features.facet import FACETS
from kuleshov.jobs import Job
from kuleshov.match.live.holding import WAYS
from kuleshov.see.bundled import bundled_lenses
from kuleshov.studio.answers import Refused, answer, plain_json, refusal_of
from kuleshov.studio.app import PAGE, failures
from kuleshov.studio.live_lens import LensView
from kuleshov.studio.live_takes import KINDS, Takes
from kuleshov.studio.reading import Fields, fields_of
from kuleshov.studio.security import Door, Guarded

__all__ = ["SPECIFICATION", "LiveSession", "live_application", "live_routes", "picture_of"]

SPECIFICATION = Path(__file__).with_name("live.openapi.json")
"""What each address takes and answers, for programs."""

_HEADER = struct.Struct("<Id")  # the frame's number, and its time in s by the page's clock
_WIDEST, _LEAST = 1280, 16  # pixels a side of a frame
_FOREVER = "private, max-age=604800, immutable"
_TAKEN, _BAD = 4001, 1008  # a web socket's words: another window has the camera; and nonsense
_STRUCK = "beat"  # a page's word for music that strikes
_PART = 33 * 2**20  # bytes of a part of a take
_WRONG = 20  # messages that make no sense, after which a window is closed

T = TypeVar("T")
_log = logging.getLogger(__name__)


class LiveSession:
    """One live view: one screen, answered by one archive. Safe among threads.

    `kiosk`: the page shows no controls. Takes are kept in the folder `takes`;
    `lens` are those that may be looked through (None: the bundled ones). When nobody has moved for
    `attract` s the archive plays by itself; 0: never.
    """

    def __init__(
        self,
        desk: Desk,
        options: LiveOptions = LiveOptions(),
        filters: Filter = Filter(),
        *,
        kiosk: bool = False,
        pieces: Pieces | None = None,
        takes: Path = Path("takes"),
        lens: LensView | None = None,
        attract: float = 0.0,
    ) -> None:
        self._desk, self._options, self._filters = desk, options, filters
        self._kiosk, self._bin, self._frozen = kiosk, "", False
        self._asked = filters  # with the bin
        self.pieces = pieces or Pieces()
        self.takes = Takes(desk, takes)
        self.lens = lens or LensView(bundled_lenses())
        self._after = attract
        self._loop: AttractLoop | None = None
        self._behind = math.inf  # s from the camera's clock to this process's
        self._job = Job()
        self._live: Live | None = None
        self._problem: Refused | None = None
        self._looking = threading.Lock()
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._open, daemon=True)

    def start(self) -> None:
        """Open archive and networks, while the page already shows that it does."""
        self._thread.start()

    def close(self) -> None:
        """End what is under way, and close the desk."""
        self._job.stop()
        self.pieces.close()
        self.takes.close()
        self._desk.close()
        if self._thread.is_alive():
            self._thread.join()

    def _open(self) -> None:
        try:
            live = Live(self._desk, self._options, self._filters, job=self._job)
            if self._after:
                self._loop = AttractLoop(live.offered(), self._after)
            self._live = live
        except KuleshovError as error:
            self._problem = refusal_of(error)
        except Exception as error:  # the page says so  # noqa: BLE001
            _log.error("opening: %s: %s", type(error).__name__, error)
            self._problem = Refused(500, "wrong", f"Something is wrong ({type(error).__name__}).")
        finally:
            self._opened.set()
        if self._problem is None:
            with contextlib.suppress(KuleshovError, OSError):
                self.pieces.warm()
            with contextlib.suppress(OSError):
                self.takes.recover()

    def state(self) -> dict[str, Any]:
        """Return all that the page shows, ready for JSON."""
        live, why = self._live, self._problem
        told: dict[str, Any] = {
            "state": "ready" if live else "failed" if why else "opening",
            "error": None if why is None else why.text,
            "code": None if why is None else why.code,
            "kiosk": self._kiosk,
            "way": self._options.way,
            "calm": self._options.calm,
            "fresh": self._options.fresh,
            "mirror": self._options.mirror,
            "beat": self._options.beat,
            "weights": {name: self._options.weights.get(name, 0.0) for name in FACETS},
            "bin": self._bin,
            "frozen": self._frozen,
            "bins": [],
            "notes": [],
            "step": float(STEP),
            "length": float(LENGTH),
            "take": self.takes.state(),
            "lens": self.lens.state(),
        }
        if live is not None:
            told["bins"] = sorted(self._desk.archive.catalogue.bins())
            told["notes"] = [note.text for note in live.notes]
        return told

    def change(self, fields: Fields) -> dict[str, Any]:
        """Answer by other options from now on. Raises `Refused`, `UsageError`, `MatchError`."""
        fields.only("way", "calm", "fresh", "mirror", "beat", "weights", "bin", "frozen")
        old = self._options
        weights = fields.numbers("weights", 0, 4)
        options = LiveOptions(
            way=next(w for w in WAYS if w == fields.one_of("way", WAYS, old.way)),
            calm=fields.number("calm", 0, 1, old.calm),
            fresh=fields.number("fresh", 0, 1, old.fresh),
            weights={**old.weights, **weights} if weights else old.weights,
            mirror=fields.flag("mirror", default=old.mirror),
            beat=fields.flag("beat", default=old.beat),
        )
        frozen = fields.flag("frozen", default=self._frozen)
        filters, chosen = self._filters, self._bin
        if fields.data.get("bin") is not None:
            chosen = fields.text("bin", "") if fields.data["bin"] else ""
        if chosen:
            only = parse_terms([f"bin:{chosen}"], [])
            filters = Filter((*filters.only, *only.only), filters.exclude)
        if self._live is not None:
            self._live.change(options, filters, frozen=frozen, job=self._job)
            if frozen != self._frozen and math.isfinite(self._behind):
                self.takes.froze(time.perf_counter() - self._behind, frozen=frozen)
        self._options, self._bin, self._frozen = options, chosen, frozen
        self._asked = filters
        return self.state()

    def look(self, number: int, data: bytes, at: float, came: float) -> dict[str, Any]:
        """Return the answer to a frame. Raises `MediaError` for anything but a picture."""
        found = self._answer(data, at, came)
        loop = self._loop
        if found is not None and loop is not None:
            with self._looking:
                clip = loop.shown(at, found.speed)
            if clip is not None:
                return _told_of_loop(number, clip, at)
        return _told(number, found)

    def seen(self, number: int, data: bytes, at: float, _came: float) -> dict[str, Any] | bytes:
        """Return a frame as the lens sees it. Raises as `look`."""
        found = self.lens.look(number, picture_of(data), at)
        return _told(number, None) if found is None else found

    def _answer(self, data: bytes, at: float, came: float) -> Answer | None:
        live = self._live
        if live is None:
            return None
        frame = picture_of(data)
        with self._looking:
            self._behind = min(self._behind, came - at)
            found = live.look(frame, at, came)
            film = None if found is None else live.moments.film(found.shown.spot)
            self.takes.heard(at, found, film)
            return found

    def beat(self) -> None:
        """Hear that music has struck."""
        if self._live is not None:
            self._live.beat()

    def forget(self, page: str = "") -> None:
        """Begin anew, with the camera of a page, which is known by a word."""
        if self._live is not None:
            with self._looking:
                self._live.forget()
                if self._loop is not None:
                    self._loop.forget()
                self._behind = math.inf
                self.takes.camera(page)

    def take(self, fields: Fields) -> dict[str, Any]:
        """Begin a take, or end it. Raises `Refused`, `UsageError`, `NotWritten`."""
        fields.only("do", "kind")
        if fields.one_of("do", ("begin", "end")) == "end":
            self.takes.end()
        elif self._live is None:
            raise Refused(409, "not-open", "The archive is not open yet: wait a moment.")
        else:
            self.takes.begin(fields.one_of("kind", KINDS), self._head)
        return self.takes.state()

    def _head(self, ending: str) -> TakeHead:
        options, filters, spec = self._options, self._asked, self._desk.networks.spec
        return TakeHead(
            ending,
            "" if spec.is_bundled else spec.encoder,
            dict(options.weights),
            options.mirror,
            tuple(term.written for term in filters.only),
            tuple(term.written for term in filters.exclude),
        )

    def piece(self, footage: int, number: int) -> bytes:
        """Return a piece of footage of the archive. Raises `Refused`, `UsageError`."""
        live = self._live
        films = [] if live is None else live.moments.rows.films
        found = next((film.footage for film in films if film.footage.id == footage), None)
        if found is None:
            raise Refused(404, "no-such-footage", "The archive has no such footage.")
        return self.pieces.piece(found, number)


def picture_of(data: bytes) -> NDArray[np.uint8]:
    """Return a JPEG's picture, (H, W, 3) uint8 RGB. Raises `MediaError` for anything else."""
    from pathlib import Path

    from PIL import Image

    camera = Path("camera")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
            if not all(_LEAST <= side <= _WIDEST for side in opened.size):
                raise MediaError(camera, f"frames have sides of {_LEAST} to {_WIDEST} pixels.")
            return np.asarray(opened.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(camera, "a camera sends JPEG, and nothing else.") from error


def live_application(session: LiveSession, door: Door) -> ASGIApp:
    """Return the live view as an application, behind its door."""
    view = _View(session)
    app = Starlette(routes=view.routes(), lifespan=view.lifespan, exception_handlers=failures())
    return Guarded(app, door)


def live_routes(session: LiveSession) -> list[tuple[str, str]]:
    """Return method and path of every route but the page's own files and the web sockets."""
    routes = (route for route in _View(session).routes() if isinstance(route, Route))
    return [
        (method, route.path_format)
        for route in routes
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


class _View:
    """The routes of one live view."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._lines: dict[str, anyio.CapacityLimiter] = {}
        self._camera: WebSocket | None = None
        self._through: WebSocket | None = None

    def routes(self) -> list[Any]:
        return [
            Route("/", self.index, methods=["GET"]),
            Mount("/page", StaticFiles(directory=PAGE)),
            Route("/api/openapi.json", self.specification, methods=["GET"]),
            Route("/api/live", self.state, methods=["GET"]),
            Route("/api/live", self.change, methods=["POST"]),
            Route("/api/live/lens", self.lens, methods=["POST"]),
            Route("/api/take", self.take, methods=["POST"]),
            Route("/api/take/part", self.part, methods=["POST"]),
            Route("/media/piece/{footage:int}/{number:int}.mp4", self.piece, methods=["GET"]),
            WebSocketRoute("/camera", self.camera),
            WebSocketRoute("/lens", self.through),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._lines = {
            name: anyio.CapacityLimiter(count)
            for name, count in {"look": 1, "ask": 4, "piece": 4, "take": 1, "lens": 1}.items()
        }
        self._session.start()
        yield

    async def _away(self, line: str, call: Callable[..., T], *args: Any) -> T:
        return await to_thread.run_sync(partial(call, *args), limiter=self._lines[line])

    async def index(self, _request: Request) -> Response:
        return FileResponse(PAGE / "live.html", media_type="text/html; charset=utf-8")

    async def specification(self, _request: Request) -> Response:
        return FileResponse(SPECIFICATION, media_type="application/json")

    async def state(self, _request: Request) -> Response:
        return answer(await self._away("ask", self._session.state))

    async def change(self, request: Request) -> Response:
        fields = await fields_of(request)
        return answer(await self._away("ask", self._session.change, fields))

    async def lens(self, request: Request) -> Response:
        fields = await fields_of(request)
        return answer(await self._away("ask", self._session.lens.change, fields))

    async def take(self, request: Request) -> Response:
        fields = await fields_of(request)
        return answer(await self._away("take", self._session.take, fields))

    async def part(self, request: Request) -> Response:
        """Keep a part of the camera film, which comes as it is."""
        asked = request.query_params
        try:
            number, begins = int(asked.get("number", "")), float(asked.get("begins", ""))
        except ValueError:
            number, begins = -1, math.nan
        if not 0 <= begins < 1e9 or number < 0:
            raise Refused(422, "field-wrong", "A part has a number, and begins at a time in s.")
        data = bytearray()
        async for some in request.stream():
            data += some
            if len(data) > _PART:
                raise Refused(413, "too-large", "A part of a take has 32 MB at most.")
        takes, name = self._session.takes, asked.get("take", "")
        await self._away("take", takes.part, name, bytes(data), number, begins)
        return answer(takes.state())

    async def piece(self, request: Request) -> Response:
        found = request.path_params
        data = await self._away("piece", self._session.piece, found["footage"], found["number"])
        return Response(data, media_type="video/mp4", headers={"Cache-Control": _FOREVER})

    async def camera(self, socket: WebSocket) -> None:
        """Answer one camera; a newer one takes the place of the one before."""
        await socket.accept()
        before, self._camera = self._camera, socket
        if before is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await before.close(_TAKEN, "Another window has the camera now.")
        page = socket.query_params.get("page", "")[:64]
        await self._away("ask", self._session.forget, page)
        try:
            look = partial(self._away, "look", self._session.look)
            await _Talk(socket, look, self._session.beat).run()
        finally:
            if self._camera is socket:
                self._camera = None

    async def through(self, socket: WebSocket) -> None:
        """Show what one page sends through the lens; a newer page takes the place of it."""
        await socket.accept()
        before, self._through = self._through, socket
        if before is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await before.close(_TAKEN, "Another window has the lens now.")
        await self._away("ask", self._session.lens.forget)
        try:
            await _Talk(socket, partial(self._away, "lens", self._session.seen)).run()
        finally:
            if self._through is socket:
                self._through = None


class _Talk:
    """The talk with one camera: one frame is looked at, one waits, and older ones are dropped.

    `look` takes the number, data and time of a frame, and when it came; what it gives is sent.
    `beat` is called for the word *beat*.
    """

    def __init__(
        self,
        socket: WebSocket,
        look: Callable[..., Awaitable[Any]],
        beat: Callable[[], None] | None = None,
    ) -> None:
        self._socket, self._look, self._beat = socket, look, beat
        self._slot: tuple[int, float, bytes, float] | None = None
        self._there = asyncio.Event()
        self._wrong = 0

    async def run(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._answering, group)
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._hear()
            group.cancel_scope.cancel()

    async def _hear(self) -> None:
        while self._wrong < _WRONG:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            if self._beat is not None and message.get("text") == _STRUCK:
                self._beat()
                continue
            if data is None or len(data) <= _HEADER.size:
                await self._refuse(0, "Send a frame: its number, its time and a JPEG.")
                continue
            number, at = _HEADER.unpack_from(data)
            if not 0 <= at < 1e9:
                await self._refuse(number, "The time of a frame is a number of seconds.")
                continue
            if self._slot is not None:  # nothing waits in a line
                await self._say({"type": "dropped", "id": self._slot[0]})
            self._slot = number, at, data[_HEADER.size :], time.perf_counter()
            self._there.set()
        await self._socket.close(_BAD, "Too much of what was sent makes no sense.")

    async def _answering(self, group: anyio.abc.TaskGroup) -> None:
        try:
            while True:
                await self._there.wait()
                self._there.clear()
                slot, self._slot = self._slot, None
                if slot is not None:
                    await self._answer(*slot)
        except (WebSocketDisconnect, RuntimeError):
            group.cancel_scope.cancel()

    async def _answer(self, number: int, at: float, data: bytes, came: float) -> None:
        try:
            found = await self._look(number, data, at, came)
        except KuleshovError as error:
            await self._refuse(number, str(error))
            return
        if isinstance(found, bytes):
            await self._socket.send_bytes(found)
        else:
            await self._say(found)

    async def _refuse(self, number: int, text: str) -> None:
        self._wrong += 1
        await self._say({"type": "refused", "id": number, "text": text})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(plain_json(message).encode("utf-8", "replace").decode())


def _told_of_loop(number: int, clip: AttractClip, at: float) -> dict[str, Any]:
    """Return a clip of the loop as the page is told it: as an answer, but slower."""
    return {
        "type": "answer",
        "id": number,
        "clip": clip.number,
        "footage": clip.footage.id,
        "name": clip.footage.slate.title or clip.footage.path.stem,
        "start": round(clip.start + (at - clip.since) * clip.rate, 3),
        "end": round(clip.end, 3),
        "mirrored": False,
        "rate": clip.rate,
        "attract": True,
        "score": 0.0,
        "facets": {},
        "took": 0.0,
    }


def _told(number: int, found: Answer | None) -> dict[str, Any]:
    """Return an answer as the page is told it."""
    if found is None:
        return {"type": "nothing", "id": number}
    shown = found.shown
    return {
        "type": "answer",
        "id": number,
        "clip": shown.number,
        "footage": found.footage.id,
        "name": found.footage.slate.title or found.footage.path.stem,
        "start": round(found.start, 3),
        "end": round(shown.high, 3),
        "mirrored": shown.spot.mirrored,
        "score": round(shown.score, 4),
        "facets": {name: round(value, 3) for name, value in shown.facets.items()},
        "took": round(1000 * found.took, 1),
    }
