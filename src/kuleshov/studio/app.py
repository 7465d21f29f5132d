"""The routes: what each address answers. `openapi.json` says the same to programs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from kuleshov.desk.posters import WantedStill
from kuleshov.errors import KuleshovError
from kuleshov.studio import uploads
from kuleshov.studio.answers import NotYet, Refused, answer, problem, refusal_of
from kuleshov.studio.places import id_of
from kuleshov.studio.posters import StudioPosters
from kuleshov.studio.reading import Fields, fields_of
from kuleshov.studio.security import Door, Guarded, inline_hashes, names_of
from kuleshov.studio.session import Session
from kuleshov.studio.socket import attend

__all__ = ["PAGE", "application", "door", "failures", "inline_scripts", "routes"]

PAGE = Path(__file__).with_name("page")
SPECIFICATION = Path(__file__).with_name("openapi.json")

_FOREVER = "private, max-age=604800, immutable"
"""For what is named by what is in it."""

_KINDS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}

_WATCH = 0.5  # s between two looks whether something changed that nobody tells of

T = TypeVar("T")
_log = logging.getLogger(__name__)


def inline_scripts() -> tuple[str, ...]:
    """Return what allows the page's own inline scripts."""
    index = PAGE / "index.html"
    return inline_hashes(index.read_text("utf-8")) if index.exists() else ()


def door(host: str, listener: socket.socket, token: str) -> Door:
    """Return what lets one into a studio that listens there."""
    port = listener.getsockname()[1]
    # Cookies know no ports: two studios on one machine would take each other's.
    name = f"kuleshov-{port}"
    anywhere = host in ("0.0.0.0", "::")
    return Door(token, name, names_of(host), anywhere, inline_scripts())


def application(session: Session, door: Door, *, largest: int = uploads.LARGEST) -> ASGIApp:
    """Return the studio as an application, behind its door; `largest` bytes may be dropped."""
    studio = _Studio(session, largest)
    app = Starlette(
        routes=studio.routes(),
        lifespan=studio.lifespan,
        exception_handlers=failures(),
    )
    return Guarded(app, door)


def failures() -> dict[Any, Callable[[Request, Exception], Response]]:
    """Return how each kind of failure is told to a page."""
    return {
        Refused: _refused,
        NotYet: _not_yet,
        KuleshovError: _failed,
        HTTPException: _no_such,
        Exception: _wrong,
    }


def routes(session: Session) -> list[tuple[str, str]]:
    """Return method and path of every route but the page's own files."""
    found = []
    for route in _Studio(session, 0).routes():
        if isinstance(route, Route):
            methods = sorted((route.methods or set()) - {"HEAD"})
            found += [(method, route.path_format) for method in methods]
    return found


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.code, error.text)


def _not_yet(_request: Request, _error: Exception) -> Response:
    return Response(status_code=204, headers={"Retry-After": "1"})


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, KuleshovError)
    return _refused(request, refusal_of(error))


def _no_such(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        found = problem(405, "no-such-method", "That is not done with this address.")
        found.headers.update(error.headers or {})
        return found
    return problem(error.status_code, "no-such-page", "There is nothing at this address.")


def _wrong(request: Request, error: Exception) -> Response:
    _log.error("%s %s: %s: %s", request.method, request.url.path, type(error).__name__, error)
    text = f"Something is wrong in Kuleshov itself ({type(error).__name__}); what you decided is \
saved."
    return problem(500, "wrong", text)


class _Studio:
    """The routes of one session.

    What may take a while is done on threads, a few for each kind of call, so that a film that is
    rendered, or many moving pictures at once, keep nobody waiting who only looks or decides.
    """

    def __init__(self, session: Session, largest: int) -> None:
        self._session, self._largest = session, largest
        self._posters = StudioPosters(session.places, session.desk.root)
        self._lines: dict[str, anyio.CapacityLimiter] = {}

    def routes(self) -> list[Any]:
        """Return every route."""
        get, post = self._get, self._post
        page: list[Any] = [Mount("/page", StaticFiles(directory=PAGE))] if PAGE.is_dir() else []
        return [
            get("/", self.index),
            *page,
            get("/api/openapi.json", self.specification),
            get("/api/start", self.start),
            get("/api/state", self.state),
            get("/api/suggestions/{slot}", self.suggestions),
            get("/api/compare/{version:int}", self.compare),
            post("/api/open", self.open),
            post("/api/upload", self.upload),
            post("/api/index", self.add),
            post("/api/relink", self.relink),
            post("/api/do", self.do),
            post("/api/shown", self.shown),
            post("/api/bin", self.bin),
            post("/api/render", self.render),
            post("/api/gif", self.gif),
            post("/api/export", self.export),
            post("/api/stop", self.stop),
            post("/api/close", self.close),
            post("/api/reveal", self.reveal),
            get("/media/still/{identity}/{ms:int}.jpg", self.still),
            get("/media/offer/{slot}/{offer}.mp4", self.clip),
            get("/media/offer/{slot}/{offer}.jpg", self.first_picture),
            get("/media/init/{film}.mp4", self.init),
            get("/media/segment/{key}.mp4", self.segment),
            get("/media/segment/{key}/{of}/{number:int}.jpg", self.picture),
            get("/media/sound/{key}.mp4", self.sound),
            get("/media/wave/{key}.json", self.wave),
            get("/media/made/{identity}", self.made),
            get("/media/poster/{identity}.jpg", self.poster),
            get("/media/shot/{footage}/{shot:int}.jpg", self.shot),
            WebSocketRoute("/socket", self.socket),
        ]

    @staticmethod
    def _get(path: str, call: Callable[[Request], Any]) -> Route:
        return Route(path, call, methods=["GET"])

    @staticmethod
    def _post(path: str, call: Callable[[Request], Any]) -> Route:
        return Route(path, call, methods=["POST"])

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """While it is served: what changes is noticed, and every window told."""
        counts = {"look": 6, "decide": 4, "suggest": 4, "picture": 4, "moving": 2, "play": 4}
        counts |= {"strip": 2, "poster": 1}
        self._lines = {name: anyio.CapacityLimiter(count) for name, count in counts.items()}
        self._session.hub.bind(asyncio.get_running_loop())
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            self._session.hub.bind(None)
            await to_thread.run_sync(self._posters.close)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH)
            try:
                await to_thread.run_sync(self._session.watch)
            except Exception:  # noqa: BLE001 (it looks again)
                _log.exception("watching failed")

    async def _away(self, line: str, call: Callable[..., T], *args: Any, **named: Any) -> T:
        return await to_thread.run_sync(partial(call, *args, **named), limiter=self._lines[line])

    # The page

    async def index(self, _request: Request) -> Response:
        """Answer with the page."""
        if not (PAGE / "index.html").exists():
            raise Refused(404, "no-page", "The page is not a part of this installation.")
        return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")

    async def specification(self, _request: Request) -> Response:
        """Answer with the specification of this service, for programs."""
        return FileResponse(SPECIFICATION, media_type="application/json")

    async def socket(self, socket: WebSocket) -> None:
        """Attend to a window."""
        await attend(socket, self._session.hub, self._session)

    # What there is

    async def start(self, _request: Request) -> Response:
        """Answer with what may be opened."""
        return answer(await self._away("look", self._session.start))

    async def state(self, _request: Request) -> Response:
        """Answer with all that a page shows."""
        text = await self._away("look", self._session.state_text)
        return Response(text.encode(), media_type="application/json")

    async def suggestions(self, request: Request) -> Response:
        """Answer with what may stand in a slot."""
        slot, query = request.path_params["slot"], dict(request.query_params)
        return answer(await self._away("suggest", self._session.suggestions, slot, query))

    async def compare(self, request: Request) -> Response:
        """In what a version differs from another, or from what is now."""
        other = request.query_params.get("with", "")
        if other and not (other.isascii() and other.isdigit() and len(other) < 10):
            raise Refused(422, "field-wrong", "with is the number of a version.")
        version, against = request.path_params["version"], int(other) if other else None
        return answer(await self._away("look", self._session.compare, version, against))

    # What is done

    async def open(self, request: Request) -> Response:
        """Open a project or a film."""
        fields = await fields_of(request)
        fields.only("project", "film")
        if fields.has("project") == fields.has("film"):
            raise Refused(422, "field-wrong", "Name a project or a film, one of them.")
        if fields.has("project"):
            call: Callable[[str], str] = self._session.open_project
            return answer({"job": await self._away("look", call, fields.text("project"))})
        call = self._session.open_film
        return answer({"job": await self._away("look", call, fields.text("film"))})

    async def close(self, request: Request) -> Response:
        """Close the project, and go back to the start."""
        (await fields_of(request)).only()
        await self._away("decide", self._session.leave)
        return answer({"closed": True})

    async def upload(self, request: Request) -> Response:
        """Take a film, or an example, that is dropped on the page; or footage, to be indexed."""
        said = request.headers.get("content-length", "")
        size = int(said) if said.isascii() and said.isdigit() else None
        places = self._session.places
        asked = Fields(request.query_params)
        name, parts = asked.data.get("name", ""), request.stream()
        if asked.one_of("use", ("film", "footage"), "film") == "footage":
            path = await uploads.receive(
                parts, name, places.given, said=size, largest=self._largest, kinds=uploads.FOOTAGE
            )
            return answer({"folder": id_of(places.given), "name": path.name})
        path = await uploads.receive(parts, name, places.dropped, said=size, largest=self._largest)
        return answer({"film": places.add(path), "name": path.name})

    async def add(self, request: Request) -> Response:
        """Index the footage of a folder, or again what the archive holds."""
        fields = await fields_of(request)
        fields.only("folder")
        folder = fields.text("folder") if fields.has("folder") else None
        return answer({"job": self._session.index(folder)})

    async def relink(self, request: Request) -> Response:
        """Look for footage that is not there."""
        fields = await fields_of(request)
        fields.only("folder")
        return answer(
            {"job": await self._away("look", self._session.relink, fields.text("folder"))}
        )

    async def do(self, request: Request) -> Response:
        """Make one change."""
        fields = await fields_of(request)
        return answer(await self._away("decide", self._session.do, fields))

    async def shown(self, request: Request) -> Response:
        """Hear what was on the screen."""
        fields = await fields_of(request)
        fields.only("slot", "offers")
        slot, offers = fields.text("slot"), fields.texts("offers", 200)
        await self._away("look", self._session.shown, slot, offers)
        return answer({"seen": len(offers)})

    async def bin(self, request: Request) -> Response:
        """Put the shot of an offer into a bin of the archive, or take it out."""
        fields = await fields_of(request)
        fields.only("slot", "offer", "name", "out")
        where = fields.text("slot"), fields.text("offer"), fields.text("name")
        out = fields.flag("out", default=False)
        bins = await self._away("look", partial(self._session.keep_in_bin, *where, out=out))
        return answer({"bins": bins})

    async def render(self, request: Request) -> Response:
        """Render the film."""
        fields = await fields_of(request)
        return answer({"job": await self._away("look", self._session.render, fields)})

    async def gif(self, request: Request) -> Response:
        """Write a part of the film as a GIF."""
        fields = await fields_of(request)
        return answer({"job": await self._away("look", self._session.gif, fields)})

    async def export(self, request: Request) -> Response:
        """Write the film as editing programs open it."""
        fields = await fields_of(request)
        return answer({"job": await self._away("look", self._session.export, fields)})

    async def stop(self, request: Request) -> Response:
        """Stop a job."""
        fields = await fields_of(request)
        fields.only("job")
        self._session.jobs.stop(fields.text("job"))
        return answer({"stopping": True})

    async def reveal(self, request: Request) -> Response:
        """Open the folder of what was made."""
        fields = await fields_of(request)
        fields.only("made")
        folder = await self._away("look", self._session.reveal, fields.text("made"))
        return answer({"folder": folder})

    # Pictures and sound

    async def still(self, request: Request) -> Response:
        """Answer with one picture of footage, or of the source."""
        found, width = request.path_params, _width_of(request, 240)
        data = await self._away(
            "picture", self._session.still, found["identity"], found["ms"], width
        )
        return _media(data, "image/jpeg", "private, max-age=3600")

    async def clip(self, request: Request) -> Response:
        """Answer with a suggestion, moving."""
        return await self._offer(request, "moving", self._session.clip, "video/mp4")

    async def first_picture(self, request: Request) -> Response:
        """Answer with the first picture of a suggestion."""
        return await self._offer(request, "picture", self._session.first_picture, "image/jpeg")

    async def _offer(
        self, request: Request, line: str, call: Callable[[str, str], bytes], kind: str
    ) -> Response:
        found = request.path_params
        async with self._lines[line]:
            if await request.is_disconnected():  # it was scrolled away while it waited
                return Response(status_code=204)
            data = await to_thread.run_sync(
                call, found["slot"], found["offer"], limiter=anyio.CapacityLimiter(1)
            )
        return _media(data, kind, "private, max-age=600")

    async def init(self, request: Request) -> Response:
        """Answer with the beginning of every segment."""
        data = await self._away("play", self._session.init, request.path_params["film"])
        return _media(data, "video/mp4", _FOREVER)

    async def segment(self, request: Request) -> Response:
        """Answer with one slot, as it plays."""
        first = request.query_params.get("first", "")
        if not (first.isascii() and first.isdigit() and len(first) < 10):
            raise Refused(422, "field-wrong", "first is the film's frame at which it begins.")
        key = request.path_params["key"]
        # Cache-Control would not do: a browser sends it by itself where its cache is switched off.
        anew = request.headers.get("anew") == "yes"
        data = await self._away("play", self._session.segment, key, int(first), anew=anew)
        return _media(data, "video/mp4", _FOREVER)

    async def picture(self, request: Request) -> Response:
        """Answer with one picture of what plays."""
        found, width = request.path_params, _width_of(request, 160)
        data = await self._away(
            "strip", self._session.picture, found["key"], found["of"], found["number"], width
        )
        return _media(data, "image/jpeg", _FOREVER)

    async def sound(self, request: Request) -> Response:
        """Answer with the film's sound."""
        path = await self._away("play", self._session.sound, request.path_params["key"])
        return FileResponse(path, media_type="audio/mp4", headers={"Cache-Control": _FOREVER})

    async def wave(self, request: Request) -> Response:
        """Answer with how loud the film is, over its length."""
        found = await self._away("play", self._session.wave, request.path_params["key"])
        made = answer({"wave": found})
        made.headers["Cache-Control"] = _FOREVER
        return made

    async def made(self, request: Request) -> Response:
        """Answer with a film that was rendered."""
        path = self._session.made(request.path_params["identity"])
        kind = _KINDS.get(path.suffix.lower())
        if kind is None:  # a list, or a project, is not for the browser to show
            return FileResponse(path, media_type="application/octet-stream", filename=path.name)
        return FileResponse(path, media_type=kind)

    async def poster(self, request: Request) -> Response:
        """Answer with a still of a film that may be opened, or of that of a recent project."""
        identity = request.path_params["identity"]
        wanted = await self._away("picture", self._posters.of_place, identity)
        return await self._poster(request, wanted)

    async def shot(self, request: Request) -> Response:
        """Answer with a still of a shot of the archive."""
        found = request.path_params
        wanted = await self._away("picture", self._posters.of_shot, found["footage"], found["shot"])
        return await self._poster(request, wanted)

    async def _poster(self, request: Request, wanted: WantedStill) -> Response:
        """Answer with a still, which is made, one at a time, if it is still waited for."""
        data = await self._away("picture", self._posters.known, wanted)
        if data is None:
            async with self._lines["poster"]:
                if await request.is_disconnected():
                    return Response(status_code=204)
                data = await to_thread.run_sync(
                    self._posters.made,
                    wanted,
                    limiter=anyio.CapacityLimiter(1),
                    abandon_on_cancel=True,
                )
        return _media(data, "image/jpeg", "private, max-age=600")


def _width_of(request: Request, otherwise: int) -> int:
    """Return how wide a picture is wanted. Raises `Refused`."""
    width = request.query_params.get("width", str(otherwise))
    if not (width.isascii() and width.isdigit() and 16 <= int(width[:6]) <= 1920):
        raise Refused(422, "field-wrong", "width is a whole number from 16 to 1920.")
    return int(width)


def _media(data: bytes, kind: str, keep: str) -> Response:
    return Response(data, media_type=kind, headers={"Cache-Control": keep})
