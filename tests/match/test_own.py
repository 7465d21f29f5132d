"""The source's own material, by prints as films have them."""

from dataclasses import replace

import numpy as np

from kuleshov.archive.rows import ArchiveRows
from kuleshov.features.facet import PRINT
from kuleshov.match.same.own import NOTHING, own_material
from match.test_duplicates import CUTS, edited, film, noisy, pictures, prints


def ranges(source, *films):
    own = own_material(prints(source), ArchiveRows(films))
    return {number: held.tolist() for number, held in own.ranges.items()}


def test_copies_and_mirrored_copies_are_the_sources_own_within_their_shot():
    part = pictures(2, 10)
    found = ranges(
        noisy(part),
        film(1, edited(1, 2, 3, 4), CUTS),
        film(2, edited(1, 2, 3, 4)[:, :, ::-1], CUTS),
        film(3, edited(5, 6, 7, 8), CUTS),
    )
    assert set(found) == {1, 2}
    for held in found.values():
        assert min(low for low, _ in held) == 5
        assert max(high for _, high in held) == 10


def test_flat_pictures_are_not_the_sources_own_by_chance():
    y, _ = np.mgrid[-1:1:16j, -1:1:16j]
    sky = np.repeat((100 - 40 * y)[None], 10, axis=0)
    rng = np.random.default_rng(0)
    assert ranges(sky, film(1, sky + rng.normal(0, 1, sky.shape))) == {}
    # Where the shot surely is the source's, its flat end is, too.
    shot = np.concatenate([pictures(2, 6), sky[:4]])
    ((held),) = ranges(shot, film(1, noisy(shot, by=0.5))).values()
    assert max(high for _, high in held) == 5


def test_a_shot_that_is_mostly_the_sources_is_gone_and_one_of_which_a_bit_is_stays():
    whole = film(1, edited(1, 2, 3, 4), CUTS)
    own = own_material(
        prints(np.concatenate([pictures(2, 10), pictures(3, 10)[:2]])), ArchiveRows([whole])
    )
    (left,) = own.left_of(ArchiveRows([whole])).films
    numbers = [shot.index for shot in left.shots]
    assert 0 in numbers
    assert 1 not in numbers
    assert own.shows(whole, 10.0, 10.4)
    assert not own.shows(whole, 0.0, 4.9)


def test_what_has_no_prints_has_nothing_of_its_own():
    bare = film(1, edited(1, 2, 3, 4), CUTS)
    assert own_material(None, ArchiveRows([bare])) is NOTHING
    without = replace(bare, rows={name: r for name, r in bare.rows.items() if name != PRINT})
    assert own_material(prints(edited(1)), ArchiveRows([without])).ranges == {}
