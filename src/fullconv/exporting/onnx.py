"""Exports a network to model.onnx or model.pt2: image in, label map and scores out, normalisation inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fullconv.errors import missing_extra
from fullconv.files import write_whole
from fullconv.weights.model_files import GRAPH, PARAMETERS, PROGRAM

if TYPE_CHECKING:
    from fullconv.models.network import Network

OPSET = 18


def export_onnx(folder: Path, out: Path | None = None) -> Path:
    """Writes model.onnx into a model folder (or `out`) from its model.safetensors.

    image (N, H, W, channels), uint8 or the type that config.json calls `input` → label_map (N, H, W) uint8, scores (N,
    classes, H, W) float32. H and W are multiples of 32, or anything with alignment `caffe`. Kernels that
    model.safetensors stores in half precision are stored so here too, as the same numbers.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  (what torch.onnx writes with)
    except ImportError:
        raise missing_extra("onnx", "export") from None
    import torch

    from fullconv.weights.checkpoint import load_model
    from fullconv.weights.tensors import read_tensors

    model, config = load_model(folder)
    proto = tidied(trace(model, config.input))
    if config.input == "uint8":
        cast_first(proto.graph)
    if any(value.dtype == torch.float16 for value in read_tensors(folder / PARAMETERS).values()):
        store_kernels_as_half(proto.graph)
    onnx.checker.check_model(proto)
    return write_whole((out or folder) / GRAPH, lambda hidden: onnx.save_model(proto, hidden))


def export_program(folder: Path, out: Path | None = None) -> Path:
    """Writes model.pt2, which torch.export.load reads, into a model folder (or `out`) from its model.safetensors.

    Input and output are those of model.onnx. `torch.export.load("model.pt2").module()(image)` needs no fullconv.
    """
    try:
        import torch
    except ImportError:
        raise missing_extra("torch", "train") from None
    from fullconv.weights.checkpoint import load_model

    model, config = load_model(folder)
    graph, example, free = traceable(model, config.input)
    program = torch.export.export(graph, example, dynamic_shapes=free)
    return write_whole((out or folder) / PROGRAM, lambda hidden: torch.export.save(program, hidden))


def trace(model: Network, kind: str = "uint8") -> Any:
    """Returns the ONNX ModelProto of a network. Height and width are free in multiples of what its architecture
    takes."""
    import torch

    graph, example, free = traceable(model, kind)
    program = torch.onnx.export(
        graph, example, dynamo=True, opset_version=OPSET, optimize=False, verbose=False,
        input_names=["image"], output_names=["label_map", "scores"], dynamic_shapes=free,
    )  # fmt: skip
    return program.model_proto  # type: ignore[union-attr]


def traceable(model: Network, kind: str = "uint8") -> tuple[Any, tuple[Any], dict[str, Any]]:
    """Returns (image → label map and scores; example arguments of type `kind`; which of their dimensions are free)."""
    import torch

    from fullconv.models.border import spare_border

    spare_border(model)

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            pixels = image.float().permute(0, 3, 1, 2)  # in this order: TensorRT accepts uint8 only in a Cast
            scores = self.model.score_aligned(self.model.normalise(pixels))
            return self.model.label_map(scores), scores

    dim, step, channels = torch.export.Dim, model.multiple_of, model.architecture.channels
    free = {0: dim("batch", min=1), 1: step * dim("rows", min=1), 2: step * dim("columns", min=1)}
    example = torch.zeros(2, 96, 128, channels * max(len(model.architecture.inputs), 1), dtype=getattr(torch, kind))
    return Graph().eval(), (example,), {"image": free}


def tidied(proto: Any) -> Any:
    """Folds the constants of the graph and removes the exporter's notes on source lines."""
    import onnx_ir
    from onnxscript import optimizer

    model = onnx_ir.from_proto(proto)
    optimizer.fold_constants(model)  # nothing else: fusing batch norm into kernels would round them again
    optimizer.remove_unused_nodes(model)
    proto = onnx_ir.to_proto(model)
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        del part.metadata_props[:]
    return proto


def cast_first(graph: Any) -> None:
    """Makes a Cast the only reader of the picture: TensorRT does not even give the shape of a uint8 tensor."""
    (cast,) = [node for node in graph.node if node.op_type == "Cast" and list(node.input) == ["image"]]
    graph.node.remove(cast)
    for node in graph.node:
        node.input[:] = [cast.output[0] if name == "image" else name for name in node.input]
    graph.node.insert(0, cast)


def store_kernels_as_half(graph: Any) -> None:
    """Stores each float kernel (4 dimensions) as float16 before a Cast. This halves the file; loading widens it
    once."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 4:
            continue
        name, half = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
