"""Writes how certain the model is as a grey picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.outputs.file import Files
from fullconv.outputs.png import save_png
from fullconv.segmentation import Segmentation


def write_confidence(result: Segmentation, target: Path) -> Files:
    """target_confidence.png: 255 times the probability of the class that each pixel has. Void is 0."""
    return {"_confidence.png": lambda hidden: save_png(picture(result), hidden)}


def picture(result: Segmentation) -> Image.Image:
    grey = np.round(result.confidence * 255).astype(np.uint8)
    grey[result.label_map == result.classes.void] = 0
    return Image.fromarray(grey)
