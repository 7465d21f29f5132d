"""What there is, and forgetting what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kuleshov.archive.sources import SourceCache
from kuleshov.desk.holdings import forget_networks, forget_previews, forget_sources, holdings
from kuleshov.desk.preview import PreviewCache
from kuleshov.errors import ArchiveError
from kuleshov.models import runtime


def test_where_there_is_no_archive_none_is_made(tmp_path: Path) -> None:
    there = holdings(tmp_path / "nowhere")
    assert not there.exists
    assert there.footage == ()
    assert not (tmp_path / "nowhere").exists()
    data = there.as_data()
    assert json.loads(json.dumps(data)) == data
    assert {model["name"] for model in data["models"]} >= {"transnetv2", "efficientnet-lite0"}


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    with pytest.raises(ArchiveError):
        holdings(tmp_path / "film.mp4")


def test_what_was_seen_of_sources_is_forgotten_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULESHOV_SOURCES", str(tmp_path))
    (tmp_path / "a film.mp4").write_bytes(b"film")
    SourceCache(tmp_path).put("a" * 64, {}, {})
    before = holdings(tmp_path / "nowhere").sources
    assert before.entries == 1
    assert before.bytes > 0
    assert forget_sources() == before
    assert holdings(tmp_path / "nowhere").sources.entries == 0
    assert (tmp_path / "a film.mp4").exists()


@pytest.mark.parametrize("name", ["KULESHOV_PREVIEWS", "KULESHOV_PROXIES"])
def test_previews_and_proxies_are_forgotten_and_no_other_file_of_the_folder_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "a film.mp4").write_bytes(b"film")
    cache = PreviewCache()
    part = cache.made if name == "KULESHOV_PREVIEWS" else cache.proxies.kept
    part.put("aa/piece.mp4", b"12345")
    there = holdings(tmp_path / "nowhere")
    told = there.previews if name == "KULESHOV_PREVIEWS" else there.proxies
    assert (told.usage.entries, told.usage.bytes) == (1, 5)
    part.limit = 6
    part.put("bb/piece.mp4", b"678")  # too much: what was not used for longest goes
    assert (tmp_path / "a film.mp4").exists()
    assert forget_previews() >= 3
    assert part.usage().entries == 0
    assert (tmp_path / "a film.mp4").exists()


def test_compiled_networks_are_forgotten_and_said_with_their_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_default_cache", lambda: tmp_path)
    (tmp_path / "of_one_network").mkdir()
    (tmp_path / "of_one_network" / "1.blob").write_bytes(b"12345")
    (tmp_path / "a film.mp4").write_bytes(b"film")
    told = holdings(tmp_path / "nowhere").compiled
    assert told.as_data() == {
        "folder": str(tmp_path),
        "files": 1,
        "bytes": 5,
        "limit": runtime.LIMIT,
    }
    assert forget_networks().bytes == 5
    assert [path.name for path in tmp_path.iterdir()] == ["a film.mp4"]
