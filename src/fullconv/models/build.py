"""Builds the network of a config, with new parameters."""

from __future__ import annotations

from fullconv.models.config import ModelConfig
from fullconv.models.encoder_only import EncoderOnly
from fullconv.models.fcn import FCN
from fullconv.models.network import Network
from fullconv.models.segnet import SegNet
from fullconv.models.unet import UNet

FAMILIES: dict[str, type[Network]] = {
    "fcn": FCN,
    "unet": UNet,
    "segnet": SegNet,
    "segnet-basic": SegNet,
    "encoder-only": EncoderOnly,
}


def build(config: ModelConfig, pretrained: bool = False) -> Network:
    """Returns the network that a config.json describes. `pretrained` downloads the ImageNet weights of a timm trunk."""
    return FAMILIES[config.architecture.family].of(
        config.architecture, len(config.classes), config.normalisation, pretrained
    )
