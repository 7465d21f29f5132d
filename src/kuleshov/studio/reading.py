"""Read what a page sends with care: JSON of a limited size, each field of its kind."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from kuleshov.studio.answers import Refused

__all__ = ["Fields", "fields_of"]

_LARGEST = 256 * 1024  # bytes of one request
_LONGEST = 500  # letters of a text


async def fields_of(request: Request) -> Fields:
    """Return the fields of a request's body. Raises `Refused` where it is not a JSON object."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "not-json", "Send JSON, as application/json.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise Refused(413, "too-large", f"At most {_LARGEST // 1024} KB are read of this.")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "not-json", "This is not JSON.") from None
    if not isinstance(data, dict):
        raise Refused(422, "not-an-object", "Send an object of fields.")
    return Fields(data)


class Fields:
    """The fields of an object, by name.

    Each method raises `Refused` where a field is missing, or is of another kind; a default makes it
    optional, and stands for null too.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def only(self, *names: str) -> None:
        """See that there are no other fields than these."""
        for name in self.data:
            if name not in names:
                raise _wrong(f"There is no field {name[:40]!r} here.")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self._of(name, default)
        if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
            raise _wrong(f"{name} is a text of up to {_LONGEST} letters.")
        return value

    def one_of(self, name: str, known: Collection[str], default: str | None = None) -> str:
        """Return one of the words that are known."""
        value = self.text(name, default)
        if value not in known:
            raise _wrong(f"{name} is one of {', '.join(known)}.")
        return value

    def whole(
        self, name: str, low: int = -(2**31), high: int = 2**31, default: int | None = None
    ) -> int:
        """Return a whole number within limits."""
        value = self._of(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(f"{name} is a whole number from {low} to {high}.")
        return value

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number within limits."""
        value = self._of(name, default)
        if not _is_number(value) or not low <= value <= high:
            raise _wrong(f"{name} is a number from {low:g} to {high:g}.")
        return float(value)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Return whether something holds."""
        value = self._of(name, default)
        if not isinstance(value, bool):
            raise _wrong(f"{name} is true or false.")
        return value

    def numbers(self, name: str, low: float, high: float) -> dict[str, float] | None:
        """Return numbers by name; None where there is no such field."""
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, dict) or len(value) > 50:
            raise _wrong(f"{name} are numbers by name.")
        for key, one in value.items():
            if not _is_number(one) or not low <= one <= high:
                raise _wrong(f"{name}: {key[:40]} is a number from {low:g} to {high:g}.")
        return {key: float(one) for key, one in value.items()}

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._of(name, None)
        if not isinstance(value, list) or len(value) > most:
            raise _wrong(f"{name} is a list of at most {most} texts.")
        if not all(isinstance(one, str) and len(one) <= _LONGEST for one in value):
            raise _wrong(f"{name} is a list of at most {most} texts.")
        return tuple(value)

    def wholes(self, name: str, low: int = -(2**31), *, most: int) -> tuple[int, ...]:
        """Return a list of whole numbers."""
        value = self._of(name, None)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise _wrong(f"{name} is a list of 1 to {most} whole numbers.")
        return tuple(Fields({name: one}).whole(name, low) for one in value)

    def has(self, name: str) -> bool:
        """Return whether a field is there, and not null."""
        return self.data.get(name) is not None

    def _of(self, name: str, default: Any) -> Any:
        value = self.data.get(name)
        if value is None:
            if default is None:
                raise _wrong(f"{name} is missing.")
            return default
        return value


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _wrong(text: str) -> Refused:
    return Refused(422, "field-wrong", text)
