"""SegNet (arXiv 1511.00561): the decoder puts values back at the positions of the maxima that the encoder pooled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.network import Network
from fullconv.models.trunks import normalisation_for
from fullconv.models.unpooling import pool, unpool

VGG_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # section 3, after VGG-16
BASIC_STAGES = ((64,), (64,), (64,), (64,))  # section 3.1


class SegNet(Network):
    """SegNet: (N, channels, H, W) of 0–255 → scores (N, classes, H, W).

    Encoder and decoder have 13 convolutions of 3x3 each. With `basic` they have four of 7x7 each, and the decoder has
    no ReLU. `channels`: those of the image. Source: arXiv 1511.00561.
    """

    def __init__(self, classes: int, basic: bool = False, channels: int = 3) -> None:
        architecture = Architecture("", 2, family="segnet-basic" if basic else "segnet", channels=channels)
        self.assemble(architecture, classes, normalisation_for("", channels), pretrained=False)

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        super().assemble(architecture, num_classes, normalisation, pretrained)
        basic = architecture.family == "segnet-basic"
        stages, kernel = (BASIC_STAGES, 7) if basic else (VGG_STAGES, 3)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        inside = architecture.channels
        for widths in stages:
            self.encoder.append(convolutions([inside, *widths], kernel, rectified=True))
            # A stage of the decoder is that of the encoder in reverse, down to the width that the next finer stage
            # unpools. The finest stage ends in the scores; SegNet-Basic adds them after a whole stage.
            outside = [inside] if self.decoder else widths[:1] if basic else []
            self.decoder.insert(0, convolutions([*widths[::-1], *outside], kernel, rectified=not basic))
            inside = widths[-1]
        self.score = nn.Conv2d(stages[0][0], num_classes, 1 if basic else 3, padding=0 if basic else 1)

    def score_aligned(self, image: Tensor) -> Tensor:
        x, taken = image, []
        for stage in self.encoder:
            x, places = pool(stage(x))
            taken.append(places)
        for stage, places in zip(self.decoder, reversed(taken), strict=True):
            x = stage(unpool(x, places))
        scores: Tensor = self.score(x)
        return scores


def convolutions(widths: Sequence[int], kernel: int, rectified: bool) -> nn.Sequential:
    """Returns a convolution and batch normalisation for each pair of widths, with ReLU if `rectified`."""
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        convolution = nn.Conv2d(inside, outside, kernel, padding=kernel // 2)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")  # section 3.3
        layers += [convolution, nn.BatchNorm2d(outside), nn.ReLU(inplace=True) if rectified else nn.Identity()]
    return nn.Sequential(*layers)
