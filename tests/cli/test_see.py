"""`kuleshov see train`: from footage to a lens, refusals, and being killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kuleshov.cli.hints import told
from kuleshov.cli.main import main
from kuleshov.errors import KuleshovError
from kuleshov.see.lens import read_lens

pytestmark = pytest.mark.slow

SMALL = ("--size", "64", "--no-base", "--patience", "0")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 pictures of one material, sharp and unlike each other."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(40):
        coarse = random.integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC)
        grain = random.integers(-25, 26, (96, 128, 1))
        pixels = np.clip(np.asarray(picture, np.int16) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit status and all output of `kuleshov ARGUMENTS`, in this process."""
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        error = result.exception
        said = told(error) if isinstance(error, KuleshovError) else error
        return 1, f"{result.output}{said}"
    return result.exit_code, result.output


def test_from_pictures_to_a_lens_that_can_be_looked_through(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "grain.see"
    code, said = run("see", "train", pictures, "-o", out, *SMALL, "--steps", "2", "--json")
    assert code == 0, said
    answer = json.loads(said[said.index("{") :])
    assert (answer["steps"], answer["ended"], answer["pictures"]) == (2, "steps", 40)
    folder = tmp_path / "grain.training"
    for name in ("pictures.jpg", "preview.png", "state.pt"):
        assert (folder / name).stat().st_size > 1000, name
    lens = read_lens(out)
    assert lens.name == "grain"
    assert sum(origin.pictures for origin in lens.origins) == 40
    code, said = run("see", "lenses", out)
    assert code == 0
    assert "2 steps" in said
    seen = tmp_path / "seen.png"
    code, said = run("see", "look", out, pictures / "00.png", "-o", seen)
    assert code == 0, said
    with Image.open(seen) as picture:
        assert min(picture.size) == 64
    code, said = run("see", "train", pictures, "-o", out, *SMALL, "--steps", "3")
    assert code != 0
    assert "--resume" in said
    code, said = run("see", "train", pictures, "-o", out, *SMALL, "--steps", "3", "--resume")
    assert code == 0, said
    assert "3 steps" in said
    shown = (folder / "pictures.jpg").read_bytes()
    for number in range(36):  # other footage
        Image.open(pictures / f"{number:02d}.png").transpose(Image.Transpose.ROTATE_90).save(
            tmp_path / f"{number:02d}.png"
        )
    other = [tmp_path / f"{number:02d}.png" for number in range(36)]
    code, said = run("see", "train", *other, "-o", out, *SMALL, "--steps", "4", "--resume")
    assert code != 0
    assert "other pictures" in said
    assert (folder / "pictures.jpg").read_bytes() == shown, "what it learnt from is still shown"


def test_a_sheet_alone_shows_what_would_be_taken(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.see"
    code, said = run("see", "train", pictures, "-o", out, *SMALL, "--sheet-only")
    assert code == 0, said
    assert (tmp_path / "a.training" / "pictures.jpg").exists()
    assert not out.exists()
    assert not (tmp_path / "a.training" / "state.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "a.mp4"), "must end in .see"),
        (("-o", "a.see", "--size", "100"), "in steps of 32"),
        (("-o", "a.see", "--minutes", "0"), "more than 0 minutes"),
        (("-o", "a.see", "--resume"), "no training to resume"),
        (("-o", "a.see", "--device", "abacus"), "cannot train on 'abacus'"),
    ],
)
def test_wrong_calls_are_one_sentence(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run("see", "train", pictures, *arguments)
    assert code != 0
    assert said in output
    assert not list(tmp_path.glob("*.see"))


def test_few_pictures_are_refused_before_training(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes((pictures / f"{number:02d}.png").read_bytes())
    code, said = run("see", "train", folder, "-o", tmp_path / "a.see", *SMALL)
    assert code != 0
    assert "3" in said
    assert not (tmp_path / "a.see").exists()
    code, said = run("see", "train", "-o", tmp_path / "a.see", *SMALL)
    assert code != 0
    assert "Name films, pictures or folders" in said


def test_a_killed_training_goes_on(pictures: Path, tmp_path: Path) -> None:
    out, state = tmp_path / "a.see", tmp_path / "a.training" / "state.pt"
    call = (sys.executable, "-m", "kuleshov", "see", "train", str(pictures), "-o", str(out), *SMALL)
    process = subprocess.Popen(
        [*call, "--minutes", "30", "--preview", "0.01"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 120
        while not state.exists() and time.monotonic() < until:
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.1)
        assert state.exists()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    import torch

    done = torch.load(state, weights_only=True)["trainer"]["step"]
    assert done > 0
    again = subprocess.run(
        [*call, "--steps", str(done + 2), "--resume", "--json"], capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["steps"] == done + 2
    assert read_lens(out).recipe["steps"] == done + 2


def test_the_sheet_alone_needs_no_pytorch(pictures: Path, tmp_path: Path) -> None:
    """In an environment that cannot import it; training there says what to install."""
    without = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'onnx'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "import importlib.util\n"
        "known = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n: None if n in ('torch', 'onnx') else known(n)\n"
        "from kuleshov.cli.main import run\n"
        "run()\n"
    )

    def train(*more: str) -> subprocess.CompletedProcess[str]:
        words = ["see", "train", str(pictures), "-o", str(tmp_path / "a.see"), "--size", "64"]
        return subprocess.run(
            [sys.executable, "-c", without, *words, *more], capture_output=True, text=True
        )

    done = train("--sheet-only")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.training" / "pictures.jpg").stat().st_size > 1000
    done = train()
    assert done.returncode == 1
    assert "pip install 'kuleshov[see]'" in done.stderr
    assert "Traceback" not in done.stderr
