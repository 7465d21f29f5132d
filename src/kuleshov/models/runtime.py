"""Run ONNX networks on OpenVINO; no other module knows which runtime it is.

The `.onnx` files lie beside this module, with their licences and `manifest.json`, which names
each with its SHA-256. A file is checked before it is compiled. Importing this module is cheap;
OpenVINO is imported by the first `load`, and without the part of it that reports to its makers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kuleshov.errors import ModelError
from kuleshov.files import Kept

if TYPE_CHECKING:
    import numpy as np

    from kuleshov.models.eight_bits import Examples

__all__ = [
    "LIMIT",
    "ModelRecord",
    "Network",
    "Precision",
    "bundled",
    "compile_graph",
    "compiled",
    "load",
    "load_bytes",
    "openvino",
]

Precision = Literal["auto", "f32", "bf16"]
"""The precision of a network. "auto" is bf16 where the processor has instructions for it."""

LIMIT = 1 << 30
"""The bytes that networks compiled for this machine may take together."""

FOLDER = Path(__file__).resolve().parent
_ROUNDED = 8  # networks in eight bits that are kept
_NAMED = 16  # digits of a checksum, by which a network's own folder is called
_LOCK = "compiling.lock"
_PATIENCE = 60.0  # s for others to compile what is kept, before it is done without
_TELEMETRY = "openvino_telemetry"
_importing = threading.Lock()
# OpenVINO changes the locale of the process while it compiles, and puts back what it found: of two
# threads at once the later one would leave the other's behind.
_compiling = threading.Lock()


@dataclass(frozen=True)
class ModelRecord:
    """A record of the manifest on one bundled network.

    `inputs` and `outputs` pair each tensor's name with its shape, type and meaning. `licence` is
    an SPDX identifier; `licence_file` and `file` are names of files in the models folder.
    """

    name: str
    version: str
    file: str
    sha256: str
    licence: str
    licence_file: str
    origin: str
    authors: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or not self.inputs or not self.outputs:
            raise ModelError(f"The manifest's entry for {self.name} is incomplete.")


class Network:
    """A compiled network. Call it with one batch; any number of threads may do so at once.

    `name` is the manifest's; `checksum` the SHA-256 of the ONNX file; `precision` what it really
    computes in, "f32", "bf16" or, its convolutions, "i8". These do not change.
    """

    def __init__(self, record: ModelRecord, precision: str, compiled: Any) -> None:
        self._record = record
        self._precision = precision
        self._compiled = compiled
        self._outputs = tuple(name for name, _ in record.outputs)
        self._local = threading.local()

    @property
    def name(self) -> str:
        """The network's name in the manifest."""
        return self._record.name

    @property
    def checksum(self) -> str:
        """The SHA-256 of the ONNX file, in hexadecimal."""
        return self._record.sha256

    @property
    def precision(self) -> str:
        """The precision in which it computes: "f32", "bf16" or "i8"."""
        return self._precision

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(name for name, _ in self._record.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return self._outputs

    def __call__(self, batch: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for one batch, by name; shapes and types are as in the record.

        A network of several inputs takes an array for each, by name. Blocks until done. The arrays
        are the caller's own. Raises ModelError if the batch does not fit the network.
        """
        if isinstance(batch, Mapping):
            return self._of_several(batch)
        request = self._request()
        expected = self._compiled.input(0)
        if str(batch.dtype) != expected.element_type.to_dtype().name:
            name = expected.element_type.to_dtype().name
            raise ModelError(f"{self.name} takes {name}, not {batch.dtype}.")
        try:
            request.infer({0: batch}, share_inputs=True)
        except RuntimeError as error:
            shape = expected.partial_shape
            raise ModelError(f"{self.name} takes {shape}, not {batch.shape}.") from error
        return {name: request.get_tensor(name).data.copy() for name in self._outputs}

    def _request(self) -> Any:
        """Return this thread's request: a request holds its own buffers."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        return request

    def _of_several(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if set(batch) != set(self.inputs):
            raise ModelError(f"{self.name} takes {', '.join(self.inputs)}, not {', '.join(batch)}.")
        request = self._request()
        for name, values in batch.items():
            expected = self._compiled.input(name)
            wanted = expected.element_type.to_dtype().name
            fits = expected.partial_shape.compatible(_partial(values.shape))
            if str(values.dtype) != wanted or not fits:
                raise ModelError(
                    f"{self.name} takes {wanted} {expected.partial_shape} as {name}, not "
                    f"{values.dtype} {values.shape}."
                )
        try:
            request.infer(dict(batch), share_inputs=True)
        except RuntimeError as error:
            raise ModelError(f"{self.name} cannot be run: {_clause(error)}.") from error
        return {name: request.get_tensor(name).data.copy() for name in self._outputs}

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {self.precision}, {self.checksum[:12]})"


def bundled(folder: Path | None = None) -> tuple[ModelRecord, ...]:
    """Return the networks that come with Kuleshov, as the manifest in `folder` lists them.

    Raises ModelError if there is no manifest or it cannot be read.
    """
    manifest = (folder or FOLDER) / "manifest.json"
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))["models"]
        return tuple(_record(entry) for entry in entries)
    except FileNotFoundError as error:
        raise ModelError(f"The bundled networks are missing: no {manifest}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The manifest {manifest} cannot be read: {error}.") from error


def load(
    name: str,
    *,
    threads: int | None = None,
    precision: Precision = "auto",
    shape: tuple[int, ...] | None = None,
    cache: Path | None = None,
    folder: Path | None = None,
) -> Network:
    """Compile the network called `name`.

    `threads` is how many processor threads it may use (default: OpenVINO's choice). `precision`
    as in `Precision`; "bf16" on a processor that cannot is an error. `shape` is the only shape of
    batch that it shall take, which makes a small network a third faster than one compiled for any
    (the face detectors, by 30 %; the encoder not at all). `cache` is the folder in
    which compiled networks are kept (default: `models` in the user's cache folder); where it
    cannot be written, nothing is kept. `folder` holds the manifest and the files (default: the
    bundled ones).

    Raises ModelError if the network is unknown, its file missing or not what the manifest says,
    or if it cannot be compiled here, or not for that shape.
    """
    _check_threads(threads)
    home = folder or FOLDER
    record = _find(name, home)
    path = home / record.file
    _check(path, record)

    core = openvino().Core()
    chosen = _precision(precision, core)
    kept = _writable(_default_cache() if cache is None else cache)
    for attempt in _attempts(chosen, threads, kept, record.sha256):
        try:
            with _compiling:
                model: Any = str(path)
                if shape is not None:
                    model = core.read_model(str(path))
                    model.reshape(list(shape))
                return Network(record, chosen, _compiled(core, model, attempt))
        except RuntimeError as error:
            reason = error
    raise ModelError(f"{name} cannot be compiled: {reason}.") from reason


def load_bytes(
    data: bytes,
    name: str,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    threads: int | None = None,
    precision: Precision = "auto",
    cache: Path | None = None,
    examples: Examples | None = None,
) -> Network:
    """Compile a network that is an ONNX file in memory, not one of the bundled ones.

    `name` is what errors call it; its checksum is that of `data`. `shapes` gives inputs by name the
    only shape that they shall take; the others stay as they are in the file. `cache` is the folder
    in which the compiled network is kept; by default it is not, for such networks are many and the
    next one is another. With `examples` its convolutions compute in eight bits where the precision
    is "auto" and results stay as near as the examples say. The rest as for `load`.

    Raises ModelError if it is not an ONNX file, has no input of such a name, or cannot be compiled
    here, or not for these shapes.
    """
    _check_threads(threads)

    core = openvino().Core()
    chosen = _precision(precision, core)
    model, computed = _model(core, data, name, shapes or {}), chosen
    if examples is not None and precision == "auto":
        rounded = _in_eight_bits(data, examples)
        if rounded is not None:
            model, computed = rounded.clone(), "i8"
            model.reshape({key: list(shape) for key, shape in (shapes or {}).items()})
    record = ModelRecord(
        name=name,
        version="",
        file="",
        sha256=hashlib.sha256(data).hexdigest(),
        licence="",
        licence_file="",
        origin="",
        authors="",
        inputs=_ports(model.inputs),
        outputs=_ports(model.outputs),
    )
    kept = None if cache is None else _writable(cache)
    for attempt in _attempts(chosen, threads, kept, record.sha256):
        try:
            with _compiling:
                return Network(record, computed, _compiled(core, model, attempt))
        except RuntimeError as error:
            reason = error
    raise ModelError(f"{name} cannot be compiled: {_clause(reason)}.") from reason


@lru_cache(maxsize=_ROUNDED)
def _in_eight_bits(data: bytes, examples: Examples) -> Any | None:
    """Return a network with its convolutions in eight bits; None where that is not to be had.

    Kept, since the same network is opened for several sizes.
    """
    from kuleshov.models.eight_bits import in_eight_bits

    core = openvino().Core()
    if "INT8" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return None

    def compiled(graph: Any) -> Any:
        return compile_graph(graph, {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()

    try:
        return in_eight_bits(openvino(), core.read_model(data, b""), examples, compiled)
    except RuntimeError:
        return None  # it is for another size only, or holds what cannot be rounded


def openvino() -> Any:
    """Import OpenVINO without its telemetry, and return the module.

    OpenVINO's converter, which its package imports, reports each import to an analytics host and
    keeps an identity in the user's home folder. It goes without where the package
    `openvino_telemetry` is not installed; that is what it is told here, in this process and only
    while it is imported, so nothing that other programs see changes.
    """
    with _importing:
        if "openvino" not in sys.modules:
            known = {name: sys.modules.pop(name) for name in _telemetry()}
            sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # as if it were not installed
            try:
                import openvino  # noqa: F401
            finally:
                del sys.modules[_TELEMETRY]
                sys.modules.update(known)
        return sys.modules["openvino"]


def compile_graph(graph: Any, config: Mapping[str, str]) -> Any:
    """Compile a graph that was built by the runtime's own operations, one at a time."""
    with _compiling:
        return openvino().Core().compile_model(graph, "CPU", dict(config))


def _telemetry() -> list[str]:
    """Return the modules of OpenVINO's telemetry that another part of the process has loaded."""
    return [name for name in sys.modules if name.split(".")[0] == _TELEMETRY]


def native_bf16() -> bool:
    """Return whether this processor computes in bfloat16 itself, rather than emulating it.

    Read from Linux's list of processor features; elsewhere the answer is no, which costs speed
    but never accuracy.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        features = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    found = next((line for line in features.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in found or "amx_bf16" in found


def _record(entry: dict[str, Any]) -> ModelRecord:
    fields = dict(entry)
    fields["inputs"] = tuple(fields["inputs"].items())
    fields["outputs"] = tuple(fields["outputs"].items())
    return ModelRecord(**fields)


def _check_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise ModelError(f"A network needs at least one thread, not {threads}.")


def _attempts(
    precision: str, threads: int | None, kept: Path | None, sha256: str
) -> list[dict[str, Any]]:
    """Return the settings to compile with, in the order in which they are tried.

    What is compiled of one network lies in a folder of its own in `kept`.
    """
    config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    if threads is not None:
        config["INFERENCE_NUM_THREADS"] = threads
    # A damaged cache must not stop the run, hence the second attempt without one.
    if kept is None:
        return [config]
    return [{**config, "CACHE_DIR": str(kept / sha256[:_NAMED])}, config]


def _compiled(core: Any, model: Any, config: Mapping[str, Any]) -> Any:
    """Compile a network, and see to it that those that are kept do not grow without end.

    The runtime keeps one for each place of its file, number of threads and shape, and never deletes
    any. Those go that were not used for longest.
    """
    if "CACHE_DIR" not in config:
        return core.compile_model(model, "CPU", dict(config))
    own = Path(config["CACHE_DIR"])
    with _alone(own.parent):
        network = core.compile_model(model, "CPU", dict(config))
        kept = _kept(own.parent)
        for path in own.glob("*.blob"):
            kept.used(path)
        kept.added(0)
    return network


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from compiling into a folder meanwhile.

    The runtime writes a kept network where it lies, and computes with what lies there without
    copying it: a process that reads what another one has just begun to write anew is ended by the
    system (SIGBUS). Raises `RuntimeError` where the folder cannot be had for oneself.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=_PATIENCE)
    except (Timeout, OSError, NotImplementedError) as error:
        raise RuntimeError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _kept(folder: Path) -> Kept:
    return Kept(folder, LIMIT, "**/*.blob")


def _model(core: Any, data: bytes, name: str, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Return a network in memory, its inputs of these shapes."""
    try:
        model = core.read_model(data, b"")
    except RuntimeError as error:
        raise ModelError(f"{name} is not a network in ONNX, or is damaged.") from error
    known = {port.get_any_name() for port in model.inputs}
    if not known >= set(shapes):
        raise ModelError(f"{name} takes {', '.join(sorted(known))}, not {', '.join(shapes)}.")
    try:
        if shapes:
            model.reshape({key: list(shape) for key, shape in shapes.items()})
    except RuntimeError as error:
        wanted = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
        raise ModelError(f"{name} cannot take {wanted}.") from error
    return model


def _ports(ports: Any) -> tuple[tuple[str, str], ...]:
    """Return names, shapes and types of inputs or outputs, as a manifest has them."""
    return tuple(
        (port.get_any_name(), f"{port.partial_shape} {port.element_type.get_type_name()}")
        for port in ports
    )


def _partial(shape: tuple[int, ...]) -> Any:
    return openvino().PartialShape(list(shape))


def _clause(error: BaseException) -> str:
    """Return the last thing that the runtime says, which is what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


def _find(name: str, folder: Path) -> ModelRecord:
    records = {record.name: record for record in bundled(folder)}
    if name not in records:
        raise ModelError(f"There is no network called {name!r}; there are {', '.join(records)}.")
    return records[name]


def _check(path: Path, record: ModelRecord) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"The network {record.name} is missing: {path}: {error}.") from error
    if found != record.sha256:
        raise ModelError(
            f"The network {path} is damaged or was replaced: its SHA-256 begins {found[:12]}, "
            f"the manifest says {record.sha256[:12]}. Install Kuleshov again."
        )


def _precision(wanted: Precision, core: Any) -> str:
    """Return what to compute in, "f32" or "bf16"."""
    able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if wanted == "auto":
        return "bf16" if able and native_bf16() else "f32"
    if wanted == "bf16" and not able:
        raise ModelError("This processor cannot compute in bf16; use f32.")
    if wanted not in ("f32", "bf16"):
        raise ModelError(f"A precision is auto, f32 or bf16, not {wanted!r}.")
    return wanted


def compiled() -> Kept:
    """Return the networks compiled for this machine, which together take at most `LIMIT` bytes.

    They are made again when they are needed, which takes some seconds.
    """
    return _kept(_default_cache())


def _default_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("kuleshov")) / "models"


def _writable(folder: Path) -> Path | None:
    """Return the folder, made if need be; None if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None
