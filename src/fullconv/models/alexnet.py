"""CaffeNet (the paper's AlexNet) and torchvision's AlexNet, with dense layers turned into convolutions."""

from __future__ import annotations

from torch import nn

from fullconv.models import vgg
from fullconv.models.layered import CeilPool, LayeredTrunk

TAPS = {4: "relu1", 8: "pool1", 16: "pool2", 32: "drop7"}


def caffenet(channels: int = 3, padding: int = 100) -> LayeredTrunk:
    """CaffeNet: two groups in conv2, conv4 and conv5, and its own order, pooling before normalisation
    (voc-fcn-alexnet)."""
    return _five_convolutions(channels, padding, (96, 256, 384, 384, 256), groups=2, normed=True)


def alexnet(channels: int = 3, padding: int = 100) -> LayeredTrunk:
    """torchvision's form (arXiv 1404.5997): no groups, no normalisation, fewer channels."""
    return _five_convolutions(channels, padding, (64, 192, 384, 256, 256), groups=1, normed=False)


def _five_convolutions(
    channels: int, padding: int, widths: tuple[int, int, int, int, int], groups: int, normed: bool
) -> LayeredTrunk:
    a, b, c, d, e = widths
    layers: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(channels, a, 11, 4, padding), "relu1": nn.ReLU(inplace=True), "pool1": CeilPool(3, 2),
        **_norm(1, normed),
        "conv2": nn.Conv2d(a, b, 5, padding=2, groups=groups), "relu2": nn.ReLU(inplace=True), "pool2": CeilPool(3, 2),
        **_norm(2, normed),
        "conv3": nn.Conv2d(b, c, 3, padding=1), "relu3": nn.ReLU(inplace=True),
        "conv4": nn.Conv2d(c, d, 3, padding=1, groups=groups), "relu4": nn.ReLU(inplace=True),
        "conv5": nn.Conv2d(d, e, 3, padding=1, groups=groups), "relu5": nn.ReLU(inplace=True), "pool5": CeilPool(3, 2),
    }  # fmt: skip
    return LayeredTrunk({**layers, **vgg.dense(e, 6)}, TAPS, {4: a, 8: a, 16: b, 32: vgg.DENSE})


def _norm(number: int, normed: bool) -> dict[str, nn.Module]:
    """Returns the local response normalisation. torch divides alpha by the size, as Caffe does."""
    return {f"norm{number}": nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)} if normed else {}
