from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kuleshov.archive.archive import Archive
from kuleshov.archive.catalogue import Catalogue, Location
from kuleshov.archive.filters import parse_terms
from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.analyse import ARCHIVE_GRID
from kuleshov.features.encoder import Encoded
from kuleshov.features.facet import MATERIAL
from kuleshov.features.material import Trait
from kuleshov.features.specs import RowsSpec
from kuleshov.features.tone import Tone
from kuleshov.footage import Probe, Shot, Transition, Video
from kuleshov.match.align.scan import Hits
from kuleshov.timecode import FrameRange
from match.rows import film, query


@pytest.mark.slow
def test_matching_a_large_archive_holds_few_files_open(tmp_path):
    """Systems allow a process as few as 256 open files; an archive has thousands."""
    resource = pytest.importorskip("resource")  # not on Windows

    archive = Archive(tmp_path, Catalogue(tmp_path / "catalogue.sqlite"))
    tag = RowsSpec("subject", 1, "eye", "1", ARCHIVE_GRID)
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
        place = Location(path, info.st_size, info.st_mtime_ns)
        archive.catalogue.add(checksum, 4, Fraction(2), Probe(video, None, 2.0), [shot], place)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Half of them are for the archive; the other half holds what this process has open by now.
    held = sum(1 for _ in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(256, 2 * held + 64), hard))
    try:
        loaded = ArchiveRows.load(archive, [tag])
        assert (len(loaded.films), loaded.left_out) == (400, ())
        (block,) = loaded.blocks(["subject"])
        assert block.rows["subject"][::4, 0].tolist() == list(range(400))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        archive.close()


def test_shots_without_colour_are_known_as_such(tmp_path):
    """`--only bw` asks for them."""
    archive = Archive(tmp_path, Catalogue(tmp_path / "catalogue.sqlite"))
    path = tmp_path / "film"
    path.touch()
    info = path.stat()
    light = np.linspace(0.5, 1.5, 64)[:, None, None]
    grey, colour = (
        np.tile(light * shade, (4, 1, 64, 1)).astype(np.uint8)
        for shade in ((90, 90, 90), (160, 80, 40))
    )
    pictures = np.concatenate([grey, colour, grey, colour])
    rows = Tone().describe(
        Encoded(pictures, np.zeros((16, 1), np.float32), np.zeros((16, 1, 1, 1), np.float32))
    )
    material = np.zeros((16, len(Trait)), np.float16)
    material[:, Trait.PICTURE] = 1
    tags = [RowsSpec(name, 1, "eye", "1", ARCHIVE_GRID) for name in ("tone", MATERIAL)]
    shots = [
        Shot(n, FrameRange(4 * n, 4 * n + 4), FrameRange(4 * n, 4 * n + 4),
             Transition("cut" if n else "none", FrameRange(4 * n, 4 * n)))
        for n in range(4)
    ]  # fmt: skip
    checksum = f"{1:064x}"
    archive.store.write_frames(checksum, np.arange(16), np.arange(16))
    for tag, part in zip(tags, (rows, material), strict=True):
        archive.store.write_features(checksum, tag, part)
    video = Video("h264", 64, 64, Fraction(2), Fraction(1, 2))
    place = Location(path, info.st_size, info.st_mtime_ns)
    archive.catalogue.add(checksum, 16, Fraction(8), Probe(video, None, 8.0), shots, place)
    loaded = ArchiveRows.load(archive, tags)
    assert loaded.films[0].grey == {0, 2}
    bw = parse_terms(["bw"], []).apply(loaded, {})
    assert [shot.index for shot in bw.films[0].shots] == [0, 2]
    others = parse_terms([], ["bw"]).apply(loaded, {})
    assert [shot.index for shot in others.films[0].shots] == [1, 3]
    archive.close()


def test_records_that_hold_arrays_are_compared_and_kept_by_identity():
    one, other = film(1, 4), film(1, 4)
    asked = query(1, 0.0, 1.0)
    hits = Hits.joined([])
    assert [one] == [one]
    assert one != other
    assert len({one, other, asked, hits}) == 4
    (block,) = ArchiveRows([one]).blocks(["subject"])
    assert block in [block]
