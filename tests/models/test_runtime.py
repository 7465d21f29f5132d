"""The loader of the bundled networks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kuleshov.errors import ModelError
from kuleshov.models import runtime
from kuleshov.models.runtime import bundled, load

ENCODER = next(record.name for record in bundled() if record.name.startswith("efficientnet"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return load(ENCODER, threads=2, precision="f32", cache=tmp_path_factory.mktemp("networks"))


@pytest.fixture
def copy(tmp_path):
    """A folder of models of one's own, to damage."""
    return shutil.copytree(runtime.FOLDER, tmp_path / "models")


def pictures(encoder, count):
    side = int(dict(record_of(encoder.name).inputs)["pictures"].split(", ")[1])
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def record_of(name):
    return next(record for record in bundled() if record.name == name)


def test_every_bundled_network_has_its_licence_and_checksum():
    for record in bundled():
        licence = (runtime.FOLDER / record.licence_file).read_text(encoding="utf-8")
        words = {"MIT": "MIT License", "Apache-2.0": "Apache License"}
        assert words[record.licence] in licence
        assert (runtime.FOLDER / record.file).stat().st_size < 40e6
        assert record.origin.startswith(("PyPI: ", "npm: "))


@pytest.mark.slow
def test_outputs_are_as_the_manifest_says(encoder):
    found = encoder(pictures(encoder, 3))
    for name, words in record_of(encoder.name).outputs:
        shape = words[words.index("(") + 1 : words.index(")")].split(", ")
        assert found[name].shape == (3, *map(int, shape[1:]))
        assert found[name].dtype == np.float32


def test_a_picture_gives_the_same_alone_and_in_a_batch(encoder):
    batch = pictures(encoder, 4)
    together, alone = encoder(batch), encoder(batch[2:3])
    for name, values in alone.items():
        np.testing.assert_allclose(together[name][2:3], values, atol=1e-3)


def test_pooled_features_tell_pictures_apart(encoder):
    dark = np.zeros((1, *pictures(encoder, 1).shape[1:]), dtype=np.uint8)
    batch = np.concatenate([dark, pictures(encoder, 1)])
    pooled = encoder(batch)["pooled"]
    assert np.abs(pooled[0] - pooled[1]).max() > 0.1


def test_threads_share_a_network(encoder):
    batches = [pictures(encoder, 1) // (k + 1) for k in range(6)]
    expected = [encoder(batch)["pooled"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: encoder(batch)["pooled"], batches))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_outputs_belong_to_the_caller(encoder):
    batch = pictures(encoder, 1)
    first = encoder(batch)["pooled"]
    kept = first.copy()
    encoder(255 - batch)
    np.testing.assert_array_equal(first, kept)


def test_batch_that_does_not_fit(encoder):
    with pytest.raises(ModelError, match="uint8"):
        encoder(pictures(encoder, 1).astype(np.float32))
    with pytest.raises(ModelError, match="takes"):
        encoder(pictures(encoder, 1)[:, :50])


@pytest.mark.slow
def test_compiled_for_one_shape_it_says_the_same_and_takes_no_other(encoder, tmp_path):
    batch = pictures(encoder, 2)
    fixed = load(ENCODER, precision="f32", shape=batch[:1].shape, cache=tmp_path)
    expected = encoder(batch[:1])
    for name, values in fixed(batch[:1]).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-3)
    with pytest.raises(ModelError, match="takes"):
        fixed(batch)
    with pytest.raises(ModelError, match="compiled"):
        load(ENCODER, precision="f32", shape=(1, 2, 3), cache=tmp_path)


def test_unknown_network_and_precision(tmp_path):
    with pytest.raises(ModelError, match="no network"):
        load("guess", cache=tmp_path)
    with pytest.raises(ModelError, match="precision"):
        load(ENCODER, precision="f8", cache=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="thread"):
        load(ENCODER, threads=0, cache=tmp_path)


def test_damaged_file(copy, tmp_path):
    path = copy / record_of(ENCODER).file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        load(ENCODER, cache=tmp_path, folder=copy)


def test_missing_file(copy, tmp_path):
    (copy / record_of(ENCODER).file).unlink()
    with pytest.raises(ModelError, match="missing"):
        load(ENCODER, cache=tmp_path, folder=copy)


@pytest.mark.parametrize("text", ["", "[]", '{"models": [{"name": "x"}]}'])
def test_damaged_manifest(copy, text):
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        bundled(copy)


def test_missing_manifest(tmp_path):
    with pytest.raises(ModelError, match="missing"):
        bundled(tmp_path)


def test_precision_is_bf16_only_where_the_processor_has_it(encoder, monkeypatch):
    class Core:
        def __init__(self, able):
            self.able = able

        def get_property(self, *_):
            return ["FP32", *self.able]

    monkeypatch.setattr(runtime, "native_bf16", lambda: True)
    assert runtime._precision("auto", Core(["BF16"])) == "bf16"
    assert runtime._precision("auto", Core([])) == "f32"
    with pytest.raises(ModelError, match="bf16"):
        runtime._precision("bf16", Core([]))
    monkeypatch.setattr(runtime, "native_bf16", lambda: False)
    assert runtime._precision("auto", Core(["BF16"])) == "f32"
    assert encoder.precision == "f32"


@pytest.mark.slow
def test_compiled_networks_are_kept(tmp_path):
    load(ENCODER, precision="f32", cache=tmp_path / "made" / "here")
    assert list((tmp_path / "made" / "here").rglob("*.blob"))


@pytest.mark.slow
def test_compiled_networks_that_are_not_used_make_room(tmp_path, monkeypatch):
    load(ENCODER, precision="f32", cache=tmp_path)
    (used,) = tmp_path.rglob("*.blob")
    other, flat = tmp_path / "another" / "other.blob", tmp_path / "of_an_older_version.blob"
    other.parent.mkdir()
    for age, path in enumerate((other, flat, used), start=1):
        if path != used:
            path.write_bytes(bytes(1000))
        os.utime(path, (0, time.time() - 1000 * age))
    monkeypatch.setattr(runtime, "LIMIT", used.stat().st_size + 1500)
    load(ENCODER, precision="f32", cache=tmp_path)
    assert {*tmp_path.rglob("*.blob")} == {used, other}
    monkeypatch.setattr(runtime, "LIMIT", used.stat().st_size + 500)
    load(ENCODER, precision="f32", cache=tmp_path)
    assert list(tmp_path.rglob("*.blob")) == [used], "it was used last, though made first"
    assert not other.parent.exists()


@pytest.mark.slow
def test_cache_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert load(ENCODER, cache=tmp_path / "file" / "cache").name == ENCODER


@pytest.mark.slow
def test_damaged_cache_is_done_without(tmp_path):
    load(ENCODER, precision="f32", cache=tmp_path)
    (blob,) = tmp_path.rglob("*.blob")
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:100])
    assert load(ENCODER, precision="f32", cache=tmp_path).name == ENCODER


@pytest.mark.slow
def test_what_is_kept_is_left_alone_while_another_process_compiles(tmp_path, monkeypatch):
    """It computes with the file where it lies: written anew under its hands, it would be ended."""
    from filelock import FileLock

    load(ENCODER, precision="f32", cache=tmp_path)
    (blob,) = tmp_path.rglob("*.blob")
    blob.chmod(0o600)
    damaged = blob.read_bytes()[:100]
    blob.write_bytes(damaged)
    with FileLock(tmp_path / "compiling.lock"):
        monkeypatch.setattr(runtime, "_PATIENCE", 0.1)
        assert load(ENCODER, precision="f32", cache=tmp_path).name == ENCODER
        assert blob.read_bytes() == damaged
    load(ENCODER, precision="f32", cache=tmp_path)
    (blob,) = tmp_path.rglob("*.blob")
    assert blob.stat().st_size > 1000


@pytest.mark.slow
def test_import_is_cheap_and_loading_is_silent(tmp_path):
    code = (
        "import sys; from pathlib import Path; from kuleshov.models import runtime;"
        "assert not {'openvino', 'numpy'} & set(sys.modules), 'heavy import';"
        f"runtime.load({ENCODER!r}, cache=Path({str(tmp_path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_manifest_is_plain_json():
    text = (runtime.FOLDER / "manifest.json").read_text(encoding="utf-8")
    assert [entry["name"] for entry in json.loads(text)["models"]] == [r.name for r in bundled()]


_AT_ONCE = """
import locale, sys, threading
from pathlib import Path
from kuleshov.models.runtime import load

locale.setlocale(locale.LC_ALL, "C.UTF-8")
for number in range(3):
    threads = [
        threading.Thread(
            target=load,
            args=("blazeface-back",),
            kwargs={"cache": Path(sys.argv[1], f"{number}{n}")},
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(locale.setlocale(locale.LC_CTYPE))
"""


def test_compiled_at_once_networks_leave_the_locale_alone(tmp_path):
    """In a process of its own: the others' would be changed."""
    done = subprocess.run(
        [sys.executable, "-c", _AT_ONCE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("C.UTF-8\n", 0), done.stderr
