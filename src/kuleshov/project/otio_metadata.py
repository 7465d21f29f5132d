"""Carry metadata through OpenTimelineIO as the text that they are in the file.

    safe = as_text(json.loads(text))   # for OpenTimelineIO
    plain(thing.metadata)              # the dicts, lists and numbers that were in the file

Its own parser may miss the last bit of a float, and its containers are slow to read: a project has
thousands of offers in its metadata.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["as_text", "plain"]

_JSON = "\N{SYMBOL FOR NULL}json:"
_OBJECT = "OTIO_SCHEMA"


def as_text(value: Any) -> Any:
    """Return a file's data with each value in metadata as text, but for words and OTIO's objects.

    The names of metadata, such as our own, stay to be seen.
    """
    if isinstance(value, dict):
        return {k: _fields(v) if k == "metadata" else as_text(v) for k, v in value.items()}
    return [as_text(inner) for inner in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """Return OTIO's containers, and what is carried as text, as dicts and lists."""
    # Most of a project are words and numbers: those first, for there are many.
    if isinstance(value, str):
        return json.loads(value.removeprefix(_JSON)) if _is_text(value) else value
    if value is None or isinstance(value, int | float):
        return value
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    if hasattr(value, "__iter__"):
        return [plain(inner) for inner in value]
    return value


def _fields(metadata: Any) -> Any:
    """Return metadata as OTIO is given them."""
    if not isinstance(metadata, dict) or _OBJECT in metadata:
        return as_text(metadata)
    return {key: _carried(value) for key, value in metadata.items()}


def _carried(value: Any) -> Any:
    if isinstance(value, dict | list | float) or _is_text(value):
        text = json.dumps(value)
        if _OBJECT not in text:
            return f"{_JSON}{text}"
    # With an object of OTIO's somewhere within: that is to be parsed, the rest of it is carried.
    if isinstance(value, dict):
        return as_text(value) if _OBJECT in value else _fields(value)
    return [_carried(inner) for inner in value] if isinstance(value, list) else value


def _is_text(value: Any) -> bool:
    """Return whether a value is text that stands for another in metadata."""
    return isinstance(value, str) and value.startswith(_JSON)
