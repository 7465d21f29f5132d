"""Write a film anew as it is, with an index and a length, as recorders in browsers leave out."""

from __future__ import annotations

from pathlib import Path

import av
import av.error

from kuleshov.errors import MediaError
from kuleshov.media.decode import open_file, reason_of

__all__ = ["reindexed"]

_FORMATS = {".webm": "webm", ".mp4": "mp4", ".mkv": "matroska"}


def reindexed(path: Path, out: Path) -> Path:
    """Write the pictures and sound of a film, as they are, into another file, and return that.

    What is damaged, or was cut off at the end, is left out. Raises `MediaError` where nothing of it
    can be read, or written.
    """
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    try:
        with (
            open_file(path) as source,
            av.open(str(out), "w", format=_FORMATS[path.suffix], options=options) as made,
        ):
            wanted = [*source.streams.video[:1], *source.streams.audio[:1]]
            streams = {one.index: made.add_stream_from_template(one) for one in wanted}
            written = 0
            try:
                for packet in source.demux(wanted):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.stream = streams[packet.stream.index]
                    made.mux(packet)
                    written += 1
            except av.error.InvalidDataError:
                if not written:
                    raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(path, reason_of(error)) from error
    if not written:
        raise MediaError(path, "it holds neither pictures nor sound.")
    return out
