"""torchvision's classifiers under the names of the paper's trunks: VGG-16, AlexNet, GoogLeNet.

torchvision numbers the modules of its `features` and `classifier`. The names are those of its vgg16, alexnet and
googlenet. Its networks take RGB, (x / 255 - mean) / std, rather than Caffe's BGR minus a mean.
"""

from __future__ import annotations

import re

from fullconv.weights.tensors import State

_VGG16 = {
    "features.0": "conv1_1", "features.2": "conv1_2", "features.5": "conv2_1", "features.7": "conv2_2",
    "features.10": "conv3_1", "features.12": "conv3_2", "features.14": "conv3_3",
    "features.17": "conv4_1", "features.19": "conv4_2", "features.21": "conv4_3",
    "features.24": "conv5_1", "features.26": "conv5_2", "features.28": "conv5_3",
    "classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8",
}  # fmt: skip
_ALEXNET = {
    "features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4", "features.10": "conv5",
    "classifier.1": "fc6", "classifier.4": "fc7", "classifier.6": "fc8",
}  # fmt: skip
_GOOGLENET = {"conv1": "conv1.7x7_s2", "conv2": "conv2.3x3_reduce", "conv3": "conv2.3x3", "fc": "fc"}
_BRANCHES = {
    "branch1": "1x1", "branch2.0": "3x3_reduce", "branch2.1": "3x3", "branch3.0": "5x5_reduce", "branch3.1": "5x5",
    "branch4.1": "pool_proj",
}  # fmt: skip
_GOOGLENET_EPSILON = 0.001  # of its batch normalisations


def rename_torchvision(state: State) -> State:
    """Returns the same tensors under Caffe's names (the classifier's last layer as fc8). Names of other networks are
    unchanged."""
    if "inception3a.branch1.conv.weight" in state:
        return {_googlenet_name(name): value for name, value in fold_batch_norms(state).items()}
    layers = next((table for table in (_VGG16, _ALEXNET) if _layers(state) == set(table)), {})
    return {_renamed(name, layers): value for name, value in state.items()}


def fold_batch_norms(state: State) -> State:
    """Returns GoogLeNet with each `x.conv` and `x.bn` merged into one convolution `x` with a bias: the same
    function."""
    folded = {name: value for name, value in state.items() if ".conv." not in name and ".bn." not in name}
    for name in [name.removesuffix(".conv.weight") for name in state if name.endswith(".conv.weight")]:
        norm = {leaf: state[f"{name}.bn.{leaf}"].double() for leaf in ("weight", "bias", "running_mean", "running_var")}
        factor = norm["weight"] / (norm["running_var"] + _GOOGLENET_EPSILON).sqrt()
        folded[f"{name}.weight"] = (state[f"{name}.conv.weight"].double() * factor[:, None, None, None]).float()
        folded[f"{name}.bias"] = (norm["bias"] - norm["running_mean"] * factor).float()
    return folded


def _googlenet_name(name: str) -> str:
    """Renames aux1 and aux2, the auxiliary classifiers, to loss1 and loss2 as in Caffe."""
    layer, leaf = name.rsplit(".", 1)
    block = re.fullmatch(r"inception(\w\w)\.(branch[\d.]+)", layer)
    if block and block[2] in _BRANCHES:
        return f"inception_{block[1]}.{_BRANCHES[block[2]]}.{leaf}"
    return f"{_GOOGLENET.get(layer, layer.replace('aux', 'loss'))}.{leaf}"


def _layers(state: State) -> set[str]:
    return {name.rpartition(".")[0] for name in state}


def _renamed(name: str, layers: dict[str, str]) -> str:
    layer, _, leaf = name.rpartition(".")
    return f"{layers[layer]}.{leaf}" if layer in layers else name
