"""Writes drafts for CVAT, in its format COCO 1.0. CVAT can import and export this format."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.files import write_json
from fullconv.labelling.draft import Draft
from fullconv.outputs.coco import first_category
from fullconv.outputs.outlines import Outline, cut_outlines

ANNOTATIONS, NAMES = "annotations/instances_default.json", "labels.json"


def write(folder: Path, drafts: Iterable[Draft], classes: Classes, simplify: float) -> None:
    """Writes the annotations, and the labels in the form that CVAT's Raw tab takes. `simplify`: how far outlines may
    move, in pixels."""
    first = first_category(classes)
    kept = list(zip(classes.names, classes.colours, strict=True))[first:]
    labels = [{"name": name, "color": "#{:02x}{:02x}{:02x}".format(*colour)} for name, colour in kept]
    (folder / NAMES).write_text(json.dumps(labels, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    numbers = count(1)
    for number, draft in enumerate(drafts, 1):
        height, width = draft.label_map.shape
        pictures.append({"id": number, "file_name": draft.name, "width": width, "height": height})
        for outline in cut_outlines(draft.label_map, simplify):
            if first <= outline.value < len(classes):
                annotations.append({"id": next(numbers), "image_id": number, **annotation(outline)})
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(classes.names) if i >= first]
    (folder / ANNOTATIONS).parent.mkdir()
    write_json(folder / ANNOTATIONS, {"images": pictures, "categories": categories, "annotations": annotations})


def annotation(outline: Outline) -> dict[str, Any]:
    """Returns an annotation of COCO. Its category is the class index."""
    (left, top), (right, bottom) = outline.points.min(0).tolist(), outline.points.max(0).tolist()
    return {
        "category_id": outline.value, "segmentation": [outline.points.ravel().tolist()], "area": outline.area,
        "bbox": [left, top, right - left, bottom - top], "iscrowd": 0,
    }  # fmt: skip


def next_steps(out: Path) -> str:
    """Returns what the user has to do next."""
    return (
        f"CVAT: create a task with the labels in {out / NAMES} (tab Raw) and the pictures in {out / 'images'}, and "
        f"upload {out / ANNOTATIONS} as COCO 1.0; later export it as COCO 1.0 and unpack it into {out}"
    )
