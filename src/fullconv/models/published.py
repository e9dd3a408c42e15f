"""The networks published by the FCN authors, by name, as plain numbers. Needs no torch until one is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fullconv.classes import VOC_NAMES, Classes
from fullconv.errors import UnknownValue, suggestion
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues
from fullconv.published_classes import NYUD, PASCAL_CONTEXT, SIFT_FLOW

if TYPE_CHECKING:
    from fullconv.models.network import Network

RELEASE = "released nets, shelhamer/fcn.berkeleyvision.org"
BGR, HHA, LOG_DEPTH = (2, 1, 0), (0, 1, 2), 3


@dataclass(frozen=True)
class Published:
    """A network as its authors describe it. `mean_iou` is their figure (0–1) on `measured_on`, or None if they give
    none."""

    architecture: Architecture
    classes: tuple[str, ...]
    normalisation: NormalisationValues
    input: str
    source: str
    mean_iou: float | None = None
    measured_on: str = ""


def _caffe(stride: int, trunk: str = "vgg16", **values: Any) -> Architecture:
    return Architecture(trunk, stride, alignment="caffe", **values)


def _minus(mean: tuple[float, ...], order: tuple[int, ...] = BGR) -> NormalisationValues:
    """The released networks subtract a mean per channel, BGR, and divide by nothing."""
    return NormalisationValues(mean, (1.0,) * len(mean), order)


_VOC = (VOC_NAMES, _minus((104.00699, 116.66877, 122.67892)), "RGB")
_SIFT_FLOW = (SIFT_FLOW, _minus((114.578, 115.294, 108.353)), "RGB")
_CONTEXT = (PASCAL_CONTEXT, _minus((104.007, 116.669, 122.679)), "RGB")
_COLOUR, _HHA_MEAN = (116.190, 97.203, 92.318), (132.431, 94.076, 118.477)
_TWO_HEADS = {"sem": 33, "geo": 3}
_SEG11 = "VOC 2011, seg11valid"
_PAPER, _JOURNAL = "arXiv 1411.4038", "arXiv 1605.06211"
_TABLE_6, _59 = f"{RELEASE}; {_JOURNAL}, table 6", "val, 59 classes and background"

NETS: dict[str, Published] = {
    "voc-fcn32s": Published(_caffe(32), *_VOC, RELEASE, 0.636, _SEG11),
    "voc-fcn16s": Published(_caffe(16), *_VOC, RELEASE, 0.650, _SEG11),
    "voc-fcn8s": Published(_caffe(8), *_VOC, RELEASE, 0.655, _SEG11),
    "voc-fcn8s-atonce": Published(_caffe(8, skip_scales=(0.01, 0.0001)), *_VOC, RELEASE, 0.654, _SEG11),
    "voc-fcn-alexnet": Published(_caffe(32, "caffenet", last_kernel=63), *_VOC, RELEASE, 0.480, _SEG11),
    "fcn-googlenet": Published(
        _caffe(32, "googlenet", last_kernel=63), *_VOC, f"{_PAPER}, table 1", 0.425, "VOC 2011 val"
    ),
    "nyud-fcn32s-color": Published(
        _caffe(32), NYUD, _minus(_COLOUR), "RGB", f"{RELEASE}; {_JOURNAL}, table 4", 0.316, "NYUDv2 test"
    ),
    "nyud-fcn32s-hha": Published(
        _caffe(32), NYUD, _minus(_HHA_MEAN, HHA), "HHA", f"{RELEASE}; {_JOURNAL}, table 4", 0.252, "NYUDv2 test"
    ),
    "nyud-fcn32s-color-d": Published(
        _caffe(32, channels=4), NYUD, _minus((*_COLOUR, 7.844), (*BGR, LOG_DEPTH)), "RGB, log depth",
        f"{RELEASE}; {_JOURNAL}, table 4", 0.317, "NYUDv2 test",
    ),
    "nyud-fcn32s-color-hha": Published(
        _caffe(32, inputs=("color", "hha")), NYUD, _minus((*_COLOUR, *_HHA_MEAN), (*BGR, 3, 4, 5)), "RGB, HHA",
        f"{RELEASE}; {_JOURNAL}, table 4", 0.333, "NYUDv2 test",
    ),
    "siftflow-fcn32s": Published(_caffe(32, heads=_TWO_HEADS), *_SIFT_FLOW, RELEASE),
    "siftflow-fcn16s": Published(
        _caffe(16, heads=_TWO_HEADS), *_SIFT_FLOW, f"{RELEASE}; {_PAPER}, table 5", 0.395, "SIFT Flow test"
    ),
    "siftflow-fcn8s": Published(
        _caffe(8, heads=_TWO_HEADS), *_SIFT_FLOW, f"{RELEASE}; {_JOURNAL}, table 5", 0.412, "SIFT Flow test"
    ),
    "pascalcontext-fcn32s": Published(_caffe(32), *_CONTEXT, _TABLE_6, 0.367, _59),
    "pascalcontext-fcn16s": Published(_caffe(16), *_CONTEXT, _TABLE_6, 0.384, _59),
    "pascalcontext-fcn8s": Published(_caffe(8), *_CONTEXT, _TABLE_6, 0.391, _59),
}  # fmt: skip


def config(name: str) -> ModelConfig:
    """Returns the config.json of a published network. Raises FullconvError for an unknown name."""
    if name not in NETS:
        raise UnknownValue(f"no published net {name!r}; choose from {', '.join(NETS)}{suggestion(name, NETS)}")
    net = NETS[name]
    return ModelConfig(name, net.architecture, Classes.named(net.classes), net.normalisation)


def build(name: str) -> Network:
    """Returns the network with this published name, with new parameters."""
    from fullconv.models.build import build as build_network

    return build_network(config(name))
