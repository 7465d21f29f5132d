"""What several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def footage() -> Path:
    """A folder of real films: `KULESHOV_FOOTAGE`, else `shared/footage` beside the repository."""
    named = os.environ.get("KULESHOV_FOOTAGE")
    folder = Path(named or Path(__file__).parents[2] / "shared" / "footage")
    if not folder.is_dir():
        pytest.skip(f"there is no real footage in {folder}: name a folder in KULESHOV_FOOTAGE")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _own_sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What was seen of sources is kept in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KULESHOV_SOURCES", str(tmp_path_factory.mktemp("sources")))
        yield
