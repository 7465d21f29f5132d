"""Listening, until a person ends it: the port, the signals, and a clean end."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from kuleshov.errors import UsageError

__all__ = ["address_of", "is_local", "listening", "serve"]

_ENDING = (signal.SIGINT, signal.SIGTERM)
_MESSAGE = 64 * 1024  # bytes of one message of a page
_GRACE = 3  # s in which requests may end


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any that is free. Raises `UsageError`."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=128)
        # Known as TCP's, so that what asyncio accepts there sends small answers at once: else each
        # waits 40 ms until what went before was acknowledged.
        return socket.socket(made.family, made.type, socket.IPPROTO_TCP, made.detach())
    except (OSError, OverflowError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or str(error)
        text = f"The studio cannot listen on {host}, port {port} ({what}): name another."
        raise UsageError(text) from error


def is_local(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    return host in ("localhost", "::1") or host.startswith("127.")


def address_of(host: str, listener: socket.socket, token: str) -> str:
    """Return the first address of a studio, with its token."""
    port = listener.getsockname()[1]
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/?token={token}"


class _Server(uvicorn.Server):
    """Ends at the first signal as soon as requests have; at the second one at once."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear the signals, and let nobody else hear of them: to end is what was wanted."""

        def ending(_number: int, _frame: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {one: signal.signal(one, ending) for one in _ENDING}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say that it listens."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once requests are answered.

    To be called on the main thread, which alone hears of signals.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE,
    )
    _Server(config, ready).run(sockets=[listener])
