"""What a run starts from: the data in its classes, the config of its model, and the network's first parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from fullconv.classes import Classes
from fullconv.data.coco_masks import count_boxed
from fullconv.data.dataset import Dataset
from fullconv.data.description import describe
from fullconv.data.naming import check_mapping
from fullconv.errors import FullconvError, told_of
from fullconv.models.build import build
from fullconv.models.config import Architecture, ModelConfig, NormalisationValues, parse_arch
from fullconv.models.network import Network
from fullconv.models.published import NETS
from fullconv.models.trunks import PAPER_TRUNKS, normalisation_of
from fullconv.training.recipe import Recipe
from fullconv.weights.folder import PARAMETERS, find_model, read_config
from fullconv.weights.pretrained import load_trunk_weights
from fullconv.weights.tensors import read_tensors
from fullconv.weights.transplant import Report, from_coarser, transplant


def prepare_data(data: str | Path, recipe: Recipe) -> tuple[Dataset, ModelConfig]:
    """The data in the recipe's classes, and the config of the model to be trained on it."""
    described = describe(data)
    with told_of("recipe"):
        check_mapping(recipe.label_mapping, described.dataset.classes.names)
    mapping = {**described.label_mapping, **recipe.label_mapping}
    names = recipe.classes or described.classes
    described = replace(described, classes=names, label_mapping=mapping)
    dataset = described.mapped()
    if boxed := count_boxed(dataset.splits.get(recipe.train_split, ())):
        print(f"{boxed} objects have a box and no outline: their boxes are void; `boxes: region` makes them regions")
    architecture, normalisation = net_of(recipe)
    config = ModelConfig(
        recipe.name, architecture, dataset.classes, normalisation, recipe.longest_side, label_mapping=mapping,
        provenance={"recipe": recipe.to_json()},
    )  # fmt: skip
    return dataset, config


def take_over(folder: Path, model: Network, classes: Classes) -> Report:
    """Parameters of another model: of the same architecture, or an FCN of a coarser stride (paper, section 4.2).

    Of a model of other classes all comes along but what scores them, which stays as it was built.
    """
    config = read_config(folder)
    source, theirs = read_tensors(folder / PARAMETERS), config.architecture
    if theirs.family == "fcn" and theirs.stride > model.architecture.stride:
        return from_coarser(source, model)
    if config.classes.names == classes.names:
        return transplant(source, model)
    kept = {name: value for name, value in source.items() if not scores_classes(name, value, len(config.classes))}
    new = {name for name, value in model.state_dict().items() if scores_classes(name, value, len(classes))}
    return transplant(kept, model, may_stay_initialised=new)


def scores_classes(name: str, value: Tensor, num_classes: int) -> bool:
    """Whether a parameter has a number for each class."""
    return not name.startswith("trunk") and value.ndim > 0 and value.shape[0] == num_classes


def trunk_of(model: Network) -> nn.Module:
    """Raises FullconvError where a network has an encoder of its own, which no classifier's file fits."""
    if not model.architecture.trunk or model.architecture.inputs:
        raise FullconvError(f"{model.architecture.family} has no single trunk; leave --trunk-weights out")
    return model.get_submodule("trunk")


def net_of(recipe: Recipe) -> tuple[Architecture, NormalisationValues]:
    """The architecture, and what its trunk takes: a published net's are its own, whatever the recipe's other keys."""
    if recipe.arch in NETS:
        net = NETS[recipe.arch]
        return replace(net.architecture, learned_upsampling=recipe.learned_upsampling), net.normalisation
    values = {"trunk": recipe.trunk, "score_hidden": recipe.score_hidden, **parse_arch(recipe.arch)}
    architecture = Architecture(learned_upsampling=recipe.learned_upsampling, **values)
    return architecture, NormalisationValues(*normalisation_of(architecture.trunk))


def start_model(
    config: ModelConfig, pretrained: bool, trunk_weights: Path | None = None, weights: Path | None = None
) -> Network:
    """The network: parameters of another model of its shape, else a trunk from a file, else one from timm's hub."""
    from_hub = pretrained and not trunk_weights and not weights
    if from_hub and config.architecture.trunk in PAPER_TRUNKS and config.architecture.alignment == "caffe":
        raise FullconvError(
            f"{config.architecture.trunk} of the paper starts from a classifier's file: give --trunk-weights "
            "(a .caffemodel, or torchvision's .pth), or pretrained: false in the recipe"
        )
    try:
        model = build(config, from_hub)
    except OSError:
        raise FullconvError(
            f"the ImageNet weights of {config.architecture.trunk} could not be fetched from the hub; "
            "go online for it, or give a file with --trunk-weights"
        ) from None
    if trunk_weights:
        print(f"trunk weights {trunk_weights.name}: {load_trunk_weights(trunk_of(model), trunk_weights)}")
    if weights:
        print(f"weights {weights}: {take_over(find_model(weights), model, config.classes)}")
    return model.to(memory_format=torch.channels_last)
