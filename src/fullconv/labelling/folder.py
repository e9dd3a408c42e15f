"""A folder for a tool of annotation: pictures, and drafts of their masks as that tool's files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import UnlabelledPicture
from fullconv.errors import FullconvError
from fullconv.files import hidden_beside
from fullconv.labelling import cvat, label_studio, labelme
from fullconv.labelling.draft import Draft
from fullconv.labelling.looks import Look
from fullconv.outputs.outlines import without_specks
from fullconv.prediction.predictor import Model

SPECK = 2  # sides of the smoothing: what is smaller than such a square is no object, and a point in nobody's way


@dataclass(frozen=True)
class Tool:
    """`folder`: where pictures lie in the folder that is handed over; `write(folder, drafts, classes, simplify)`."""

    folder: str
    write: Callable[[Path, Iterable[Draft], Classes, float], object]
    how: Callable[[Path], str]  # what to do next, in words


TOOLS = {
    "labelme": Tool(".", labelme.write, labelme.how),
    "cvat": Tool("images", cvat.write, cvat.how),
    "label-studio": Tool("images", label_studio.write, label_studio.how),
}


def write_drafts(model: Model, chosen: Sequence[Look], out: Path, tool: Tool, simplify: float) -> None:
    """Copies the pictures, and writes what the model makes of each. The folder appears whole or not at all.

    Raises FullconvError where something is in its place.
    """
    refuse_existing(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    hidden = hidden_beside(out)
    try:
        (hidden / tool.folder).mkdir(parents=True)
        names = names_of([look.picture for look in chosen])
        for look, name in zip(chosen, names, strict=True):
            shutil.copyfile(look.picture.image_path, hidden / tool.folder / name)
        drafts = (draft_of(model, look.picture, name, simplify) for look, name in zip(chosen, names, strict=True))
        tool.write(hidden, drafts, model.classes, simplify)
        os.replace(hidden, out)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def refuse_existing(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FullconvError(f"{out}: already exists, perhaps with someone's work; choose another --out")


def draft_of(model: Model, picture: UnlabelledPicture, name: str, simplify: float) -> Draft:
    seen, _ = picture.see(model.view)
    label_map, _ = model.label(seen.image, keeps_scale=seen.keeps_scale)
    if seen.valid is not None:
        label_map[~seen.valid] = model.classes.void
    return Draft(name, without_specks(label_map, (SPECK * simplify) ** 2))


def names_of(pictures: Sequence[UnlabelledPicture]) -> list[str]:
    """Their files' names; where two would differ by the ending alone, or not at all, a number is added."""
    taken: set[str] = set()
    names = []
    for picture in pictures:
        stem, number = picture.image_path.stem, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{picture.image_path.stem}_{number}"
        taken.add(stem.lower())
        names.append(stem + picture.image_path.suffix)
    return names
