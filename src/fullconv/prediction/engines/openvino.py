"""Runs networks in OpenVINO on the CPU. Compiled networks are cached between runs."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, argument
from fullconv.models.config import ModelConfig
from fullconv.prediction import memory
from fullconv.prediction.compiled import BlobCache, digest_of
from fullconv.prediction.engines.contract import Images, no_graph
from fullconv.prediction.getting_ready import getting_ready
from fullconv.weights.onnx_file import check_counts

HINTS = {"fp32": "f32", "bf16": "bf16"}  # precision → OpenVINO's name of it
ONNX = b"\x08"  # the first byte of an ONNX file: the field for the version
CONVERTER = "openvino.tools.ovc"
KERNELS = "CPU_RUNTIME_CACHE_CAPACITY", "2000"  # kernels for about 40 shapes; by default they grow to 700 MB
ANY = -1
PROBE = 512  # side in pixels of the picture whose memory is measured

Key = tuple[Any, ...]  # (N, H, W, channels, name of the output), with ANY for what may change


class OpenVINO:
    """Runs a graph on the CPU.

    One network takes pictures of any shape. A network for each shape would be as fast in bf16, but compiling it takes
    longer than running it, and it rounds differently: labels would depend on which pictures came before.

    The precision `auto` is bf16 if the processor has instructions for it, with or without matrix units. By measurement,
    this takes half the time of float32. Layers of an int8 graph that are not quantised also run in this precision.
    """

    name = "openvino"

    def __init__(
        self,
        graph: Path,
        precision: str,
        streams: int,
        threads: int | None = None,
        content: str | None = None,
    ) -> None:
        """`content`: a digest that identifies the graph in the cache; None for the digest of its files."""
        ov = import_openvino()
        # The bindings build a table when Tensor.data is first used. Two threads that do this together wait forever.
        _ = ov.Tensor(np.zeros(1, np.uint8)).data
        self.graph, self.core, self.files = graph, openvino_core(), files_of(graph)
        if precision == "fp16":
            raise FullconvError(
                f"{argument('precision', precision)}: OpenVINO supports fp32, bf16 and int8 on a CPU; use one of these"
            )
        has_bf16 = "BF16" in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        fastest = "bf16" if has_bf16 else "fp32"
        self.precision = fastest if precision == "auto" else precision
        hint = HINTS[fastest if precision == "int8" else self.precision]
        # A pinned stream would wait for its processor while other threads read or write files on it, even if another
        # processor is idle.
        self.settings = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
        self.settings |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
        cpu = self.core.get_property("CPU", "FULL_DEVICE_NAME")
        content = content or digest_of([graph.with_name(name) for name in self.files])
        self.cache = BlobCache(content, f"{ov.__version__} {cpu} {sorted(self.settings.items())}")
        self.compiled: dict[Key, Any] = {}
        self.idle: tuple[Key, list[Any]] = (), []  # the network that ran last, and its requests that are free
        self.streams, self.lock = streams, threading.Lock()

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self._run(images, "label_map")

    def scores(self, images: Images) -> NDArray[np.float32]:
        return self._run(images, "scores")

    def _run(self, images: Images, output: str) -> NDArray[Any]:
        key = (images.shape[0], ANY, ANY, images.shape[3], output)
        request = self._request_for(key)
        request.infer([images])
        result: NDArray[Any] = request.get_output_tensor(0).data.copy()
        with self._locked():
            if self.idle[0] == key:
                self.idle[1].append(request)
        return result

    def room(self, channels: int = 3, scores: bool = False) -> int:
        compiled = self._compiled_for((1, PROBE, PROBE, channels, "scores" if scores else "label_map"))
        bytes_a_pixel = peak_bytes(compiled.get_runtime_model()) / PROBE**2
        return int(memory.budget() / self.streams / bytes_a_pixel)

    def _request_for(self, key: Key) -> Any:
        """Returns a request that ran this network before, if one is free. The memory of a new request has to be fetched
        from the system page by page, so a large picture would take 1.5 times as long."""
        compiled = self._compiled_for(key)
        with self._locked():
            if self.idle[0] != key:
                self.idle = key, []
            return self.idle[1].pop() if self.idle[1] else compiled.create_infer_request()

    def _compiled_for(self, key: Key) -> Any:
        with self._locked():
            if key not in self.compiled:
                self.compiled[key] = self._load(key) or self._compile(key)
            return self.compiled[key]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Locks the tables of networks and requests. Only a thread that compiles or loads a network holds it for
        long."""
        with getting_ready(), self.lock:
            yield

    def _load(self, key: Key) -> Any:
        """Loads a network from the cache. Returns None if there is none or it cannot be loaded: the network is then
        compiled again."""
        blob = self.cache.read(key)
        try:
            return self.core.import_model(blob, "CPU", self.settings) if blob else None
        except RuntimeError:
            return None

    def _read(self) -> Any:
        if self.graph.suffix == ".onnx" and not self.graph.read_bytes().startswith(ONNX):
            # OpenVINO would try all formats and print messages about each.
            raise no_graph(self.graph, "it does not start like an ONNX file")
        try:
            return self.core.read_model(self.graph)
        except RuntimeError as error:
            raise no_graph(self.graph, error) from None

    def _compile(self, key: Key) -> Any:
        *shape, output = key
        model = self._read()
        for result in model.get_results():
            if output not in result.input(0).get_source_output().get_names():
                model.remove_result(result)
        try:
            model.reshape({"image": shape})
            compiled = self.core.compile_model(model, "CPU", self.settings)
        except RuntimeError as error:
            raise no_graph(self.graph, error) from None
        self.cache.write(key, compiled.export_model().getvalue())
        return compiled


def files_of(graph: Path) -> tuple[str, ...]:
    """Returns the names of a graph's files. OpenVINO's own format has a second file with the parameters."""
    return tuple(file.name for file in (graph, graph.with_suffix(".bin")) if file.exists())


def check_ir(graph: Path, config: ModelConfig) -> None:
    """Raises FullconvError if a graph in OpenVINO's own format cannot be read, or does not fit config.json."""
    try:
        image, scores = (port.partial_shape for port in _ports(openvino_core().read_model(graph)))
    except RuntimeError as error:
        raise no_graph(graph, error) from None
    check_counts(graph, config, _count(image[3]), _count(scores[1]))


def _ports(model: Any) -> tuple[Any, Any]:
    return model.input("image"), model.output("scores")


def _count(dimension: Any) -> int | None:
    return dimension.get_length() if dimension.is_static else None


def peak_bytes(compiled: Any) -> int:
    """Returns the most bytes that the maps of a compiled network take at one time. Each map is held from its creation
    to its last use."""
    steps = compiled.get_ordered_ops()
    last = {_tensor(value.get_source_output()): place for place, step in enumerate(steps) for value in step.inputs()}
    leaving: defaultdict[int, int] = defaultdict(int)
    held = peak = 0
    for place, step in enumerate(steps):
        for output in step.outputs():
            if step.get_type_name() != "Constant" and _tensor(output) in last:
                size = int(np.prod(output.get_shape())) * output.get_element_type().size
                held, leaving[last[_tensor(output)]] = held + size, leaving[last[_tensor(output)]] + size
        peak, held = max(peak, held), held - leaving[place]
    return peak


def _tensor(output: Any) -> tuple[str, int]:
    return output.get_node().get_friendly_name(), output.get_index()


@cache
def openvino_core() -> Any:
    """Returns the one Core of this process, which is never freed. OpenVINO gives the thread that creates a Core a stack
    for its signal handlers, and frees it with the Core. If that happens in another thread, the next Ctrl-C is a
    segmentation fault."""
    core = import_openvino().Core()
    with suppress(RuntimeError):  # the setting is not public, so a later version may refuse it
        core.set_property("CPU", dict([KERNELS]))
    return core


def import_openvino() -> Any:
    """Imports openvino without its model converter, which takes half of the import time. It is imported on first
    use."""
    deferred = "openvino" not in sys.modules and CONVERTER not in sys.modules
    if deferred:
        sys.modules[CONVERTER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if deferred:
            del sys.modules[CONVERTER]
    if deferred:
        openvino.__getattr__ = _attribute
    return openvino


def _attribute(name: str) -> Any:
    """Imports the model converter when somebody uses `openvino.convert_model`."""
    if name != "convert_model":
        raise AttributeError(f"module 'openvino' has no attribute {name!r}")
    return import_module(CONVERTER).convert_model
