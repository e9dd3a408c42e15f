"""The models of a teacher, one or those of a run in folds, and what tells this teacher from others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.evaluation.folds import read_folds
from fullconv.training.digests import sha256_of
from fullconv.training.teacher import is_scores
from fullconv.weights.model_files import GRAPH, IR, PARAMETERS, read_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.no_model import nothing_to_run


def models_of(teacher: Path) -> list[Path]:
    """Returns the folders of its models. Raises FullconvError if one is not there."""
    folds = [teacher / fold.model for fold in read_folds(teacher)]
    return [find_model(model) for model in folds or [teacher]]


def classes_of(teacher: Path) -> tuple[str, ...]:
    """Returns the class names that all of its models have."""
    found = {read_config(model).classes.names for model in models_of(teacher)}
    if len(found) > 1:
        raise FullconvError(f"{teacher}: its folds have different classes; train them again on the same data")
    return found.pop()


def place_of_teacher(teacher: Path) -> Path:
    """Returns its absolute path, where it is found from any folder: a bundled model is given by name."""
    return (teacher if is_scores(teacher) or read_folds(teacher) else find_model(teacher)).absolute()


def name_of_teacher(teacher: Path) -> str:
    """Returns the model's own name, or that of the run in folds."""
    return teacher.resolve().name if read_folds(teacher) else read_config(find_model(teacher)).name


def digest_teacher(teacher: Path) -> str:
    """Returns the SHA-256 of a model's parameters, or of its graph if it has none; of those of every fold; or of every
    file in a folder of scores."""
    if is_scores(teacher):
        return _digest(f"{sha256_of(path)}  {path.name}" for path in sorted(teacher.glob("[!.]*")))
    models = [_digest_model(model) for model in models_of(teacher)]
    return models[0] if len(models) == 1 else _digest(models)


def _digest_model(folder: Path) -> str:
    networks = [folder / name for name in (PARAMETERS, GRAPH, IR) if (folder / name).is_file()]
    if not networks:
        raise nothing_to_run(folder, f"{folder}: has neither {PARAMETERS} nor {GRAPH}; copy the model folder again")
    return sha256_of(networks[0])


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
