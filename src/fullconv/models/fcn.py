"""The fully convolutional network (arXiv 1411.4038, section 4): a trunk, scores, and a ladder of summed skips."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from fullconv.models.config import COARSEST, STRIDES, Architecture, NormalisationValues
from fullconv.models.geometry import PICTURE, crop_offset, window_of
from fullconv.models.layered import LayeredTrunk
from fullconv.models.network import Network
from fullconv.models.strips import best_classes
from fullconv.models.trunks import build_trunk, normalisation_of
from fullconv.models.upsampling import Upsampling, crop_like

# The paper's names. pool3 and pool4 of VGG-16 end the stages of stride 8 and 16, and "fr" is what follows fc7.
SCORE_NAMES = {32: "score_fr", 16: "score_pool4", 8: "score_pool3", 4: "score_pool2", 2: "score_pool1"}
UPSCORE_NAMES = {16: "upscore2", 8: "upscore_pool4", 4: "upscore_pool3", 2: "upscore_pool2"}
LAST_NAMES = {32: "upscore", 16: "upscore16", 8: "upscore8", 4: "upscore4", 2: "upscore_pool1"}


class FCN(Network):
    """FCN-32s, 16s, 8s, 4s or 2s over any trunk: (N, 3, H, W) of 0–255 → scores (N, classes, H, W).

    `stride`: the finest score that is added: 32, 16, 8, 4 or 2. `trunk`: a timm network with features at strides 2 to
    32; with `pretrained` its ImageNet weights are fetched. `score_hidden` = 0 scores features with one 1x1 convolution,
    as in the paper; N > 0 puts a 3x3 convolution to N channels, normalised, before it. Raises FullconvError where the
    trunk or the stride is none. Source: arXiv 1411.4038, section 4.
    """

    def __init__(
        self,
        classes: int,
        stride: int = 8,
        trunk: str = "tf_efficientnet_lite0",
        score_hidden: int = 64,
        learned_upsampling: bool = False,
        pretrained: bool = False,
    ) -> None:
        architecture = Architecture(trunk, stride, score_hidden, learned_upsampling)
        self.assemble(architecture, classes, NormalisationValues(*normalisation_of(trunk)), pretrained)

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        """Of several heads the scores come one after another along the channels."""
        super().assemble(architecture, num_classes, normalisation, pretrained)
        self.strides = tuple(s for s in STRIDES if s >= architecture.stride)  # finest first
        self.skips = self.strides[-2::-1]  # coarsest first: (), (16,), (16, 8), …
        self.scales = dict(zip(self.skips, architecture.skip_scales, strict=False))
        self.heads = {f"_{name}": count for name, count in architecture.heads.items()} or {"": num_classes}
        self.inputs = architecture.inputs or ("",)
        for name in self.inputs:
            trunk = build_trunk(architecture, self.strides, pretrained)
            self.add_module(f"trunk{name}", trunk)
            for head, count in self.heads.items():
                self.add_scores(trunk.channels, name, head, count)
        for head, count in self.heads.items():
            self.add_upsampling(head, count)
        self.offsets = (
            derive_offsets(self, trunk) if isinstance(trunk, LayeredTrunk) else dict.fromkeys((1, *STRIDES), 0)
        )

    def add_scores(self, channels: dict[int, int], name: str, head: str, count: int) -> None:
        for stride in self.strides:
            layer = score_layer(channels[stride], count, self.architecture.score_hidden)
            self.add_module(f"{SCORE_NAMES[stride]}{name}{head}", layer)

    def add_upsampling(self, head: str, count: int) -> None:
        a = self.architecture
        learned, padded = a.learned_upsampling, a.alignment == "same"
        for stride in self.skips:
            self.add_module(f"{UPSCORE_NAMES[stride]}{head}", Upsampling(count, 2, learned, padded))
        last = Upsampling(count, a.stride, learned, padded, a.last_kernel)
        self.add_module(f"{LAST_NAMES[a.stride]}{head}", last)

    def score_aligned(self, image: Tensor) -> Tensor:
        features = self.features(image)
        scores = [crop_like(self.last(head)(self.fused(features, head)), image, self.offsets[1]) for head in self.heads]
        return torch.cat(scores, 1) if len(scores) > 1 else scores[0]

    def score_coarsely(self, image: Tensor) -> Tensor:
        (head,) = self.heads
        return self.fused(self.features(image), head)

    def labels_aligned(self, image: Tensor) -> Tensor:
        head = next(iter(self.heads))
        fused = self.fused(self.features(image), head)
        return best_classes(fused, self.last(head), image, self.offsets[1])

    def features(self, image: Tensor) -> dict[str, dict[int, Tensor]]:
        """{input: {stride: features}}"""
        parts = torch.split(image, self.architecture.channels, 1) if len(self.inputs) > 1 else (image,)
        return {name: self.get_submodule(f"trunk{name}")(part) for name, part in zip(self.inputs, parts, strict=True)}

    def fused(self, features: dict[str, dict[int, Tensor]], head: str) -> Tensor:
        """Scores of one head (N, classes, h, w) at the finest stride: the coarser ones enlarged, the skips added."""
        scores = self.score(COARSEST, features, head)
        for stride in self.skips:
            scores = self.get_submodule(f"{UPSCORE_NAMES[stride]}{head}")(scores)
            scores = scores + crop_like(self.score(stride, features, head), scores, self.offsets[stride])
        return scores

    def last(self, head: str) -> Upsampling:
        """What enlarges the fused scores to the picture's size."""
        return cast(Upsampling, self.get_submodule(f"{LAST_NAMES[self.architecture.stride]}{head}"))

    def score(self, stride: int, features: dict[str, dict[int, Tensor]], head: str) -> Tensor:
        """Scores (N, classes, h, w) of the features at `stride`, averaged over the inputs."""
        scale = self.scales.get(stride, 1.0)
        layers = [self.get_submodule(f"{SCORE_NAMES[stride]}{name}{head}") for name in self.inputs]
        maps = [features[name][stride] for name in self.inputs]
        scores = [layer(m if scale == 1 else m * scale) for layer, m in zip(layers, maps, strict=True)]
        total: Tensor = sum(scores[1:], scores[0])
        return total / len(scores) if len(scores) > 1 else total


def derive_offsets(net: FCN, trunk: LayeredTrunk) -> dict[int, int]:
    """{stride of a skip, or 1 for the picture: the position at which its crop begins}, from the layers alone."""
    windows, head = trunk.windows, next(iter(net.heads))
    window, offsets = windows[COARSEST], {}
    for stride in net.skips:
        window = window.then(window_of(net.get_submodule(f"{UPSCORE_NAMES[stride]}{head}")))
        offsets[stride] = crop_offset(f"{SCORE_NAMES[stride]}c", windows[stride], window)
    window = window.then(window_of(net.get_submodule(f"{LAST_NAMES[net.architecture.stride]}{head}")))
    return {**offsets, 1: crop_offset("score", window, PICTURE)}


def score_layer(channels: int, num_classes: int, hidden: int) -> nn.Module:
    """Features → class scores: a zero-initialised 1x1 convolution (section 4.3), behind a 3x3 one where hidden > 0."""
    score = nn.Conv2d(hidden or channels, num_classes, 1)
    nn.init.zeros_(score.weight)
    nn.init.zeros_(score.bias)  # type: ignore[arg-type]
    if not hidden:
        return score
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 3, padding=1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True), score
    )
