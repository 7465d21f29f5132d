"""Training: steps that can be repeated, resumption, previews, what is measured, bad input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kuleshov.errors import ModelError, Stopped, UsageError
from kuleshov.jobs import Step
from kuleshov.see.abstraction import Abstraction, abstract, grey, matrices
from kuleshov.see.lens import read_lens
from kuleshov.see.training import train as training
from kuleshov.see.training.batches import STEP, Batches, as_tensors, coarse, noise_for
from kuleshov.see.training.course import Course, training_folder
from kuleshov.see.training.critics import Critics, augmented
from kuleshov.see.training.export import to_onnx
from kuleshov.see.training.measure import measure
from kuleshov.see.training.model import Shape, UNet
from kuleshov.see.training.perception import TAPS, Perception, perceptual_distance
from kuleshov.see.training.train import train
from kuleshov.see.training.trainer import BASE, Knobs, Trainer
from told import Told

pytestmark = pytest.mark.slow

Pixels = list[NDArray[np.uint8]]

SMALL = Knobs(
    size=64,
    crop=64,
    batch=3,
    pairs=1,
    base=False,
    shape=Shape((8, 8, 8, 8), (1, 1, 1, 1), 8),
    rate=2e-3,
)


def stripes(count: int, seed: int = 0) -> Pixels:
    """Pictures of one material: blue, in slanting stripes, brighter on one side."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:84, :100]
    result = []
    for _ in range(count):
        wave = np.sin((rows + columns * random.uniform(0.5, 1)) / 3)
        slope = random.uniform(-1, 1) * (columns / 50 - 1) + random.uniform(-1, 1) * (rows / 42 - 1)
        light = np.clip(110 + 30 * wave + 60 * slope, 0, 255)
        result.append(np.stack([light * 0.5, light * 0.7, light], -1).astype(np.uint8))
    return result


@pytest.fixture(scope="module")
def pictures() -> Pixels:
    return stripes(24)


def test_the_abstraction_is_the_same_in_numpy_and_in_training(pictures: Pixels) -> None:
    picture = pictures[0].astype(np.float32) / 255
    for factor in (24, 7, 1):
        size = matrices(*picture.shape[:2], Abstraction(factor))
        ours = abstract(grey(np.moveaxis(picture, 2, 0)), size)
        theirs = coarse(torch.from_numpy(picture).permute(2, 0, 1)[None], as_tensors(size))
        np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=1e-6)


def test_the_abstraction_averages_and_keeps_flat_and_sloping_light() -> None:
    flat = np.full((96, 120), 0.3, np.float32)
    size = matrices(96, 120, Abstraction(24))
    np.testing.assert_allclose(abstract(flat, size), flat, atol=1e-6)
    slope = np.tile(np.linspace(0, 1, 120, dtype=np.float32), (96, 1))
    middle = abstract(slope, size)[:, 36:84]
    np.testing.assert_allclose(middle, slope[:, 36:84], atol=1e-5)
    fine = (np.indices((96, 120)).sum(0) % 2).astype(np.float32)
    np.testing.assert_allclose(abstract(fine, size), 0.5, atol=1e-6)


def test_batches_follow_from_seed_and_number(pictures: Pixels) -> None:
    def made(seed: int) -> Batches:
        return Batches(pictures, 64, 64, 4, 1, Abstraction(), seed)

    one, other = made(0)(7), made(0)(7)
    assert torch.equal(one.target, other.target)
    assert torch.equal(one.light, other.light)
    assert not torch.equal(one.target, made(0)(8).target)
    assert not torch.equal(one.target, made(1)(7).target)
    assert one.target.shape == (4, 3, 64, 64)
    assert one.noise.shape == (4, 1, 16, 16)


def test_a_pair_shows_the_same_a_few_pixels_further(pictures: Pixels) -> None:
    batches = Batches(pictures, 64, 64, 3, 1, Abstraction(), 0)
    for number in range(12):
        batch = batches(number)
        ((down, right),) = batch.shifts
        assert max(abs(down), abs(right)) <= STEP
        one, other = batch.target[:2].numpy()
        height, width = 64 - abs(down), 64 - abs(right)
        a = one[:, max(0, down) :, max(0, right) :][:, :height, :width]
        b = other[:, max(0, -down) :, max(0, -right) :][:, :height, :width]
        np.testing.assert_array_equal(a, b)
        assert torch.equal(batch.noise[0], batch.noise[1])


def test_perception_is_the_bundled_network(pictures: Pixels) -> None:
    onnx = pytest.importorskip("onnx")
    from kuleshov.models.runtime import FOLDER, openvino

    perception = Perception()
    taken = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    maps = perception(torch.from_numpy(taken).permute(0, 3, 1, 2).float() / 255)
    assert [each.shape[1] for each in maps] == list(TAPS)
    model = onnx.load(str(FOLDER / "efficientnet-lite0.onnx"))
    for name in perception.taps:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    core = openvino().Core()
    compiled = core.compile_model(
        core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for ours, theirs in zip(maps, list(compiled(taken).values())[-len(TAPS) :], strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-3)
    near, far = (
        perceptual_distance(maps, maps),
        perceptual_distance(maps, [m.flip(0) for m in maps]),
    )
    assert float(near.max()) < 1e-6 < float(far.min())


def test_the_exported_network_paints_the_same_at_any_size() -> None:
    from kuleshov.models.runtime import openvino

    torch.manual_seed(0)
    net = UNet(SMALL.shape)
    for block in net.modules():
        if isinstance(block, torch.nn.Conv2d):
            torch.nn.init.normal_(block.weight, 0, 0.05)
    core = openvino().Core()
    model = core.compile_model(
        core.read_model(to_onnx(net)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for height, width in ((64, 64), (96, 160)):
        light = torch.rand(1, 1, height, width)
        noise = noise_for(light)
        with torch.no_grad():
            ours = net(light, noise).clamp(0, 1).permute(0, 2, 3, 1).numpy()
        theirs = model({"grey": light.numpy(), "noise": noise.numpy()})[0]
        np.testing.assert_allclose(ours, theirs, atol=5e-3)  # half-precision weights
        assert ours.std() > 0.01


def test_a_flat_wall_has_no_frame_around_it() -> None:
    torch.manual_seed(0)
    net = UNet(Shape((8, 8, 8, 8), (1, 1, 1, 1), 8))
    with torch.no_grad():
        painted = net(torch.full((1, 1, 64, 96), 0.3), torch.ones(1, 1, 16, 24))
    # The same everywhere, but for the places of a pixel among the four that are painted at once.
    cells = painted.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    torch.testing.assert_close(cells, cells[:, :, :1, :, :1].expand_as(cells))
    assert painted.std() > 0


def test_augmentation_changes_real_and_painted_alike_and_lets_gradients_through() -> None:
    picture = torch.rand(2, 4, 32, 32, requires_grad=True)
    one = augmented(picture, torch.Generator().manual_seed(3))
    assert torch.equal(one, augmented(picture, torch.Generator().manual_seed(3)))
    assert not torch.equal(one, augmented(picture, torch.Generator().manual_seed(4)))
    one.sum().backward()
    assert picture.grad is not None
    assert float(picture.grad.abs().sum()) > 0


def test_critics_can_do_without_features(pictures: Pixels) -> None:
    seen = [torch.rand(1, count, 8, 8) for count in TAPS]
    picture, light = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    assert len(Critics()(picture, light, seen)[0]) == 4
    assert len(Critics(features=False)(picture, light, seen)[0]) == 1


def test_measures_tell_a_deaf_network_and_a_formless_one() -> None:
    perception = Perception()
    targets = torch.from_numpy(np.stack(stripes(6, 1))[:, :64, :64]).permute(0, 3, 1, 2) / 255
    light = targets.mean(1, keepdim=True)
    right = measure(targets, light, targets, perception)
    assert right.distance < 1e-6
    assert right.form > 0.99
    assert right.sensitivity == pytest.approx(1, abs=1e-4)
    deaf = measure(targets[:1].expand(6, -1, -1, -1), light, targets, perception)
    assert deaf.sensitivity < 0.01
    shuffled = measure(targets.flip(0), light, targets, perception)
    assert shuffled.form < 0.7 < right.form


def previews(job: Told) -> list[Mapping[str, Any]]:
    return [note.about for note in job.notes if note.code == "training-preview"]


def test_a_network_learns_the_material(pictures: Pixels, tmp_path: Path) -> None:
    job = Told()
    knobs = replace(SMALL, steady=1.0)
    before = Trainer(pictures, knobs, "cpu").paint(torch.rand(4, 1, 64, 64))
    made = train(
        pictures,
        stripes(6, 1),
        tmp_path / "stripes.see",
        knobs,
        Course(minutes=5, steps=60),
        job=job,
    )
    assert made.ended == "steps"
    assert made.steps == 60
    assert len([move for move in job.moves if move[0] == "training stripes"]) == 60
    last = previews(job)[-1]
    assert last["step"] == 60
    assert last["form"] > 0.5, "bright stays bright"
    lens = read_lens(tmp_path / "stripes.see")
    assert lens.measured["form"] == pytest.approx(last["form"], abs=1e-3)
    assert lens.recipe["steps"] == 60
    light = np.concatenate([grey(np.moveaxis(p, 2, 0) / 255.0).ravel() for p in pictures[:20]])
    assert lens.tone is not None
    assert lens.tone.mean == pytest.approx(light.mean(), abs=0.01)
    assert 0.5 * light.std() < lens.tone.spread < light.std()
    assert before.shape == (4, 3, 64, 64)
    folder = training_folder(tmp_path / "stripes.see")
    for name in ("preview.png", "losses.png", "losses.csv", "state.pt"):
        assert (folder / name).stat().st_size > 100, name
    # Blue is above red in all the pictures: it is learnt before anything else.
    painted = Trainer(pictures, knobs, "cpu")
    painted.restore(torch.load(folder / "state.pt", weights_only=True)["trainer"])
    colours = painted.paint(torch.full((1, 1, 64, 64), 0.5)).mean((0, 2, 3))
    assert float(colours[2] - colours[0]) > 0.05


def test_a_stopped_training_goes_on_to_the_same_numbers(
    pictures: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = stripes(4, 1)
    whole = tmp_path / "whole.see"
    train(pictures, held, whole, SMALL, Course(steps=8))
    parts = tmp_path / "parts.see"

    class Interrupting(Told):
        def moved(self, step: Step) -> None:
            super().moved(step)
            if len(self.moves) == 5:
                raise KeyboardInterrupt

    job = Interrupting()
    first = train(pictures, held, parts, SMALL, Course(steps=8), job=job)
    assert (first.ended, first.steps) == ("stopped", 5)
    said = [(note.code, note.about["step"]) for note in job.notes]
    assert said == [("training-stopping", 5), ("training-preview", 5)], "it is said at once"
    assert read_lens(parts).recipe["steps"] == 5, "what was learnt is kept"
    second = train(pictures, held, parts, SMALL, Course(steps=8), resume=True)
    assert second.steps == 8
    assert second.minutes > first.minutes
    assert read_lens(parts).network == read_lens(whole).network


def test_a_job_that_is_stopped_keeps_what_was_learnt(pictures: Pixels, tmp_path: Path) -> None:
    held = stripes(4, 1)
    whole, parts = tmp_path / "whole.see", tmp_path / "parts.see"
    train(pictures, held, whole, SMALL, Course(steps=6))
    for at in (2, 3):
        with pytest.raises(Stopped):
            train(pictures, held, parts, SMALL, Course(steps=6), resume=at > 2, job=Told(at))
    assert not parts.exists()
    made = train(pictures, held, parts, SMALL, Course(steps=6), resume=True)
    assert made.steps == 6
    assert read_lens(parts).network == read_lens(whole).network


def test_a_job_stopped_at_the_last_preview_keeps_what_was_learnt(
    pictures: Pixels, tmp_path: Path
) -> None:
    held = stripes(4, 1)
    whole, parts = tmp_path / "whole.see", tmp_path / "parts.see"
    told = Told()
    train(pictures, held, whole, SMALL, Course(steps=2), job=told)
    stopped = Told(look=told.looks)
    with pytest.raises(Stopped):
        train(pictures, held, parts, SMALL, Course(steps=2), job=stopped)
    assert not parts.exists()
    assert previews(stopped) == []
    kept = torch.load(training_folder(parts) / "state.pt", weights_only=True)
    assert kept["trainer"]["step"] == 2
    train(pictures, held, parts, SMALL, Course(steps=2), resume=True)
    assert read_lens(parts).network == read_lens(whole).network


def test_each_step_is_previewed_once(pictures: Pixels, tmp_path: Path) -> None:
    job = Told()
    course = Course(minutes=1000, steps=3, preview=1e-9, patience=0)
    train(pictures, stripes(4, 1), tmp_path / "a.see", SMALL, course, job=job)
    assert [about["step"] for about in previews(job)] == [1, 2, 3]


def test_what_was_trained_before_is_not_overwritten(pictures: Pixels, tmp_path: Path) -> None:
    out = tmp_path / "a.see"
    held = stripes(4, 1)
    with pytest.raises(UsageError, match="no training to resume"):
        train(pictures, held, out, SMALL, Course(steps=1), resume=True)
    train(pictures, held, out, SMALL, Course(steps=1))
    kept = out.read_bytes()
    with pytest.raises(UsageError, match="was being trained before"):
        train(pictures, held, out, SMALL, Course(steps=1))
    with pytest.raises(UsageError, match="other pictures"):
        train(pictures[:-1], held, out, SMALL, Course(steps=2), resume=True)
    with pytest.raises(UsageError, match="other options"):
        train(pictures, held, out, replace(SMALL, rate=1e-3), Course(steps=2), resume=True)
    state = training_folder(out) / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(UsageError, match="cannot be read"):
        train(pictures, held, out, SMALL, Course(steps=2), resume=True)
    assert out.read_bytes() == kept


def test_a_training_ends_on_a_plateau_and_warns_of_deafness(
    pictures: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_EARLY", 0.0)
    job = Told()
    # A network that does not learn: every preview measures the same, and it paints one picture.
    knobs = replace(SMALL, rate=1e-12, critics_rate=1e-12)
    made = train(
        pictures,
        stripes(4, 1),
        tmp_path / "a.see",
        knobs,
        Course(minutes=5, preview=1e-6, patience=3),
        job=job,
    )
    assert made.ended == "plateau"
    assert made.steps == 4
    assert any(note.code == "training-deaf" for note in job.notes)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="multiple of 32"):
        Knobs(size=250)
    with pytest.raises(UsageError, match="does not fit"):
        Knobs(size=128)
    with pytest.raises(UsageError, match="more than 0 minutes"):
        Course(minutes=0)


def test_the_bundled_base_is_taken_and_may_be_missed_in_one_sentence(
    pictures: Pixels, tmp_path: Path
) -> None:
    knobs = Knobs(size=64, crop=64, batch=2, pairs=0)
    based = Trainer(pictures, knobs, "cpu")
    bare = Trainer(pictures, replace(knobs, base=False), "cpu")
    light = torch.linspace(0, 1, 64).expand(1, 1, 64, 64).contiguous()
    painted = based.paint(light)[0].mean(0)
    assert float(painted[:, 48:].mean() - painted[:, :16].mean()) > 0.2, "bright stays bright"
    assert not torch.equal(based.paint(light), bare.paint(light))
    pixels_only = Trainer(pictures, replace(knobs, features=False), "cpu")
    assert torch.equal(pixels_only.paint(light), based.paint(light))
    damaged = tmp_path / "base.safetensors"
    damaged.write_bytes(BASE.read_bytes()[:100_000])
    for path in (tmp_path / "none.safetensors", damaged):
        with pytest.raises(ModelError, match="train from nothing"):
            Trainer(pictures, knobs, "cpu", path)
    with pytest.raises(ModelError, match="train from nothing"):
        Trainer(pictures, replace(knobs, shape=SMALL.shape), "cpu")
