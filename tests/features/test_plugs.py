"""Every detector, encoder and facet that has a name keeps its protocol's promises."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import kuleshov
from features.clip_model import make_model
from kuleshov.errors import UsageError
from kuleshov.features.encoder import BUNDLED, ENCODERS, NO_NETWORK, encoder
from kuleshov.features.facet import (
    ENCODED,
    FACETS,
    MOVEMENT,
    FlowFacet,
    Reference,
    Scale,
    facets,
    load_reference,
)
from kuleshov.features.fingerprint import Print
from kuleshov.features.fitted import kept_reference
from kuleshov.media.decode import Film
from kuleshov.media.scale import Scaler
from kuleshov.shots.detector import DETECTORS, detector

pytestmark = pytest.mark.slow

SAMPLES = sorted((Path(kuleshov.__file__).parent / "samples" / "archive").glob("*.mp4"))


@pytest.fixture(scope="module", params=ENCODERS)
def model(request, tmp_path_factory):
    if request.param == "clip":  # the real one is downloaded; this has its format
        return encoder(f"clip:local-dir:{make_model(tmp_path_factory.mktemp('model'))}")
    return encoder(request.param)


@pytest.fixture(scope="module")
def reference(model, tmp_path_factory):
    """The one that is shipped or, for an encoder without, the one that is fitted."""
    if model.name == BUNDLED:
        return load_reference(model)

    def films():
        for path in SAMPLES:
            with Film(path) as film:
                scaler = Scaler(film.video, model.side, model.side)
                shown = islice(film.pictures(), 0, None, 12)
                yield np.stack([scaler(picture.frame) for picture in shown])

    folder = tmp_path_factory.mktemp("references")
    fitted = kept_reference(model, folder, films)
    kept = kept_reference(model, folder, lambda: pytest.fail("it was fitted again"))
    assert {n: a.tobytes() for n, a in kept.arrays.items()} == {
        n: a.tobytes() for n, a in fitted.arrays.items()
    }
    return kept


@pytest.fixture(scope="module")
def pictures(model):
    """The first picture of eight of the bundled samples."""
    found = []
    for path in SAMPLES[:8]:
        with Film(path) as film:
            scaler = Scaler(film.video, model.side, model.side)
            found.append(scaler(next(film.pictures()).frame))
    return np.stack(found)


def test_an_encoder_gives_each_picture_the_same_whatever_its_batch(model, pictures):
    whole, single = model(pictures), model(pictures[2:3])
    assert len(whole.pooled) == len(whole.grid) == 8
    assert whole.grid.ndim == 4
    assert np.allclose(whole.pooled[2], single.pooled[0], atol=1e-3)
    assert np.allclose(whole.grid[2], single.grid[0], atol=1e-2)
    assert len(model(pictures[:0]).pooled) == 0


def seen(model, pictures):
    """Pictures as `Analyst` shows them to facets; the large ones are no larger."""
    return replace(model(pictures), large=pictures)


@pytest.mark.parametrize("name", FACETS)
def test_a_facet_tells_pictures_apart(model, reference, pictures, name):
    (facet,) = facets([name], reference)
    assert facet.name == name
    if isinstance(facet, FlowFacet):
        pytest.skip("it is seen in movement only: its own tests say what it tells apart")
    rows = facet.describe(seen(model, pictures)).astype(np.float32)
    assert rows.ndim == 2
    alike = rows @ rows.T
    assert alike.max() < 1 + 5e-3
    assert (alike <= np.diag(alike) + 2e-3).all()
    assert facet.describe(seen(model, pictures[:0])).shape == (0, rows.shape[1])
    if name in ("faces", "bodies"):
        return  # the samples' first pictures have none, and are alike in that
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=2e-3)
    assert (alike - np.eye(8)).max() < 0.999
    # A little noise changes a picture less than another picture does.
    noisy = pictures.astype(int) + np.random.default_rng(0).integers(-6, 7, pictures.shape)
    other = facet.describe(seen(model, np.clip(noisy, 0, 255).astype(np.uint8))).astype(np.float32)
    assert ((rows @ other.T).argmax(axis=1) == np.arange(8)).all()


@pytest.mark.parametrize("name", [*FACETS, MOVEMENT])
def test_a_facets_scale_reads_from_unlike_to_alike(model, reference, name):
    shipped = load_reference(encoder())  # of what is not made of the encoder's numbers
    scale = (reference if name in ENCODED else shipped).scale(name)
    assert (np.diff(scale.levels) >= 0).all()
    assert len(scale.levels) > 70
    assert scale.bits(-1.0) < -2
    assert scale.bits(1.0) == pytest.approx(scale.same)
    assert 8 <= scale.same <= 24
    levels = np.linspace(-1, 1, 1001, dtype=np.float32)
    assert (np.diff(scale.bits(levels)) >= 0).all()


def test_a_scale_tells_how_rare_a_similarity_is():
    pairs = np.random.default_rng(0).random(1 << 18).astype(np.float32) * 0.5
    scale = Scale.fitted(pairs)
    for bits in (-5, -2, 0, 1, 3, 6):
        assert scale.bits(0.5 / (1 + 2.0**-bits)) == pytest.approx(bits, abs=0.25)
    assert scale.percentile(0.25) == pytest.approx(0.5, abs=0.01)
    assert scale.bits(-0.5) == pytest.approx(-6, abs=0.1)
    assert scale.bits(0.9) > scale.bits(0.6) > scale.bits(0.499)


def test_a_similarity_that_many_pairs_share_counts_as_the_middle_of_their_places():
    """Two pictures without a face: 60 of 100 pairs; 20 are less alike, 20 more."""
    rng = np.random.default_rng(0)
    pairs = np.where(rng.random(1 << 17) < 0.6, 0.5, rng.random(1 << 17)).astype(np.float32)
    scale = Scale.fitted(pairs)
    assert scale.bits(0.5) == pytest.approx(0, abs=0.3)
    assert scale.bits(0.51) == pytest.approx(2, abs=0.3)
    assert scale.bits(0.49) == pytest.approx(-2, abs=0.3)


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
    reference = Reference({}, NO_NETWORK)
    for call, known in (
        (lambda: encoder("eye"), ENCODERS),
        (lambda: detector("eye"), DETECTORS),
        (lambda: facets(["eye"], reference), FACETS),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert all(name in str(caught.value) for name in known)


def test_a_print_knows_a_copy_and_nothing_else(model, pictures):
    from PIL import Image

    def worn(picture):
        small = Image.fromarray(picture).resize((60, 60), Image.Resampling.BILINEAR)
        return np.asarray(small.resize(picture.shape[:2], Image.Resampling.BILINEAR)) // 16 * 16

    copies = np.stack([worn(picture) for picture in pictures])
    one, two = (Print().describe(model(p)).astype(np.float32) for p in (pictures, copies))
    alike = one @ two.T
    assert alike.diagonal().min() > 0.97
    assert (alike - np.eye(8) * 2).max() < 0.9
