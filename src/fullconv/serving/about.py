"""The description of a model that /models and the page show."""

from __future__ import annotations

from typing import Any

from fullconv import overlay
from fullconv.models.config import ModelConfig
from fullconv.outputs.class_names import file_names


def describe(config: ModelConfig, name: str, engine: str) -> dict[str, Any]:
    """Returns the description of a model as values for JSON.

    `palette`: the colours of label maps; `shown`: the colours of overlays, (R, G, B) for each class; `file_names`: the
    ends of the names of its files.
    """
    classes = config.classes
    return {
        "name": name,
        "architecture": config.architecture.title,
        "engine": engine,
        "classes": list(classes.names),
        "file_names": list(file_names(classes.names)),
        "palette": classes.palette().tolist(),
        "shown": [list(colour) for colour in overlay.colours(classes)],
        "void": classes.void,
        "longest_side": config.longest_side,
        "enlarge_to": config.enlarge_to,
        "temperature": config.temperature,
        "metrics": config.metrics,
    }
