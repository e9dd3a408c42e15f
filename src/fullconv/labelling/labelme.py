"""Writes drafts for labelme: a .json file beside each picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fullconv.classes import Classes
from fullconv.labelling.draft import Draft
from fullconv.outputs.labelme import BACKGROUND, IGNORE, describe
from fullconv.outputs.smoothed import shapes
from fullconv.words import pasted

NAMES = "labels.txt"


def write(folder: Path, drafts: Iterable[Draft], classes: Classes, simplify: float) -> None:
    """Writes labelme's list of labels, and a file for each picture. `simplify`: how far outlines may move, in
    pixels."""
    lines = [IGNORE, BACKGROUND, *(name for name in classes.names if name != "background")]
    (folder / NAMES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for draft in drafts:
        path = (folder / draft.name).with_suffix(".json")
        path.write_text(json.dumps(content(draft, classes, simplify), indent=2) + "\n", encoding="utf-8")


def content(draft: Draft, classes: Classes, simplify: float) -> dict[str, Any]:
    """Returns the content of a picture's .json file."""
    return describe(draft.label_map.shape, draft.name, shapes(draft.label_map, classes, simplify))


def next_steps(out: Path) -> str:
    """Returns the command that opens the folder."""
    return f"labelme {pasted(out)} --labels {pasted(out / NAMES)} --nodata"
