"""OpenVINO's own files: model.xml as exact as model.onnx, and model_int8.xml, quantised on a user's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import missing_extra
from fullconv.prediction.engines.choice import graph_for
from fullconv.prediction.engines.openvino import import_openvino
from fullconv.weights.folder import INT8, IR


def write_ir(folder: Path, out: Path) -> Path:
    """Writes model.xml and model.bin into `out` from a folder's model.onnx; kernels stay as they are stored there."""
    ov = import_openvino()
    return _save(ov, ov.Core().read_model(folder_graph(folder)), out / IR)


def write_int8(graph: Path, out: Path, batches: Sequence[NDArray[np.uint8]]) -> Path:
    """Writes model_int8.xml and model_int8.bin into `out`: kernels and maps in 8 bits.

    `batches`, (1, H, W, channels) each, are what the ranges of the maps are measured on.
    """
    ov = import_openvino()
    try:
        import nncf
    except ImportError:
        raise missing_extra("nncf", "export") from None
    nncf.set_log_level("ERROR")
    model = ov.Core().read_model(graph)
    quantised = nncf.quantize(
        model, nncf.Dataset(batches), preset=nncf.QuantizationPreset.MIXED, subset_size=len(batches),
        fast_bias_correction=False,  # half the loss in mean IoU, in the same time
    )  # fmt: skip
    return _save(ov, quantised, out / INT8)


def folder_graph(folder: Path) -> Path:
    """The graph that both are made from."""
    return graph_for(folder, "fp32")


def _save(ov: Any, model: Any, path: Path) -> Path:
    ov.save_model(model, path, compress_to_fp16=False)
    return path
