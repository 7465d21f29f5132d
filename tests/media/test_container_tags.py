import av
import pytest

from films import flat, make_film, tagged
from kuleshov.footage import Slate
from kuleshov.media.container_tags import slate_of
from kuleshov.media.decode import Film


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_says_who_made_it(name, tmp_path):
    tags = {
        "title": "Волны",
        "artist": "Anna Lind",
        "copyright": "CC BY 4.0",
        "comment": "From https://example.org/waves.",
    }
    with Film(tagged(tmp_path / name, tags)) as film:
        slate = film.probe.tags
    assert slate == Slate("Волны", "Anna Lind", "CC BY 4.0", "https://example.org/waves")


def test_a_film_without_tags_says_nothing(tmp_path):
    with Film(make_film(tmp_path / "a.mp4", [flat(90)] * 3)) as film:
        assert film.probe.tags == Slate()


def test_the_name_of_a_track_is_no_title(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", 25)
        stream.width, stream.height = 64, 48
        stream.metadata["title"] = "Main picture"
        frame = av.VideoFrame.from_ndarray(flat(90, size=(64, 48)), format="yuv420p")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with Film(path) as film:
        assert film.probe.tags == Slate()


@pytest.mark.parametrize(
    "tags",
    [
        {"title": "Clip 7.MOV"},
        {"title": "clip 7"},
        {"title": "Untitled"},
        {"title": "---"},
        {"title": "a\ufffd\ufffdb"},
        {"title": "word " * 200},
        {"artist": " \n "},
        {"comment": "made with an encoder"},
        {"encoder": "Lavf61", "handler_name": "VideoHandler"},
    ],
)
def test_tags_that_say_nothing_are_left_out(tags):
    assert slate_of(tags, name="Clip 7.mov") == Slate()


def test_the_container_wins_over_the_stream_and_lines_become_one():
    slate = slate_of({"TITLE": "One\nline"}, {"title": "Other", "ARTIST": "A"})
    assert slate == Slate(title="One line", author="A")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://creativecommons.org/licenses/by-sa/3.0/", "CC BY-SA 3.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        ("(c) 1998 Somebody", "(c) 1998 Somebody"),
    ],
)
def test_the_address_of_a_licence_is_its_name(written, meant):
    assert slate_of({"license": written}).licence == meant
