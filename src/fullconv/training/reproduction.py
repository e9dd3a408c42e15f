"""Repeats a run from its folder with the same recipe. Refuses if data or weights differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError
from fullconv.logger import logger
from fullconv.models.config import ModelConfig
from fullconv.training.digests import differences, read_lines
from fullconv.training.manifest import (
    DataDigest,
    Sources,
    describe,
    digest_data,
    note_resumption,
    read_manifest,
    write_manifest,
)
from fullconv.training.recipe import Recipe
from fullconv.training.run_folder import FILES, MANIFEST

NAMES = {
    "trunk_weights": "the file of --trunk-weights",
    "weights": "the model of --weights",
    "teacher": "the teacher of --teacher",
    "start": "the network's initial parameters (from the hub, or initialised by another version of torch)",
}


def sources_of(run: Path) -> Sources:
    """Returns where the data and the weights of a run were."""
    manifest = read_manifest(run)
    lay = {key: Path(entry["path"]) for key in ("trunk_weights", "weights", "teacher")
           if (entry := manifest["weights"].get(key))}  # fmt: skip
    return Sources(
        Path(manifest["data"]["path"]), lay.get("trunk_weights"), lay.get("weights"), lay.get("teacher"),
        bool(manifest["weights"].get("by_default")),
    )  # fmt: skip


def record(
    out: Path, sources: Sources, repeated: Path | None, dataset: Dataset, config: ModelConfig, recipe: Recipe,
    model: nn.Module | None,
) -> None:  # fmt: skip
    """Before the first step, writes the manifest of a new run, or, if `model` is None, a note that a run is resumed."""
    if model is None:
        record_resumption(out, dataset, config, recipe)
    else:
        record_start(out, sources, dataset, config, recipe, model, repeated)


def record_start(
    out: Path, sources: Sources, dataset: Dataset, config: ModelConfig, recipe: Recipe, model: nn.Module,
    repeated: Path | None,
) -> None:  # fmt: skip
    """Writes the manifest of a new run. `model` is as it is before its first step.

    Raises FullconvError if data or weights differ from those of the run to be repeated.
    """
    digest = digest_data(dataset, recipe)
    manifest = describe(sources, dataset, config, recipe, digest, model.state_dict())
    if repeated:
        refuse_other_data(repeated, digest, config)
        refuse_other_weights(repeated, manifest)
        log_changed_environment(repeated, manifest["environment"])
    write_manifest(out, manifest, digest.files)


def record_resumption(out: Path, dataset: Dataset, config: ModelConfig, recipe: Recipe) -> None:
    """Notes that a run is resumed. Raises FullconvError if its data have changed."""
    if (out / MANIFEST).is_file():  # earlier versions did not write one
        refuse_other_data(out, digest_data(dataset, recipe), config)
        note_resumption(out)


def refuse_other_data(run: Path, digest: DataDigest, config: ModelConfig) -> None:
    """Raises FullconvError, with the differences, if the data are not those that the run was trained on."""
    manifest = read_manifest(run)
    then = read_lines((run / FILES).read_text(encoding="utf-8")) if (run / FILES).is_file() else {}
    found = differences(manifest["data"]["splits"], digest.splits, then or digest.files, digest.files)
    names = tuple(manifest["classes"]["names"])
    if names != config.classes.names:
        found.append(f"the classes were {', '.join(names)}")
    if found:
        raise FullconvError(
            f"the data is not the same as in {run}: {'; '.join(found)}; "
            "restore the original data, or train without --from and --resume"
        )


def refuse_other_weights(run: Path, now: Mapping[str, Any]) -> None:
    """Raises FullconvError if the weights in a manifest are not those that the run started from."""
    then = read_manifest(run)
    for key, name in NAMES.items():
        old, new = _hash_in(then["weights"].get(key)), _hash_in(now["weights"][key])
        if old != new:
            raise FullconvError(f"{run}: {name} was {old} and is now {new}; restore the original")


def log_changed_environment(run: Path, now: Mapping[str, Any]) -> None:
    """Logs one line if libraries or the machine differ: the model may then differ in its last bits."""
    then = read_manifest(run)["environment"]
    other = [f"{key} {then.get(key)} → {value}" for key, value in now.items() if then.get(key) != value]
    if other:
        logger.info(f"different from {run}, so the model may differ slightly: {', '.join(other)}")


def _hash_in(entry: Any) -> str | None:
    value: str | None = entry["sha256"] if isinstance(entry, dict) else entry
    return value[:12] if value else None
