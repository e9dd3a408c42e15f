"""The fully convolutional network (arXiv 1411.4038, section 4): a trunk, scores, and a ladder of summed skips."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import cast

import torch
from torch import Tensor, nn

from fullconv.models.config import COARSEST, STRIDES, Architecture, NormalisationValues
from fullconv.models.geometry import PICTURE, Window, crop_offset, window_of
from fullconv.models.layered import LayeredTrunk
from fullconv.models.network import Network
from fullconv.models.strips import best_classes
from fullconv.models.trunks import build_trunk, normalisation_for
from fullconv.models.upsampling import Upsampling, crop_like

# The paper's names. pool3 and pool4 of VGG-16 end the stages of strides 8 and 16; "fr" follows fc7.
SCORE_NAMES = {32: "score_fr", 16: "score_pool4", 8: "score_pool3", 4: "score_pool2", 2: "score_pool1"}
UPSCORE_NAMES = {16: "upscore2", 8: "upscore_pool4", 4: "upscore_pool3", 2: "upscore_pool2"}
LAST_NAMES = {32: "upscore", 16: "upscore16", 8: "upscore8", 4: "upscore4", 2: "upscore_pool1"}

Features = dict[int, list[Tensor]]  # stride → (N, channels, h, w) of each trunk: {32: [fc7], 16: [pool4], 8: [pool3]}


class FCN(Network):
    """FCN-32s, 16s, 8s, 4s or 2s over any trunk: (N, channels, H, W) of 0–255 → scores (N, classes, H, W).

    `stride`: stride of the finest score that is added: 32, 16, 8, 4 or 2. `trunk`: a timm network with features at
    strides 2 to 32. `pretrained`: download its ImageNet weights. `score_hidden`: 0 computes scores with a single 1x1
    convolution, as in the paper; N > 0 adds a normalised 3x3 convolution with N channels before it.
    `learned_upsampling`: train the deconvolutions instead of keeping them bilinear. `channels`: those of the image.
    Raises FullconvError for an unknown trunk or stride. Source: arXiv 1411.4038, section 4.
    """

    def __init__(
        self,
        classes: int,
        stride: int = 8,
        trunk: str = "tf_efficientnet_lite0",
        score_hidden: int = 64,
        learned_upsampling: bool = False,
        pretrained: bool = False,
        channels: int = 3,
    ) -> None:
        architecture = Architecture(trunk, stride, score_hidden, learned_upsampling, channels=channels)
        self.assemble(architecture, classes, normalisation_for(trunk, channels), pretrained)

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        """The scores of several heads are concatenated along the channels."""
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
            self.add_ladder(trunk.channels, head, count)
        windows = trunk.windows if isinstance(trunk, LayeredTrunk) else None
        self.offsets = derive_offsets(self.ladders[0], windows) if windows else dict.fromkeys((1, *STRIDES), 0)

    def score_aligned(self, image: Tensor) -> Tensor:
        features = self.features(image)
        scores = [
            crop_like(ladder.to_image(self.climb(ladder, features)), image, self.offsets[1]) for ladder in self.ladders
        ]
        return torch.cat(scores, 1) if len(scores) > 1 else scores[0]

    def climb(self, ladder: Ladder, features: Features) -> Tensor:
        """Returns scores (N, classes, h, w) at the finest stride: those of the coarsest features, enlarged step by
        step, adding the scores of the next finer features each time (the paper's figure 3)."""
        score = ladder.score[COARSEST](features[COARSEST])
        for stride in self.skips:
            score = ladder.upsample[stride](score)
            score = score + crop_like(ladder.score[stride](features[stride]), score, self.offsets[stride])
        return score

    def score_coarsely(self, image: Tensor) -> Tensor:
        (ladder,) = self.ladders
        return self.climb(ladder, self.features(image))

    def labels_aligned(self, image: Tensor) -> Tensor:
        ladder = self.ladders[0]
        return best_classes(self.climb(ladder, self.features(image)), ladder.to_image, image, self.offsets[1])

    def features(self, image: Tensor) -> Features:
        """{stride: one map per trunk}. Several trunks divide the channels between them."""
        parts = torch.split(image, self.architecture.channels, 1) if len(self.inputs) > 1 else (image,)
        seen = [self.get_submodule(f"trunk{name}")(part) for name, part in zip(self.inputs, parts, strict=True)]
        return {stride: [maps[stride] for maps in seen] for stride in self.strides}

    def add_ladder(self, channels: dict[int, int], head: str, count: int) -> None:
        """The layers of one head, under the paper's names."""
        a = self.architecture
        learned, padded = a.learned_upsampling, a.alignment == "same"
        for name, stride in product(self.inputs, self.strides):
            layer = score_layer(channels[stride], count, a.score_hidden)
            self.add_module(f"{SCORE_NAMES[stride]}{name}{head}", layer)
        for stride in self.skips:
            self.add_module(f"{UPSCORE_NAMES[stride]}{head}", Upsampling(count, 2, learned, padded))
        last = Upsampling(count, a.stride, learned, padded, a.last_kernel)
        self.add_module(f"{LAST_NAMES[a.stride]}{head}", last)

    @property
    def ladders(self) -> list[Ladder]:
        """The layers of each head as they are now, so that a replaced layer is used."""
        return [self.ladder(head) for head in self.heads]

    def ladder(self, head: str) -> Ladder:
        """The layers of the head with this suffix; "" if there is only one."""
        layer = self.get_submodule
        score = {
            stride: Score(
                [layer(f"{SCORE_NAMES[stride]}{name}{head}") for name in self.inputs], self.scales.get(stride, 1)
            )
            for stride in self.strides
        }
        upsample = {stride: cast(Upsampling, layer(f"{UPSCORE_NAMES[stride]}{head}")) for stride in self.skips}
        return Ladder(score, upsample, cast(Upsampling, layer(f"{LAST_NAMES[self.architecture.stride]}{head}")))


@dataclass
class Score:
    """Scores the features of a stride, with one layer per trunk; the results are averaged. `scale`: factor for the
    features."""

    layers: list[nn.Module]
    scale: float = 1.0

    def __call__(self, maps: list[Tensor]) -> Tensor:
        """Features (N, channels, h, w) of each trunk → scores (N, classes, h, w)."""
        scaled = maps if self.scale == 1 else [features * self.scale for features in maps]
        scores = [layer(features) for layer, features in zip(self.layers, scaled, strict=True)]
        total: Tensor = sum(scores[1:], scores[0])
        return total / len(scores) if len(scores) > 1 else total


@dataclass
class Ladder:
    """The layers that turn features into scores, by stride: `score` scores them, `upsample` doubles the coarser scores,
    `to_image` enlarges the last ones to the picture's size. The network has the same layers under the paper's names."""

    score: dict[int, Score]
    upsample: dict[int, Upsampling]
    to_image: Upsampling


def derive_offsets(ladder: Ladder, windows: dict[int, Window]) -> dict[int, int]:
    """Derives {stride of a skip, or 1 for the picture: the position at which its crop begins} from the layers alone.
    `windows` is what the features of each stride see."""
    window, offsets = windows[COARSEST], {}
    for stride, layer in ladder.upsample.items():
        window = window.then(window_of(layer))
        offsets[stride] = crop_offset(f"{SCORE_NAMES[stride]}c", windows[stride], window)
    return {**offsets, 1: crop_offset("score", window.then(window_of(ladder.to_image)), PICTURE)}


def score_layer(channels: int, num_classes: int, hidden: int) -> nn.Module:
    """Features → class scores: a zero-initialised 1x1 convolution (section 4.3), after a 3x3 one if hidden > 0."""
    score = nn.Conv2d(hidden or channels, num_classes, 1)
    nn.init.zeros_(score.weight)
    nn.init.zeros_(score.bias)  # type: ignore[arg-type]
    if not hidden:
        return score
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 3, padding=1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True), score
    )
