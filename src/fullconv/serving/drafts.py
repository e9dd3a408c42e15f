"""Turns a result into drafts for Label Studio: a painted mask or outlines for each class, with the confidence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from fullconv.outputs.outlines import cut_outlines
from fullconv.segmentation import Segmentation
from fullconv.serving.brush import pack

SIMPLIFY = 1.0  # pixels that a simplified outline may move
BRUSH, OUTLINES = "brush", "outlines"  # the outputs that a task can request


def brush(result: Segmentation) -> bytes:
    """Returns [{"label", "score", "value"}, …] as JSON: a painted mask for each class."""
    return json.dumps(
        [
            {**label_and_score(result, name), "value": {"format": "rle", "rle": list(pack(result.mask(name)))}}
            for name in result.shares
        ]
    ).encode()


def outlines(result: Segmentation) -> bytes:
    """Returns [{"label", "score", "value"}, …] as JSON: a polygon for each region, its points in percent of width and
    height."""
    height, width = result.label_map.shape
    names, percent = result.classes.names, 100 / np.array([width, height])
    scores = {name: label_and_score(result, name) for name in result.shares}
    found: list[dict[str, Any]] = [
        {
            **scores[names[outline.value]],
            "value": {"points": (outline.points * percent).round(4).tolist(), "closed": True},
        }
        for outline in cut_outlines(result.label_map, SIMPLIFY)
        if outline.value < len(names)
    ]
    return json.dumps(found).encode()


def label_and_score(result: Segmentation, name: str) -> dict[str, Any]:
    """Returns the class and its mean confidence (0–1) over its pixels."""
    return {"label": name, "score": round(float(result.confidence[result.mask(name)].mean()), 4)}
