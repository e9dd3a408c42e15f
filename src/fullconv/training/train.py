"""A training run from data to model folder, as one network or in stages (paper, section 4.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from fullconv.data.dataset import Dataset, Sample, UnlabelledPicture
from fullconv.data.description import OWN, describe, folder_of, read_data_file
from fullconv.data.folds import all_folds
from fullconv.errors import FullconvError, argument
from fullconv.exporting.onnx import export_onnx
from fullconv.files import path_of, sweep, write_json, write_whole
from fullconv.locks import locked
from fullconv.logger import logger
from fullconv.models.build import build
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training.calibrated import with_temperature
from fullconv.training.card import card
from fullconv.training.divergence import Diverged
from fullconv.training.fitting import deadline, with_length
from fullconv.training.folds import folds_summary, note_folds, train_folds
from fullconv.training.illustration import illustrate
from fullconv.training.inheritance import default_weights, given_keys, with_inherited
from fullconv.training.manifest import MANIFEST, Sources
from fullconv.training.pictures import SKIPPED, Skipped
from fullconv.training.processes import is_main, main_first
from fullconv.training.recipe import Recipe, check_recipe, from_values, read_recipe, stages_of
from fullconv.training.reproduction import record, sources_of
from fullconv.training.run import LOG, MODEL, STATE, run
from fullconv.training.start import Prepared, config_of, open_with_classes, preparation_notes, prepare, start_model
from fullconv.training.teacher import Teacher, open_teacher
from fullconv.training.teaching import is_scores, teach
from fullconv.training.trackers import check_trackers
from fullconv.weights.hub import is_address
from fullconv.weights.model_folder import CARD, PARAMETERS, find_model, read_config, write_config

__all__ = ["LOG", "MODEL", "RECIPE", "STATE", "recipe_of", "train"]

IMAGENET = "imagenet"
RECIPE, TEACHER = "recipe.json", "teacher"
Note = Callable[[Dataset, ModelConfig, Recipe, Network | None], object]


def train(
    data: str | Path,
    out: str | Path = "runs/train",
    recipe: str | Path | None = None,
    trunk_weights: str | Path | None = None,
    weights: str | Path | None = None,
    resume: bool = False,
    repeats: str | Path | None = None,
    track: str | Sequence[str] | None = None,
    teacher: str | Path | None = None,
    time: str | float | None = None,
    began: float | None = None,
    outside: Sequence[str | Path] = (),
    **changes: Any,
) -> Path:
    """Trains a model on `data` and returns the model folder out/model, which holds the best epoch on the val split.

    `data` is a folder in a known layout, or a data YAML. `recipe` is a YAML file; `changes` are recipe keys
    (arch="fcn8s", epochs=20, …) that override it. Raises FullconvError if data or settings are not usable.

    Start: `weights` is the model to start from (by default the bundled model `photos`). It also sets the architecture
    unless one is given; otherwise the parameters that fit are copied, without the scores of other classes. With another
    `trunk`, training starts from random parameters, or from `trunk_weights`: a file, or "imagenet" to use an installed
    package or timm's hub. `teacher` is a model to learn from in addition to the labels, or a folder of its scores; it
    also labels the pictures listed as unlabelled in the data YAML.

    Length: `time`, such as "10m", limits the whole run, counted from `began` (a reading of the monotonic clock; by
    default now); a trial measures how many steps fit. Without `time` and `epochs`, the length depends on the number of
    pictures. The recipe in the run's folder records it.

    Earlier runs: `resume` continues the run in `out` with its own recipe; a larger `epochs` makes it longer. `repeats`
    is a run folder whose recipe is used again; data and weights must be the same. A staged run keeps its earlier nets
    in subfolders of `out` (fcn32s, fcn16s, …), each the start of the next.

    Folds: with `folds`, the labelled pictures are divided into so many parts. A model is trained without each part, in
    out/fold1 and so on, and the result is `out`.

    `track`: tensorboard, wandb, mlflow or "none"; by default TensorBoard if it is installed. Files that the data's
    lists and annotations refer to must be in its folder or in one of `outside`.
    """
    out, repeated, trackers = Path(out), _path(repeats), check_trackers(track)
    if not (resume or repeated) and (count := folds_in(changes, _path(recipe))):
        given = {"trunk_weights": trunk_weights, "weights": weights, "track": track, "teacher": teacher, **changes}
        return cross_validate(data, out, count, recipe, (time, began), outside, given)
    until = deadline(time, began, changes, resume or repeats is not None)
    earlier = out if resume else repeated
    if earlier and recipe:
        raise FullconvError(f"{recipe}: {earlier} has its own recipe, which is kept; remove --recipe")
    if str(trunk_weights) == IMAGENET:
        trunk_weights, changes = None, {**changes, "pretrained": True}
    by_default = was_default(earlier) if earlier else not (weights or trunk_weights)
    start = default_weights(changes, _path(recipe)) if by_default and not earlier else _model(weights)
    chosen = lengthened(out, changes) if resume else recipe_for(repeated, _path(recipe), start, changes)
    teaching = teacher_of(out) if resume and not teacher else _model(teacher)
    with held(out):
        if not resume:
            refuse_run_in(out)
        sources = Sources(
            settle(path_of("data", data), out, outside), _path(trunk_weights), start, teaching, by_default
        )
        prepared, skipped = prepare(sources.data, chosen, teaching is not None, outside), Skipped(out / SKIPPED)
        if teaching:
            prepared = replace(prepared, teacher=taught(teaching, prepared, chosen, out))
        if not earlier:
            chosen = with_length(chosen, given_keys(changes, _path(recipe)), prepared, sources, out, until, complete)
        with main_first() as first:
            if first:
                write_json(out / RECIPE, chosen.to_json())
                say(prepared, chosen, skipped)
        note = partial(record, out, sources, repeated)
        return train_stages(sources, prepared, out, chosen, resume, trackers, note, skipped, until)


def folds_in(changes: Mapping[str, Any], recipe: Path | None) -> int:
    """Returns how many folds are to be trained in sequence; 0 if there are none, or only one is requested."""
    asked = read_recipe(recipe, **{key: changes.get(key) for key in ("folds", "fold")})
    return 0 if asked.fold else asked.folds


def cross_validate(
    data: str | Path, out: Path, count: int, recipe: str | Path | None, time: tuple[str | float | None, float | None],
    outside: Sequence[str | Path], given: Mapping[str, Any],
) -> Path:  # fmt: skip
    """Trains a run for each fold and resumes those of an earlier call. `time`: (how long all may take, starting when).
    Returns the folder of all runs."""
    data = settle(path_of("data", data), out, outside)
    held_back: list[tuple[Sample, ...]] = []  # per fold

    def train_fold(number: int, folder: Path, seconds: float | None) -> None:
        keys: dict[str, Any] = {**given, "folds": count, "fold": number, "outside": outside}
        if (folder / STATE).is_file():
            train(data, folder, resume=True, **keys)
        else:
            train(data, folder, recipe=recipe, time=seconds, **keys)
        chosen = recipe_of(folder)
        dataset, _ = open_with_classes(data, chosen, outside)
        if not held_back:  # this reads every picture
            held_back.extend(all_folds(dataset, chosen.train_split, chosen.val_split, count))
        note_folds(out, held_back[:number], dataset.root)

    found = train_folds(train_fold, out, count, *time)
    logger.info(folds_summary(found))
    return out


def recipe_for(repeated: Path | None, recipe: Path | None, start: Path | None, changes: dict[str, Any]) -> Recipe:
    """Returns the recipe of a run that is repeated, or of a new one."""
    if repeated:
        return recipe_of(repeated, **changes)
    return read_recipe(recipe, **with_inherited(changes, recipe, start))


def settle(data: Path, out: Path, outside: Sequence[str | Path] = ()) -> Path:
    """Returns the data's description: its own, or a data YAML in the run's folder with what is assumed of a bare
    folder."""
    written = out / OWN[0]
    if data.is_dir() and written.is_file():
        refuse_other(written, data)
    with main_first() as first:
        if first and data.is_dir() and not written.is_file() and (assumed := describe(data, outside).assumption):
            write_whole(written, lambda hidden: hidden.write_text(assumed.text, encoding="utf-8"))
            for line in (*assumed.lines, f"this is {written}, which you can edit"):
                logger.info(line)
    return written if data.is_dir() and written.is_file() else data


def refuse_other(written: Path, data: Path) -> None:
    """Raises FullconvError if the folder has assumptions about other data, from a run that failed before it began."""
    described = folder_of(written, read_data_file(written))
    if described != data.resolve():
        raise FullconvError(
            f"{written}: describes {described}, not {data}; choose another {argument('out')}, or remove that file"
        )


def teacher_of(out: Path) -> Path | None:
    """Returns the teacher of a run that was begun."""
    return sources_of(out).teacher if (out / MANIFEST).is_file() else None


def was_default(earlier: Path) -> bool:
    """Whether an earlier run started from the default weights."""
    return (earlier / MANIFEST).is_file() and sources_of(earlier).by_default


def taught(teacher: Path, prepared: Prepared, recipe: Recipe, out: Path) -> Teacher:
    """Returns the scores of every training picture: those given, or those of a model, written first."""
    dataset = prepared.dataset
    pictures: list[Sample | UnlabelledPicture] = [*dataset.split(recipe.train_split), *dataset.unlabelled]
    folder = teacher if is_scores(teacher) else out / TEACHER
    if not is_scores(teacher):
        with main_first() as first:
            if first:
                teach(teacher, pictures, folder, is_main())
    return open_teacher(folder, dataset.classes, prepared.label_mapping, pictures)


def held(out: Path) -> AbstractContextManager[None]:
    """Locks the run's folder for this run. With several processes, the first one locks it."""
    return swept(out) if is_main() else nullcontext()


@contextmanager
def swept(out: Path) -> Iterator[None]:
    """Locks the folder and removes the unfinished files of a killed run."""
    with locked(out):
        sweep(out)
        yield


def lengthened(out: Path, changes: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of a resumed run, with more epochs if requested."""
    others = {key: value for key, value in changes.items() if key != "epochs"}
    recipe, epochs = recipe_of(out, **others), changes.get("epochs")
    if epochs is None or epochs <= recipe.epochs or recipe.staged:
        return recipe_of(out, **changes)
    return replace(recipe, epochs=epochs)


def refuse_run_in(out: Path) -> None:
    if any((folder / LOG).exists() for folder in (out, *out.glob("*/"))):
        raise FullconvError(f"{out}: already contains a run; choose another --out, or continue with --resume {out}")


def say(prepared: Prepared, recipe: Recipe, skipped: Skipped) -> None:
    """Logs what was found in the pictures, and starts a new list of those left out."""
    skipped.path.unlink(missing_ok=True)
    for path, error in prepared.skipped.items():
        skipped.add(path, error)
    for line in preparation_notes(prepared, recipe, config_of(prepared, recipe)):
        logger.info(line)


def train_stages(
    sources: Sources, prepared: Prepared, out: Path, recipe: Recipe, resume: bool, trackers: Sequence[str],
    note: Note | None, skipped: Skipped, until: float | None = None,
) -> Path:  # fmt: skip
    """Trains the networks of a recipe in sequence, each starting from the one before. Returns the last model folder."""
    if recipe.staged:
        for stage in earlier_stages(recipe):
            folder = train_one(sources, prepared, out / stage.arch, stage, resume, trackers, note, skipped)
            sources, note = replace(sources, trunk_weights=None, weights=folder), None
        recipe = last_stage(recipe)
    return train_one(sources, prepared, out, recipe, resume, trackers, note, skipped, until)


def train_one(
    sources: Sources, prepared: Prepared, out: Path, recipe: Recipe, resume: bool, trackers: Sequence[str],
    note: Note | None, skipped: Skipped, until: float | None = None,
) -> Path:  # fmt: skip
    """Trains one network, or resumes it. Returns its model folder. The first of a run is recorded before it starts."""
    torch.manual_seed(recipe.seed)
    dataset, config = prepared.dataset, config_of(prepared, recipe)
    val = dataset.splits.get(recipe.val_split, ())
    if resume and not (out / STATE).exists() and not (sources.weights or sources.trunk_weights):
        raise FullconvError(f"{out}: was stopped before training began; start it again without --resume")
    resume = resume and (out / STATE).exists()
    if resume:
        model = build(config).to(memory_format=torch.channels_last)  # all parameters come from the checkpoint
    else:
        model = start_model(config, recipe.pretrained, sources)
    with main_first() as first:
        if first and note:
            note(dataset, config, recipe, None if resume else model)
    try:
        run(model, dataset, config, recipe, out, resume, skipped, trackers, prepared.teacher, until)
    except Diverged:
        if is_main() and (out / MODEL / PARAMETERS).is_file():
            finish(out / MODEL)  # the last good model is still usable
        raise
    with main_first() as first:
        if first:
            complete(out, val)
    return out / MODEL


def earlier_stages(recipe: Recipe) -> list[Recipe]:
    """Returns the recipes of the networks before the last."""
    return _stages(recipe)[:-1]


def last_stage(recipe: Recipe) -> Recipe:
    return _stages(recipe)[-1]


def _stages(recipe: Recipe) -> list[Recipe]:
    """`lr` is that of the first stage."""
    factors = [recipe.stage_lr_factor**i for i in range(len(stages_of(recipe.arch)))]
    stages = zip(stages_of(recipe.arch), factors, strict=True)
    return [replace(recipe, arch=arch, lr=recipe.lr * factor, staged=False) for arch, factor in stages]


def recipe_of(out: Path, **changes: Any) -> Recipe:
    """Returns the recipe that a run was started with. Raises FullconvError if `changes` would alter it."""
    if not (out / RECIPE).is_file():
        raise FullconvError(f"{out}: no run found; --resume and --from need the folder of an earlier run")
    recipe = from_values(json.loads((out / RECIPE).read_text()))
    for key, value in check_recipe({key: value for key, value in changes.items() if value is not None}).items():
        if replace(recipe, **{key: value}) != recipe:
            raise FullconvError(f"{out}: was started with {key} {getattr(recipe, key)}, and its recipe cannot change")
    return recipe


def complete(out: Path, val: Sequence[Sample]) -> None:
    """Completes a run after all steps: temperature, graph for prediction, model card, pictures."""
    write_config(out / MODEL, with_temperature(out / MODEL, val))
    finish(out / MODEL)
    illustrate(out, out / MODEL, out / LOG, val)


def finish(folder: Path) -> None:
    """Writes the model card and, if the exporter is installed, the graph for prediction without torch."""
    text = card(read_config(folder))
    write_whole(folder / CARD, lambda hidden: hidden.write_text(text, encoding="utf-8"))
    if find_spec("onnxscript"):
        export_onnx(folder)
    else:
        logger.info(
            f"{folder} needs torch to predict; to predict without it: "
            f"pip install 'fullconv[export]', fullconv export {folder}"
        )


def _path(value: str | Path | None) -> Path | None:
    return Path(value) if value else None


def _model(value: str | Path | None) -> Path | None:
    """Returns a model of the hub as the folder of the downloaded commit, which the manifest records."""
    return find_model(value) if value and is_address(value) else _path(value)
