"""U-Net (arXiv 1505.04597): features of each stride are concatenated, not summed, on the way back to the picture's
size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fullconv.models.config import STRIDES, Architecture, NormalisationValues
from fullconv.models.geometry import PICTURE, crop_offset, through, window_of
from fullconv.models.layered import LayeredTrunk
from fullconv.models.network import Network
from fullconv.models.strips import best_classes
from fullconv.models.trunks import Trunk, normalisation_for
from fullconv.models.upsampling import Upsampling, crop_like

CLASSIC = {1: 64, 2: 128, 4: 256, 8: 512, 16: 1024}  # stride: channels, figure 1
NARROWEST = 32  # channels of a decoder block whose timm trunk has fewer at that stride


class UNet(Network):
    """U-Net: (N, channels, H, W) of 0–255 → scores (N, classes, H, W).

    `trunk`: a timm network, or "" for the classic encoder. `channels`: those of the image. `pretrained`: download the
    trunk's ImageNet weights. `padded`: convolutions keep the size of their maps. Without padding, as in the paper, the
    image is mirrored at its borders instead (section 2), and skips are cropped to the size of the deeper maps. Raises
    FullconvError for an unknown trunk. Source: arXiv 1505.04597.
    """

    def __init__(
        self, classes: int, trunk: str = "", channels: int = 3, padded: bool = True, pretrained: bool = False
    ) -> None:
        alignment = "same" if padded else "valid"
        architecture = Architecture(trunk, 2, family="unet", alignment=alignment, channels=channels)
        self.assemble(architecture, classes, normalisation_for(trunk, channels), pretrained)

    def assemble(
        self, architecture: Architecture, num_classes: int, normalisation: NormalisationValues, pretrained: bool
    ) -> None:
        super().assemble(architecture, num_classes, normalisation, pretrained)
        self.valid = architecture.alignment == "valid"
        if architecture.trunk:
            strides = tuple(s for s in STRIDES if s >= architecture.stride)
            self.trunk: nn.Module = Trunk(architecture.trunk, strides, pretrained, architecture.channels)
            widths = self.trunk.channels
        else:
            self.trunk, widths = classic_encoder(architecture.channels, self.valid), CLASSIC
        self.strides = tuple(sorted(widths))  # finest first
        inside = widths[self.strides[-1]]
        for stride in self.strides[-2::-1]:
            width = max(widths[stride], NARROWEST)
            self.add_module(f"up{stride}", nn.ConvTranspose2d(inside, width, 2, 2))
            self.add_module(f"join{stride}", double_convolution(width + widths[stride], width, self.valid))
            inside = width
        self.score = nn.Conv2d(inside, num_classes, 1)
        finest = self.strides[0]
        self.upscore = Upsampling(num_classes, finest) if finest > 1 else nn.Identity()
        self.offsets, self.margin = derive_offsets(self) if self.valid else (dict.fromkeys((1, *STRIDES), 0), 0)

    def score_aligned(self, image: Tensor) -> Tensor:
        return crop_like(self.upscore(self.decoded(image)), image)

    def labels_aligned(self, image: Tensor) -> Tensor:
        if isinstance(self.upscore, Upsampling):
            return best_classes(self.decoded(image), self.upscore, image)
        return super().labels_aligned(image)

    def decoded(self, image: Tensor) -> Tensor:
        """Scores (N, classes, h, w) at the finest stride."""
        # Sizes that fit are 12 more than a multiple of 16 (572 in the paper): twice the margin of 92, plus four.
        features = self.trunk(mirrored(image, self.margin, self.margin + 4) if self.valid else image)
        x = features[self.strides[-1]]
        for stride in self.strides[-2::-1]:
            x = self.get_submodule(f"up{stride}")(x)
            skip = crop_like(features[stride], x, self.offsets[stride])
            x = self.get_submodule(f"join{stride}")(torch.cat([skip, x], 1))
        scores: Tensor = self.score(x)
        return scores


def classic_encoder(channels: int, valid: bool) -> LayeredTrunk:
    """Five pairs of 3x3 convolutions with 2x2 pooling between them; features at strides 1 to 16."""
    layers: dict[str, nn.Module] = {}
    inside = channels
    for stride, width in CLASSIC.items():
        if stride > 1:
            layers[f"pool{stride}"] = nn.MaxPool2d(2)
        layers[f"stage{stride}"] = double_convolution(inside, width, valid)
        inside = width
    return LayeredTrunk(layers, {stride: f"stage{stride}" for stride in CLASSIC}, CLASSIC)


def double_convolution(inside: int, width: int, valid: bool) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU: plain and unpadded as in the paper, or padded and batch-normalised."""
    layers: list[nn.Module] = []
    for channels in (inside, width):
        convolution = nn.Conv2d(channels, width, 3, padding=0 if valid else 1, bias=valid)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")  # section 3
        layers += [convolution, nn.Identity() if valid else nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def derive_offsets(net: UNet) -> tuple[dict[int, int], int]:
    """Derives ({stride of a skip: where its crop begins}, the pixel at which the scores begin) from the layers
    alone."""
    assert isinstance(net.trunk, LayeredTrunk)
    windows, offsets = net.trunk.windows, {}
    window = windows[net.strides[-1]]
    for stride in net.strides[-2::-1]:
        window = window.then(window_of(net.get_submodule(f"up{stride}")))
        offsets[stride] = crop_offset(f"join{stride}", windows[stride], window)
        window = through([net.get_submodule(f"join{stride}")], window)
    return offsets, crop_offset("score", PICTURE, window)


def mirrored(image: Tensor, before: int, after: int) -> Tensor:
    """Extends the image at its borders by its mirror image, without repeating the border, however small the image
    is."""
    for axis in (2, 3):
        image = image.index_select(axis, mirror_indices(image.shape[axis], before, after, image.device))
    return image


def mirror_indices(length: int, before: int, after: int, device: torch.device) -> Tensor:
    """Positions -before … length + after - 1, reflected into 0 … length - 1."""
    positions = torch.arange(-before, length + after, device=device)
    # a tensor: the exporter does not support the remainder by a symbol
    period = (positions[-1:] - after).mul(2).clamp(min=1)
    folded = positions.remainder(period)
    return torch.minimum(folded, (period - folded).clamp(min=0))
