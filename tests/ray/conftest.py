"""A real Ray cluster on this machine, and signs by which a test tells its actors what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuleshov.ray.cluster import Cluster
from ray_actors import QuickActor, SmallHolder


@pytest.fixture(scope="session")
def signs_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("signs")
    with pytest.MonkeyPatch.context() as patch:
        # What actors import, and where they look for signs; a cluster takes that from here.
        patch.setenv("PYTHONPATH", os.pathsep.join(_path()))
        patch.setenv("KULESHOV_SIGNS", str(folder))
        yield folder


@pytest.fixture
def signs(signs_folder: Path) -> Path:
    """A folder in which a file tells an actor what to do over which film or question."""
    for sign in signs_folder.iterdir():
        sign.unlink()
    return signs_folder


def _path() -> list[str]:
    tests = Path(__file__).parents[1]
    return [str(tests), str(tests.parent / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]


@pytest.fixture(scope="session")
def cluster(signs_folder: Path) -> Iterator[Cluster]:
    try:
        import ray
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("Ray is not installed, and under CI nothing is skipped")
        pytest.skip("Ray is not installed")
    with Cluster.joined("local"):
        yield Cluster(ray, QuickActor, SmallHolder)
