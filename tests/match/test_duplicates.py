"""Copies among films whose prints are known, and on small real copies of a film."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from kuleshov.archive.catalogue import Location
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.facet import PRINT
from kuleshov.match.same import duplicates as module
from kuleshov.match.same.duplicates import (
    duplicates,
    grouped,
    quality,
    same_files,
    without_copies,
)
from kuleshov.match.same.prints import same_picture
from match.rows import film as numbered_film

CELLS = 16


def pictures(seed: int, count: int) -> np.ndarray:
    """(count, 16, 16): blobs that wander, as films have them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:1:16j, 0:1:16j]
    at, way = rng.random((8, 2)), rng.normal(0, 0.01, (8, 2))
    size, light = rng.uniform(0.05, 0.2, 8), rng.normal(0, 60, 8)
    frames = []
    for k in range(count):
        now = (at + way * k) % 1
        blobs = [
            bright * np.exp(-((y - b) ** 2 + (x - a) ** 2) / (2 * s * s))
            for (b, a), s, bright in zip(now, size, light, strict=True)
        ]
        frames.append(np.sum(blobs, axis=0))
    return np.array(frames)


def prints(frames: np.ndarray) -> np.ndarray:
    flat = frames.reshape(len(frames), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return (flat / np.maximum(length, 1e-6)).astype(np.float16)


def film(number: int, frames: np.ndarray, cuts: tuple[float, ...] = (), width: int = 64):
    one = numbered_film(number, len(frames) / 2, cuts)
    video = replace(one.footage.probe.video, width=width, height=width * 9 // 16)
    footage = replace(one.footage, probe=replace(one.footage.probe, video=video))
    return replace(one, footage=footage, rows={PRINT: prints(frames)})


def edited(*seeds: int, rows: int = 10) -> np.ndarray:
    return np.concatenate([pictures(seed, rows) for seed in seeds])


CUTS = (5, 10, 15)


def noisy(frames: np.ndarray, by: float = 2.0) -> np.ndarray:
    return frames * 0.8 + 10 + np.random.default_rng(9).normal(0, by, frames.shape)


def test_a_copy_a_part_and_a_mirror_image_are_found():
    whole = edited(1, 2, 3, 4)
    archive = ArchiveRows(
        [
            film(1, whole, CUTS),
            film(2, noisy(whole), CUTS, width=32),
            film(
                3, np.concatenate([pictures(7, 10), noisy(whole[20:30]), pictures(8, 10)]), (5, 10)
            ),
            film(4, whole[10:20, :, ::-1]),
            film(5, edited(11, 12, 13, 14), CUTS),
        ]
    )
    found = duplicates(archive)
    pairs = {(s.one.id, s.other.id): s for s in found}
    assert set(pairs) == {(1, 2), (1, 3), (2, 3), (1, 4), (2, 4)}
    assert len(found) == len(pairs)  # shots that follow one another are one part
    copy, part, mirror = pairs[1, 2], pairs[1, 3], pairs[1, 4]
    assert (copy.begin, copy.end, copy.other_begin) == (0, 20, 0)
    assert (part.begin, part.end, part.other_begin, part.other_end) == (10, 15, 5, 10)
    assert mirror.mirrored
    assert (mirror.begin, mirror.end, mirror.other_begin) == (5, 10, 0)
    assert not copy.mirrored
    groups = grouped(archive, found)
    assert [sorted(f.id for f in group.footage) for group in groups] == [[1, 2, 4], [1, 3], [2, 3]]
    assert [group.whole for group in groups] == [True, False, False]
    assert groups[0].footage[0].id == 1  # the largest


def test_flat_pictures_and_slow_gradients_are_no_copies():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    sky = np.repeat((100 - 40 * y - 9 * y * y)[None], 20, axis=0)
    flat = np.full((20, CELLS, CELLS), 90.0)
    lit = np.repeat((80 - 40 * y + 3 * x - 9 * y * y)[None], 20, axis=0)
    films = [sky, lit, flat, flat + 40, flat + rng.normal(0, 0.2, flat.shape)]
    films += [films[-1] + rng.normal(0, 0.2, flat.shape), np.zeros_like(flat)]
    noise = [frames + rng.normal(0, 0.05, frames.shape) for frames in films[:4]]
    archive = ArchiveRows([film(n, one, (5,)) for n, one in enumerate([*films, *noise], 1)])
    assert np.dot(prints(sky)[0].astype("f4"), prints(lit)[0].astype("f4")) > 0.95
    assert duplicates(archive) == []


def test_one_camera_position_is_not_told_of_many_times():
    """Of a static shot each instant of the other film is told of once."""
    still = np.repeat(pictures(3, 1), 30, axis=0)
    archive = ArchiveRows([film(1, noisy(still, 0.5), (5, 10)), film(2, still[:20], (3, 6))])
    found = duplicates(archive)
    told = sum(s.end - s.begin for s in found)
    assert 0 < told <= 10 * 1.3


@pytest.mark.slow
def test_many_rows_are_looked_up_as_well_as_few(monkeypatch):
    films = [film(n, edited(n, n + 100, n + 200, n + 300), CUTS) for n in range(1, 31)]
    films += [film(40 + n, noisy(edited(n + 100, n + 200)), (5,)) for n in range(1, 11)]
    archive = ArchiveRows(films)
    exact = duplicates(archive)
    assert {(s.one.id, s.other.id) for s in exact} == {(n, 40 + n) for n in range(1, 11)}
    monkeypatch.setattr(module, "_EXACT", 100)
    assert duplicates(archive) == exact


def test_the_best_file_is_the_largest_then_the_longest_then_the_richest():
    small, large = (film(1, edited(1, 2), width=w).footage for w in (32, 640))
    longer = replace(small, duration=small.duration + Fraction(3))
    ranked = sorted([small, longer, large], key=quality, reverse=True)
    assert ranked == [large, longer, small]


def test_how_far_prints_are_the_same():
    one = prints(pictures(1, 4)).astype(np.float32)
    assert same_picture(one, one).min() > 0.99
    assert same_picture(one, prints(pictures(2, 4)).astype(np.float32)).max() < 0.9


@pytest.mark.parametrize("films", [[], [film(1, edited(1, 2), (5,))]])
def test_nothing_to_compare(films):
    archive = ArchiveRows(films)
    assert duplicates(archive) == []
    assert grouped(archive, []) == []


def test_of_each_copy_only_the_best_is_left():
    whole = edited(1, 2, 3)
    poor = film(2, np.concatenate([noisy(whole[:20]), pictures(9, 10)]), (5, 10), width=32)
    archive = ArchiveRows([poor, film(1, whole, (5, 10)), film(3, edited(11, 12), (5,))])
    left = without_copies(archive)
    shots = {f.footage.id: [shot.index for shot in f.shots] for f in left.films}
    assert shots == {2: [2], 1: [0, 1, 2], 3: [0, 1]}
    bare = ArchiveRows([replace(f, rows={}) for f in archive.films])
    assert without_copies(bare) is bare


def test_equal_files_are_listed_and_links_are_not(tmp_path):
    one, other = numbered_film(1, 12, (6.0,)), numbered_film(2, 12, (6.0,))
    paths = [tmp_path / name for name in ("flowers copy.mp4", "flowers.mp4", "link.mp4")]
    for path in paths[:2]:
        path.write_bytes(b"same")
    paths[2].symlink_to(paths[0])
    places = (
        *(Location(path, 4, 1) for path in paths),
        Location(tmp_path / "gone.mp4", 4, 1, True),
    )
    one = replace(one, footage=replace(one.footage, locations=places))
    ((footage, found),) = same_files(ArchiveRows([one, other]))
    assert footage.id == 1
    assert found == tuple(paths[:2])
