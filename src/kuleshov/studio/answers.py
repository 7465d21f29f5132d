"""Answer in JSON, and with sentences where something cannot be done."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from kuleshov.errors import (
    Closed,
    KuleshovError,
    MediaNotFound,
    NotWritten,
    Stopped,
    UsageError,
)

__all__ = ["NotYet", "Refused", "answer", "plain_json", "problem", "refusal_of"]


class Refused(Exception):
    """Raised for what cannot be done: the HTTP `status`, a `code`, and a sentence for people."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class NotYet(Exception):
    """Raised for what is being made; the socket says when it is there."""


def plain_json(data: Any) -> str:
    """Return data as JSON; numbers that JSON has no word for are refused by `ValueError`."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def answer(data: Any, status: int = 200) -> Response:
    """Return an answer in JSON."""
    # A name of a file may be no text in any language: its bytes are shown as question marks.
    body = plain_json(data).encode("utf-8", "replace")
    return Response(body, status, media_type="application/json")


def problem(status: int, code: str, text: str, **headers: str) -> Response:
    """Return an answer that says why something cannot be done."""
    found = answer({"error": text, "code": code}, status)
    found.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return found


def refusal_of(error: KuleshovError) -> Refused:
    """Return how an error of the library is told to the page."""
    code = error.code
    if isinstance(error, Stopped):
        return Refused(409, code or "stopped", str(error))
    if isinstance(error, Closed):
        return Refused(409, code or "closed", str(error))
    if isinstance(error, MediaNotFound):
        return Refused(404, code or "footage-missing", str(error))
    if isinstance(error, NotWritten):
        return Refused(507, code or "not-written", str(error))
    kind = "cannot-be-done" if isinstance(error, UsageError) else "failed"
    return Refused(422, code or kind, str(error))
