"""The examples in docs/python.md run, one after another; the public face is what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kuleshov
from cli.test_cli import scene
from films import make_film, read_film

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KULESHOV_SOURCES", str(tmp_path / "sources"))
    (tmp_path / "footage").mkdir()
    for number in range(3):
        pictures = [*scene(10 + number, 40, 0), *scene(42 + number, 40, 60)]
        make_film(tmp_path / "footage" / f"film{number}.mp4", pictures, 25)
    make_film(tmp_path / "trailer.mp4", [*scene(71, 30, 100), *scene(72, 30, 200)], 25)
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 8
    exec(compile("\n".join(examples), str(PAGE), "exec"), {})
    assert len(read_film(tmp_path / "remade.mp4")) == 60
    assert (tmp_path / "remade.otio").exists()
    assert (tmp_path / "alike.gif").stat().st_size > 1000


def test_all_that_is_public_is_there_and_says_what_it_is() -> None:
    for name in kuleshov.__all__:
        found = getattr(kuleshov, name)
        assert isinstance(found, str) or found.__doc__, name
    assert set(kuleshov.__all__) == set(dir(kuleshov))
    with pytest.raises(AttributeError, match="nothing"):
        kuleshov.nothing  # noqa: B018


def test_importing_it_loads_nothing() -> None:
    heavy = "('numpy', 'av', 'openvino', 'click')"
    script = f"import sys, kuleshov; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
