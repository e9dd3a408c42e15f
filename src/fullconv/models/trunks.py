"""The encoder: any timm network with features at strides 2 to 32, or one of the paper's."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from fullconv.errors import FullconvError, missing_extra, suggestion
from fullconv.models.alexnet import alexnet, caffenet
from fullconv.models.config import Architecture, NormalisationValues
from fullconv.models.googlenet import googlenet, googlenet_torchvision
from fullconv.models.layered import LayeredTrunk
from fullconv.models.vgg import vgg16

PAPER_TRUNKS = {
    "vgg16": vgg16, "caffenet": caffenet, "alexnet": alexnet,
    "googlenet": googlenet, "googlenet_torchvision": googlenet_torchvision,
}  # fmt: skip


def build_trunk(architecture: Architecture, strides: Sequence[int], pretrained: bool = False) -> Trunk | LayeredTrunk:
    """Returns the trunk that gives the features of `strides`: one of the paper's with alignment `caffe`, timm's with
    `same`."""
    name = architecture.trunk
    if architecture.alignment == "same":
        return Trunk(name, strides, pretrained, architecture.channels)
    if name not in PAPER_TRUNKS:
        near = suggestion(name, PAPER_TRUNKS)
        raise FullconvError(f"alignment caffe has no trunk {name!r}; choose from {', '.join(PAPER_TRUNKS)}{near}")
    return PAPER_TRUNKS[name](architecture.channels).tapped_at(tuple(strides))


class Trunk(nn.Module):
    """image (N, 3, H, W), H and W multiples of 32 → {stride: features (N, channels[stride], H/stride, W/stride)}."""

    def __init__(self, name: str, strides: Sequence[int], pretrained: bool = False, channels: int = 3) -> None:
        super().__init__()
        network = _create(name, strides, pretrained, channels)
        self.strides = tuple(strides)
        self.channels = dict(zip(self.strides, network.feature_info.channels(), strict=True))
        self.network = _with_fixed_padding(network)

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        return dict(zip(self.strides, self.network(image), strict=True))


def normalisation_of(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns (mean, std), in units of 0–255, with which timm trained the trunk `name`; for "", the middle of the
    range."""
    timm = _timm()
    cfg = timm.get_pretrained_cfg(name) if name else None
    mean, std = (cfg.mean, cfg.std) if cfg else ((0.5,) * 3, (0.5,) * 3)
    return tuple(255 * m for m in mean), tuple(255 * s for s in std)


def normalisation_for(name: str, channels: int) -> NormalisationValues:
    """Returns the trunk's own values if it takes this number of channels, otherwise the middle of the range."""
    mean, std = normalisation_of(name) if name else ((127.5,), (127.5,))
    fits = len(mean) == channels
    return NormalisationValues(mean, std) if fits else NormalisationValues((127.5,) * channels, (127.5,) * channels)


def imagenet_classes() -> list[tuple[str, ...]]:
    """Returns the names of each of the 1000 ImageNet classes, in order: ("tabby", "tabby cat")."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return [tuple(info.index_to_description(i).split(", ")) for i in range(info.num_classes())]


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise missing_extra("timm", "train") from None
    return timm


def _create(name: str, strides: Sequence[int], pretrained: bool, channels: int) -> Any:
    timm = _timm()
    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), 3) or ["tf_efficientnet_lite0", "resnet18"]
        raise FullconvError(f"timm has no network {name!r}; similar names: {', '.join(close)}")
    try:
        probe = timm.create_model(name, features_only=True)
        at = {reduction: i for i, reduction in enumerate(probe.feature_info.reduction())}
        indices = [at[stride] for stride in strides]
        return timm.create_model(
            name, features_only=True, out_indices=indices, pretrained=pretrained, in_chans=channels
        )
    except (KeyError, RuntimeError, AttributeError) as error:
        if "No pretrained weights" in str(error):
            raise FullconvError(f"timm's hub has no weights of {name!r}; give a file with --trunk-weights") from None
        raise FullconvError(f"trunk {name!r} gives no features at strides {list(strides)}; choose another") from error


def _with_fixed_padding(network: Any) -> Any:
    """Replaces TensorFlow's "SAME" padding, which depends on the input size, by the constant that it is for multiples
    of 32.

    The result is the same, and a graph with constant padding exports in seconds and compiles well.
    """
    from timm.layers import Conv2dSame

    for module in network.modules():
        if isinstance(module, Conv2dSame):
            module.__class__ = SamePaddedConv2d
    return network


class SamePaddedConv2d(nn.Conv2d):
    """A strided convolution with the "SAME" padding of inputs whose sides are multiples of the stride."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _), (dilation, _) = self.kernel_size, self.stride, self.dilation
        total = max(dilation * (kernel - 1) + 1 - stride, 0)
        before, after = total // 2, total - total // 2
        x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
