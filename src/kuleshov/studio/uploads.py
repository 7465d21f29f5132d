"""Films that are dropped on the page: written to disk as they come, never held in memory."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from anyio import to_thread
from starlette.requests import ClientDisconnect

from kuleshov.files import new_beside
from kuleshov.media.kinds import Kind, kind_of
from kuleshov.studio.answers import Refused
from kuleshov.studio.places import clean_name

__all__ = ["FOOTAGE", "LARGEST", "receive"]

FOOTAGE: tuple[Kind, ...] = ("film",)
"""What is kept as footage for the archive."""

LARGEST = 32 * 2**30
"""Bytes of one film that is dropped."""

_SPARE = 2 * 2**30  # bytes of the disk that are left free
_BLOCK = 4 * 2**20  # bytes that are written at once


async def receive(
    parts: AsyncIterator[bytes],
    name: str,
    folder: Path,
    *,
    said: int | None,
    largest: int,
    kinds: Collection[Kind] = ("film", "picture"),
) -> Path:
    """Write what is sent into a new file of `folder`, and return its path.

    `said` is how many bytes there are to be, where that is known; `largest` how many there may be.
    Raises `Refused` where that is too much, or what came is not of the `kinds` that are wanted;
    nothing is left of it then.
    """
    name = clean_name(name, "film")
    if said is not None:
        _check_size(said, largest)
    try:
        await to_thread.run_sync(_check_room, folder, said or 0)
        path = await to_thread.run_sync(new_beside, folder / name)
    except OSError as error:
        raise Refused(507, "no-room", f"{folder} cannot be written: {error.strerror}.") from error
    try:
        await _write(parts, path, folder, largest)
        if await to_thread.run_sync(_kind, path, name) not in kinds:
            what = "neither a film nor a picture" if "picture" in kinds else "no film"
            raise Refused(415, "no-film", f"{name} is {what}.")
        return await to_thread.run_sync(_named, path, folder / name)
    except ClientDisconnect:
        raise Refused(400, "broken-off", f"{name} did not come whole: drop it again.") from None
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _check_size(size: int, largest: int) -> None:
    if size > largest:
        most = f"{largest / 2**30:.0f} GB" if largest >= 2**30 else f"{largest} bytes"
        raise Refused(
            413,
            "too-large",
            f"A film that is dropped has {most} at most: name its folder when you start the "
            "studio, and it is opened from where it lies.",
        )


def _check_room(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size + _SPARE > free:
        raise Refused(507, "no-room", f"The disk of {folder} has too little room for it.")


async def _write(parts: AsyncIterator[bytes], path: Path, folder: Path, largest: int) -> None:
    done, block = 0, bytearray()
    with path.open("wb") as file:

        def flush() -> None:
            file.write(block)
            block.clear()

        try:
            async for part in parts:
                done += len(part)
                _check_size(done, largest)
                block += part
                if len(block) >= _BLOCK:
                    await to_thread.run_sync(_check_room, folder, len(block))
                    await to_thread.run_sync(flush)
            await to_thread.run_sync(flush)
        except OSError as error:
            text = f"It was not written: {error.strerror}."
            raise Refused(507, "no-room", text) from error
    if not done:
        raise Refused(422, "empty", "Nothing came: drop the film again.")


def _kind(path: Path, name: str) -> Kind:
    """Return what kind of file came, by what is in it.

    Its present name has no ending to be believed.
    """
    probe = path.with_name(f"{path.name}{Path(name).suffix}")
    path.rename(probe)
    try:
        return kind_of(probe)
    finally:
        probe.rename(path)


def _named(path: Path, wanted: Path) -> Path:
    """Give a file the name that is wanted, or the first like it that is free."""
    number = 1
    while True:
        other = wanted.with_stem(f"{wanted.stem}-{number}") if number > 1 else wanted
        try:
            other.hardlink_to(path)  # unlike renaming it takes no other file's place
        except FileExistsError:
            number += 1
        except OSError:  # a file system without links
            if not other.exists():
                return path.rename(other)
            number += 1
        else:
            return other
