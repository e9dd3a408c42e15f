"""What a trained model is called, unless its recipe gives a name: by this, `fullconv serve` tells models apart."""

from __future__ import annotations

from pathlib import Path

from fullconv.models.config import LONGEST_NAME

NAMELESS = "model"


def name_of(run: Path, fold: int = 0) -> str:
    """Returns the name for the model of a run in this folder: roofs for runs/roofs, roofs-fold1 for its first fold, in
    runs/roofs/fold1."""
    folder = run.resolve()
    name = f"{folder.parent.name}-{folder.name}" if folder.name == f"fold{fold}" else folder.name
    return "".join(filter(str.isprintable, name))[:LONGEST_NAME] or NAMELESS
