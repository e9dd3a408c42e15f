"""Writes COCO's JSON: run lengths, box and area of each class."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes
from fullconv.outputs.file import Files, text
from fullconv.segmentation import Segmentation

BITS = 5 * np.arange(8)  # where COCO's string divides a number; 8 groups hold the pixels of any picture


def write_coco(result: Segmentation, target: Path) -> Files:
    """target_coco.json, as pycocotools opens it."""
    return {"_coco.json": text(lambda: as_text(result, target.name, masks(result)))}


def masks(result: Segmentation) -> Iterator[tuple[int, dict[str, Any]]]:
    """(class, its outline) for each class present."""
    for index in sorted(result.classes.index(cls) for cls in result.shares):
        if index >= first_category(result.classes) and result.wants(index):
            yield index, outline(result.label_map == index)


def as_text(result: Segmentation, name: str, outlines: Iterable[tuple[int, dict[str, Any]]]) -> str:
    """Returns the JSON for one image, called `name` if its file is unknown or it is a later page of its file. Category
    ids are the indices of the label map."""
    height, width = result.label_map.shape
    first = first_category(result.classes)
    content = {
        "images": [{"id": 1, "file_name": result.source.name if result.source and result.page == 1 else name,
                    "width": width, "height": height}],
        "categories": [{"id": i, "name": cls} for i, cls in enumerate(result.classes.names) if i >= first],
        "annotations": [
            {"id": number, "image_id": 1, "category_id": index, "iscrowd": 0, **outline}
            for number, (index, outline) in enumerate(outlines, start=1)
        ],
    }  # fmt: skip
    return json.dumps(content) + "\n"


def first_category(classes: Classes) -> int:
    """Returns the first category. COCO leaves out a class 0 named background: it has neither a category nor
    annotations."""
    return 1 if classes.has_background else 0


def outline(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's segmentation, area (pixels) and bbox (x, y, width, height) of a mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    x, y = int(columns[0]), int(rows[0])
    return {
        "segmentation": {"size": list(mask.shape), "counts": pack(runs(mask))},
        "area": int(mask.sum()),
        "bbox": [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
    }


def runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of 0s, 1s, 0s … column by column. The first may be zero."""
    pixels = mask.T.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    starts = np.concatenate([[0] if pixels[0] else [], [0], changes, [pixels.size]]).astype(np.int64)
    return np.diff(starts)


def pack(lengths: NDArray[np.int64]) -> str:
    """COCO's string: each number minus the one two before (from the fourth on), 5 bits per character, low bits first.
    Bit 5 means that more follow; a number ends when the rest is only its sign (rleToString in cocoapi's maskApi.c)."""
    numbers = lengths.copy()
    numbers[3:] -= lengths[1:-2]
    digits, rest = numbers[:, None] >> BITS & 31, numbers[:, None] >> BITS + 5
    more = rest != np.where(digits & 16, -1, 0)
    needed = np.logical_and.accumulate(np.column_stack([np.ones(len(numbers), bool), more[:, :-1]]), axis=1)
    return bytes((digits + 32 * more + ord("0"))[needed].astype(np.uint8)).decode()
