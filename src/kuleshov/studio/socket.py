"""The web socket of a window: what it may say, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
from anyio import to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect

from kuleshov.studio.answers import Refused, plain_json
from kuleshov.studio.hub import STATE, Hub, Window
from kuleshov.studio.reading import Fields

__all__ = ["Hello", "Playhead", "Spoken", "attend", "spoken"]

_WINDOWS = 32  # of one studio
_REFUSED = 100  # messages of one window, after which it is closed
_FRAMES = 2**31
_TRY_LATER, _POLICY = 1013, 1008  # a web socket's words
_SLOW = 30.0  # s in which a window must take what it is told


@dataclass(frozen=True)
class Hello:
    """A window asks for the state."""


@dataclass(frozen=True)
class Playhead:
    """A window shows a frame of the film, and whether it plays."""

    frame: int
    playing: bool


Spoken = Hello | Playhead


class Attended(Protocol):
    """An attendant who answers a window."""

    def state_text(self) -> str:
        """Return the state, as JSON."""

    def playhead(self, frame: int, playing: bool) -> None:
        """Hear that a window shows a frame."""


def spoken(text: str) -> Spoken:
    """Return what a window says. Raises `Refused` for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "not-json", "This is not JSON.") from None
    if not isinstance(data, dict):
        raise Refused(422, "not-an-object", "Send an object of fields.")
    fields = Fields(data)
    kind = fields.one_of("type", ("hello", "playhead"))
    if kind == "hello":
        fields.only("type")
        return Hello()
    fields.only("type", "frame", "playing")
    return Playhead(fields.whole("frame", 0, _FRAMES), fields.flag("playing", default=False))


async def attend(socket: WebSocket, hub: Hub, session: Attended) -> None:
    """Serve one window until it is closed."""
    if len(hub) >= _WINDOWS:
        await socket.close(_TRY_LATER)
        return
    await socket.accept()
    window = hub.join()
    window.put(STATE)
    fed_up = False
    try:
        async with anyio.create_task_group() as group:

            async def tell() -> None:
                await _tell(socket, window, session)
                group.cancel_scope.cancel()

            group.start_soon(tell)
            fed_up = not await _hear(socket, window, session)
            group.cancel_scope.cancel()
    finally:
        hub.leave(window)
    if fed_up:
        await socket.close(_POLICY, "Too much of what was sent makes no sense.")


async def _tell(socket: WebSocket, window: Window, session: Attended) -> None:
    while True:
        message = await window.next()
        text = await _as_text(message, session)
        try:
            with anyio.fail_after(_SLOW):
                await socket.send_text(text)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return  # it is gone, or as good as gone; its page asks again when it is back


async def _as_text(message: Mapping[str, Any], session: Attended) -> str:
    if message is not STATE:
        return plain_json(message).encode("utf-8", "replace").decode()
    state = await to_thread.run_sync(session.state_text)
    return f'{{"type":"state","state":{state}}}'


async def _hear(socket: WebSocket, window: Window, session: Attended) -> bool:
    """Hear a window until it is closed; false where that is better done here."""
    wrong = 0
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return True
        try:
            text = message.get("text")
            if text is None:
                raise Refused(415, "not-text", "Send text, and no bytes.")
            said = spoken(text)
        except Refused as refused:
            wrong += 1
            window.put({"type": "refused", "code": refused.code, "text": refused.text})
            if wrong >= _REFUSED:
                return False
            continue
        if isinstance(said, Hello):
            window.put(STATE)
        else:
            session.playhead(said.frame, said.playing)
