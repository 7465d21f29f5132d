"""Choose the streams of a container: the film, what is left out, where a programme goes on."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path

import av
import av.container
import av.error
import av.stream

__all__ = ["rest_of", "shown_streams", "streams_left_out"]

_PACKET = 188  # bytes of a transport stream's packet
_KIND = av.stream.Disposition
_NEVER = _KIND.attached_pic | _KIND.timed_thumbnails | _KIND.dependent


def shown_streams(container: av.container.InputContainer) -> list[av.stream.Stream]:
    """Return the streams of moving pictures; stills only where there is nothing else.

    Covers of music, the thumbnails of chapters and layers of another stream do not count.
    """
    streams = [s for s in container.streams.video if not s.disposition & _NEVER]
    moving = [s for s in streams if not s.disposition & _KIND.still_image]
    return [*(moving or streams)]


def streams_left_out(
    container: av.container.InputContainer, used: av.VideoStream
) -> tuple[str, ...]:
    """Return sentences, without the file's name, on moving pictures that are not `used`."""
    streams = shown_streams(container)
    if len(streams) < 2:
        return ()
    number = [s.index for s in streams].index(used.index) + 1
    others = ", ".join(
        f"{n} ({s.width}x{s.height})"
        for n, s in enumerate(streams, 1)
        if s.index != used.index and isinstance(s, av.VideoStream)
    )
    return (
        f"it holds {len(streams)} tracks of pictures: number {number} "
        f"({used.width}x{used.height}) is used, {others} left out.",
    )


class _Behind(io.RawIOBase):
    """A file-like view of what lies in a file behind some byte."""

    def __init__(self, path: Path, begin: int) -> None:
        self._file, self._begin = path.open("rb"), begin
        self._file.seek(begin)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._file.readinto(buffer)  # type: ignore[arg-type]

    def seek(self, offset: int, whence: int = 0) -> int:
        return (
            self._file.seek(offset + self._begin if whence == 0 else offset, whence) - self._begin
        )

    def tell(self) -> int:
        return self._file.tell() - self._begin

    def close(self) -> None:
        self._file.close()
        super().close()


def rest_of(
    path: Path, container: av.container.InputContainer, last: int, known: Collection[int]
) -> tuple[av.container.InputContainer, av.VideoStream, int] | None:
    """Return where a transport stream goes on under other numbers behind byte `last`, or None.

    The last packet of those `known` begins there. What follows is returned opened, with its
    pictures and the byte that it begins at. None where nothing follows, and for other formats.

    Streams that come up on the way are not given by a container that was opened before them.
    """
    begin = last + _PACKET
    if container.format.name != "mpegts" or path.stat().st_size - begin < _PACKET:
        return None
    try:
        rest = av.open(_Behind(path, begin), mode="r", format="mpegts", metadata_errors="replace")
    except (av.error.FFmpegError, OSError):
        return None
    new = [
        s
        for s in shown_streams(rest)
        if isinstance(s, av.VideoStream) and s.id not in known and s.width and s.codec_context
    ]
    if not new:
        rest.close()
        return None
    return rest, max(new, key=lambda s: s.width * s.height), begin
