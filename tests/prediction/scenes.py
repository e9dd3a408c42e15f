"""Rasters, and models that classify by brightness, so that the correct labels are known without them."""

import numpy as np
import pytest

from fullconv.classes import Classes
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.prediction.predictor import Model
from fullconv.weights.model_files import GRAPH, write_config

CLASSES = Classes.named(["background", "field", "größe/roof", "road"])
CONFIG = ModelConfig(
    "bright", Architecture("resnet18", 8), CLASSES, NormalisationValues((127.5,) * 3, (127.5,) * 3), window=(0, 0)
)
UTM, CORNER, PIXEL = "EPSG:32633", (500_000.0, 5_000_000.0), 0.5


class BrightEngine:
    """Gives class 0 for brightness 0 to 63, 1 for 64 to 127, and so on."""

    name, precision = "openvino", "fp32"

    def __init__(self):
        self.shapes = []

    def label_maps(self, images):
        self.shapes.append(images.shape)
        return (images.mean(3) // 64).astype(np.uint8)

    def scores(self, images):
        self.shapes.append(images.shape)
        centres = np.array([31.5, 95.5, 159.5, 223.5]).reshape(1, 4, 1, 1)
        return -(np.abs(images.mean(3)[:, None] - centres) / 8).astype(np.float32)

    def room(self, channels=3, scores=False):
        return 64 * 64


def bright_model(**others) -> Model:
    from dataclasses import replace

    return Model(replace(CONFIG, **others), BrightEngine())


def write_scene(path, array, crs=UTM, driver="GTiff", **more):
    """Writes an array (H, W, C) as a georeferenced raster: a GeoTIFF, unless another driver is named."""
    rasterio = pytest.importorskip("rasterio")
    height, width, count = array.shape
    transform = rasterio.Affine(PIXEL, 0, CORNER[0], 0, -PIXEL, CORNER[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver=driver, width=width, height=height, count=count, dtype=array.dtype, crs=crs,
        transform=transform, **more,
    ) as raster:  # fmt: skip
        raster.write(np.moveaxis(array, 2, 0))
    return path


def blobs(height, width, channels=3, seed=0, cell=9):
    """Returns (height, width, channels) uint8: squares of `cell` pixels with random brightness."""
    small = np.random.default_rng(seed).integers(1, 256, (-(-height // cell), -(-width // cell), 1))
    return np.kron(small, np.ones((cell, cell, channels)))[:height, :width].astype(np.uint8)


def save_bright_model(folder):
    """Writes a model folder without torch. The model classifies the mean brightness of 33x33 pixels, so its window is
    (-16, 16)."""
    from dataclasses import replace

    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def constant(name, values):
        return numpy_helper.from_array(np.array(values, np.float32).reshape(1, 4, 1, 1), name)

    # s x b - s**2 / 2 is largest for the class whose s is nearest to b.
    centres = np.array([96.0, 112.0, 128.0, 144.0])
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["grey"], keepdims=1),
        helper.make_node("Transpose", ["grey"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["plane"], ["mean"], kernel_shape=[33, 33], pads=[16] * 4, count_include_pad=1),
        helper.make_node("Mul", ["mean", "slope"], ["raised"]),
        helper.make_node("Sub", ["raised", "offset"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
        helper.make_node("Cast", ["best"], ["label_map"], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(
        nodes, "bright",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("label_map", TensorProto.UINT8, ["n", "h", "w"]),
         helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4, "h", "w"])],
        [constant("slope", centres), constant("offset", centres**2 / 2),
         numpy_helper.from_array(np.array([3], np.int64), "axes")],
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / GRAPH)
    write_config(folder, replace(CONFIG, window=(-16, 16)))
    return folder
