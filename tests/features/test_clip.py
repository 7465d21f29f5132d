"""The way through open_clip, with a tiny model on disk in the format of real ones."""

import logging
import sys

import numpy as np
import pytest

from features.clip_model import imported, make_model
from kuleshov.errors import ModelError, UsageError
from kuleshov.features.encoder import ReadsWords, encoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def clip(folder):
    return encoder(f"clip:local-dir:{folder}")


def pictures(count, side, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_it_sees_what_open_clip_sees(clip, folder):
    open_clip = imported()
    import torch
    from PIL import Image

    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    shown = pictures(3, clip.side)
    with torch.no_grad():
        wanted = model.eval().encode_image(
            torch.stack([prepare(Image.fromarray(picture)) for picture in shown]), normalize=True
        )
    seen = clip(shown)
    assert np.allclose(seen.pooled, wanted.numpy(), atol=1e-4)
    assert seen.grid.shape == (3, 4, 4, 64)
    assert np.allclose(np.linalg.norm(seen.pooled, axis=1), 1, atol=1e-5)


def test_it_reads_words_into_the_space_of_pictures(clip):
    assert isinstance(clip, ReadsWords)
    words = clip.words(["water", "a dog", "water"])
    assert words.shape == (3, 32)
    assert np.allclose(np.linalg.norm(words, axis=1), 1, atol=1e-5)
    assert np.allclose(words[0], words[2], atol=1e-6)
    assert words[0] @ words[1] < 0.999


def test_what_is_logged_elsewhere_stays_to_be_heard(clip):
    assert logging.getLogger().level != logging.ERROR


def test_batches_make_no_difference(clip):
    shown = pictures(19, clip.side)
    whole, single = clip(shown), clip(shown[17:18])
    assert np.allclose(whole.pooled[17], single.pooled[0], atol=1e-5)
    assert np.allclose(whole.grid[17], single.grid[0], atol=1e-4)
    assert clip(shown[:0]).pooled.shape == (0, 32)
    assert clip(shown[:0]).grid.shape == (0, 4, 4, 64)


def test_other_weights_are_another_network(clip, folder, tmp_path):
    again = encoder(f"clip:local-dir:{folder}")
    other = encoder(f"clip:local-dir:{make_model(tmp_path / 'other', seed=1)}")
    assert again.checksum == clip.checksum
    assert other.checksum != clip.checksum


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clip:ViT-B-32/nothing", "of ViT-B-32 there are"),
        ("clip:eye", "write a model and its weights"),
        ("clip:local-dir:/nowhere/at/all", "no open_clip_config.json"),
    ],
)
def test_what_is_not_there_is_one_clear_sentence(name, said):
    imported()
    with pytest.raises(ModelError, match="open_clip") as caught:
        encoder(name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_one_clear_sentence(folder, tmp_path):
    damaged = make_model(tmp_path / "damaged")
    weights = damaged / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        encoder(f"clip:local-dir:{damaged}")
    assert "\n" not in str(caught.value)


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ModelError, match=r"pip install 'kuleshov\[clip\]'"):
        encoder("clip")


def test_a_bundled_encoder_has_no_variants():
    with pytest.raises(UsageError, match="There is no encoder"):
        encoder("efficientnet-lite0:large")


def test_weights_that_are_here_are_not_asked_after() -> None:
    """What the hub's client may do while a model is made: first nothing but look here."""
    from types import SimpleNamespace

    from huggingface_hub import constants

    from kuleshov.features.clip import _loaded

    asked: list[bool] = []

    def package(*, here: bool) -> SimpleNamespace:
        def create_model(*_: object, **__: object) -> str:
            asked.append(not constants.HF_HUB_OFFLINE)
            if constants.HF_HUB_OFFLINE and not here:
                raise OSError("it is not here")
            return "model"

        return SimpleNamespace(
            list_pretrained=lambda: [("A", "b")],
            create_model=create_model,
            get_tokenizer=lambda _: "tokenizer",
        )

    assert _loaded(package(here=True), "A/b", "clip:A/b") == ("model", "tokenizer")
    assert asked == [False]
    assert _loaded(package(here=False), "A/b", "clip:A/b") == ("model", "tokenizer")
    assert asked == [False, False, True]
    assert not constants.HF_HUB_OFFLINE
