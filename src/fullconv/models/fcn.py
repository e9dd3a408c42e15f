"""The fully convolutional network (arXiv 1411.4038, section 4): a trunk, scores, and a ladder of summed skips."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.models.config import COARSEST, Architecture, NormalisationValues
from fullconv.models.normalisation import Normalisation
from fullconv.models.trunks import Trunk
from fullconv.models.upsampling import Upsampling, crop_like

# The paper's names. pool3 and pool4 of VGG-16 end the stages of stride 8 and 16, and "fr" is what follows fc7.
SCORE_NAMES = {32: "score_fr", 16: "score_pool4", 8: "score_pool3", 4: "score_pool2"}
UPSCORE_NAMES = {16: "upscore2", 8: "upscore_pool4", 4: "upscore_pool3"}


class FCN(nn.Module):
    """FCN-32s, 16s, 8s or 4s over a timm trunk, alignment `same`.

    `architecture.stride` is the finest score fused. `architecture.score_hidden` = 0 scores features with one 1x1
    convolution, as in the paper; N > 0 puts a 3x3 convolution to N channels, normalised, before it.
    """

    def __init__(
        self,
        architecture: Architecture,
        num_classes: int,
        normalisation: NormalisationValues,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self.strides = tuple(s for s in (4, 8, 16, 32) if s >= architecture.stride)  # finest first
        self.skips = self.strides[-2::-1]  # coarsest first: (), (16,), (16, 8), (16, 8, 4)
        self.normalise = Normalisation(normalisation.mean, normalisation.std)
        self.trunk = Trunk(architecture.trunk, self.strides, pretrained)
        for stride in self.strides:
            layer = score_layer(self.trunk.channels[stride], num_classes, architecture.score_hidden)
            self.add_module(SCORE_NAMES[stride], layer)
        learned = architecture.learned_upsampling
        for stride in self.skips:
            self.add_module(UPSCORE_NAMES[stride], Upsampling(num_classes, 2, learned))
        self.upscore = Upsampling(num_classes, architecture.stride, learned)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) of 0–255, any H and W → scores (N, classes, H, W)."""
        return crop_like(self.score_aligned(pad_to_multiple(self.normalise(image))), image)

    def score_aligned(self, image: Tensor) -> Tensor:
        """Normalised (N, 3, H, W), H and W multiples of 32 → scores (N, classes, H, W)."""
        features = self.trunk(image)  # {4: …, 8: …, 16: …, 32: …}
        scores = self.score(COARSEST, features)
        for stride in self.skips:
            upsample = self.get_submodule(UPSCORE_NAMES[stride])
            scores = upsample(scores) + self.score(stride, features)
        return self.upscore(scores)

    def score(self, stride: int, features: dict[int, Tensor]) -> Tensor:
        """Scores (N, classes, H/stride, W/stride) from the features at `stride`."""
        scores: Tensor = self.get_submodule(SCORE_NAMES[stride])(features[stride])
        return scores


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


def pad_to_multiple(image: Tensor) -> Tensor:
    """Zeros (the mean colour, once normalised) to the right and below, up to the next multiple of 32."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % COARSEST, 0, -height % COARSEST))
