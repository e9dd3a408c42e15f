"""OpenVINO's own files: model.xml, as exact as model.onnx, and model_int8.xml, quantised on the user's pictures."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import missing_extra
from fullconv.prediction.engines.choice import graph_for
from fullconv.prediction.engines.openvino import import_openvino, openvino_core
from fullconv.weights.model_files import INT8, IR


def write_ir(folder: Path, out: Path) -> Path:
    """Writes model.xml and model.bin into `out` from a folder's model.onnx. Kernels stay as they are stored there."""
    ov = import_openvino()
    return _save(ov, openvino_core().read_model(folder_graph(folder)), out / IR)


def write_int8(folder: Path, out: Path, batches: Sequence[NDArray[np.uint8]]) -> Path:
    """Writes model_int8.xml and model_int8.bin into `out` from a folder's model.onnx, with kernels and maps in 8 bits.

    The ranges of the maps are measured on `batches`, (1, H, W, channels) each.
    """
    ov, nncf = import_openvino(), import_nncf()
    model = openvino_core().read_model(folder_graph(folder))
    empty = picture_free_convolutions(model)
    for convolution in empty:
        own_kernel(ov, convolution)
    with quiet_nncf():
        quantised = nncf.quantize(
            model, nncf.Dataset(batches), preset=nncf.QuantizationPreset.MIXED, subset_size=len(batches),
            fast_bias_correction=False,  # half the loss in mean IoU, in the same time
            ignored_scope=nncf.IgnoredScope([convolution.friendly_name for convolution in empty]),
        )  # fmt: skip
    return _save(ov, quantised, out / INT8)


def import_nncf() -> Any:
    os.environ.setdefault("NNCF_CI", "1")  # otherwise NNCF reports its use to a server
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else it numbers the user in ~/intel
    try:
        import nncf
    except ImportError:
        raise missing_extra("nncf", "export") from None
    nncf.set_log_level("ERROR")
    return nncf


@contextmanager
def quiet_nncf() -> Iterator[None]:
    """Inside this block, NNCF shows its progress bars, which go to rich's own console, only if that is a terminal; and
    torch, which NNCF imports, does not warn that there is no CUDA runtime."""
    import rich  # NNCF requires it

    console, extensions = rich.get_console(), logging.getLogger("torch.utils.cpp_extension")
    before = console.quiet, extensions.disabled
    console.quiet, extensions.disabled = not console.is_terminal, True
    try:
        yield
    finally:
        console.quiet, extensions.disabled = before


def picture_free_convolutions(model: Any) -> list[Any]:
    """Returns the convolutions that depend only on the size of the picture: those on the empty frame of
    models/border.py. They are a few per cent of the arithmetic, and start from zeros, of which no range can be
    measured."""
    seeing: set[str] = set()
    free = []
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        sources = {value.get_source_output().get_node().friendly_name for value in node.inputs()}
        if kind == "Parameter" or (kind != "ShapeOf" and sources & seeing):
            seeing.add(node.friendly_name)
        elif kind == "Convolution":
            free.append(node)
    return free


def own_kernel(ov: Any, convolution: Any) -> None:
    """Gives a convolution its own copy of its kernel. A kernel shared with a quantised convolution would be quantised
    twice, and OpenVINO could then not fold it."""
    kernel = convolution.input_value(1).get_node()
    while kernel.get_type_name() != "Constant":  # stored in half precision, before a Convert
        kernel = kernel.input_value(0).get_node()
    copied = ov.opset13.constant(kernel.data.astype(np.float32))
    convolution.input(1).replace_source_output(copied.output(0))


def folder_graph(folder: Path) -> Path:
    """Returns the graph that both are made from."""
    return graph_for(folder, "fp32")


def _save(ov: Any, model: Any, path: Path) -> Path:
    ov.save_model(model, path, compress_to_fp16=False)
    return path
