"""Semantic segmentation with fully convolutional networks: pictures in, masks of their own size out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullconv.classes import Classes
    from fullconv.errors import FullconvError
    from fullconv.evaluation.scoring import evaluate
    from fullconv.models.fcn import FCN
    from fullconv.prediction.predictor import load, predict
    from fullconv.segmentation import Segmentation
    from fullconv.training.stages import train

__version__ = "0.1.0"

# Where each public name lives; imported when first used, so that `import fullconv` loads no heavy library.
_HOMES = {
    "FCN": "models.fcn",
    "Classes": "classes",
    "FullconvError": "errors",
    "Segmentation": "segmentation",
    "evaluate": "evaluation.scoring",
    "load": "prediction.predictor",
    "predict": "prediction.predictor",
    "train": "training.stages",
}

__all__ = ["FCN", "Classes", "FullconvError", "Segmentation", "evaluate", "load", "predict", "train"]


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
        raise missing_extra(library, "train") from None  # without extras all other names are there
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
