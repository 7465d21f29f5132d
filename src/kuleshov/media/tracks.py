"""Choose which tracks of sound of a file are heard.

A file's sound is the track that it marks as its own, as FFmpeg chooses. Where cameras and recorders
write each channel as a mono track of its own, the first two are left and right, as editing programs
take them: uncompressed (PCM) mono tracks of one rate, one language and one purpose. Compressed mono
tracks are other versions of a sound, such as languages and commentaries, and are never paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import av.container
import av.stream

from kuleshov.media.channels import ChannelOrder, taken

__all__ = ["Tracks", "tracks_of"]

_OTHER_PURPOSE = (
    av.stream.Disposition.dub
    | av.stream.Disposition.comment
    | av.stream.Disposition.karaoke
    | av.stream.Disposition.hearing_impaired
    | av.stream.Disposition.visual_impaired
    | av.stream.Disposition.clean_effects
    | av.stream.Disposition.non_diegetic
    | av.stream.Disposition.descriptions
)


@dataclass(frozen=True)
class Tracks:
    """The tracks of sound of a file.

    `heard` are the streams of a file that are heard: one, or those of left and right; `known` all
    that can be decoded, with the order of their channels; `numbers` counts tracks of sound from 1.
    """

    heard: tuple[int, ...]
    known: dict[int, ChannelOrder]
    numbers: dict[int, int]

    @property
    def others(self) -> tuple[int, ...]:
        """The streams that could be decoded, and are not heard."""
        return tuple(index for index in self.known if index not in self.heard)


def tracks_of(container: av.container.InputContainer) -> Tracks | None:
    """Return the tracks of sound of a file; None where it has none that can be decoded.

    To be called once for each opened file, before anything is decoded.
    """
    numbers = {stream.index: number for number, stream in enumerate(container.streams.audio, 1)}
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    if not streams:
        return None
    known = {stream.index: taken(stream.codec_context) for stream in streams}
    best = container.streams.best("audio")
    chosen = next((s for s in streams if best is not None and s.index == best.index), streams[0])
    heard = [chosen]
    if known[chosen.index].count == 1 and chosen.codec_context.name.startswith("pcm_"):
        alike = [
            s for s in streams if known[s.index].count == 1 and _kind_of(s) == _kind_of(chosen)
        ]
        heard = alike[:2]
    return Tracks(tuple(stream.index for stream in heard), known, numbers)


def _kind_of(stream: av.AudioStream) -> tuple[object, ...]:
    language = (stream.language or "und").casefold()
    purpose = stream.disposition & _OTHER_PURPOSE
    return stream.codec_context.name, stream.codec_context.sample_rate, language, purpose
