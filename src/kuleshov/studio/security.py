"""Guard who may ask: by token, under which names, from which pages; and what a page may load.

A studio listens on the machine itself, where two kinds of strangers could reach it: other programs
and users of the machine, who lack the token, and web pages in the same browser. A page of another
origin may send requests that carry the cookie; it is told by `Origin` and `Sec-Fetch-Site`. A page
whose own name was made to point here (DNS rebinding) is of the same origin to the browser; it is
told by `Host`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kuleshov.errors import NotWritten
from kuleshov.studio.answers import problem

__all__ = ["Door", "Guarded", "inline_hashes", "kept_token", "names_of", "new_token"]

_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_SAFE = ("GET", "HEAD")
_POLICY_CLOSED = 1008  # a web socket's word for "not you"

_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_PERMISSIONS, _OURS = "Permissions-Policy", ("camera", "microphone")

_NOT_YOURS = (
    "This needs the address that the studio printed, with its token: open that one, or start the "
    "studio again."
)


def new_token() -> str:
    """Return a word that nobody guesses."""
    return secrets.token_urlsafe(32)


def kept_token(port: int) -> str:
    """Return the word of what listens on a port again and again, so that its pages go on.

    It is kept where this user alone reads it. Raises `NotWritten` where it cannot be kept.
    """
    from platformdirs import user_data_path

    path = user_data_path("kuleshov") / "live" / f"{port}.token"
    with contextlib.suppress(OSError, ValueError):
        known = path.read_text("ascii").strip()
        if re.fullmatch(r"[\w-]{32,64}", known):
            return known
    token = new_token()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        # Nobody else may read it, not for a moment.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
    except OSError as error:
        raise NotWritten(path, error) from error
    return token


def names_of(host: str) -> frozenset[str]:
    """Return under which names a server that listens on `host` may be asked for.

    On the machine itself those of the machine itself; elsewhere that name too, and where it listens
    on every address, the machine's own name.
    """
    names = {*_LOCAL, _bracketed(host)}
    if host in ("0.0.0.0", "::"):
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local", socket.getfqdn().lower()}
    return frozenset(name.lower() for name in names)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def inline_hashes(html: str) -> tuple[str, ...]:
    """Return what allows the inline scripts of a page, and no other ones: their hashes."""
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", html, re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in scripts)
    return tuple(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)


@dataclass(frozen=True)
class Door:
    """A door: what lets one in.

    The `token`, the name of the `cookie` that bears it, the `names` under which the server may be
    asked for, `anywhere` whether by any number of an address too.

    `scripts` are the hashes of the page's inline scripts; `camera`: the page may ask for
    it, and for the microphone.
    """

    token: str
    cookie: str
    names: frozenset[str]
    anywhere: bool = False
    scripts: tuple[str, ...] = field(default=())
    camera: bool = False

    def knows(self, host: str) -> bool:
        """Return whether a `Host` is one of the studio's own.

        The port is not looked at: a tunnel has another one, and rebinding needs a name.
        """
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/@\s]+)(?::(\d{1,5}))?", host)
        if match is None:
            return False
        name = match[1].lower()
        return name in self.names or (self.anywhere and _is_number(name))

    def opens(self, token: str) -> bool:
        """Return whether a token is the right one."""
        return secrets.compare_digest(token.encode(), self.token.encode())

    def policy(self, host: str) -> str:
        """Return the Content-Security-Policy of a page that was asked for under `host`."""
        return "; ".join(
            (
                "default-src 'none'",
                " ".join(("script-src 'self'", *self.scripts)),
                "style-src 'self'",
                "font-src 'self'",
                "img-src 'self' blob: data:",
                "media-src 'self' blob:",
                f"connect-src 'self' ws://{host}",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Guarded:
    """An application behind a door: nothing reaches it that does not pass."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _Headers(scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": _POLICY_CLOSED})
            return
        host = headers.one("host") or ""
        policy = self._door.policy(host if self._door.knows(host) else "127.0.0.1")

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    found[name] = value
                if self._door.camera:
                    for what in _OURS:
                        found[_PERMISSIONS] = found[_PERMISSIONS].replace(
                            f"{what}=()", f"{what}=(self)"
                        )
                found["Content-Security-Policy"] = policy
                found.setdefault("Cache-Control", "no-store")
            await send(message)

        await (self._app if refusal is None else refusal)(scope, receive, sent)

    def _refusal(self, scope: Scope, headers: _Headers) -> Response | None:
        """Return the answer to those who may not pass; None for those who may."""
        host = headers.one("host")
        if host is None or not self._door.knows(host):
            return problem(421, "not-this-host", "The studio is not asked for by this name.")
        entering = self._entering(scope)
        if not self._from_here(scope, headers, host, entering=entering):
            return problem(
                403, "other-origin", "Another page asked for this: the studio answers its own."
            )
        if entering is not None:
            return self._entered(entering)
        bearer = headers.one("authorization") or ""
        kind, _, token = bearer.partition(" ")
        if kind.lower() == "bearer" and self._door.opens(token.strip()):
            return None
        if self._has_cookie(headers):
            return None
        if scope["path"] == "/":
            return PlainTextResponse(_NOT_YOURS, 401)
        return problem(401, "token-missing", _NOT_YOURS)

    @staticmethod
    def _entering(scope: Scope) -> str | None:
        """Return the token of the first address."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return None
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
        return given[0] if given else None

    def _entered(self, token: str) -> Response:
        if not self._door.opens(token):
            return PlainTextResponse(_NOT_YOURS, 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._door.cookie, token, httponly=True, samesite="strict", path="/")
        return answer

    def _from_here(
        self, scope: Scope, headers: _Headers, host: str, *, entering: str | None
    ) -> bool:
        """Return whether no other page asks.

        Pages of other origins on this very machine count as others, though a cookie's `SameSite`
        lets them pass.
        """
        origins = headers.every("origin")
        if any(origin.lower() != f"http://{host.lower()}" for origin in origins):
            return False
        site = headers.one("sec-fetch-site") or "none"
        navigates = scope.get("path") == "/" and headers.one("sec-fetch-mode") == "navigate"
        if site not in ("same-origin", "none") and not (navigates and entering is not None):
            return False
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        # Every browser says whence a change comes; other programs bring the token themselves.
        return bool(origins) or not changes or headers.one("authorization") is not None

    def _has_cookie(self, headers: _Headers) -> bool:
        for line in headers.every("cookie"):
            try:
                found = SimpleCookie(line).get(self._door.cookie)
            except CookieError:
                continue
            if found is not None and self._door.opens(found.value):
                return True
        return False


class _Headers:
    """The headers of a request, as text."""

    def __init__(self, scope: Scope) -> None:
        self._pairs: Iterable[tuple[bytes, bytes]] = scope["headers"]

    def every(self, name: str) -> list[str]:
        """Return all headers of a name."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self._pairs if key.lower() == wanted]

    def one(self, name: str) -> str | None:
        """Return the one header of a name; None where there is none, or more than one."""
        found = self.every(name)
        return found[0] if len(found) == 1 else None
