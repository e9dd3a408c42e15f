"""ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, argument, missing_extra
from fullconv.prediction import memory
from fullconv.prediction.engines.contract import BYTES_A_PIXEL, Images, no_graph

NAMES = {"image", "label_map", "scores"}  # of a graph's input and outputs


def open_session(graph: Path, threads: int | None) -> Any:
    """Returns an InferenceSession on the CPU. `threads`: None for all processors. Raises FullconvError if onnxruntime
    is not installed, and ModelError if the graph cannot be read."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # otherwise ONNX Runtime leaves a file in the temporary folder
    try:
        import onnxruntime
    except ImportError:
        raise missing_extra("onnxruntime", "export") from None
    options = onnxruntime.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many types of its own
        raise no_graph(graph, error) from None


class OnnxRuntime:
    """Runs model.onnx on the CPU in float32, for any shape."""

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, graph: Path, precision: str, streams: int, threads: int | None = None) -> None:
        if precision not in ("auto", "fp32"):
            other = argument("engine", "openvino")
            raise FullconvError(f"{argument('precision', precision)}: ONNX Runtime supports fp32 here; use {other}")
        self.streams = streams
        self.session = open_session(graph, max(1, (threads or 1) // streams) if streams > 1 or threads else None)
        names = {value.name for value in (*self.session.get_inputs(), *self.session.get_outputs())}
        if names != NAMES:
            raise no_graph(graph, f"its inputs and outputs are {', '.join(sorted(names))}")

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        label_maps: NDArray[np.uint8] = self.session.run(["label_map"], {"image": images})[0]
        return label_maps

    def scores(self, images: Images) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self.session.run(["scores"], {"image": images})[0]
        return scores

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return int(memory.budget() / self.streams / BYTES_A_PIXEL)
