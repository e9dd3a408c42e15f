"""A training run from data to model folder, or one for each fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.data.folds import all_folds, divided_in
from fullconv.errors import FullconvError
from fullconv.files import path_of, sweep, write_json
from fullconv.locks import locked
from fullconv.logger import logger
from fullconv.training import beginning, finishing
from fullconv.training.bare_data import describe_data
from fullconv.training.beginning import Beginning
from fullconv.training.earlier_runs import has_begun, recipe_of, refuse_run_in
from fullconv.training.fitting import deadline, with_length
from fullconv.training.folds import folder_of, folds_summary, note_folds, train_folds
from fullconv.training.inheritance import given_keys
from fullconv.training.length import enough
from fullconv.training.manifest import Sources
from fullconv.training.naming import name_of
from fullconv.training.pictures import SKIPPED, Skipped
from fullconv.training.processes import is_main, main_first
from fullconv.training.recipe import Recipe, read_recipe
from fullconv.training.reproduction import record
from fullconv.training.run_folder import RECIPE, STATE, TEACHER
from fullconv.training.stages import train_stages
from fullconv.training.start import Prepared, config_of, open_with_classes, preparation_notes, prepare
from fullconv.training.teacher import Teacher, is_scores, open_teacher
from fullconv.training.teaching import teach
from fullconv.training.trackers import check_trackers
from fullconv.weights.hub import is_address
from fullconv.weights.model_folder import find_model

IMAGENET = "imagenet"


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
    """Trains a model on `data` and returns the model folder out/model, which holds the last epoch whose score on
    val was as good as any.

    `data` is a folder in a known layout, or a data YAML. `recipe` is a YAML file; `changes` are recipe keys
    (arch="fcn8s", epochs=20, …) that override it. Raises FullconvError if data or settings are not usable.

    Start: `weights` is the model to start from (by default the bundled model `photos`). It also sets the architecture
    unless one is given; otherwise the parameters that fit are copied, without the scores of other classes. With another
    `trunk`, training starts from random parameters, or from `trunk_weights`: a file, or "imagenet" to use an installed
    package or timm's hub. `teacher` is a model to learn from in addition to the labels, a run in folds, or a folder of
    scores; it also labels the pictures listed as unlabelled in the data YAML.

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
    out, repeated, trackers = path_of("out", out), _path(repeats), check_trackers(track)
    if not (resume or repeated) and (count := folds_in(changes, _path(recipe))):
        given = {"trunk_weights": trunk_weights, "weights": weights, "track": track, "teacher": _model(teacher)}
        limit = time, monotonic() if began is None else began
        return cross_validate(data, out, count, recipe, limit, outside, given, changes)
    if str(trunk_weights) == IMAGENET:
        trunk_weights, changes = None, {**changes, "pretrained": True}
    until = deadline(time, began, changes, is_earlier=resume or repeated is not None)
    if (earlier := out if resume else repeated) and recipe:
        raise FullconvError(f"{recipe}: {earlier} has its own recipe, which is kept; remove --recipe")
    if resume:
        begins = beginning.resumed(out, _model(weights), _model(teacher), changes)
    elif repeated:
        begins = beginning.repeated(repeated, _model(weights), _model(teacher), changes)
    else:
        begins = beginning.new(_path(recipe), _model(weights), _path(trunk_weights), _model(teacher), changes)
    with locked_run(out):
        if not resume:
            refuse_run_in(out)
        described = describe_data(path_of("data", data), out, outside, begun=resume)
        sources = Sources(described, _path(trunk_weights), begins.weights, begins.teacher, begins.by_default)
        prepared, skipped = prepared_run(begins, described, out, outside), Skipped(out / SKIPPED)
        chosen = begins.recipe
        if not earlier:
            chosen = replace(chosen, name=chosen.name or name_of(out, chosen.fold))
            given_by_user = given_keys(changes, _path(recipe))
            chosen = with_length(chosen, given_by_user, prepared, sources, out, until, finishing.complete_run)
        with main_first() as first:
            if first:
                write_json(out / RECIPE, chosen.to_json())
                log_preparation(prepared, chosen, skipped)
        note = partial(record, out, sources, repeated)
        return train_stages(sources, prepared, out, chosen, resume, trackers, note, skipped, until)


def prepared_run(begins: Beginning, data: Path, out: Path, outside: Sequence[str | Path]) -> Prepared:
    """Returns what a run needs of its data and, with a teacher, of the teacher's scores."""
    prepared = prepare(data, begins.recipe, begins.teacher is not None, outside)
    if begins.teacher is None:
        return prepared
    scores = teacher_scores(begins.teacher, prepared, begins.recipe, out / TEACHER, begins.is_taught)
    return replace(prepared, teacher=scores)


def folds_in(changes: Mapping[str, Any], recipe: Path | None) -> int:
    """Returns how many folds are to be trained in sequence; 0 if there are none, or only one is requested."""
    asked = read_recipe(recipe, **{key: changes.get(key) for key in ("folds", "fold")})
    return 0 if asked.fold else asked.folds


def cross_validate(
    data: str | Path, out: Path, count: int, recipe: str | Path | None, time: tuple[str | float | None, float],
    outside: Sequence[str | Path], given: Mapping[str, Any], changes: Mapping[str, Any],
) -> Path:  # fmt: skip
    """Trains a run for each fold and resumes those of an earlier call. `time`: (how long all may take, starting when).
    Returns the folder of all runs."""
    if time[0] is not None:
        enough(time[0], count)
    data = describe_data(path_of("data", data), out, outside, begun=has_begun(folder_of(out, 1)))
    if given["teacher"]:
        any_fold = read_recipe(_path(recipe), **{**changes, "folds": count, "fold": 1})
        given = {**given, "teacher": shared_scores(given["teacher"], data, any_fold, out, outside)}
    held_back: list[tuple[Sample, ...]] = []  # per fold

    def train_fold(number: int, folder: Path, seconds: float | None) -> None:
        keys: dict[str, Any] = {**given, **changes, "folds": count, "fold": number, "outside": outside}
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


def shared_scores(teacher: Path, data: Path, recipe: Recipe, out: Path, outside: Sequence[str | Path]) -> Path:
    """Returns a folder with the scores of every picture of all folds: the one given, or one that a model fills."""
    refuse_bending(recipe)
    if is_scores(teacher):
        return teacher
    with locked_run(out):
        dataset = prepare(data, recipe, True, outside).dataset
        divided = divided_in(dataset, recipe.train_split, recipe.val_split)
        with main_first() as first:
            if first:
                teach(teacher, [*divided, *dataset.unlabelled], out / TEACHER, is_main())
    return out / TEACHER


def refuse_bending(recipe: Recipe) -> None:
    """Raises FullconvError for elastic changes, which the scores of a teacher do not follow."""
    if recipe.elastic:
        raise FullconvError("recipe: elastic must be 0 with a teacher, because its scores do not bend with the picture")


def teacher_scores(teacher: Path, prepared: Prepared, recipe: Recipe, folder: Path, begun: bool) -> Teacher:
    """Returns the scores of every training picture: those given, or those of a model, written to `folder` first."""
    refuse_bending(recipe)
    dataset = prepared.dataset
    pictures: list[Sample | UnlabelledPicture] = [*dataset.split(recipe.train_split), *dataset.unlabelled]
    if is_scores(teacher):
        folder = teacher
    else:
        with main_first() as first:
            if first:
                teach(teacher, pictures, folder, is_main(), begun)
    return open_teacher(folder, dataset.classes, prepared.label_mapping, pictures)


def locked_run(out: Path) -> AbstractContextManager[None]:
    """Locks the run's folder for this run. With several processes, the first one locks it."""
    return locked_and_swept(out) if is_main() else nullcontext()


@contextmanager
def locked_and_swept(out: Path) -> Iterator[None]:
    """Locks the folder and removes the unfinished files of a killed run."""
    with locked(out):
        sweep(out)
        yield


def log_preparation(prepared: Prepared, recipe: Recipe, skipped: Skipped) -> None:
    """Logs what was found in the pictures, and starts a new list of those left out."""
    skipped.path.unlink(missing_ok=True)
    for path, error in prepared.skipped.items():
        skipped.add(path, error)
    for line in preparation_notes(prepared, recipe, config_of(prepared, recipe)):
        logger.info(line)


def _path(value: str | Path | None) -> Path | None:
    return Path(value) if value else None


def _model(value: str | Path | None) -> Path | None:
    """Returns a model of the hub as the folder of the downloaded commit, which the manifest records."""
    return find_model(value) if value and is_address(value) else _path(value)
