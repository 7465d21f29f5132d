"""Every detector, encoder and facet that has a name keeps its protocol's promises."""

from pathlib import Path

import numpy as np
import pytest

import kuleshov
from kuleshov.errors import UsageError
from kuleshov.features.encoder import ENCODERS, encoder
from kuleshov.features.facet import FACETS, Reference, Scale, facets, load_reference
from kuleshov.features.print import Print
from kuleshov.media.decode import Film
from kuleshov.media.scale import Scaler
from kuleshov.shots.detector import DETECTORS, detector


@pytest.fixture(scope="module", params=ENCODERS)
def eyes(request):
    return encoder(request.param)


@pytest.fixture(scope="module")
def pictures(eyes):
    """The first picture of eight of the bundled samples."""
    folder = Path(kuleshov.__file__).parent / "samples" / "archive"
    found = []
    for path in sorted(folder.glob("*.mp4"))[:8]:
        with Film(path) as film:
            scaler = Scaler(film.video, eyes.side, eyes.side)
            found.append(scaler(next(film.pictures()).frame))
    return np.stack(found)


def test_an_encoder_gives_each_picture_the_same_whatever_its_batch(eyes, pictures):
    whole, single = eyes(pictures), eyes(pictures[2:3])
    assert len(whole.pooled) == len(whole.grid) == 8
    assert whole.grid.ndim == 4
    assert np.allclose(whole.pooled[2], single.pooled[0], atol=1e-3)
    assert np.allclose(whole.grid[2], single.grid[0], atol=1e-2)
    assert len(eyes(pictures[:0]).pooled) == 0


@pytest.mark.parametrize("name", FACETS)
def test_a_facet_gives_unit_vectors_that_tell_pictures_apart(eyes, pictures, name):
    (facet,) = facets([name], load_reference(eyes))
    rows = facet.describe(eyes(pictures)).astype(np.float32)
    assert facet.name == name
    assert rows.ndim == 2
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=2e-3)
    alike = rows @ rows.T
    assert (alike - np.eye(8)).max() < 0.999
    assert facet.describe(eyes(pictures[:0])).shape == (0, rows.shape[1])
    # A little noise changes a picture less than another picture does.
    noisy = pictures.astype(int) + np.random.default_rng(0).integers(-6, 7, pictures.shape)
    other = facet.describe(eyes(np.clip(noisy, 0, 255).astype(np.uint8))).astype(np.float32)
    assert ((rows @ other.T).argmax(axis=1) == np.arange(8)).all()


@pytest.mark.parametrize("name", FACETS)
def test_a_facets_scale_reads_from_unlike_to_alike(eyes, name):
    scale = load_reference(eyes).scale(name)
    assert (np.diff(scale.quantiles) >= 0).all()
    assert scale.spread > 0.02
    assert scale.percentile(-1.0) == pytest.approx(0, abs=1e-3)
    assert scale.percentile(1.0) == pytest.approx(1, abs=1e-3)
    assert scale.percentile(float(np.median(scale.quantiles))) == pytest.approx(0.5, abs=0.01)


def test_a_scale_of_numbers():
    scale = Scale(np.linspace(-1, 1, 201, dtype=np.float32))
    assert scale.mean == pytest.approx(0, abs=1e-6)
    assert scale.percentile(0.5) == pytest.approx(0.75)
    assert scale.standardised(np.float32([0]))[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("count", [0, 1, 2, 49, 130])
def test_a_detector_answers_for_each_frame(name, count):
    found = detector(name)
    frames = np.zeros((count, 27, 48, 3), np.uint8)
    for start in range(0, count, 37):
        found.feed(frames[start : start + 37])
    prediction = found.finish()
    assert len(prediction) == count
    assert prediction.single.max(initial=0) < 0.5


def test_unknown_names_are_refused_with_the_known_ones():
    reference = Reference({}, "none")
    for call, known in (
        (lambda: encoder("eye"), ENCODERS),
        (lambda: detector("eye"), DETECTORS),
        (lambda: facets(["eye"], reference), FACETS),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert all(name in str(caught.value) for name in known)


def test_a_print_knows_a_copy_and_nothing_else(eyes, pictures):
    from PIL import Image

    def worn(picture):
        small = Image.fromarray(picture).resize((60, 60), Image.Resampling.BILINEAR)
        return np.asarray(small.resize(picture.shape[:2], Image.Resampling.BILINEAR)) // 16 * 16

    copies = np.stack([worn(picture) for picture in pictures])
    one, two = (Print().describe(eyes(p)).astype(np.float32) for p in (pictures, copies))
    alike = one @ two.T
    assert alike.diagonal().min() > 0.97
    assert (alike - np.eye(8) * 2).max() < 0.9
