"""Mean IoU of a model when its input is reduced or enlarged, mirrored, or all of these averaged.

usage: python benchmarks/scales.py DATA [--model photos] [--count 300]
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import load
from fullconv.evaluation.scoring import dataset_for
from fullconv.metrics import Confusion
from fullconv.prediction.predictor import Model, padded
from fullconv.prediction.resizing import scores_at

SCALES = (0.75, 1.0, 1.25, 1.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--model", default="photos")
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    model = load(options.model)
    found = {name: Confusion(model.classes) for name in (*map(str, SCALES), "1.0 and mirrored", "all scales")}
    for sample in dataset_for(model, options.data).split("val")[: options.count]:
        image, truth = sample.read()
        by_scale = {str(scale): probabilities(model, image, scale) for scale in SCALES}
        mirrored = probabilities(model, np.ascontiguousarray(image[:, ::-1]), 1.0)[:, :, ::-1]
        averaged = {"1.0 and mirrored": by_scale["1.0"] + mirrored, "all scales": sum(by_scale.values())}
        for name, values in (by_scale | averaged).items():
            found[name].add(truth, values.argmax(0).astype(np.uint8))
    for name, confusion in found.items():
        print(f"{name:<18} mean IoU {confusion.report()['mean_iou']:.4f}")


def probabilities(model: Model, image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    """(C, H, W) at the image's own size, from a network that saw it `scale` times as large."""
    height, width = image.shape[:2]
    size = round(width * scale), round(height * scale)
    seen = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    raw = model.engine.scores(padded(seen, model.config.normalisation.colour, 32)[None])[0, :, : size[1], : size[0]]
    scores = scores_at(np.ascontiguousarray(raw), (height, width))
    exponentials = np.exp(scores - scores.max(0))
    return exponentials / exponentials.sum(0)


if __name__ == "__main__":
    main()
