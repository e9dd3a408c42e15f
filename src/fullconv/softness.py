"""How certain a result is, pixel by pixel, computed from the scores at the size the network saw.

A picture that was reduced has fewer scores than pixels. The quantity needed (a probability, a margin) is computed there
and then enlarged, so only one plane is enlarged rather than one per class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.float32]  # (H, W)


def probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, H, W): the softmax of scores (C, H, W)."""
    powers = np.exp(scores - scores.max(0))
    return np.asarray(powers / powers.sum(0), np.float32)


def confidence(scores: NDArray[np.float32], size: tuple[int, int], temperature: float = 1.0) -> Plane:
    """(H, W), 0–1: the probability of the best class, from scores (C, h, w) divided by a temperature."""
    cooled = (scores - scores.max(0)) / temperature
    return enlarged(1 / np.exp(cooled).sum(0), size)


def margin(scores: NDArray[np.float32], index: int, size: tuple[int, int]) -> Plane:
    """(H, W): how far class `index` scores above the best other class; negative where another class is better."""
    others = np.delete(scores, index, 0)
    best = others.max(0) if len(others) else np.zeros_like(scores[index])
    return enlarged(scores[index] - best, size)


def enlarged(plane: Plane, size: tuple[int, int]) -> Plane:
    """(h, w) → (H, W), bilinear."""
    if plane.shape == size:
        return plane.astype(np.float32, copy=False)
    picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.array(picture.resize(size[::-1], Image.Resampling.BILINEAR))
