"""Finds the model of a run in folds that has not seen a picture, from folds.json in the run's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError
from fullconv.files import write_json
from fullconv.prediction.predictor import Model

FOLDS = "folds.json"
UNSURE = (
    "judged by a model that may have seen these pictures, and then repeats some of their faults; a run with --folds "
    "judges each picture by a model that has not seen it"
)

Load = Callable[[str | Path], Model]


@dataclass(frozen=True)
class Fold:
    """`model`: a run's folder inside that of all folds. `held_back`: the pictures that it was scored on, by their paths
    relative to the data's root."""

    model: str
    held_back: tuple[str, ...]


def place_of(sample: Sample, root: Path) -> str:
    return Path(os.path.relpath(sample.image_path, root)).as_posix()


def write_folds(run: Path, folds: Sequence[Fold]) -> None:
    write_json(run / FOLDS, [{"model": fold.model, "held_back": list(fold.held_back)} for fold in folds])


def read_folds(run: Path) -> list[Fold]:
    """Returns the folds, or an empty list for a folder that is not a run in folds."""
    if not (run / FOLDS).is_file():
        return []
    try:
        lines = json.loads((run / FOLDS).read_text(encoding="utf-8"))
        return [Fold(str(line["model"]), tuple(map(str, line["held_back"]))) for line in lines]
    except (ValueError, LookupError, TypeError):
        raise FullconvError(f"{run / FOLDS}: cannot be read; train the folds again") from None


@dataclass(frozen=True)
class Judges:
    """The model for each picture, by its path, and one for pictures in no fold."""

    root: Path
    by_place: Mapping[str, Model]
    other: Model

    def __call__(self, sample: Sample) -> Model:
        return self.by_place.get(place_of(sample, self.root), self.other)

    def unsure(self, samples: Sequence[Sample]) -> str:
        """Returns a note on pictures that their judge may have seen, or an empty string."""
        seen = sum(place_of(sample, self.root) not in self.by_place for sample in samples)
        if not seen:
            return ""
        return UNSURE if seen == len(samples) else f"{seen} of {len(samples)} pictures are in no fold: {UNSURE}"


def judges_of(model: str | Path, root: Path, load: Load) -> Judges:
    """Returns the models of a run's folds, each for the pictures that it was not trained on, or else the given
    model."""
    models: dict[str, Model] = {}
    for fold in read_folds(Path(model)):
        models |= dict.fromkeys(fold.held_back, load(Path(model) / fold.model))
    return Judges(root, models, next(iter(models.values())) if models else load(model))
