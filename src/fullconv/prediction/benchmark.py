"""Measures how fast a model runs on this machine, and the peak speed of the machine to compare it with."""

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

SECONDS = 3.0  # how long each engine is measured, after the first run
SIDE = 1536  # rows and columns of the matrix product
CHANNELS, MAP = 256, 96  # channels, and rows and columns, of the 3x3 convolution


@dataclass(frozen=True)
class Speed:
    """The speed of one engine: percentiles of the time for one picture, the peak memory of the process so far in
    megabytes, and the rate in billions of multiply-adds per second (None if unknown)."""

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
    """Runs the engine for SECONDS on a random picture with values of type `kind`, one picture at a time. `macs`:
    multiply-adds for one picture, None if unknown."""
    image = np.random.default_rng(0).integers(0, 255, (1, height, width, channels), np.uint8).astype(kind)
    times = np.array(timed(lambda: engine.label_maps(image)))
    p50, p90, p99 = (float(np.percentile(times, p)) * 1000 for p in (50, 90, 99))
    rate = macs / (p50 / 1000) / 1e9 if macs else None
    return Speed(engine.name, engine.precision, p50, p90, p99, len(times) / times.sum(), peak_memory(), rate)


def timed(work: Callable[[], object], seconds: float = SECONDS) -> list[float]:
    """Returns the seconds that each run of `work` took: at least three runs, after one that does not count."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def peaks(precision: str, engine: str = "openvino", device: str | None = None) -> dict[str, float]:
    """Returns the best speed of a matrix product and of a 3x3 convolution in the engine's library, in billions of
    multiply-adds per second. For ONNX Runtime, these are measured in OpenVINO.
    """
    if engine == "torch":
        from fullconv.prediction.engines.torch_peaks import products

        works = products(precision, device, SIDE, CHANNELS, MAP)
    else:
        works = in_openvino(precision)
    macs = {"matrix product": SIDE**3, "convolution": 9 * CHANNELS**2 * MAP**2}
    return {name: macs[name] / min(timed(work, 1.0)) / 1e9 for name, work in works.items()}


def in_openvino(precision: str) -> dict[str, Callable[[], object]]:
    """Returns the matrix product and the convolution in OpenVINO, ready to run."""
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
    """Returns the number of multiply-adds in the convolutions and deconvolutions for one picture, from the model's
    graph. None if there is no graph."""
    try:
        model = openvino_core().read_model(graph_for(folder, "fp32"))
    except Exception:  # a model without a readable graph can still be timed
        return None
    model.reshape({"image": [1, height, width, channels]})
    return float(sum(_of(node) for node in model.get_ops() if "Convolution" in node.get_type_name()))


def _of(node: Any) -> int:
    """Returns the multiply-adds of one node. Each weight is used once for each position of the output, or of the input
    for a deconvolution."""
    backwards = "Backprop" in node.get_type_name()
    shape = node.get_input_shape(0) if backwards else node.get_output_shape(0)
    return int(np.prod(node.get_input_shape(1))) * int(np.prod(list(shape)[2:]))


def peak_memory() -> float:
    """Returns the peak memory of this process in megabytes, or 0 if the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
