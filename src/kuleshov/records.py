"""Turn records into JSON, and back by the types of their fields."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["plain", "record"]


def plain(value: Any) -> Any:
    """Return a record, and those in it, ready for JSON; fractions and paths become text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return str(value) if isinstance(value, Fraction | Path) else value


def record(kind: Any, value: Any) -> Any:
    """Return a record of type `kind` from its data; fields with a default may be lacking.

    Raises `KeyError`, `TypeError` or `ValueError` where the value is not what `kind` needs.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        kind = next(one for one in get_args(kind) if one is not type(None))
        return record(kind, value)
    if origin is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{value!r} is not one of {get_args(kind)}")
        return value
    if origin is tuple:
        inner = get_args(kind)
        each = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return tuple(record(one, part) for one, part in zip(each, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: record(get_args(kind)[1], one) for key, one in value.items()}
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        told = {
            field.name: record(hints[field.name], value[field.name])
            for field in dataclasses.fields(kind)
            if field.init and (field.name in value or not _has_default(field))
        }
        return kind(**told)  # type: ignore[operator]
    if kind in (Fraction, Path):
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and type(value) is not kind:
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _fields(kind: Any) -> Iterator[str]:
    return (field.name for field in dataclasses.fields(kind) if field.init)
