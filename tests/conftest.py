"""What several test files share."""

from __future__ import annotations

import os
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
