"""Deploy nets of the FCN authors as Caffe takes them, written from their release and not from our modules.

Source: github.com/shelhamer/fcn.berkeleyvision.org, */net.py and */deploy.prototxt; fcn-googlenet, which was never
released, is github.com/BVLC/caffe, models/bvlc_googlenet, made convolutional as the paper's section 4.1 says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

VGG = {1: (2, 64), 2: (2, 128), 3: (3, 256), 4: (3, 512), 5: (3, 512)}
# Channels of GoogLeNet's branches (arXiv 1409.4842, table 1): 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
CROPS = {32: (19,), 16: (5, 27), 8: (5, 9, 31)}  # the last is the picture's


@dataclass(frozen=True)
class Layer:
    """One layer; it writes over its bottom where `top` is the bottom's name. A scale multiplies by `constant`."""

    name: str
    kind: str
    bottoms: tuple[str, ...]
    parameters: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()
    top: str = ""
    constant: float = 0.0

    def text(self) -> str:
        bottoms = " ".join(f'bottom: "{bottom}"' for bottom in self.bottoms)
        top = self.top or self.name
        return f'layer {{ name: "{self.name}" type: "{self.kind}" {bottoms} top: "{top}" {self.parameters} }}'


@dataclass(frozen=True)
class Net:
    """Inputs {name: channels}, layers in order, the outputs' names, and the mean of each channel as Caffe takes it."""

    inputs: dict[str, int]
    layers: list[Layer]
    outputs: tuple[str, ...]
    mean: tuple[float, ...]

    def prototxt(self) -> str:
        inputs = [
            f'input: "{name}" input_shape {{ dim: 1 dim: {channels} dim: 64 dim: 64 }}'
            for name, channels in self.inputs.items()
        ]
        return "\n".join([*inputs, *(layer.text() for layer in self.layers)])

    def parameters(self, seed: int = 0) -> dict[str, list[np.ndarray]]:
        """He-initialised convolutions with small biases, bilinear deconvolutions, in the order of the layers."""
        rng = np.random.default_rng(seed)
        return {layer.name: [fill(layer, shape, rng) for shape in layer.shapes] for layer in self.layers}


def fill(layer: Layer, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if layer.kind == "Deconvolution":
        return bilinear(shape)
    if layer.constant:
        return np.full(shape, layer.constant, np.float32)
    deviation = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1
    return rng.standard_normal(shape, np.float32) * np.float32(deviation)


def bilinear(shape: tuple[int, ...]) -> np.ndarray:
    """surgery.upsample_filt of the release, on the diagonal of a dense deconvolution."""
    side = shape[-1]
    factor = (side + 1) // 2
    centre = factor - 1 if side % 2 else factor - 0.5
    ramp = 1 - abs(np.arange(side) - centre) / factor
    kernels = np.zeros(shape, np.float32)
    kernels[range(shape[0]), range(shape[0])] = np.outer(ramp, ramp)
    return kernels


def convolution(name, bottom, inside, outside, kernel, pad=0, stride=1, group=1) -> Layer:
    text = f"num_output: {outside} kernel_size: {kernel} pad: {pad} stride: {stride} group: {group}"
    shapes = ((outside, inside // group, kernel, kernel), (outside,))
    return Layer(name, "Convolution", (bottom,), f"convolution_param {{ {text} }}", shapes)


def deconvolution(name, bottom, classes, kernel, stride) -> Layer:
    text = f"num_output: {classes} kernel_size: {kernel} stride: {stride} bias_term: false"
    return Layer(
        name, "Deconvolution", (bottom,), f"convolution_param {{ {text} }}", ((classes, classes, kernel, kernel),)
    )


def relu(name, bottom) -> Layer:
    return Layer(name, "ReLU", (bottom,), top=bottom)


def dropout(name, bottom) -> Layer:
    return Layer(name, "Dropout", (bottom,), "dropout_param { dropout_ratio: 0.5 }", top=bottom)


def pool(name, bottom, kernel, stride=2, pad=0) -> Layer:
    text = f"pool: MAX kernel_size: {kernel} stride: {stride} pad: {pad}"
    return Layer(name, "Pooling", (bottom,), f"pooling_param {{ {text} }}")


def norm(name, bottom) -> Layer:
    return Layer(name, "LRN", (bottom,), "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def crop(name, bottom, reference, offset) -> Layer:
    return Layer(name, "Crop", (bottom, reference), f"crop_param {{ axis: 2 offset: {offset} }}")


def added(name, bottoms, coefficients="") -> Layer:
    return Layer(name, "Eltwise", tuple(bottoms), f"eltwise_param {{ operation: SUM {coefficients} }}")


def scaled(name, bottom, channels, constant) -> Layer:
    text = f"scale_param {{ filler {{ type: 'constant' value: {constant} }} }}"
    return Layer(name, "Scale", (bottom,), text, ((channels,),), constant=constant)


def vgg16(data="data", channels=3, suffix="", first="conv1_1") -> Iterator[Layer]:
    bottom, inside = data, channels
    for stage, (count, width) in VGG.items():
        for i in range(1, count + 1):
            name = (first if bottom == data else f"conv{stage}_{i}") + suffix
            yield convolution(name, bottom, inside, width, 3, pad=100 if bottom == data else 1)
            yield relu(f"relu{stage}_{i}{suffix}", name)
            bottom, inside = name, width
        yield pool(f"pool{stage}{suffix}", bottom, 2)
        bottom = f"pool{stage}{suffix}"
    yield from dense(bottom, inside, 7, suffix)


def dense(bottom, inside, side, suffix="") -> Iterator[Layer]:
    for i, kernel in ((6, side), (7, 1)):
        name = f"fc{i}{suffix}"
        yield convolution(name, bottom, inside, 4096, kernel)
        yield relu(f"relu{i}{suffix}", name)
        yield dropout(f"drop{i}{suffix}", name)
        bottom, inside = name, 4096


def caffenet() -> Iterator[Layer]:
    yield convolution("conv1", "data", 3, 96, 11, pad=100, stride=4)
    yield relu("relu1", "conv1")
    yield pool("pool1", "conv1", 3)
    yield norm("norm1", "pool1")
    yield convolution("conv2", "norm1", 96, 256, 5, pad=2, group=2)
    yield relu("relu2", "conv2")
    yield pool("pool2", "conv2", 3)
    yield norm("norm2", "pool2")
    yield convolution("conv3", "norm2", 256, 384, 3, pad=1)
    yield relu("relu3", "conv3")
    yield convolution("conv4", "conv3", 384, 384, 3, pad=1, group=2)
    yield relu("relu4", "conv4")
    yield convolution("conv5", "conv4", 384, 256, 3, pad=1, group=2)
    yield relu("relu5", "conv5")
    yield pool("pool5", "conv5", 3)
    yield from dense("pool5", 256, 6)


def rectified(name, *args, **kwargs) -> Iterator[Layer]:
    yield convolution(name, *args, **kwargs)
    yield relu(f"{name}/relu", name)


def inception(name, bottom, inside, widths) -> Iterator[Layer]:
    one, three_in, three, five_in, five, proj = widths
    yield from rectified(f"{name}/1x1", bottom, inside, one, 1)
    yield from rectified(f"{name}/3x3_reduce", bottom, inside, three_in, 1)
    yield from rectified(f"{name}/3x3", f"{name}/3x3_reduce", three_in, three, 3, pad=1)
    yield from rectified(f"{name}/5x5_reduce", bottom, inside, five_in, 1)
    yield from rectified(f"{name}/5x5", f"{name}/5x5_reduce", five_in, five, 5, pad=2)
    yield pool(f"{name}/pool", bottom, 3, stride=1, pad=1)
    yield from rectified(f"{name}/pool_proj", f"{name}/pool", inside, proj, 1)
    branches = tuple(f"{name}/{branch}" for branch in ("1x1", "3x3", "5x5", "pool_proj"))
    yield Layer(f"{name}/output", "Concat", branches)


def googlenet() -> Iterator[Layer]:
    yield from rectified("conv1/7x7_s2", "data", 3, 64, 7, pad=100, stride=2)
    yield pool("pool1/3x3_s2", "conv1/7x7_s2", 3)
    yield norm("pool1/norm1", "pool1/3x3_s2")
    yield from rectified("conv2/3x3_reduce", "pool1/norm1", 64, 64, 1)
    yield from rectified("conv2/3x3", "conv2/3x3_reduce", 64, 192, 3, pad=1)
    yield norm("conv2/norm2", "conv2/3x3")
    yield pool("pool2/3x3_s2", "conv2/norm2", 3)
    bottom, inside = "pool2/3x3_s2", 192
    for block, widths in INCEPTIONS.items():
        name = f"inception_{block}"
        yield from inception(name, bottom, inside, widths)
        bottom, inside = f"{name}/output", widths[0] + widths[2] + widths[4] + widths[5]
        if block in ("3b", "4e"):
            bottom = f"pool{block[0]}/3x3_s2"
            yield pool(bottom, f"{name}/output", 3)


def ladder(stride, classes, head="", scales=()) -> Iterator[Layer]:
    """score_fr, then the skips down to `stride`, then the enlargement to the picture."""
    yield convolution(f"score_fr{head}", "fc7", 4096, classes, 1)
    bottom, names = f"score_fr{head}", ("upscore2", "upscore_pool4")
    skips = [(4, 512), (3, 256)][: {32: 0, 16: 1, 8: 2}[stride]]
    for i, (stage, channels) in enumerate(skips):
        upscore, tap, score = f"{names[i]}{head}", f"pool{stage}", f"score_pool{stage}{head}"
        yield deconvolution(upscore, bottom, classes, 4, 2)
        if scales:
            yield scaled(f"scale_pool{stage}", tap, channels, scales[i])
            tap = f"scale_pool{stage}"
        yield convolution(score, tap, channels, classes, 1)
        yield crop(f"{score}c", score, upscore, CROPS[stride][i])
        bottom = f"fuse_pool{stage}{head}"
        yield added(bottom, (upscore, f"{score}c"))
    last = f"upscore{stride if stride < 32 else ''}{head}"
    yield deconvolution(last, bottom, classes, 2 * stride, stride)
    yield crop(f"score{head}", last, "data", CROPS[stride][-1])


def one_input(mean, trunk, *heads) -> Net:
    layers = [*trunk, *(layer for head in heads for layer in head)]
    outputs = tuple(layer.name for layer in layers if layer.kind == "Crop" and layer.bottoms[1] == "data")
    return Net({"data": len(mean)}, layers, outputs, mean)


def coarse_head(bottom, channels, offset) -> list[Layer]:
    """The 32 pixel nets before VGG's: kernels of 63."""
    return [
        convolution("score_fr", bottom, channels, 21, 1),
        deconvolution("upscore", "score_fr", 21, 63, 32),
        crop("score", "upscore", "data", offset),
    ]


def two_trunks() -> Net:
    layers = []
    for name in ("color", "hha"):
        layers += [*vgg16(name, 3, name), convolution(f"score_fr{name}", f"fc7{name}", 4096, 40, 1)]
    layers += [
        added("score_fused", ("score_frcolor", "score_frhha"), "coeff: 0.5 coeff: 0.5"),
        deconvolution("upscore", "score_fused", 40, 64, 32),
        crop("score", "upscore", "color", 19),
    ]
    return Net({"color": 3, "hha": 3}, layers, ("score",), (*NYUD_MEAN, 132.431, 94.076, 118.477))


VOC_MEAN, NYUD_MEAN = (104.00699, 116.66877, 122.67892), (116.190, 97.203, 92.318)
SIFT_FLOW_MEAN, CONTEXT_MEAN = (114.578, 115.294, 108.353), (104.007, 116.669, 122.679)


def deploy(name: str) -> Net:
    """The deploy net of a release's name."""
    nets = {
        "voc-fcn-alexnet": lambda: one_input(VOC_MEAN, caffenet(), coarse_head("fc7", 4096, 18)),
        "fcn-googlenet": lambda: one_input(VOC_MEAN, googlenet(), coarse_head("inception_5b/output", 1024, 98)),
        "voc-fcn8s-atonce": lambda: one_input(VOC_MEAN, vgg16(), ladder(8, 21, scales=(0.01, 0.0001))),
        "nyud-fcn32s-color-hha": two_trunks,
        "nyud-fcn32s-color-d": lambda: one_input(
            (*NYUD_MEAN, 7.844), vgg16(channels=4, first="conv1_1_bgrd"), ladder(32, 40)
        ),
    }
    if name in nets:
        return nets[name]()
    stride = int(name.split("fcn")[1].split("s", maxsplit=1)[0])
    if name.startswith("siftflow"):
        return one_input(SIFT_FLOW_MEAN, vgg16(), ladder(stride, 33, "_sem"), ladder(stride, 3, "_geo"))
    means, classes = {"voc": (VOC_MEAN, 21), "nyu": (NYUD_MEAN, 40), "pas": (CONTEXT_MEAN, 60)}[name[:3]]
    return one_input(means, vgg16(), ladder(stride, classes))
