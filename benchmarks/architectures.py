"""Every network in numbers, as docs/models.md lists them: parameters, multiply-adds, receptive field.

usage: python benchmarks/architectures.py [--side 500]

Nothing is computed but shapes (torch's meta device). Multiply-adds are those of convolutions; the receptive field is
that of the scores before they are enlarged to the picture's size, in pixels; of an FCN's, the coarsest.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fullconv.classes import VOC_NAMES, Classes
from fullconv.errors import FullconvError
from fullconv.models import published
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, parse_arch
from fullconv.models.network import Network
from fullconv.models.tracing import receptive_field

OTHERS = {
    "fcn8s": "tf_efficientnet_lite0", "fcn4s": "tf_efficientnet_lite0", "encoder-only": "tf_efficientnet_lite0",
    "unet": "tf_efficientnet_lite0", "unet-valid": "", "unet-classic": "", "segnet": "", "segnet-basic": "",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=500)
    side = parser.parse_args().side
    print("| net | parameters, million | multiply-adds, billion | receptive field |\n|---|---|---|---|")
    for config in [*map(published.config, published.NETS), *(config_of(*item) for item in OTHERS.items())]:
        with torch.device("meta"):
            net = build(config).eval()
        millions = sum(p.numel() for p in net.parameters()) / 1e6
        print(f"| {config.name} | {millions:.1f} | {multiply_adds(net, config, side) / 1e9:.1f} | {field(net)} |")


def config_of(arch: str, trunk: str) -> ModelConfig:
    middle = NormalisationValues((127.5,) * 3, (127.5,) * 3)
    architecture = Architecture(**{**parse_arch(arch), "trunk": trunk})
    return ModelConfig(f"{arch} {trunk}".strip(), architecture, Classes.named(VOC_NAMES), middle)


def multiply_adds(net: Network, config: ModelConfig, side: int) -> float:
    counter = FlopCounterMode(display=False)
    with counter:
        net(torch.zeros(1, len(config.normalisation.mean), side, side, device="meta"))
    return counter.get_total_flops() / 2


def field(net: Network) -> str:
    """Pixels along a side that a position of the coarsest scores depends on."""
    score = "score" if hasattr(net, "score") and isinstance(net.score, nn.Module) else None
    name = score or next(name for name, _ in net.named_modules() if name.startswith("score_fr"))
    channels = len(net.normalise.mean)
    try:
        return str(int(receptive_field(net, name, 1024, channels).rows.size))
    except FullconvError:
        return "-"  # the mirrored border of the first U-Net has no window


if __name__ == "__main__":
    main()
