"""VGG-16 (arXiv 1409.1556), with dense layers turned into convolutions with the same weights (paper section 4.1)."""

from __future__ import annotations

from torch import nn

from fullconv.models.layered import CeilPool, LayeredTrunk

STAGES = {1: (2, 64), 2: (2, 128), 3: (3, 256), 4: (3, 512), 5: (3, 512)}  # stage: (convolutions, channels)
TAPS = {2: "pool1", 4: "pool2", 8: "pool3", 16: "pool4", 32: "drop7"}
DENSE = 4096  # channels of fc6 and fc7


def vgg16(channels: int = 3, padding: int = 100) -> LayeredTrunk:
    """Layers under Caffe's names: conv1_1 … pool5, fc6 = 7x7 over pool5, fc7 = 1x1.

    The paper pads the first convolution by 100, so that even the smallest picture has a coarse score (section 4.1 and
    the released networks). With four channels, that convolution has its name in nyud-fcn32s-color-d.
    """
    layers: dict[str, nn.Module] = {}
    inside = channels
    for stage, (count, width) in STAGES.items():
        for i in range(1, count + 1):
            first = not layers
            name = f"{stage}_{i}" + ("_bgrd" if first and channels == 4 else "")
            layers[f"conv{name}"] = nn.Conv2d(inside, width, 3, padding=padding if first else 1)
            layers[f"relu{stage}_{i}"] = nn.ReLU(inplace=True)
            inside = width
        layers[f"pool{stage}"] = CeilPool(2, 2)
    widths = [width for _, width in STAGES.values()]
    return LayeredTrunk({**layers, **dense(inside, 7)}, TAPS, dict(zip(TAPS, [*widths[:4], DENSE], strict=True)))


def dense(channels: int, side: int) -> dict[str, nn.Module]:
    """Returns fc6 and fc7 as convolutions. The kernel of fc6 covers the whole map that the classifier saw."""
    return {
        "fc6": nn.Conv2d(channels, DENSE, side), "relu6": nn.ReLU(inplace=True), "drop6": nn.Dropout(0.5),
        "fc7": nn.Conv2d(DENSE, DENSE, 1), "relu7": nn.ReLU(inplace=True), "drop7": nn.Dropout(0.5),
    }  # fmt: skip
