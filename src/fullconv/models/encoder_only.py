"""The baseline without a decoder: scores at stride 32, each repeated over its block of pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from fullconv.models.config import COARSEST, Architecture, NormalisationValues
from fullconv.models.fcn import score_layer
from fullconv.models.network import Network
from fullconv.models.trunks import Trunk


class EncoderOnly(Network):
    """A trunk and its scores only. The decoder of an FCN is compared with it."""

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        super().assemble(architecture, num_classes, normalisation, pretrained)
        self.trunk = Trunk(architecture.trunk, (COARSEST,), pretrained, architecture.channels)
        self.score_fr = score_layer(self.trunk.channels[COARSEST], num_classes, architecture.score_hidden)

    def score_aligned(self, image: Tensor) -> Tensor:
        return F.interpolate(self.score_fr(self.trunk(image)[COARSEST]), scale_factor=COARSEST, mode="nearest")
