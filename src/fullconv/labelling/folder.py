"""Writes a folder for a labelling tool: pictures, and drafts of their masks in the tool's own format."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import UnlabelledPicture
from fullconv.errors import FullconvError
from fullconv.files import hidden_folder, sweep_beside
from fullconv.labelling import cvat, label_studio, labelme
from fullconv.labelling.assessment import Assessment
from fullconv.labelling.draft import Draft
from fullconv.outputs.outlines import without_specks
from fullconv.prediction.predictor import Model

SPECK = 2  # regions smaller than a square of this many times `simplify` are removed: they are unlikely to be objects


@dataclass(frozen=True)
class Tool:
    """A labelling tool. `folder`: the pictures' place in the output folder. `write(folder, drafts, classes, simplify)`
    writes the tool's files. `next_steps(out)` returns what the user has to do next."""

    folder: str
    write: Callable[[Path, Iterable[Draft], Classes, float], object]
    next_steps: Callable[[Path], str]


TOOLS = {
    "labelme": Tool(".", labelme.write, labelme.next_steps),
    "cvat": Tool("images", cvat.write, cvat.next_steps),
    "label-studio": Tool("images", label_studio.write, label_studio.next_steps),
}


def write_drafts(model: Model, chosen: Sequence[Assessment], out: Path, tool: Tool, simplify: float) -> None:
    """Copies the chosen pictures and writes the model's drafts. The folder appears complete or not at all. The hidden
    folder of a killed run is removed.

    Raises FullconvError if the folder already exists and is not empty.
    """
    refuse_existing(out)
    sweep_beside(out)
    with hidden_folder(out) as hidden:
        (hidden / tool.folder).mkdir(exist_ok=True)
        names = names_of([one.picture for one in chosen])
        for one, name in zip(chosen, names, strict=True):
            shutil.copyfile(one.picture.image_path, hidden / tool.folder / name)
        drafts = (draft_of(model, one.picture, name, simplify) for one, name in zip(chosen, names, strict=True))
        tool.write(hidden, drafts, model.classes, simplify)
        os.replace(hidden, out)


def refuse_existing(out: Path) -> None:
    """Raises FullconvError if `out` exists and is not an empty folder."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FullconvError(f"{out}: already exists, and may contain somebody's work; choose another --out")


def draft_of(model: Model, picture: UnlabelledPicture, name: str, simplify: float) -> Draft:
    """Predicts a picture, and removes regions that are too small to be objects. Pixels without data are void."""
    seen, _ = picture.see(model.view)
    label_map, _ = model.label(seen.image, keeps_scale=seen.keeps_scale)
    if seen.valid is not None:
        label_map[~seen.valid] = model.classes.void
    return Draft(name, without_specks(label_map, (SPECK * simplify) ** 2))


def names_of(pictures: Sequence[UnlabelledPicture]) -> list[str]:
    """Returns the pictures' file names. If some are equal, or differ only in the extension, a number is added."""
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
