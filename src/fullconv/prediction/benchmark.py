"""How fast a model runs on this machine: times for single pictures, and the share of the machine's peak speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fullconv.prediction.engines.choice import graph_for
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.engines.openvino import HINTS, import_openvino, openvino_core

SECONDS = 3.0  # for each engine, after the first run
SIDE, CHANNELS, MAP = 1536, 256, 96  # of the matrix product; of the 3x3 convolution


@dataclass(frozen=True)
class Speed:
    """Milliseconds for one picture; images a second; peak memory of the process so far; multiply-adds a second."""

    engine: str
    precision: str
    p50_ms: float
    p90_ms: float
    p99_ms: float
    images_per_second: float
    memory_mb: float
    gmac_per_second: float | None

    def to_json(self) -> dict[str, Any]:
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def measure(engine: Engine, height: int, width: int, channels: int, macs: float | None, kind: str = "uint8") -> Speed:
    """One picture at a time, of values of type `kind`, as long as SECONDS."""
    image = np.random.default_rng(0).integers(0, 255, (1, height, width, channels), np.uint8).astype(kind)
    times = np.array(timed(lambda: engine.label_maps(image)))
    p50, p90, p99 = (float(np.percentile(times, p)) * 1000 for p in (50, 90, 99))
    rate = macs / (p50 / 1000) / 1e9 if macs else None
    return Speed(engine.name, engine.precision, p50, p90, p99, len(times) / times.sum(), peak_memory(), rate)


def timed(work: Callable[[], object], seconds: float = SECONDS) -> list[float]:
    """Seconds of each run, at least three, after one that does not count."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def peaks(precision: str, engine: str = "openvino", device: str | None = None) -> dict[str, float]:
    """Billion multiply-adds a second of a matrix product and of a 3x3 convolution, in the engine's library.

    The best run counts. ONNX Runtime is compared with OpenVINO's.
    """
    if engine == "torch":
        from fullconv.prediction.engines.torch_peaks import products

        works = products(precision, device, SIDE, CHANNELS, MAP)
    else:
        works = in_openvino(precision)
    macs = {"matrix product": SIDE**3, "convolution": 9 * CHANNELS**2 * MAP**2}
    return {name: macs[name] / min(timed(work, 1.0)) / 1e9 for name, work in works.items()}


def in_openvino(precision: str) -> dict[str, Callable[[], object]]:
    """The two products, ready to run."""
    ov = import_openvino()
    op = ov.opset13
    rng = np.random.default_rng(0)
    left, maps = op.parameter([SIDE, SIDE], np.float32), op.parameter([1, CHANNELS, MAP, MAP], np.float32)
    matrix = op.constant(rng.normal(size=(SIDE, SIDE)).astype(np.float32))
    kernels = op.constant(rng.normal(size=(CHANNELS, CHANNELS, 3, 3)).astype(np.float32))
    product = op.matmul(left, matrix, False, False)
    convolved = op.convolution(maps, kernels, [1, 1], [1, 1], [1, 1], [1, 1])
    return {
        "matrix product": _ready(ov, precision, left, product),
        "convolution": _ready(ov, precision, maps, convolved),
    }


def _ready(ov: Any, precision: str, given: Any, result: Any) -> Callable[[], object]:
    hint = {"INFERENCE_PRECISION_HINT": HINTS[precision]}
    compiled = openvino_core().compile_model(ov.Model([result], [given]), "CPU", hint)
    data = np.random.default_rng(1).normal(size=tuple(given.get_output_shape(0))).astype(np.float32)
    request = compiled.create_infer_request()
    return lambda: request.infer([data])


def multiply_adds(folder: Path, height: int, width: int, channels: int) -> float | None:
    """Of one picture's convolutions and deconvolutions, read off the model's graph; None where it has none."""
    try:
        model = openvino_core().read_model(graph_for(folder, "fp32"))
    except Exception:  # the graph only tells the count; a model without one is timed all the same
        return None
    model.reshape({"image": [1, height, width, channels]})
    return float(sum(_of(node) for node in model.get_ops() if "Convolution" in node.get_type_name()))


def _of(node: Any) -> int:
    """Each weight is used once for every position of the output, or, in a deconvolution, of the input."""
    backwards = "Backprop" in node.get_type_name()
    shape = node.get_input_shape(0) if backwards else node.get_output_shape(0)
    return int(np.prod(node.get_input_shape(1))) * int(np.prod(list(shape)[2:]))


def peak_memory() -> float:
    """Megabytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
