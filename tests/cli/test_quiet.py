"""Nothing leaves the machine, and nothing is written but to Kuleshov's own folders.

Real verbs run in a process of their own, whose home is an empty folder, where `CI` is not set (many
libraries are quiet where it is) and where every look-up of a name and every connection is noted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.test_cli import scene
from films import clicks, make_film

pytestmark = pytest.mark.slow

WATCH = """
import os, sys
def watch(event, arguments):
    asked = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.connect",
             "socket.sendto", "socket.sendmsg")
    if event in asked:
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1:] if 'connect' in event else arguments}\\n")
sys.addaudithook(watch)
"""
VERBS = """
import sys
from kuleshov.cli.main import main
root = sys.argv[1]
for line in sys.argv[2:]:
    main.main([word.format(root) for word in line.split()], standalone_mode=False)
"""


def run(folder: Path, script: str, *arguments: str) -> tuple[str, set[str]]:
    """Run a script as on a new user's machine: what was asked of the network, and the files that
    are in the home folder afterwards."""
    home, watch = folder / "home", folder / "watch"
    home.mkdir()
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    for name in (
        "CI",
        "KULESHOV_ARCHIVE",
        "KULESHOV_SOURCES",
        "KULESHOV_PREVIEWS",
        "KULESHOV_PROXIES",
        "NUMBA_CACHE_DIR",
        "TF_BUILD",
        "JENKINS_URL",
    ):
        kept.pop(name, None)
    path = os.pathsep.join([str(watch), *filter(None, sys.path)])
    asked = folder / "asked"
    asked.touch()
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), *arguments],
        env={**kept, "HOME": str(home), "PYTHONPATH": path, "WATCHED": str(asked)},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = {str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()}
    return asked.read_text(), written


def own(written: set[str]) -> bool:
    """Whether all these files of a home folder are in Kuleshov's own folders, on any system."""
    return all("kuleshov" in Path(name).parts[:-1] for name in written)


def test_the_watch_sees_what_it_is_there_for(tmp_path: Path) -> None:
    script = (
        "import socket, pathlib\n"
        "try: socket.getaddrinfo('kuleshov.invalid', 80)\n"
        "except OSError: pass\n"
        "pathlib.Path.home().joinpath('trace').touch()"
    )
    asked, written = run(tmp_path, script)
    assert "kuleshov.invalid" in asked
    assert not own(written)


def test_verbs_ask_nobody_and_write_to_their_own_folders_only(tmp_path: Path) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    for film in range(2):
        pictures = [*scene(10 + film, 40, film * 200), *scene(42 + film, 40, film * 200 + 40)]
        make_film(folder / f"film{film}.mp4", pictures, 25)
    source = [p for shot in range(2) for p in scene(70 + shot, 25, 2000 + shot * 25)]
    make_film(tmp_path / "source.mp4", source, 25, sound=clicks([0.5], 2.1), sound_rate=48000)
    asked, written = run(
        tmp_path, VERBS,
        "index {}/footage",
        "recut {}/source.mp4 -o {}/out.mp4",
        "search a+checkerboard --sheet {}/found.png",
        "shots {}/source.mp4 --tags",
        "see look sea {}/source.mp4 -o {}/seen.mp4 --size 64x64",
        "info",
    )  # fmt: skip
    assert asked == ""
    assert own(written), written
    assert {"out.mp4", "seen.mp4", "found.png"} <= {p.name for p in tmp_path.iterdir()}


def test_the_beats_of_a_song_leave_nothing_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("librosa")
    song = clicks([n / 2 for n in range(16)], 8)
    make_film(tmp_path / "song.mov", scene(1, 5, 0), 25, sound=song, sound_rate=48000)
    script = (
        "import pathlib, sys\n"
        "from kuleshov.media.beats import beats\n"
        "assert len(beats(pathlib.Path(sys.argv[1]) / 'song.mov')[0])\n"
        "from numba import jit\n"
        "import librosa.util.utils as compiled\n"
        "print(compiled._localmax)"
    )
    asked, written = run(tmp_path, script)
    assert asked == ""
    assert own(written), written


def test_an_encoder_that_is_there_is_not_asked_after(tmp_path: Path) -> None:
    pytest.importorskip("open_clip_train", reason="open_clip is not installed")
    from features.clip_model import make_model

    make_model(tmp_path / "model")
    # The first call may find a torchvision that does not fit; by then what must be said is said.
    script = (
        "import sys\n"
        "from features.clip_model import imported\n"
        "from kuleshov.errors import ModelError\n"
        "from kuleshov.features.clip import OpenClip\n"
        "try: OpenClip(f'local-dir:{sys.argv[1]}/nothing')\n"
        "except ModelError: imported()\n"
        "from huggingface_hub import constants\n"
        "assert constants.HF_HUB_DISABLE_TELEMETRY\n"
        "OpenClip(f'local-dir:{sys.argv[1]}/model').words(['a wave'])\n"
        "assert not constants.HF_HUB_OFFLINE\n"
    )
    asked, written = run(tmp_path, script)
    assert asked == ""
    assert own(written), written
