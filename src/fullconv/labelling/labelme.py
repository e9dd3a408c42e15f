"""Drafts for labelme: a .json beside each picture."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.labelling.draft import Draft
from fullconv.outputs.labelme import BACKGROUND, IGNORE, VERSION
from fullconv.outputs.outlines import Points, touches_border, whole_outlines

NAMES = "labels.txt"


def write(folder: Path, drafts: Iterable[Draft], classes: Classes, simplify: float) -> None:
    """labelme's list of labels, and a file for each picture."""
    lines = [IGNORE, BACKGROUND, *(name for name in classes.names if name != "background")]
    (folder / NAMES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for draft in drafts:
        path = (folder / draft.name).with_suffix(".json")
        path.write_text(json.dumps(content(draft, classes, simplify), indent=2) + "\n", encoding="utf-8")


def content(draft: Draft, classes: Classes, simplify: float) -> dict[str, Any]:
    height, width = draft.label_map.shape
    return {
        "version": VERSION, "flags": {}, "shapes": list(shapes(draft, classes, simplify)), "imagePath": draft.name,
        "imageData": None, "imageHeight": height, "imageWidth": width,
    }  # fmt: skip


def shapes(draft: Draft, classes: Classes, simplify: float) -> Iterator[dict[str, Any]]:
    """The largest first: labelme's polygons have no holes, so what lies in one is painted over what surrounds it.
    Background that reaches the picture's edge is what nobody paints."""
    names = dict(enumerate(classes.names))
    if classes.has_background:
        names[0] = BACKGROUND
    for outline in whole_outlines(draft.label_map, simplify):
        name = names.get(outline.value, IGNORE)
        if name != BACKGROUND or not touches_border(outline, draft.label_map.shape):
            yield {
                "label": name, "points": centred(outline.points), "group_id": None, "shape_type": "polygon",
                "flags": {},
            }  # fmt: skip


def centred(points: Points) -> list[list[float]]:
    """labelme counts from the centre of the first pixel."""
    found: list[list[float]] = (points - 0.5).tolist()
    return found


def how(out: Path) -> str:
    folder = shlex.quote(str(out))
    return f"labelme {folder} --labels {folder}/{NAMES} --nodata"
