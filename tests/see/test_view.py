"""Whole films and pictures through lenses, and the verb."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import accumulate

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from films import (
    bars_around,
    flat,
    make_film,
    noise,
    numbered,
    read_film,
    read_number,
    read_sound,
    turn,
)
from kuleshov.cli.main import main
from kuleshov.errors import KuleshovError, MediaError, UsageError
from kuleshov.footage import Bars
from kuleshov.see import bundled
from kuleshov.see.abstraction import Abstraction
from kuleshov.see.camera import LookOptions
from kuleshov.see.films import CrossFade, ViewOptions, view
from kuleshov.see.lens import write_lens
from see.tiny import lens, tinted
from told import Told, stops_anywhere

pytestmark = pytest.mark.slow

SHARP = Abstraction(1)  # numbered pictures can still be read
PLAIN = LookOptions(size=96, smoothing=1, drift=0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def looked(cache):
    """A source through a lens that passes on what it is given."""

    def made(source, out, *lenses, look=PLAIN, **options):
        whole = ViewOptions(look, cache=cache, threads=1, **options)
        return view(source, lenses or [sharp()], out, whole)

    return made


def sharp():
    plain = lens()
    return type(plain)("sharp", plain.network, 96, SHARP)


def times_of(path):
    seen = read_film(path)
    return [float(one.time - seen[0].time) for one in seen]


def test_a_film_keeps_its_frames_and_its_sound(tmp_path, looked):
    sound = noise(2.0)
    source = make_film(tmp_path / "a.mp4", numbered(50), sound=sound)
    seen = looked(source, tmp_path / "out.mp4")
    assert (seen.frames, seen.width, seen.height) == (50, 170, 96)
    assert (seen.sound, seen.warnings) == ("copied", ())
    shown = read_film(tmp_path / "out.mp4")
    assert [one.number for one in shown] == list(range(50))
    ours, theirs = read_sound(tmp_path / "out.mp4"), read_sound(source)
    assert np.array_equal(ours[0], theirs[0])
    assert ours[1:] == theirs[1:]


def test_a_variable_rate_keeps_its_count_and_its_times(tmp_path, looked):
    steps = [1, 1, 3, 1, 5, 2, 1, 1, 9, 1, 1, 2]
    times = [Fraction(step, 30) for step in accumulate(steps)]
    source = make_film(tmp_path / "v.mkv", numbered(12), times=times, sound=noise(1.0))
    seen = looked(source, tmp_path / "out.mp4")
    assert seen.frames == 12
    assert [one.number for one in read_film(seen.path)] == list(range(12))
    assert times_of(seen.path) == pytest.approx(times_of(source), abs=0.0011)


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(50)])
def test_rates_stay_exact(tmp_path, looked, rate):
    source = make_film(tmp_path / "a.mp4", numbered(30), rate=rate)
    looked(source, tmp_path / "out.mp4")
    with av.open(tmp_path / "out.mp4") as film:
        stream = film.streams.video[0]
        assert (stream.average_rate, stream.frames) == (rate, 30)


def test_films_stand_upright_and_keep_their_shape(tmp_path, looked):
    turned = make_film(tmp_path / "p.mp4", numbered(3, (180, 320)), rotation=90)
    seen = looked(turned, tmp_path / "turned.mp4")
    assert (seen.width, seen.height) == (170, 96)
    wide = make_film(tmp_path / "w.mp4", numbered(3, (160, 180)), aspect=Fraction(2))
    seen = looked(wide, tmp_path / "wide.mp4")
    assert (seen.width, seen.height) == (170, 96)
    assert [one.number for one in read_film(seen.path)] == [0, 1, 2]
    tall = make_film(tmp_path / "t.mp4", numbered(3, (120, 260)))
    seen = looked(tall, tmp_path / "tall.mp4")
    assert (seen.width, seen.height) == (96, 208)


@pytest.mark.parametrize("degrees", [0, 90])
def test_black_bars_are_no_part_of_the_picture(tmp_path, looked, degrees):
    bars = Bars(left=8, top=40, right=4, bottom=30)
    pictures = [bars_around(flat(170 + k, size=(240, 120)), bars) for k in range(12)]
    source = make_film(tmp_path / "a.mp4", pictures)
    if degrees:
        turn(source, degrees)
    seen = looked(source, tmp_path / "out.mp4", panels=("source",))
    longer, shorter = max(seen.width, seen.height), min(seen.width, seen.height)
    assert shorter == 96
    assert longer / shorter == pytest.approx(2, abs=0.06)
    assert (seen.width > seen.height) is (degrees == 0)
    assert min(one.luma.min() for one in read_film(seen.path)) > 150, "no bar is left"
    whole = looked(source, tmp_path / "whole.mp4", panels=("source",), bars=True)
    assert min(one.luma.min() for one in read_film(whole.path)) < 30


def test_panels_stand_side_by_side(tmp_path, looked):
    source = make_film(tmp_path / "a.mp4", numbered(4))
    seen = looked(source, tmp_path / "o.mp4", panels=("source", "input", "result"))
    assert (seen.width, seen.height) == (510, 96)
    for number, one in enumerate(read_film(seen.path)):
        parts = np.split(one.luma, 3, axis=1)
        assert [read_number(part) for part in parts] == [number] * 3
        assert np.abs(parts[1].astype(int) - parts[2]).mean() < 3


def test_all_panels_are_mirrored_and_cropped_alike(tmp_path, looked):
    source = make_film(tmp_path / "a.mp4", numbered(2))
    look = LookOptions(size=96, smoothing=1, mirror=True)
    panels = ("source", "result")
    seen = looked(source, tmp_path / "o.mp4", panels=panels, look=look)
    for number, one in enumerate(read_film(seen.path)):
        parts = np.split(one.luma, 2, axis=1)
        assert [read_number(part, mirrored=True) for part in parts] == [number] * 2
    look = LookOptions(size=96, smoothing=1, crop=0.5)
    seen = looked(source, tmp_path / "c.mp4", panels=panels, look=look)
    first, other = np.split(read_film(seen.path)[0].luma.astype(int), 2, axis=1)
    assert np.abs(first - other).mean() < 3
    whole = read_film(source)[0].luma[45:135, 80:240]
    assert abs(first.mean() - whole.mean()) < 3


def test_colours_of_the_source_are_kept_beside_the_result(tmp_path, looked):
    for matrix, size in ((6, (320, 180)), (1, (1280, 720))):
        red = flat(81, 90, 240, size) if matrix == 6 else flat(63, 102, 240, size)
        source = make_film(tmp_path / f"{matrix}.mp4", [red] * 2)
        seen = looked(source, tmp_path / "o.mp4", panels=("source", "result"))
        with av.open(seen.path) as film:
            # What is written has few lines and is BT.601 therefore.
            shown = next(film.decode(video=0)).to_ndarray(format="rgb24")
        assert shown[40, 40] == pytest.approx([255, 0, 0], abs=8), matrix


def test_two_lenses_are_cross_faded_over_the_film(tmp_path, looked):
    source = make_film(tmp_path / "a.mp4", [flat(120)] * 50)
    lenses = tinted("dark", 0, 0, 0), tinted("bright", 1, 1, 1)
    seen = looked(source, tmp_path / "o.mp4", *lenses)
    light = [one.luma.mean() for one in read_film(seen.path)]
    assert light[0] == pytest.approx(16, abs=2)
    assert light[25] == pytest.approx(16 + 219 / 2, abs=5)
    assert light[-1] > 225
    assert all(np.diff(light) > 0)
    fade = CrossFade(Fraction(1), Fraction(3, 2))
    light = [
        one.luma.mean()
        for one in read_film(looked(source, tmp_path / "p.mp4", *lenses, fade=fade).path)
    ]
    assert light[25] == pytest.approx(16, abs=2)
    assert light[38] == pytest.approx(235, abs=2)


def test_a_cross_fade_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match="cannot end"):
        CrossFade(Fraction(2), Fraction(1))
    assert CrossFade(Fraction(1), Fraction(1)).weight(Fraction(1), Fraction(9)) == 1


def test_a_picture_gives_a_picture(tmp_path, looked):
    given = np.zeros((180, 320, 3), np.uint8)
    given[:, 160:] = (250, 250, 250)
    for name in ("a.png", "a.jpg", "a.webp"):
        Image.fromarray(given).save(tmp_path / name)
        seen = looked(tmp_path / name, tmp_path / f"out-{name}")
        with Image.open(seen.path) as shown:
            assert shown.size == (170, 96)
            light = np.asarray(shown.convert("L"))
        assert light[:, :70].mean() < 8
        assert light[:, 100:].mean() > 240
    turned = Image.Exif()
    turned[0x112] = 6  # to be turned clockwise
    Image.fromarray(given).save(tmp_path / "turned.jpg", exif=turned)
    seen = looked(tmp_path / "turned.jpg", tmp_path / "upright.png")
    assert (seen.width, seen.height) == (96, 170)
    with Image.open(seen.path) as shown:
        assert np.asarray(shown)[150:].mean() > 240


def test_what_is_written_must_fit_what_is_given(tmp_path, looked):
    film = make_film(tmp_path / "a.mp4", numbered(2))
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="is a film"):
        looked(film, tmp_path / "o.png")
    with pytest.raises(UsageError, match="is a picture"):
        looked(tmp_path / "a.png", tmp_path / "o.mp4")
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(MediaError, match="no film"):
        looked(tmp_path / "text.mp4", tmp_path / "o.mp4")
    assert not (tmp_path / "o.mp4").exists()


def test_a_gif_becomes_a_film_with_its_delays(tmp_path, looked):
    pictures = [Image.new("L", (120, 90), 20 * k) for k in range(1, 6)]
    delays = [100, 40, 200, 60, 100]  # milliseconds
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=delays)
    seen = looked(path, tmp_path / "o.mp4")
    assert seen.frames == 5
    assert times_of(seen.path) == pytest.approx([0, 0.1, 0.14, 0.34, 0.4])


def test_stopping_leaves_nothing(tmp_path, cache):
    source = make_film(tmp_path / "a.mp4", numbered(20))
    folder = tmp_path / "out"
    folder.mkdir()
    options = ViewOptions(PLAIN, cache=cache)
    stops_anywhere(
        lambda job: view(source, [sharp()], folder / "o.mp4", options, job), folder=folder
    )

    class Interrupted(Told):
        def moved(self, step):
            super().moved(step)
            if step.done == 5:
                raise KeyboardInterrupt

    job = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        view(source, [sharp()], folder / "o.mp4", options, job)
    assert job.moves[-1][1:] == (5, 20)
    assert not list(folder.iterdir())


def call(*args):
    return CliRunner().invoke(main, ["see", *map(str, args)])


@pytest.mark.slow
def test_the_verb_looks_and_says_what_it_wrote(tmp_path):
    source = make_film(tmp_path / "a.mp4", numbered(5))
    write_lens(sharp(), tmp_path / "sharp.see")
    out = tmp_path / "deep" / "o.mp4"
    found = call("look", tmp_path / "sharp.see", source, "-o", out, "--side-by-side", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["frames"] == 5
    assert (told["width"], told["height"]) == (340, 96)
    assert out.is_file()
    plain = call("look", tmp_path / "sharp.see", source, "-o", out, "--size", "128x64")
    assert "5 frames of 128x64, sound none" in plain.stdout


def test_wrong_calls_are_refused_before_anything_is_done(tmp_path):
    source = make_film(tmp_path / "a.mp4", numbered(2))
    write_lens(sharp(), tmp_path / "a.see")
    given = (tmp_path / "a.see", source, "-o")
    for args in (
        (*given, tmp_path / "o.avi"),
        (*given, tmp_path),
        (*given, source),
        (*given, tmp_path / "o.mp4", "--mix-to", "2"),
        (*given, tmp_path / "o.mp4", "--size", "large"),
    ):
        done = call("look", *args)
        assert done.exit_code == 2 or isinstance(done.exception, UsageError)
    for args in ((*given, tmp_path / "o.mp4", "--smoothing", "0"), ("no", source, "-o", "o.mp4")):
        assert isinstance(call("look", *args).exception, KuleshovError)


def test_a_bundled_lens_is_called_by_its_name(tmp_path, monkeypatch):
    write_lens(sharp(), tmp_path / "sea.see")
    assert bundled.lens_path("sea", tmp_path) == tmp_path / "sea.see"
    assert bundled.lens_path(str(tmp_path / "sea.see")) == tmp_path / "sea.see"
    with pytest.raises(KuleshovError, match="bundled ones: sea"):
        bundled.lens_path("fire", tmp_path)
    with pytest.raises(KuleshovError, match="is a folder"):
        bundled.lens_path(str(tmp_path))


def test_what_a_lens_is_made_of_is_told(tmp_path):
    write_lens(lens("waves"), tmp_path / "w.see")
    found = call("lenses", tmp_path / "w.see")
    assert "240 pictures of sea.mp4 (The sea, N. N., https://example.org/sea): CC0-1.0" in (
        found.stdout
    )
    told = json.loads(call("lenses", tmp_path / "w.see", "--json").stdout)
    assert told["name"] == "waves"
    assert told["origins"][0]["licence"] == "CC0-1.0"
    assert call("lenses").exit_code == 0
