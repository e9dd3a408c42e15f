"""Writes drafts for Label Studio: tasks with predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from fullconv.classes import Classes
from fullconv.labelling.draft import Draft
from fullconv.outputs.coco import first_category
from fullconv.outputs.outlines import Outline, cut_outlines
from fullconv.words import pasted

TASKS, SETUP = "tasks.json", "labels.xml"
PLACE = "/data/local-files/?d=images/"  # address of files in LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT


def write(folder: Path, drafts: Iterable[Draft], classes: Classes, simplify: float) -> None:
    """Writes the tasks, and the labelling interface to paste into the settings. `simplify`: how far outlines may move,
    in pixels."""
    tasks = [task(draft, classes, simplify) for draft in drafts]
    (folder / TASKS).write_text(json.dumps(tasks, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / SETUP).write_text(interface(classes), encoding="utf-8")


def task(draft: Draft, classes: Classes, simplify: float) -> dict[str, Any]:
    """Returns Label Studio's task for a picture. Its prediction contains a polygon for each region."""
    outlines = cut_outlines(draft.label_map, simplify)
    kept = (outline for outline in outlines if first_category(classes) <= outline.value < len(classes))
    found = [polygon(outline, draft, classes) for outline in kept]
    return {
        "data": {"image": PLACE + quote(draft.name)},
        "predictions": [{"model_version": "fullconv", "result": found}],
    }


def polygon(outline: Outline, draft: Draft, classes: Classes) -> dict[str, Any]:
    """Returns Label Studio's polygon. Its points are in percent of width and height."""
    height, width = draft.label_map.shape
    points = (outline.points * (100 / np.array([width, height]))).round(4).tolist()
    return {
        "type": "polygonlabels", "from_name": "label", "to_name": "image",
        "original_width": width, "original_height": height, "image_rotation": 0,
        "value": {"points": points, "polygonlabels": [classes.names[outline.value]], "closed": True},
    }  # fmt: skip


def interface(classes: Classes) -> str:
    """Returns the XML of a labelling interface for polygons of these classes."""
    kept = list(zip(classes.names, classes.colours, strict=True))[first_category(classes) :]
    labels = (
        f"    <Label value={quoteattr(name)} background={quoteattr('#{:02x}{:02x}{:02x}'.format(*colour))}/>\n"
        for name, colour in kept
    )
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <PolygonLabels name="label" toName="image">\n{"".join(labels)}  </PolygonLabels>\n</View>\n'
    )


def next_steps(out: Path) -> str:
    """Returns what the user has to do next."""
    return (
        "Label Studio: start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={pasted(out.resolve())}, paste {out / SETUP} as the labelling "
        f"interface, add {out / 'images'} as local storage, and import {out / TASKS}; later export as COCO and "
        f"unpack it into {out}"
    )
