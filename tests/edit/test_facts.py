from fractions import Fraction
from pathlib import Path

import av
import pytest

from films import make_film, noise, numbered, with_tags
from kuleshov.errors import NOT_THERE
from kuleshov.media.facts import Facts, facts_of, read_facts
from kuleshov.smpte import Counting
from kuleshov.timecode import TimeRange
from kuleshov.timeline import Clip, Gap, Layout, Media, Sound, Timeline, Track

F = Fraction
NTSC = F(30000, 1001)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facts") / "plain.mp4"
    return make_film(path, numbered(10), NTSC, sound=noise(0.5))


@pytest.mark.parametrize(
    ("name", "of"),
    [("a.mov", "container"), ("a.mp4", "stream"), ("a.mkv", "container"), ("b.mkv", "stream")],
)
@pytest.mark.parametrize("label", ["10:20:30:12", "10:20:30;12"])
def test_timecode_of_the_container_of_a_stream_and_of_a_track(
    plain: Path, tmp_path: Path, name: str, of: str, label: str
) -> None:
    path = with_tags(plain, tmp_path / name, of=of, timecode=label)
    found = read_facts(Media(path), F(25))
    assert (found.found, found.timecode, found.rate) == (True, label, NTSC)
    assert found.counting.drop == (";" in label)
    assert found.label(F(0)) == label
    assert found.origin == found.counting.frame(label) / NTSC
    if name.endswith((".mov", ".mp4")):
        with av.open(path) as container:
            assert [s.type for s in container.streams].count("data") == 1, "a tmcd track"


def test_what_a_file_says_without_timecode(plain: Path) -> None:
    found = read_facts(Media(plain), F(25))
    assert (found.timecode, found.first, found.size, found.reel) == ("", 0, (320, 180), "")
    assert found.audio is not None
    assert (found.audio.rate, found.audio.channels) == (48000, 2)
    assert found.duration is not None
    assert abs(found.duration - 10 / NTSC) < F(1, 1000)
    assert found.label(F(1001, 3000)) == "00:00:00:10"


def test_timecode_that_is_none_at_this_rate_is_passed_over(plain: Path, tmp_path: Path) -> None:
    path = with_tags(plain, tmp_path / "a.mkv", timecode="99:00:00:45")
    assert read_facts(Media(path), F(25)).timecode == ""


def test_sound_without_pictures(tmp_path: Path) -> None:
    path = tmp_path / "music.wav"
    with av.open(path, "w") as out:
        stream = out.add_stream("pcm_s16le", rate=44100, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=4410)
        frame.sample_rate = 44100
        frame.planes[0].update(bytes(8820))
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    found = read_facts(Media(path), F(25))
    assert (found.found, found.pictures) == (True, False)
    assert found.audio is not None
    assert (found.audio.rate, found.audio.channels, found.duration) == (44100, 1, F(1, 10))


def test_missing_and_broken_files_are_said_and_counted_from_zero(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    gone = Media(tmp_path / "gone.mov", available=TimeRange(F(0), F(40)))
    clips = (Clip(gone, F(1), 25), Clip(Media(tmp_path / "text.mp4"), F(1), 25), Gap(5))
    sound = Sound(Media(tmp_path / "none.wav"))
    film = Timeline("F", F(25), Layout.single(64, 36), (Track("recut", clips),), sound)
    facts, notes = facts_of(film)
    assert [one.found for one in facts.values()] == [False] * 3
    assert facts[gone.path] == Facts(gone.path, NOT_THERE, duration=F(40))
    assert len(notes) == 3
    assert "gone.mov could not be asked" in notes[0].text
    assert "00:00:00:00" in notes[0].text


def test_timecode_in_the_counting_of_the_timeline() -> None:
    one = Facts(Path("a.mov"), timecode="01:00:00;00", rate=NTSC)
    assert one.first_in(Counting.of(NTSC)) == 107_892
    assert Counting(25).label(one.first_in(Counting(25))) == "01:00:00:00"
    same = Facts(Path("a.mov"), timecode="01:00:00:10", rate=F(24))
    assert same.first_in(Counting.of(F(24000, 1001))) == 86_410
