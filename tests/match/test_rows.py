from fractions import Fraction

import numpy as np
import pytest

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Catalogue, Place
from kuleshov.archive.store import FeatureTag
from kuleshov.features.analyse import ARCHIVE_GRID
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match.rows import ArchiveRows
from kuleshov.timecode import FrameRange


def test_matching_a_large_archive_holds_few_files_open(tmp_path):
    """Systems allow a process as few as 256 open files; an archive has thousands."""
    resource = pytest.importorskip("resource")  # not on Windows

    archive = Archive(tmp_path, Catalogue(tmp_path / "catalogue.sqlite"))
    tag = FeatureTag("subject", 1, "eye", "1", ARCHIVE_GRID)
    film = tmp_path / "film"
    film.touch()
    info = film.stat()
    video = Video("h264", 64, 36, Fraction(2), Fraction(1, 2))
    shot = Shot(0, FrameRange(0, 4), FrameRange(0, 4), Transition("none", FrameRange(0, 0)))
    for number in range(400):
        path = tmp_path / f"film{number}"
        path.hardlink_to(film)
        checksum = f"{number:064x}"
        archive.store.write_frames(checksum, np.arange(4), np.arange(4))
        rows = np.full((4, 8), number, np.float16)
        archive.store.write_features(checksum, tag, rows)
        place = Place(path, info.st_size, info.st_mtime_ns)
        archive.catalogue.add(checksum, 4, Fraction(2), Probe(video, None, 2.0), [shot], place)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        loaded = ArchiveRows.load(archive, [tag])
        assert (len(loaded.films), loaded.left_out) == (400, ())
        (block,) = loaded.blocks(["subject"])
        assert block.rows["subject"][::4, 0].tolist() == list(range(400))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        archive.close()
