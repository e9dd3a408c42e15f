"""Exports for the QGIS plugin Deepness: one ONNX file that takes square tiles of 0–1 and returns probabilities.

What the plugin reads: docs/source/creators/creators_add_metadata_to_model.rst and src/deepness/processing/models/
model_base.py of github.com/PUTvision/qgis-plugin-deepness (0.6.5).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, missing_extra
from fullconv.exporting.openvino import folder_graph
from fullconv.files import write_whole
from fullconv.models.config import ModelConfig
from fullconv.prediction.engines.contract import Images
from fullconv.prediction.engines.onnxruntime import open_session
from fullconv.weights.model_files import DEEPNESS

TILE = 512  # pixels per side; the plugin takes only one size
OVERLAP = 25  # per cent of a tile that its neighbours also see: a halo of 64 pixels
INPUT, OUTPUT = "tile", "probabilities"


class Deepness:
    """Runs such a file like the plugin, on tiles of TILE pixels per side."""

    name, precision = "deepness", "fp32"

    def __init__(self, graph: Path) -> None:
        self.session = open_session(graph, threads=None)

    def label_maps(self, images: Images) -> NDArray[np.uint8]:
        return self.scores(images).argmax(1).astype(np.uint8)

    def scores(self, images: Images) -> NDArray[np.float32]:
        """Probabilities (N, classes, TILE, TILE)."""
        tiles = np.moveaxis((images * (1.0 / 255.0)).astype(np.float32), -1, 1)
        probabilities: NDArray[np.float32] = self.session.run([OUTPUT], {INPUT: tiles})[0]
        return probabilities

    def room(self, channels: int = 3, scores: bool = False) -> int:
        return TILE * TILE


def write_deepness(folder: Path, config: ModelConfig, out: Path, resolution: float | None = None) -> Path:
    """Writes model_deepness.onnx into `out` from a folder's model.onnx. `resolution` is in centimetres per pixel.

    tile (N, channels, 512, 512) float32 of 0–1 → probabilities (N, classes, 512, 512) float32.
    """
    try:
        import onnx
    except ImportError:
        raise missing_extra("onnx", "export") from None
    source = folder_graph(folder)
    if source.suffix != ".onnx":
        raise FullconvError(f"{source}: is OpenVINO's; bring back model.onnx, from which this export is made")
    model = onnx.load(source)
    add_input_conversion(model.graph, config)
    add_softmax(model.graph, len(config.classes))
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata(config, resolution).items()})
    onnx.checker.check_model(model)
    return write_whole(out / DEEPNESS, lambda hidden: onnx.save_model(model, hidden))


def metadata(config: ModelConfig, resolution: float | None = None) -> dict[str, Any]:
    """Returns what the plugin fills its form with; each value becomes JSON text. Its manual says tiles_size, its code
    reads tile_size. With a threshold of 0, every pixel keeps its best class."""
    fields = {
        "model_type": "Segmentor",
        "class_names": {str(index): name for index, name in enumerate(config.classes.names)},
        "tiles_size": TILE,
        "tile_size": TILE,
        "tiles_overlap": OVERLAP,
        "standardization_mean": [0.0] * config.channels,
        "standardization_std": [1.0] * config.channels,
        "seg_thresh": 0.0,
        "seg_small_segment": 0,
    }
    return fields if resolution is None else {**fields, "resolution": resolution}


def add_input_conversion(graph: Any, config: ModelConfig) -> None:
    """Adds the conversion of (N, channels, H, W) of 0–1 to the image that the network takes."""
    from onnx import TensorProto, helper

    graph.initializer.append(helper.make_tensor("values_of_one", TensorProto.FLOAT, [], [255.0]))
    nodes = [
        helper.make_node("Mul", [INPUT, "values_of_one"], ["tile_values"]),
        helper.make_node("Transpose", ["tile_values"], ["tile_last"], perm=[0, 2, 3, 1]),
    ]
    if config.input == "uint8":  # restores whole numbers of 0–255
        nodes.append(helper.make_node("Round", ["tile_last"], ["tile_rounded"]))
        nodes.append(helper.make_node("Cast", ["tile_rounded"], ["image"], to=TensorProto.UINT8))
    else:
        nodes.append(helper.make_node("Identity", ["tile_last"], ["image"]))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", config.channels, TILE, TILE]))


def add_softmax(graph: Any, classes: int) -> None:
    """Adds the conversion of scores to probabilities of the model's own classes. Heads beyond the first are left
    out."""
    from onnx import TensorProto, helper

    for name, value in (("own_from", 0), ("own_to", classes), ("own_axis", 1)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    graph.node.append(helper.make_node("Slice", ["scores", "own_from", "own_to", "own_axis"], ["own_scores"]))
    graph.node.append(helper.make_node("Softmax", ["own_scores"], [OUTPUT], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", classes, TILE, TILE]))
    drop_unused(graph)


def drop_unused(graph: Any) -> None:
    """Removes the nodes for the label map, which nothing uses any more."""
    used = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):  # nodes are stored in the order in which they run
        if used & set(node.output):
            used |= set(node.input)
        else:
            graph.node.remove(node)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
