"""Makes a model available to CVAT's automatic annotation:

    cvat-cli task auto-annotate TASK --function-module fullconv.labelling.cvat_function

The interface is that of cvat_sdk.auto_annotation: https://docs.cvat.ai/docs/api_sdk/sdk/auto-annotation/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from fullconv.outputs.coco import first_category
from fullconv.outputs.outlines import cut_outlines
from fullconv.prediction.predictor import Model, load
from fullconv.segmentation import Segmentation

SIMPLIFY = 1.0  # how far outlines may move, in pixels


def create(
    model: str = "photos", classes: str = "", engine: str = "auto", precision: str = "auto", device: str = ""
) -> CvatFunction:
    """Creates the function. cvat-cli passes its options -p: -p model=str:runs/first -p classes=str:cat,dog."""
    loaded = load(model, engine, precision, device or None)
    names = [name.strip() for name in classes.split(",") if name.strip()]
    return CvatFunction(loaded.among(names) if names else loaded)


class CvatFunction:
    """Returns a mask or polygons for each class in a picture, except the background."""

    def __init__(self, model: Model) -> None:
        from cvat_sdk import auto_annotation

        self.model, self.cvat = model, auto_annotation
        names = model.classes.names
        kept = [index for index in range(first_category(model.classes), len(names)) if wanted(model, names[index])]
        labels = [auto_annotation.label_spec(names[index], index, type="mask") for index in kept]
        self.spec = auto_annotation.DetectionFunctionSpec(labels=labels)

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """Returns cvat_sdk's shapes. Classes whose mean confidence is below `context.conf_threshold` are left out."""
        result = self.model.predict(image, soft=True)
        sure = {
            label.id: score
            for label in self.spec.labels
            if (score := mean_confidence(result, label.name)) >= (context.conf_threshold or 0) and score > 0
        }
        shapes = self.polygons(result, sure) if context.conv_mask_to_poly else self.masks(result, sure)
        return list(shapes)

    def masks(self, result: Segmentation, sure: dict[int, float]) -> Iterator[Any]:
        """Yields a mask for each class. `sure`: {class index: mean confidence} of the classes to return."""
        from cvat_sdk.masks import encode_mask

        for index, score in sure.items():
            yield self.cvat.mask(index, encode_mask(result.label_map == index), score=score)

    def polygons(self, result: Segmentation, sure: dict[int, float]) -> Iterator[Any]:
        """Yields polygons without holes, because CVAT's polygons cannot have any. Needs the extra `geo`."""
        for outline in cut_outlines(result.label_map, SIMPLIFY):
            if outline.value in sure:
                points = outline.points.ravel().tolist()
                yield self.cvat.polygon(outline.value, points, score=sure[outline.value])


def wanted(model: Model, name: str) -> bool:
    """Whether the user asked for this class, or for no class in particular."""
    return not model.asked or name in model.asked


def mean_confidence(result: Segmentation, name: str) -> float:
    """Returns the mean confidence of the pixels of a class, or 0 if there are none."""
    mask = result.mask(name)
    return float(result.confidence[mask].mean()) if mask.any() else 0.0
