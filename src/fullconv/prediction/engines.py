"""What runs a network: OpenVINO, ONNX Runtime or torch, behind one interface."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, defaultdict
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, missing_extra
from fullconv.prediction import memory
from fullconv.prediction.blobs import BlobCache
from fullconv.weights.folder import GRAPH, INT8, IR, PARAMETERS

Images = NDArray[np.uint8]
ENGINES = ("auto", "openvino", "torch", "onnxruntime")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")
HINTS = {"fp32": "f32", "bf16": "bf16"}  # OpenVINO's words
PROBE = 512  # pixels a side of the picture for which an engine tells how much memory it takes
BYTES_A_PIXEL = 1024  # where the engine does not tell: two float32 maps of 128 channels at full size


class Engine(Protocol):
    """Runs a batch of heights and widths that the architecture takes. Safe to call from several threads."""

    name: str
    precision: str

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        """(N, H, W, 3) uint8 → (N, H, W) class indices."""

    def scores(self, images: Images) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 → (N, classes, H, W)."""

    def room(self, channels: int = 3, scores: bool = False) -> int:
        """How many pixels of a picture may be seen at once, so that memory suffices."""


def open_engine(
    folder: Path,
    engine: str = "auto",
    precision: str = "auto",
    device: str | None = None,
    streams: int = 1,
    fixed: bool = True,
    threads: int | None = None,
) -> Engine:
    """The engine for a model folder; `streams` is how many images will be in flight at once, `threads` how many
    processors they may keep busy together, None for all.

    `fixed`: sizes repeat, since they are multiples of 32, and each is worth compiling for.
    """
    chosen = choose(folder, device) if engine == "auto" else engine
    _check(precision, PRECISIONS, "--precision")
    if chosen == "openvino":
        return OpenVINO(graph_for(folder, precision), precision, streams, fixed, threads)
    if chosen == "onnxruntime":
        return OnnxRuntime(_existing(folder / GRAPH), precision, streams, threads)
    if chosen == "torch":
        return Torch(_existing(folder / PARAMETERS).parent, precision, device, threads)
    raise FullconvError(f"--engine {engine}: no such engine; choose among {', '.join(ENGINES)}")


def choose(folder: Path, device: str | None) -> str:
    """torch on an NVIDIA GPU where it is installed; else OpenVINO; torch also where the folder holds no graph."""
    wants_gpu = device.startswith("cuda") if device else Path("/dev/nvidiactl").exists()
    can_torch = find_spec("torch") is not None and (folder / PARAMETERS).exists()
    if (wants_gpu and can_torch) or not any((folder / name).exists() for name in (GRAPH, IR, INT8)):
        return "torch"
    return "openvino"


def graph_for(folder: Path, precision: str) -> Path:
    """The file that OpenVINO reads: model_int8.xml for int8, else model.onnx, or model.xml in its absence."""
    if precision == "int8":
        if not (folder / INT8).is_file():
            raise FullconvError(
                f"{folder / INT8}: missing; run `fullconv export {folder} --to openvino --int8 --data DATA`"
            )
        return folder / INT8
    return folder / IR if (folder / IR).is_file() and not (folder / GRAPH).is_file() else _existing(folder / GRAPH)


class OpenVINO:
    """A graph on the CPU, compiled for each shape that comes (a dynamic shape is slower), the last few kept.

    A network that takes any size is compiled once, for all. Precision `auto` is bf16 where the processor has
    instructions for it, with matrix units or without: measured, they halve the time of float32. In int8 what was not
    quantised runs in that precision too.
    """

    name = "openvino"
    KEPT = 8

    def __init__(self, graph: Path, precision: str, streams: int, fixed: bool, threads: int | None = None) -> None:
        ov = import_openvino()
        # The bindings build a table when Tensor.data is first used; two threads that get there together wait forever.
        _ = ov.Tensor(np.zeros(1, np.uint8)).data
        self.graph, self.core, self.fixed = graph, ov.Core(), fixed
        if precision == "fp16":
            raise FullconvError("--precision fp16: OpenVINO runs fp32, bf16 and int8 on a CPU; choose one of these")
        has_bf16 = "BF16" in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        fastest = "bf16" if has_bf16 else "fp32"
        self.precision = fastest if precision == "auto" else precision
        hint = HINTS[fastest if precision == "int8" else self.precision]
        # Pinned to its processor, a stream waits there for whatever reads or writes files, while another is idle.
        self.settings = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
        self.settings |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
        cpu = self.core.get_property("CPU", "FULL_DEVICE_NAME")
        self.cache = BlobCache(graph, f"{ov.__version__} {cpu} {sorted(self.settings.items())}")
        self.compiled: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.idle: tuple[tuple[Any, ...], list[Any]] = (), []
        self.streams, self.lock = streams, threading.Lock()

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self._run(images, "label_map")

    def scores(self, images: Images) -> NDArray[np.float32]:
        return self._run(images, "scores")

    def _run(self, images: Images, output: str) -> NDArray[Any]:
        shape = images.shape if self.fixed else (-1, -1, -1, images.shape[3])
        key = (*shape, output)
        request = self._request_for(key)
        request.infer([images])
        result: NDArray[Any] = request.get_output_tensor(0).data.copy()
        with self.lock:
            if self.idle[0] == key:
                self.idle[1].append(request)
        return result

    def room(self, channels: int = 3, scores: bool = False) -> int:
        compiled = self._compiled_for((1, PROBE, PROBE, channels, "scores" if scores else "label_map"))
        bytes_a_pixel = peak_bytes(compiled.get_runtime_model()) / PROBE**2
        return int(memory.budget() / self.streams / bytes_a_pixel)

    def _request_for(self, key: tuple[Any, ...]) -> Any:
        """One that ran this shape before, if the last picture had it too: the memory of a new one has to be fetched
        from the system page by page, which takes half as long again for a large picture."""
        compiled = self._compiled_for(key)
        with self.lock:
            if self.idle[0] != key:
                self.idle = key, []
            return self.idle[1].pop() if self.idle[1] else compiled.create_infer_request()

    def _compiled_for(self, key: tuple[Any, ...]) -> Any:
        with self.lock:
            if key not in self.compiled:
                self.compiled[key] = self._load(key) or self._compile(key)
            self.compiled.move_to_end(key)
            while len(self.compiled) > self.KEPT:
                self.compiled.popitem(last=False)
            return self.compiled[key]

    def _load(self, key: tuple[Any, ...]) -> Any:
        """A blob compiled earlier, or None: blobs are only a cache, so one that no longer loads is made anew."""
        blob = self.cache.read(key)
        try:
            return self.core.import_model(blob, "CPU", self.settings) if blob else None
        except RuntimeError:
            return None

    def _compile(self, key: tuple[Any, ...]) -> Any:
        *shape, output = key
        model = self.core.read_model(self.graph)
        for result in model.get_results():
            if output not in result.input(0).get_source_output().get_names():
                model.remove_result(result)
        model.reshape({"image": shape})
        compiled = self.core.compile_model(model, "CPU", self.settings)
        self.cache.write(key, compiled.export_model().getvalue())
        return compiled


class OnnxRuntime:
    """model.onnx on the CPU in float32, any shape."""

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, graph: Path, precision: str, streams: int, threads: int | None = None) -> None:
        if precision not in ("auto", "fp32"):
            raise FullconvError(f"--precision {precision}: ONNX Runtime runs fp32 here; take --engine openvino")
        try:
            import onnxruntime
        except ImportError:
            raise missing_extra("onnxruntime", "export") from None
        options = onnxruntime.SessionOptions()
        if streams > 1 or threads:
            options.intra_op_num_threads = max(1, (threads or 1) // streams)
        self.streams = streams
        self.session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        label_maps: NDArray[np.uint8] = self.session.run(["label_map"], {"image": images})[0]
        return label_maps

    def scores(self, images: Images) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self.session.run(["scores"], {"image": images})[0]
        return scores

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return int(memory.budget() / self.streams / BYTES_A_PIXEL)


class Torch:
    """model.safetensors on the CPU or on a GPU; there each of the last shapes is kept as a CUDA graph."""

    name = "torch"
    KEPT = 8

    def __init__(self, folder: Path, precision: str, device: str | None, threads: int | None = None) -> None:
        try:
            import torch

            from fullconv.models.border import spare_border
            from fullconv.weights.checkpoint import load_model
        except ImportError:
            raise missing_extra("torch", "train") from None
        if precision == "int8":
            raise FullconvError("--precision int8: torch runs fp32, bf16 and fp16 here; take --engine openvino")
        if threads:
            torch.set_num_threads(threads)
        self.torch = torch
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise FullconvError(f"--device {device}: no CUDA device here; leave --device out to use the CPU")
        self.precision = self._fastest() if precision == "auto" else precision
        network = spare_border(load_model(folder)[0])
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.lock = threading.Lock()
        self.recorded: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def _fastest(self) -> str:
        if self.device.startswith("cuda"):
            return "bf16" if self.torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        return "bf16" if self.torch.cpu._is_amx_tile_supported() else "fp32"

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        batch = self.torch.from_numpy(images)
        if not self.device.startswith("cuda"):
            return self._labels(batch).numpy()
        with self.lock:
            return self._replayed(batch.to(self.device)).cpu().numpy()

    def scores(self, images: Images) -> NDArray[np.float32]:
        with self.lock if self.device.startswith("cuda") else nullcontext():
            return self._forward(self.torch.from_numpy(images).to(self.device)).float().cpu().numpy()

    def room(self, channels: int = 3, scores: bool = False) -> int:
        on_gpu = self.device.startswith("cuda")
        free = self.torch.cuda.mem_get_info(self.device)[0] // memory.SHARE if on_gpu else memory.budget()
        return int(free / BYTES_A_PIXEL)

    def _labels(self, batch: Any) -> Any:
        return self.network.label_map(self._forward(batch))

    def _forward(self, batch: Any) -> Any:
        """(N, H, W, 3) uint8 on the device → scores."""
        kind, half = self.device.split(":")[0], {"bf16": self.torch.bfloat16, "fp16": self.torch.float16}
        kernels = half.get(self.precision)
        with self.torch.inference_mode(), self.torch.autocast(kind, kernels, kernels is not None, cache_enabled=False):
            return self.network(batch.permute(0, 3, 1, 2))

    def _replayed(self, batch: Any) -> Any:
        """The labels by a CUDA graph of the batch's shape: its kernels are recorded once, then started together."""
        shape = tuple(batch.shape)
        if shape not in self.recorded:
            self.recorded[shape] = self._record(batch)
        self.recorded.move_to_end(shape)
        while len(self.recorded) > self.KEPT:
            self.recorded.popitem(last=False)
        graph, given, labels = self.recorded[shape]
        given.copy_(batch)
        graph.replay()
        return labels

    def _record(self, batch: Any) -> tuple[Any, Any, Any]:
        """(graph, where its input lies, where its output lies), after a run that lets the libraries choose kernels."""
        cuda, given = self.torch.cuda, batch.clone()
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            self._labels(given)
        cuda.current_stream().wait_stream(side)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            labels = self._labels(given)
        return graph, given, labels


class Program:
    """model.pt2, which torch.export wrote, in float32 on the CPU."""

    name = "torch"
    precision = "fp32"

    def __init__(self, file: Path) -> None:
        import torch

        self.from_numpy, self.run = torch.from_numpy, torch.export.load(file).module()

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.run(self.from_numpy(images))[0].detach().numpy()

    def scores(self, images: Images) -> NDArray[np.float32]:
        return self.run(self.from_numpy(images))[1].detach().numpy()

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return int(memory.budget() / BYTES_A_PIXEL)


def peak_bytes(compiled: Any) -> int:
    """The most that a compiled network's maps take at one time: each from its making to its last use."""
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


def import_openvino() -> Any:
    """openvino without its model converter, which it does without where it is absent: half of the time to import."""
    converter = "openvino.tools.ovc"
    absent = converter not in sys.modules
    if absent:
        sys.modules[converter] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if absent:
            del sys.modules[converter]
    return openvino


def _existing(path: Path) -> Path:
    if not path.is_file():
        other = "run `fullconv export` on it" if path.name == GRAPH else "choose another --engine"
        raise FullconvError(f"{path}: missing; {other}")
    return path


def _check(value: str, choices: tuple[str, ...], flag: str) -> None:
    if value not in choices:
        raise FullconvError(f"{flag} {value}: choose among {', '.join(choices)}")
