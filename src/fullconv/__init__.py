"""Semantic segmentation with fully convolutional networks: pictures in, masks of their own size out."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullconv.classes import Classes as Classes
    from fullconv.data.dataset import Dataset as Dataset
    from fullconv.data.description import open_dataset as open_dataset
    from fullconv.data.doctor.examination import check as check
    from fullconv.errors import FullconvError as FullconvError
    from fullconv.evaluation.scoring import evaluate as evaluate
    from fullconv.exporting.export import export as export
    from fullconv.metrics import Confusion as Confusion
    from fullconv.models.fcn import FCN as FCN
    from fullconv.models.segnet import SegNet as SegNet
    from fullconv.models.unet import UNet as UNet
    from fullconv.prediction.predictor import Model as Model
    from fullconv.prediction.predictor import load as load
    from fullconv.prediction.predictor import predict as predict
    from fullconv.segmentation import Segmentation as Segmentation
    from fullconv.training.train import train as train
    from fullconv.weights.checkpoint import load_network as load_network

__version__ = "0.1.0"

# Where each public name lives; imported when first used, so that `import fullconv` loads no heavy library.
_HOMES = {
    "FCN": "models.fcn",
    "Classes": "classes",
    "Confusion": "metrics",
    "Dataset": "data.dataset",
    "FullconvError": "errors",
    "Model": "prediction.predictor",
    "SegNet": "models.segnet",
    "Segmentation": "segmentation",
    "UNet": "models.unet",
    "check": "data.doctor.examination",
    "evaluate": "evaluation.scoring",
    "export": "exporting.export",
    "load": "prediction.predictor",
    "load_network": "weights.checkpoint",
    "open_dataset": "data.description",
    "predict": "prediction.predictor",
    "train": "training.train",
}

__all__ = [
    "FCN", "Classes", "Confusion", "Dataset", "FullconvError", "Model", "SegNet", "Segmentation", "UNet", "check",
    "evaluate", "export", "load", "load_network", "open_dataset", "predict", "train",
]  # fmt: skip


_NEED_TORCH = ("FCN", "SegNet", "UNet", "load_network", "train")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fullconv' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"fullconv.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        from fullconv.errors import missing_extra

        library = (error.name or "").partition(".")[0]
        if library == "fullconv":
            raise
        raise missing_extra(library, "train") from None  # the other names work without any extra
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Leaves out the names that need torch if it is not installed, so `help(fullconv)` works in a light install."""
    return [name for name in __all__ if name not in _NEED_TORCH or find_spec("torch")]
