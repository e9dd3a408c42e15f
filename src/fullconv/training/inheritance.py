"""Takes over from the model that a run starts from: its architecture, if none is requested, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.models.config import Architecture, ModelConfig, arch_of
from fullconv.models.network import Network
from fullconv.models.published import NETS
from fullconv.training.recipe import Recipe
from fullconv.weights.model_files import PARAMETERS, read_config
from fullconv.weights.model_folder import find_model
from fullconv.weights.tensors import State, read_tensors
from fullconv.weights.transplant import Transplanted, from_coarser, transplant, transplant_fitting
from fullconv.yaml_files import read_yaml

DEFAULT = "photos"


def with_inherited(changes: Mapping[str, Any], recipe: Path | None, weights: Path | None) -> dict[str, Any]:
    """Returns `changes` plus the network keys of the model at `weights` that neither they nor the recipe file give."""
    if not weights:
        return dict(changes)
    given = {key: value for key, value in changes.items() if value is not None}
    in_file = read_yaml(recipe, [f.name for f in fields(Recipe)]) if recipe else {}
    arch = {**in_file, **given}.get("arch")
    keys = {} if arch in NETS else recipe_keys(read_config(find_model(weights)), named=arch is not None)
    return {**{key: value for key, value in keys.items() if key not in in_file}, **given}


def given_keys(changes: Mapping[str, Any], recipe: Path | None) -> set[str]:
    """Returns the recipe keys given by the user, in the recipe file or beside it."""
    in_file = read_yaml(recipe, [f.name for f in fields(Recipe)]) if recipe else {}
    beside = {key: value for key, value in changes.items() if value is not None}
    return {key for key, value in {**in_file, **beside}.items() if value is not None}


def default_weights(changes: Mapping[str, Any], recipe: Path | None) -> Path | None:
    """Returns the bundled model, the default start of a run. None if a published network, another trunk, ImageNet
    weights or random parameters are requested."""
    in_file = read_yaml(recipe, [f.name for f in fields(Recipe)]) if recipe else {}
    given = {**in_file, **{key: value for key, value in changes.items() if value is not None}}
    other_trunk = given.get("trunk", trunk := read_config(find_model(DEFAULT)).architecture.trunk) != trunk
    if other_trunk or given.get("arch") in NETS or given.get("pretrained") is not None:
        return None
    return Path(DEFAULT)


def recipe_keys(config: ModelConfig, named: bool = False) -> dict[str, Any]:
    """Returns the recipe keys that define a model's network. If `named`, they leave out its arch."""
    a = config.architecture
    for name, net in NETS.items():
        if (_plain(net.architecture), net.normalisation) == (_plain(a), config.normalisation):
            return {"learned_upsampling": a.learned_upsampling} | ({} if named else {"arch": name})
    keys = {"trunk": a.trunk, "score_hidden": a.score_hidden, "learned_upsampling": a.learned_upsampling}
    arch = arch_of(a)
    if arch is None and not named:
        raise FullconvError(f"{config.name}: its network ({a.title}) is not a named architecture; give arch")
    keys = {key: value for key, value in keys.items() if value != ""}  # empty for a family with its own encoder
    return keys if named else {**keys, "arch": arch}


def take_over_what_fits(folder: Path, model: Network, classes: Classes) -> Transplanted | None:
    """Takes over parameters from a model that the user did not name. Returns None if nothing fits."""
    try:
        return take_over(folder, model, classes)
    except FullconvError:
        return None


def take_over(folder: Path, model: Network, classes: Classes) -> Transplanted:
    """Takes over the parameters of another model: all of the same network, what a finer FCN starts from of a coarser
    one (paper, section 4.2), or whatever fits of any other.

    If the classes differ, everything is copied except the layers that score them, which keep their initial values.
    """
    config = read_config(folder)
    source = with_channels(read_tensors(folder / PARAMETERS), config.channels, model)
    ours = model.architecture
    theirs = replace(config.architecture, channels=ours.channels)  # its kernels already have these channels
    alike = config.classes.names == classes.names
    is_coarser = theirs.stride > ours.stride and _but_for_stride(theirs) == _but_for_stride(ours)
    kept = source if alike else without_scores(source, len(config.classes))
    if alike and is_coarser and ours.family == "fcn":
        return from_coarser(source, model)
    if theirs == ours:
        new = model.state_dict().keys() - without_scores(model.state_dict(), len(classes)).keys()
        return transplant(kept, model, may_stay_initialised=() if alike else new)
    try:
        return transplant_fitting(kept, model)
    except FullconvError as error:
        raise FullconvError(f"{folder} ({theirs.title}) as a start for {ours.title}: {error}") from None


def with_channels(source: State, channels: int, model: Network) -> State:
    """Adapts kernels for pictures with this number of channels to a network for another: repeated and scaled down."""
    ours = len(model.normalise.mean)
    own = model.state_dict()
    seeing = [
        name
        for name, value in source.items()
        if channels != ours and _differs_in_channels(value, own.get(name), channels, ours)
    ]
    repeats = -(-ours // channels)
    return source | {name: source[name].repeat(1, repeats, 1, 1)[:, :ours] * (channels / ours) for name in seeing}


def _differs_in_channels(theirs: Tensor, own: Tensor | None, channels: int, ours: int) -> bool:
    """Whether a kernel differs from the network's own only in the channels of the picture."""
    if own is None or theirs.ndim != 4 or own.ndim != 4:
        return False
    shapes = tuple(theirs.shape), tuple(own.shape)
    return (shapes[0][1], shapes[1][1]) == (channels, ours) and shapes[0][::2] == shapes[1][::2]


def without_scores(state: Mapping[str, Tensor], num_classes: int) -> State:
    """Returns the parameters whose size does not depend on the number of classes."""
    return {name: v for name, v in state.items() if name.startswith("trunk") or not v.ndim or v.shape[0] != num_classes}


def _but_for_stride(architecture: Architecture) -> Architecture:
    """Returns what a coarser network and the finer one that starts from it have in common."""
    return replace(_plain(architecture), stride=32, skip_scales=(), last_kernel=0)


def _plain(architecture: Architecture) -> Architecture:
    return replace(architecture, learned_upsampling=False)
