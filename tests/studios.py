"""Studios for tests: as an application in this process, and as a program of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from starlette.testclient import TestClient

from kuleshov.desk.desk import Desk
from kuleshov.studio.app import application
from kuleshov.studio.places import Places
from kuleshov.studio.security import Door, names_of
from kuleshov.studio.session import Session

HOST = "127.0.0.1:8000"
TOKEN = "a-token-that-nobody-guesses"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DOOR = Door(TOKEN, "kuleshov-8000", names_of("127.0.0.1"))


@contextmanager
def session_at(root: Path, archive: Path, folders: Sequence[Path] = ()) -> Iterator[Session]:
    """A studio without a server: its own folder is `root`."""
    session = Session(Desk(archive), Places(folders, root))
    try:
        yield session
    finally:
        session.close()


@contextmanager
def client_of(
    session: Session, door: Door = DOOR, largest: int = 2**30, *, entered: bool = True
) -> Iterator[TestClient]:
    """Who asks a studio in this process, with its token unless it has not entered."""
    headers = BEARER if entered else {}
    app = application(session, door, largest=largest)
    with TestClient(app, base_url=f"http://{HOST}", headers=headers) as client:
        yield client


class Running:
    """`kuleshov studio` as a program, once it has said where it listens."""

    def __init__(self, *arguments: str | Path, root: Path, archive: Path, patience: float = 120):
        self.root = root
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kuleshov", "studio", "--no-browser", "--json"),
                *("--port", "0", "--archive", archive, *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KULESHOV_STUDIO": str(root)},
        )
        self.lines: list[str] = []
        self.errors: list[str] = []
        first: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._readers = []
        for stream, kept, said in (
            (self.process.stdout, self.lines, first.put),
            (self.process.stderr, self.errors, None),
        ):
            reader = threading.Thread(target=_keep, args=(stream, kept, said), daemon=True)
            reader.start()
            self._readers.append(reader)
        try:
            answer = json.loads(first.get(timeout=patience))
        except (queue.Empty, ValueError):
            self.kill()
            raise AssertionError(f"the studio did not begin: {self.errors}") from None
        self.url, self.pid = answer["url"], answer["pid"]
        self.base, _, self.token = self.url.partition("/?token=")

    def client(self) -> httpx.Client:
        """Who asks it, with its token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.base, headers=headers, timeout=120)

    def end(self, by: int = signal.SIGTERM, patience: float = 60) -> int:
        """End it by a signal, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        return self._over(patience)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self._over(60)

    def _over(self, patience: float) -> int:
        status = self.process.wait(patience)
        for reader in self._readers:
            reader.join(patience)
        return status

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def _keep(stream, kept: list[str], said) -> None:
    """Read what a program writes, so that it never waits; `said` hears the first line."""
    with stream:
        for line in stream:
            kept.append(line)
            if len(kept) == 1 and said is not None:
                said(line)
    if not kept and said is not None:
        said("")
