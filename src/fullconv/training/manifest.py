"""Writes manifest.json: what a run was made from, so that it can be repeated. Its recipe is in recipe.json beside
it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError
from fullconv.evaluation.mean_iou import DEFAULT, DEFINITIONS
from fullconv.files import write_json, write_whole
from fullconv.models.config import ModelConfig
from fullconv.training.digests import Hashes, Picture, SplitDigest, digest_split, hash_files, sha256_of, write_lines
from fullconv.training.environment import command_line, environment
from fullconv.training.recipe import Recipe
from fullconv.training.repository import git_state
from fullconv.training.run_folder import FILES, MANIFEST
from fullconv.training.teacher_models import digest_teacher, place_of_teacher
from fullconv.weights.model_files import PARAMETERS
from fullconv.weights.model_folder import find_model
from fullconv.words import pasted

FORMAT = 1
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Sources:
    """Where the data and the initial weights of a run are."""

    data: Path
    trunk_weights: Path | None = None
    weights: Path | None = None
    teacher: Path | None = None  # a model, a run in folds, or a folder of scores
    by_default: bool = False  # the user did not name these weights, so parameters that do not fit are no error


@dataclass(frozen=True)
class DataDigest:
    """The splits that a run uses, and each of their files."""

    splits: dict[str, SplitDigest]
    files: Hashes


def digest_data(dataset: Dataset, recipe: Recipe) -> DataDigest:
    used: dict[str, Sequence[Picture]] = {
        name: dataset.splits.get(name, ()) for name in (recipe.train_split, recipe.val_split)
    }
    used["unlabelled"] = dataset.unlabelled
    files = hash_files(dataset.root, [sample for samples in used.values() for sample in samples])
    return DataDigest({k: digest_split(dataset.root, v, files) for k, v in used.items() if v}, files)


def describe(
    sources: Sources, dataset: Dataset, config: ModelConfig, recipe: Recipe, digest: DataDigest, start: State
) -> dict[str, Any]:
    """Returns the manifest of a run. `start` are its parameters before the first step."""
    return {
        "format": FORMAT,
        "started": _now(),
        "command": command_line(),
        "seed": recipe.seed,
        "data": {
            "path": str(sources.data.absolute()), "layout": dataset.layout, "hashed": "every byte of every file",
            "splits": {name: split.to_json() for name, split in digest.splits.items()},
        },
        "weights": digest_weights(sources, start),
        "classes": {"names": config.classes.names, "colours": config.classes.colours, "void": config.classes.void},
        "metrics": {"definition": DEFAULT, "mean_iou": DEFINITIONS[DEFAULT], "at": "source size, void left out"},
        "environment": environment(),
        "git": git_state(Path.cwd()),
    }  # fmt: skip


def write_manifest(out: Path, manifest: Mapping[str, Any], files: Hashes) -> None:
    write_whole(out / FILES, lambda hidden: hidden.write_text(write_lines(files), encoding="utf-8"))
    write_json(out / MANIFEST, {**manifest, "again": f"fullconv train --from {pasted(out)}"})


def note_resumption(out: Path) -> None:
    """Adds to manifest.json when, how and with which versions the run is resumed."""
    manifest = read_manifest(out)
    resumed = {"at": _now(), "command": command_line(), "environment": environment(), "git": git_state(Path.cwd())}
    write_json(out / MANIFEST, {**manifest, "resumed": [*manifest.get("resumed", []), resumed]})


def read_manifest(run: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FullconvError(f"{run / MANIFEST}: cannot be read ({error}); give the folder of a run") from None
    if manifest.get("format") != FORMAT:
        raise FullconvError(
            f"{run / MANIFEST} is not in format {FORMAT}; use the version of fullconv that made the run"
        )
    return manifest


def digest_weights(sources: Sources, start: State) -> dict[str, Any]:
    """Returns the files that the weights came from, and a hash of the resulting parameters."""
    given: dict[str, Any] = {"trunk_weights": None, "weights": None, "teacher": None, "by_default": sources.by_default}
    if sources.trunk_weights:
        given["trunk_weights"] = _file(sources.trunk_weights, sources.trunk_weights)
    if sources.weights:
        folder = find_model(sources.weights)
        given["weights"] = _file(folder, folder / PARAMETERS)
    if sources.teacher:
        place = place_of_teacher(sources.teacher)
        given["teacher"] = {"path": str(place), "sha256": digest_teacher(place)}
    return {**given, "start": digest_parameters(start)}


def digest_parameters(state: State) -> str:
    """Returns the SHA-256 over every tensor by name: type, shape and values."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _file(named: Path, hashed: Path) -> dict[str, str]:
    return {"path": str(named.absolute()), "sha256": sha256_of(hashed)}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
