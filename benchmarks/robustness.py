"""Mean IoU of a model when photos are saved again, blurred, sharpened, made noisy, reduced or enlarged.

usage: python benchmarks/robustness.py DATA [--model photos] [--split val] [--merge-to background,cat,dog] [--count 300]

Every photo is changed, seen by the model, and scored against its own labels at source size; a photo of another size
has its scores brought back to the source's.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fullconv import load
from fullconv.evaluation.merging import merge_to
from fullconv.evaluation.scoring import dataset_for
from fullconv.metrics import Confusion
from fullconv.prediction.predictor import Model
from fullconv.prediction.resizing import scores_at

Change = Callable[[Image.Image], Image.Image]


def as_jpeg(photo: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def blurred(photo: Image.Image, sigma: float) -> Image.Image:
    return photo.filter(ImageFilter.GaussianBlur(sigma))


def noisy(photo: Image.Image, level: float) -> Image.Image:
    values = np.asarray(photo, np.float32)
    random = np.random.default_rng(values.size)
    return Image.fromarray((values + random.normal(0, level, values.shape)).clip(0, 255).round().astype(np.uint8))


def with_longest_side(photo: Image.Image, side: int) -> Image.Image:
    factor = side / max(photo.size)
    return photo.resize([round(length * factor) for length in photo.size], Image.Resampling.BICUBIC)


CHANGES: dict[str, Change] = {
    "as it is": lambda photo: photo,
    **{f"JPEG {quality}": partial(as_jpeg, quality=quality) for quality in (50, 75, 90)},
    **{f"blur {sigma}": partial(blurred, sigma=sigma) for sigma in (0.5, 0.8, 1.2)},
    "sharpened": lambda photo: photo.filter(ImageFilter.UnsharpMask(1, 100, 0)),
    **{f"noise {level}": partial(noisy, level=level) for level in (4, 8)},
    **{f"side {side}": partial(with_longest_side, side=side) for side in (320, 384, 448, 512, 640)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", default="photos")
    parser.add_argument("--split", default="val")
    parser.add_argument("--merge-to", default="", help="as in fullconv evaluate")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    model = load(options.model, precision=options.precision)
    merging = merge_to(options.merge_to.split(",") if options.merge_to else model.classes.names, model.classes)
    found = {name: Confusion(merging.classes) for name in CHANGES}
    for sample in dataset_for(model, options.data).split(options.split)[: options.count]:
        image, truth = sample.read()
        for name, change in CHANGES.items():
            label_map = labels_of(model, change(Image.fromarray(image)), truth.shape)
            found[name].add(merging.apply(truth), merging.apply(label_map))
    scores = {name: confusion.report()["mean_iou"] for name, confusion in found.items()}
    for name, score in scores.items():
        print(f"{name:<12} {score:.4f}  {score - max(scores.values()):+.4f} of the best", flush=True)


def labels_of(model: Model, photo: Image.Image, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """The labels of a changed photo, at the size of the one that it was."""
    image = np.asarray(photo)
    if image.shape[:2] == size:
        return model.label(image)[0]
    # Larger than the model's scale, as if it had been taught that size: what is asked is what the network makes of it.
    least = model.config.enlarge_to or 0
    scores = model.label_whole(image, True, least if max(photo.size) < least else None)[1]
    assert scores is not None
    return scores_at(scores, size).argmax(0).astype(np.uint8)


if __name__ == "__main__":
    main()
