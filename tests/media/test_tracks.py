"""Which tracks and channels of a file are heard, in whatever order they come."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from films import flat
from kuleshov.media.audio import SoundReader, open_sound, samples, sound_notes
from kuleshov.media.channels import ChannelOrder, plan_of
from kuleshov.media.codecs import WriteOptions
from kuleshov.media.decode import Film
from kuleshov.media.facts import _audio_of
from kuleshov.media.write import FilmWriter
from kuleshov.notes import texts
from kuleshov.timeline import Media, Sound
from media_orders import RATE, film, levels, sides_first

F = Fraction
NAMED = "8 channels (FL+FR+FC+LFE+SL+SR+BL+BR)"  # 7.1 as QuickTime files have it


def heard(path: Path) -> tuple[float, ...]:
    """The level of each channel, in the middle."""
    found = samples(path)
    assert found is not None
    middle = found.data[:, found.data.shape[1] // 4 : found.data.shape[1] // 2]
    return tuple(round(float(level), 2) for level in middle.mean(axis=1))


EIGHT = tuple(n / 10 for n in range(8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layout", "count"),
    [
        ("a.mov", "7.1", 8),
        ("a.mp4", "7.1", 8),
        ("a.mov", "9 channels", 9),
        ("a.mov", "16 channels", 16),
    ],
)
def test_no_order_of_channels_takes_the_process_down(name, layout, count, tmp_path):
    """Everything that asks for the sound of a file, as often as it likes."""
    codec = "pcm_s16le" if name == "a.mov" else "aac"
    path = film(tmp_path / name, (layout, levels(*[0.1] * count)), codec=codec)
    if (name, layout) == ("a.mov", "7.1"):
        sides_first(path)
    lines = (
        "import gc, sys; from pathlib import Path",
        "from kuleshov.media.audio import samples, sound_notes",
        "from kuleshov.media.decode import Film",
        "from kuleshov.media.facts import _audio_of",
        "path = Path(sys.argv[1])",
        "for _ in range(5):",
        "    film = Film(path)",
        f"    assert film.probe.audio.channels == film.probe.audio.channels == {count}",
        "    film.close()",
        f"    assert _audio_of(path).channels == {count}",
        "    assert samples(path).data.shape[1] >= 8000",
        "    sound_notes(path)",
        "    gc.collect()",
    )
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), path], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_a_custom_order_is_put_in_order(tmp_path):
    """A QuickTime file may hold 7.1 with its sides before its back."""
    path = sides_first(film(tmp_path / "a.mov", ("7.1", levels(*EIGHT))))
    with av.open(path) as container:
        layout = container.streams.audio[0].codec_context.layout
        name = layout.name
        container.streams.audio[0].codec_context.layout = "8 channels"
        del layout
    assert name == NAMED
    assert heard(path) == (0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.4, 0.5)
    reader = SoundReader.open(path)
    assert reader is not None
    assert reader.layout == "7.1"


def test_a_decoder_that_gives_a_custom_order_itself(tmp_path):
    """PCM decoders give what they are told: left as the file says it, its frames are unsafe."""
    path = sides_first(film(tmp_path / "a.mov", ("7.1", levels(*EIGHT))))
    lines = (
        "import av, gc, sys; from kuleshov.media.channels import kept",
        "container = av.open(sys.argv[1])",
        "for frame in container.decode(audio=0):",
        "    assert '(' in kept(frame).layout.name",
        "del frame; gc.collect(); container.close()",
    )
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines), path], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("order", "layout", "among"),
    [
        (ChannelOrder(2, "stereo"), "stereo", ""),
        (ChannelOrder(6, "5.1(side)"), "5.1(side)", ""),
        (ChannelOrder(2, "2 channels (FR+FL)"), "stereo", "map=1|0:"),
        (ChannelOrder(2, "2 channels (FL@a+FR@b)"), "stereo", "map=0|1:"),
        (ChannelOrder(2, "2 channels (FC+FC)"), "stereo", "map=0|1:"),  # dual mono
        (ChannelOrder(1, "1 channels (FL)"), "mono", "map=0-FC"),
        (ChannelOrder(6, "6 channels"), "5.1", "map=0|1|2|3|4|5:"),
        (
            ChannelOrder(8, "8 channels (FL+FR+FC+LFE+SL+SR+USR9+USR10)"),
            "7.1",
            "map=0|1|2|3|4|5|6|7:",
        ),
        (ChannelOrder(9, "9 channels"), "stereo", "map=0-FL|1-FR"),
        (ChannelOrder(2, "2 channels (BL+BR)"), "stereo", "c0<c0|c1<c1"),
        (ChannelOrder(2, "binaural"), "stereo", "c0<c0|c1<c1"),
        (ChannelOrder(12, "7.1.4"), "stereo", "c0<c0+0.7071*c2+c4+c6+c8+c10|"),
        (ChannelOrder(4, "ambisonic 1"), "stereo", "c1=0.5*c0-0.5*c1"),
        (ChannelOrder(64, "64 channels"), "stereo", "map=0-FL|1-FR"),
    ],
)
def test_what_is_done_with_an_order(order, layout, among):
    plan = plan_of(order)
    assert plan is not None
    assert plan.layout == layout
    assert (among in plan.filters) if among else not plan.filters


@pytest.mark.parametrize("count", [0, 65, 511])
def test_no_channel_or_too_many(count):
    assert plan_of(ChannelOrder(count, f"{count} channels")) is None


def test_sound_of_too_many_channels_is_left_out(tmp_path):
    path = film(tmp_path / "a.mov", ("70 channels", levels(*[0.1] * 70)))
    assert open_sound(Sound(Media(path))) is None
    assert texts(sound_notes(path)) == [
        "The sound of a.mov is left out: it has 70 channels, of which at most 64 can be read."
    ]


def test_all_of_a_wide_layout_is_heard_on_its_side(tmp_path):
    given = [0.0] * 12
    given[10] = 0.6  # at the back on the left, above: FFmpeg's own mixing leaves it out
    left, right = heard(film(tmp_path / "a.mov", ("7.1.4", levels(*given))))
    assert left > 0.05
    assert right == 0


def test_channels_without_names(tmp_path):
    path = film(tmp_path / "a.mov", ("9 channels", levels(0.1, 0.2, *[0.9] * 7)))
    assert heard(path) == (0.1, 0.2)
    assert texts(sound_notes(path)) == [
        "Channels 1 and 2 of the 9 of a.mov are heard, as left and right; channels 3 to 9 are "
        "not, for the file does not say what they are."
    ]
    silent = film(tmp_path / "b.mov", ("9 channels", levels(0, 0, 0.5, *[0] * 6)))
    assert (
        sound_notes(silent)[-1].text == "What is heard of b.mov is silent; channels 3 to 9 are not."
    )


def test_eight_channels_are_written(tmp_path):
    path = film(tmp_path / "a.mov", ("7.1", levels(*EIGHT)))
    sound = open_sound(Sound(Media(path)))
    assert sound is not None
    out = tmp_path / "out.mp4"
    with FilmWriter(out, 64, 64, F(25), WriteOptions(preset="ultrafast"), sound) as writer:
        writer.write(flat(90, size=(64, 64)))
    with Film(out) as written:
        assert written.probe.audio is not None
        assert written.probe.audio.channels == 8
    assert samples(out) is not None


# ---------------------------------------------------------------- tracks


MONO = [("mono", levels(level)) for level in (0.1, 0.2, 0.3, 0.4)]


def test_two_mono_tracks_are_left_and_right(tmp_path):
    path = film(tmp_path / "two.mov", *MONO[:2])
    assert heard(path) == (0.1, 0.2)
    assert texts(sound_notes(path)) == [
        "The mono tracks 1 and 2 of two.mov are heard, as left and right."
    ]
    sound = open_sound(Sound(Media(path)))
    assert sound is not None
    assert sound.kind == "encoded"


def test_of_four_mono_tracks_the_first_two(tmp_path):
    path = film(tmp_path / "four.mov", *MONO)
    assert heard(path) == (0.1, 0.2)
    assert texts(sound_notes(path)) == [
        "The mono tracks 1 and 2 of four.mov are heard, as left and right; tracks 3 and 4 are not."
    ]


def test_a_silent_first_pair_is_said(tmp_path):
    silence = ("mono", levels(0))
    path = film(tmp_path / "a.mov", silence, silence, silence, MONO[0])
    assert heard(path) == (0, 0)
    assert sound_notes(path)[-1].text == "What is heard of a.mov is silent; track 4 is not."
    path = film(tmp_path / "b.mov", silence, silence, silence)
    assert len(sound_notes(path)) == 1


def test_languages_are_no_channels(tmp_path):
    path = film(tmp_path / "a.mov", *MONO[:2], language=["eng", "fra"])
    assert heard(path) == (0.1,)
    assert texts(sound_notes(path)) == ["Track 1 of the sound of a.mov is heard; track 2 is not."]


def test_compressed_mono_tracks_are_no_channels(tmp_path):
    path = film(tmp_path / "a.mkv", *MONO[:2], codec="aac")
    reader = SoundReader.open(path)
    assert reader is not None
    assert (reader.channels, len(reader.tracks)) == (1, 1)


def test_a_stereo_track_is_not_paired(tmp_path):
    path = film(tmp_path / "a.mov", ("stereo", levels(0.3, 0.4)), MONO[0])
    assert heard(path) == (0.3, 0.4)


def test_a_pair_is_trimmed_together_and_the_shorter_side_is_silent(tmp_path):
    ramp = np.linspace(0, 0.5, RATE, dtype=np.float32)[None]
    path = film(tmp_path / "a.mov", ("mono", ramp), ("mono", -ramp[:, : RATE // 2]))
    part = samples(path, F(1, 4), F(1, 2))
    assert part is not None
    assert part.data.shape == (2, RATE // 2)
    half = RATE // 4
    assert np.abs(part.data[0] - ramp[0, half : 3 * half]).max() < 1e-3
    assert np.abs(part.data[1, :half] + ramp[0, half : 2 * half]).max() < 1e-3
    assert not part.data[1, half:].any()


def test_a_file_of_sound_alone(tmp_path):
    path = film(tmp_path / "a.mov", ("7.1", levels(*EIGHT)))
    audio = _audio_of(path)
    assert audio is not None
    assert audio.channels == 8
