"""What several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: no test fails because others work on it, too.
settings.register_profile("kuleshov", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kuleshov")


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
        for name in ("SOURCES", "PREVIEWS", "PROXIES"):
            patch.setenv(f"KULESHOV_{name}", str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(autouse=True)
def _no_real_time() -> Iterator[None]:
    """Fail a test after which its process comes before all others: a machine would stand still."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
