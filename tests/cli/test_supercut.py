"""`kuleshov supercut` and `kuleshov duplicates`, on small films, and what they refuse."""

import json

import numpy as np
import pytest
from click import UsageError as CallError
from click.testing import CliRunner

from films import clicks, flat, make_film, read_film, read_sound
from kuleshov.archive.archive import write_archive
from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.desk.desk import Desk
from kuleshov.errors import KuleshovError, UsageError
from kuleshov.models import runtime
from kuleshov.project.file import read_otio
from kuleshov.timeline import ClipSound

pytestmark = pytest.mark.slow

SIZE = (96, 64)


def scene(seed: int, count: int = 30):
    """A picture with things in it that drift."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    spots = rng.uniform(0, 1, (6, 4))
    for frame in range(count):
        picture = flat(60 + 20 * (seed % 4), 110 + 6 * (seed % 5), 120, size=SIZE)
        luma = picture[: SIZE[1]].astype(float)
        for a, b, size, light in spots:
            near = (x - a * SIZE[0] - frame / 8) ** 2 + (y - b * SIZE[1]) ** 2
            luma += (light * 160 - 60) * (near < (4 + size * 12) ** 2)
        picture[: SIZE[1]] = np.clip(luma, 16, 235).astype(np.uint8)
        yield picture


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("supercut")
    (folder / "films").mkdir()
    for number, seeds in enumerate([(1, 2, 3), (4, 5, 6)]):
        sound = clicks([0.5, 1.5, 2.5], 4.5)
        pictures = (picture for seed in seeds for picture in scene(seed))
        make_film(folder / "films" / f"{number}.mp4", pictures, 20, sound=sound)
    small = (picture for seed in (1, 2, 3) for picture in scene(seed))
    make_film(folder / "films" / "copy.mp4", small, 20, options={"crf": "30"})
    root = folder / "archive"
    with Desk(root) as desk:
        assert not desk.index([folder / "films"]).failed
    with write_archive(root) as opened:
        films = {one.path.name: one for one in opened.catalogue.all()}
        every = {
            name: [shot.index for shot in opened.catalogue.shots(one.id)]
            for name, one in films.items()
        }
        for name in ("0.mp4", "1.mp4"):
            opened.catalogue.bin_table.add("all", films[name].checksum, every[name])
    return root


def call(verb, root, *words):
    arguments = [verb, *map(str, words), "--archive", str(root)]
    return CliRunner().invoke(main, arguments, catch_exceptions=False, standalone_mode=False)


def test_a_supercut_of_a_bin(archive, tmp_path):
    out = tmp_path / "cut.mp4"
    words = ("--bin", "all", "-o", out, "--length", 4, "--shot", "0.5-1", "--order", "flow")
    made = json.loads(call("supercut", archive, *words, "--preset", "ultrafast", "--json").stdout)
    assert made["films"][0]["frames"] == len(read_film(out)) <= 80
    assert made["films"][0]["sound"] == "encoded"
    assert made["films"][0]["width"] == SIZE[0]
    film = read_otio(tmp_path / "cut.otio")
    assert film.sound == ClipSound()
    assert film.rate == 20
    data, rate, _ = read_sound(out)
    assert abs(data.shape[1] / rate - film.duration / 20) < 0.1
    assert (tmp_path / "cut.sheet.png").is_file()
    again = call("supercut", archive, *words, "--sound", "none", "--credits", "--json")
    made = json.loads(again.stdout)
    assert made["films"][0]["sound"] == "none"
    assert len(made["credits"]) == 2
    assert (tmp_path / "cut.1.otio").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bin", "all", "--shot", "3-1"), "least and the greatest"),
        (("--bin", "all", "--shot", "x"), "is not a length"),
        (("--bin", "all", "--length", "0"), "--length must be above 0"),
        (("--bin", "all", "--rate", "fast"), "is not a frame rate"),
        (("--bin", "all", "--layout", "inset"), "no source"),
        (("--bin", "all", "--tone-match", "0.5"), "no source"),
        (("--bin", "nothing"), "There is no bin"),
        (("--bin", "all", "--music", "song.mp3", "--sound", "own"), "leave out --sound"),
        ((), "Say what to look for"),
        (("--bin", "all", "--shot", "50-60"), "Nothing that was found"),
        (("--like", "gone.mp4"), "not there"),
    ],
)
def test_what_is_refused_in_one_sentence(archive, tmp_path, words, said):
    with pytest.raises((CallError, KuleshovError, UsageError)) as caught:
        call("supercut", archive, *words, "-o", tmp_path / "cut.mp4")
    text = getattr(caught.value, "message", told(caught.value))
    assert said in text
    assert "\n" not in text
    assert not list(tmp_path.glob("cut*"))


def test_an_output_that_is_no_film_is_refused(archive, tmp_path):
    with pytest.raises(UsageError, match="must end in"):
        call("supercut", archive, "--bin", "all", "-o", tmp_path / "cut.gif")


def test_duplicates(archive):
    groups = json.loads(call("duplicates", archive, "--json").stdout)["groups"]
    assert [group["kind"] for group in groups] == ["copies"]
    names = [one["path"].rpartition("/")[2] for one in groups[0]["footage"]]
    assert names == ["0.mp4", "copy.mp4"]
    assert groups[0]["best"].endswith("0.mp4")
    lines = call("duplicates", archive).stdout.splitlines()
    assert lines[0] == "Copies, the best first:"
    assert lines[-1] == 'To leave the copies out: --exclude "copy.mp4"'
    alone = call("duplicates", archive, "--exclude", "copy.mp4").stdout
    assert alone == "No material was found in more than one file.\n"


def test_what_only_reads_rows_compiles_no_network(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "openvino", lambda: pytest.fail("a network is compiled"))
    assert json.loads(call("info", archive, "--json").stdout)["footage"]
    assert json.loads(call("duplicates", archive, "--json").stdout)["groups"]
    small = ("--length", 1, "-o")
    call("supercut", archive, "--bin", "all", *small, tmp_path / "cut.mp4", "--shot", "0.5-1")
    call("grid", archive, "--clusters", 1, "--size", "2x1", *small, tmp_path / "grid.png")
    call("gif", archive, "--bin", "all", "-o", tmp_path / "one.gif")
    assert len(list(tmp_path.glob("*.otio"))) >= 2
    assert json.loads(call("search", archive, "--bin", "all", "--json").stdout)["hits"]
    answers = json.loads(call("search", archive, "static shot, close-up", "--json").stdout)
    assert answers["hits"]
