"""Tell what was made, to people in lines and to programs in JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from kuleshov.cli.common import answer_json, note
from kuleshov.cli.hints import hinted

if TYPE_CHECKING:
    from kuleshov.desk.products import Kind, Products, Written

__all__ = ["tell"]


def _size(one: Written) -> str:
    return f"{one.frames} frames, {one.width}x{one.height}"


def _film(one: Written) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "frames": one.frames,
        "width": one.width,
        "height": one.height,
        "sound": one.sound,
    }


def _file(one: Written) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "frames": one.frames,
        "width": one.width,
        "height": one.height,
        "bytes": one.path.stat().st_size,
        "shots": list(one.shots),
    }


_SHOWN: tuple[Kind, ...] = ("film", "gif", "webp", "picture")


def tell(products: Products, as_json: bool, *, moving: bool = False) -> None:
    """Say what was made and where it is; for a grid or a GIF also `moving` and its shots."""
    files = products.of(*_SHOWN)
    if as_json:
        about: Callable[[Written], dict[str, Any]] = _file if moving else _film
        kinds: Sequence[tuple[str, Kind]] = (
            (("projects", "project"), ("pages", "page"))
            if moving
            else (("projects", "project"), ("sheets", "sheet"), ("credits", "credits"))
        )
        answer_json(
            {
                "files" if moving else "films": [about(one) for one in files],
                **{name: [str(one.path) for one in products.of(kind)] for name, kind in kinds},
                "notes": [hinted(one) for one in products.notes],
            }
        )
        return
    for said in products.notes:
        note(f"Note: {hinted(said)}")
    for one in files:
        sound = "" if moving else f", sound {one.sound}"
        click.echo(f"{one.kind:<8} {one.path}  ({_size(one)}{sound})")
    for kind in ("sheet", "credits", "project", "page"):
        for one in products.of(kind):
            click.echo(f"{one.kind:<8} {one.path}")
