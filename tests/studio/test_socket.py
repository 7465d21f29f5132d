"""The web socket: what a window may say, what it is told, and that nothing it says is a crash."""

import json
import threading
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)
from starlette.websockets import WebSocketDisconnect

from kuleshov.notes import Note
from kuleshov.studio.answers import Refused
from kuleshov.studio.hub import Hub, Window
from kuleshov.studio.socket import Hello, Playhead, spoken
from studios import BEARER, HOST, client_of, session_at

SOCKET = f"ws://{HOST}/socket"

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {"type": st.sampled_from(["playhead", "hello", "state", "Playhead", ""]) | ANY_JSON},
    optional={"frame": ANY_JSON, "playing": ANY_JSON, "more": ANY_JSON},
)
TEXTS = st.one_of(
    st.text(max_size=200),
    ANY_JSON.map(json.dumps),
    NEARLY.map(json.dumps),
    st.just("[" * 5000),
    st.just('{"type":"playhead","frame":1e999,"playing":true}'),
    st.just('{"type":"playhead","frame":' + "9" * 400 + ',"playing":true}'),
)


def understood(text: str) -> bool:
    try:
        spoken(text)
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"hello"}', Hello()),
        ('{"type":"playhead","frame":0,"playing":false}', Playhead(0, False)),
        ('{"type":"playhead","frame":120,"playing":true}', Playhead(120, True)),
    ],
)
def test_what_a_window_says_is_understood(text, said):
    assert spoken(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"type":"state"}',
        '{"type":["hello"]}',
        '{"type":"hello","more":1}',
        '{"type":"playhead"}',
        '{"type":"playhead","frame":-1,"playing":true}',
        '{"type":"playhead","frame":1.5,"playing":true}',
        '{"type":"playhead","frame":true,"playing":true}',
        '{"type":"playhead","frame":"1","playing":true}',
        '{"type":"playhead","frame":1,"playing":"yes"}',
        '{"type":"playhead","frame":99999999999,"playing":true}',
        '{"type":"playhead","frame":NaN,"playing":true}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused_with_a_sentence(text):
    with pytest.raises(Refused, match=r"^[A-Zf-t].*\.$"):
        spoken(text)


class Sockets(RuleBasedStateMachine):
    """Any number of windows that say anything, open and close, while the studio tells of things.

    Whatever one says, it is answered as it should be, and no other window hears of it.
    """

    windows = Bundle("windows")
    session: Any
    client: Any

    @classmethod
    def begin(cls, session, client):
        cls.session, cls.client = session, client

    def __init__(self):
        super().__init__()
        self.stacks, self.wrong, self.notes = {}, {}, 0

    @rule(target=windows)
    def open_one(self):
        if len(self.stacks) >= 6:
            return multiple()
        stack = ExitStack()
        window = stack.enter_context(self.client.websocket_connect(SOCKET, headers=BEARER))
        self.stacks[id(window)] = stack
        self.wrong[id(window)] = 0
        self.expect(window, "state")
        return window

    @rule(window=windows, text=TEXTS)
    def say(self, window, text):
        window.send_text(text)
        if not understood(text):
            told = self.expect(window, "refused")
            assert told["text"].endswith(".")
            self.wrong[id(window)] += 1
        elif isinstance(spoken(text), Hello):
            self.expect(window, "state")

    @rule(window=windows, data=st.binary(max_size=50))
    def send_bytes(self, window, data):
        window.send_bytes(data)
        assert self.expect(window, "refused")["code"] == "not-text"

    @rule(window=windows, frame=st.integers(0, 10**6), playing=st.booleans())
    def play(self, window, frame, playing):
        window.send_text(json.dumps({"type": "playhead", "frame": frame, "playing": playing}))

    @rule(window=windows)
    def ask(self, window):
        window.send_text('{"type":"hello"}')
        state = self.expect(window, "state")["state"]
        assert state["revision"] == 0

    @rule()
    def note_something(self):
        self.notes += 1
        text = f"Note {self.notes}."
        thread = threading.Thread(target=self.session.hub.note, args=(Note("test", text),))
        thread.start()
        thread.join()
        for window in self.open_windows:
            while self.expect(window, "note")["text"] != text:
                pass

    @rule(window=consumes(windows))
    def close_one(self, window):
        self.stacks.pop(id(window)).close()
        self.open_windows.remove(window)

    @invariant()
    def nobody_is_forgotten(self):
        assert len(self.session.hub) <= len(self.stacks) + 1

    def expect(self, window, kind):
        if window not in self.open_windows:
            self.open_windows.append(window)
        for _ in range(200):
            told = window.receive_json()
            if told["type"] == kind:
                return told
        raise AssertionError(f"no {kind}")

    @property
    def open_windows(self):
        return self.__dict__.setdefault("_open", [])

    def teardown(self):
        for stack in self.stacks.values():
            stack.close()


@pytest.mark.slow
def test_windows_may_say_anything(tmp_path):
    with session_at(tmp_path / "home", tmp_path / "archive") as session, client_of(session) as asks:
        Sockets.begin(session, asks)
        case = Sockets.TestCase
        case.settings = settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        )
        case().runTest()


def test_a_window_that_makes_no_sense_for_long_is_closed(tmp_path):
    with session_at(tmp_path / "home", tmp_path / "archive") as session, client_of(session) as asks:
        with asks.websocket_connect(SOCKET, headers=BEARER) as one:
            for _ in range(100):
                one.send_text("nonsense")
            assert closed_with(one) == 1008
        with asks.websocket_connect(SOCKET, headers=BEARER) as other:
            assert other.receive_json()["type"] == "state"


def closed_with(window) -> int:
    """Hear what a window is told until it is closed."""
    for _ in range(300):
        try:
            window.receive_json()
        except WebSocketDisconnect as closed:
            return closed.code
    raise AssertionError("it was not closed")


def test_there_is_an_end_of_windows(tmp_path):
    with session_at(tmp_path / "home", tmp_path / "archive") as session, ExitStack() as stack:
        client = stack.enter_context(client_of(session))
        for _ in range(32):
            one = stack.enter_context(client.websocket_connect(SOCKET, headers=BEARER))
            assert one.receive_json()["type"] == "state"
        with pytest.raises(WebSocketDisconnect) as refused:
            stack.enter_context(client.websocket_connect(SOCKET, headers=BEARER))
        assert refused.value.code == 1013


def test_what_waits_for_a_slow_window_does_not_grow():
    """Of the state there is one word, of each job the latest one, in the order of their change."""
    import asyncio

    async def heard() -> list[dict]:
        window, hub = Window(), Hub()
        hub.bind(asyncio.get_running_loop())
        hub.bind(None)
        for number in range(10_000):
            window.put({"type": "job", "id": "j1", "done": number})
            window.put({"type": "state"})
            window.put({"type": "note", "code": "n", "text": str(number)})
        window.put({"type": "job", "id": "j2", "done": 1})
        return [dict(await window.next()) for _ in range(3 + 100)]

    told = asyncio.run(heard())
    assert told[:3] == [
        {"type": "job", "id": "j1", "done": 9999},
        {"type": "state"},
        {"type": "job", "id": "j2", "done": 1},
    ]
    assert [one["text"] for one in told[3:]] == [str(number) for number in range(9900, 10_000)]
