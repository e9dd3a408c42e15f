"""What Label Studio is told of a picture: for each class a painted mask, or its outlines, and how sure the model is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fullconv.outputs.outlines import cut_outlines
from fullconv.segmentation import Segmentation
from fullconv.serving.brush import pack

SIMPLIFY = 1.0  # pixels that an outline may leave its region by
BRUSH, OUTLINES = "brush", "outlines"  # what a task asks for


def brush(result: Segmentation) -> bytes:
    """[{"label", "score", "value"}] as JSON, one a class."""
    return json.dumps(
        [
            {**told(result, name), "value": {"format": "rle", "rle": list(pack(result.mask(name)))}}
            for name in result.shares
        ]
    ).encode()


def outlines(result: Segmentation) -> bytes:
    """The same, one a region, its points in percent of width and height."""
    height, width = result.label_map.shape
    names, percent = result.classes.names, 100 / np.array([width, height])
    scores = {name: told(result, name) for name in result.shares}
    found: list[dict[str, Any]] = [
        {
            **scores[names[outline.value]],
            "value": {"points": (outline.points * percent).round(4).tolist(), "closed": True},
        }
        for outline in cut_outlines(result.label_map, SIMPLIFY)
        if outline.value < len(names)
    ]
    return json.dumps(found).encode()


def told(result: Segmentation, name: str) -> dict[str, Any]:
    """The class, and its mean confidence where it is."""
    return {"label": name, "score": round(float(result.confidence[result.mask(name)].mean()), 4)}
