"""The base of all networks: scores have the size of the picture."""

from __future__ import annotations

from typing import Self

import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.normalisation import Normalisation
from fullconv.models.strips import best
from fullconv.models.upsampling import crop_like


class Network(nn.Module):
    """Normalises, pads to the sizes that the architecture takes, computes scores, and crops the padding.

    The constructor of each family takes plain numbers; `of` takes everything that config.json can contain.
    """

    @classmethod
    def of(
        cls, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool = False
    ) -> Self:
        """Returns the network of an architecture. `pretrained` downloads the ImageNet weights of a timm trunk."""
        network = cls.__new__(cls)
        network.assemble(architecture, num_classes, normalisation, pretrained)
        return network

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        """Creates the layers."""
        nn.Module.__init__(self)
        self.architecture = architecture
        self.multiple_of = architecture.multiple_of
        self.num_classes = num_classes
        self.normalise = Normalisation(normalisation)

    def forward(self, image: Tensor, enlarged: bool = True) -> Tensor:
        """(N, channels, H, W) of 0–255, any H and W → scores (N, classes, H, W). If not `enlarged`, they are at the
        stride of the architecture, start at the first pixel, and include the padding."""
        padded = pad_to_multiple(self.normalise(image), self.multiple_of)
        return crop_like(self.score_aligned(padded), image) if enlarged else self.score_coarsely(padded)

    def score_aligned(self, image: Tensor) -> Tensor:
        """Normalised (N, channels, H, W), H and W multiples of `multiple_of` → scores (N, classes, H, W)."""
        raise NotImplementedError

    def score_coarsely(self, image: Tensor) -> Tensor:
        """Returns the same before the last enlargement: (N, classes, H / stride, W / stride)."""
        raise FullconvError(f"{self.architecture.title} does not end by upsampling its scores")

    def label_map(self, scores: Tensor) -> Tensor:
        """Scores (N, classes, H, W) → class indices (N, H, W) uint8. With several heads, those of the first."""
        return best(scores[:, : self.num_classes])

    def labels(self, image: Tensor) -> Tensor:
        """Returns label_map of the scores of an image, in less memory if the network ends in an upsampling."""
        height, width = image.shape[-2:]
        return self.labels_aligned(pad_to_multiple(self.normalise(image), self.multiple_of))[:, :height, :width]

    def labels_aligned(self, image: Tensor) -> Tensor:
        """Normalised (N, channels, H, W), H and W multiples of `multiple_of` → class indices (N, H, W) uint8."""
        return self.label_map(self.score_aligned(image))


def pad_to_multiple(image: Tensor, multiple_of: int) -> Tensor:
    """Adds zeros (the mean colour, after normalisation) on the right and below, up to the next multiple."""
    height, width = image.shape[-2:]
    if multiple_of == 1:
        return image
    return F.pad(image, (0, -width % multiple_of, 0, -height % multiple_of))
