"""Copies parameters by name, strictly, and reports what was done."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fullconv.errors import FullconvError
from fullconv.words import counted


class Stored(Protocol):
    """An array in a file that is read piece by piece."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def pieces(self) -> Iterator[NDArray[np.float32]]: ...


StoredParameters = Mapping[str, Tensor | Stored]


@dataclass(frozen=True)
class Transplanted:
    """What happened to every parameter, by name. `reshaped`: copied into another shape with the same meaning."""

    copied: tuple[str, ...]
    reshaped: tuple[str, ...]
    initialised: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        parts = {"reshaped": self.reshaped, "start untrained": self.initialised, "unused": self.unused}
        return ", ".join([f"{len(self.copied)} copied", *(_counted(what, names) for what, names in parts.items())])


def transplant(
    source: StoredParameters,
    target: nn.Module,
    may_stay_initialised: Collection[str] = (),
    may_stay_unused: Collection[str] = (),
    more_classes: bool = False,
) -> Transplanted:
    """Copies `source` into `target` by name, one parameter at a time. Anything neither copied nor declared is an error.

    Three differences in shape keep the meaning, and are reported as reshaped. A fully connected layer (out, in) becomes
    a convolution (out, channels, height, width), because both number their inputs alike. Leading ones of Caffe are
    dropped. The diagonal of a dense deconvolution (C, C, k, k) becomes the grouped (C, 1, k, k); all other values must
    be zero. With `more_classes`, the scores of fewer classes fill the first ones of `target`, and the rest keep their
    values.
    """
    wanted = target.state_dict()
    lacking = wanted.keys() - source.keys() - set(may_stay_initialised)
    _refuse("the file lacks", {name: f"expected {_times(wanted[name])}" for name in lacking})
    left_over = source.keys() - wanted.keys() - set(may_stay_unused)
    _refuse("the network does not have", {name: f"found {_times(source[name])}" for name in left_over})
    names = [name for name in wanted if name in source]
    same = {name for name in names if tuple(wanted[name].shape) == tuple(source[name].shape)}
    misfits = {name for name in names if name not in same and not _fits(name, source[name], wanted[name], more_classes)}
    differences = {n: f"expected {_times(wanted[n])}, found {_times(source[n])}" for n in misfits}
    _refuse("the shapes differ for", differences)
    with torch.no_grad():
        for name in names:
            _copy(name, source[name], wanted[name])
    return Transplanted(
        tuple(name for name in names if name in same),
        tuple(name for name in names if name not in same),
        tuple(sorted(wanted.keys() - source.keys())),
        tuple(sorted(source.keys() - wanted.keys())),
    )


def transplant_fitting(source: Mapping[str, Tensor], target: nn.Module) -> Transplanted:
    """Copies every layer of `source` whose parameters all have the names and shapes of a layer of `target`.

    Raises FullconvError if there is none.
    """
    wanted = target.state_dict()
    fits = {name for name, value in wanted.items() if name in source and source[name].shape == value.shape}
    halves = {_layer(name) for name in wanted.keys() - fits}
    fitting = {name: source[name] for name in fits if _layer(name) not in halves}
    if not fitting:
        raise FullconvError("weights do not fit: no layer matches one of the network's by name and shape")
    report = transplant(fitting, target, may_stay_initialised=wanted.keys() - fitting.keys())
    return Transplanted(report.copied, (), report.initialised, tuple(sorted(source.keys() - fitting.keys())))


def _layer(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def from_coarser(source: StoredParameters, finer: nn.Module) -> Transplanted:
    """Fills a new FCN-16s from an FCN-32s, or 8s from 16s, with the same trunk (paper, section 4.2).

    What only the finer network has keeps its initial values: zero for new scores, bilinear for deconvolutions. The last
    deconvolution of the coarser network is left out, because the finer one enlarges by less.
    """
    wanted = finer.state_dict()
    kept = {name: value for name, value in source.items() if not _enlarges_otherwise(name, value, wanted)}
    new = [name for name in wanted if name.startswith(("score_pool", "upscore"))]
    report = transplant(kept, finer, may_stay_initialised=new)
    return Transplanted(report.copied, report.reshaped, report.initialised, tuple(sorted(source.keys() - kept.keys())))


def _enlarges_otherwise(name: str, value: Tensor | Stored, wanted: Mapping[str, Tensor]) -> bool:
    """Whether this is a deconvolution that the finer network lacks, or has with another kernel."""
    return name.startswith("upscore") and (name not in wanted or value.shape[-1] != wanted[name].shape[-1])


def _fits(name: str, source: Tensor | Stored, target: Tensor, more_classes: bool) -> bool:
    found, wanted = _squeezed(source.shape), tuple(target.shape)
    if more_classes and "score" in name and found[0] < wanted[0]:
        wanted = (found[0], *wanted[1:])
    allowed = {_squeezed(wanted)}
    if len(wanted) == 4:
        allowed.add(_squeezed((wanted[0], math.prod(wanted[1:]))))  # fully connected
        if wanted[1] == 1:
            allowed.add((wanted[0], wanted[0], *wanted[2:]))  # dense deconvolution
    return found in allowed


def _copy(name: str, source: Tensor | Stored, target: Tensor) -> None:
    if len(source.shape) == target.ndim == 4 and target.shape[1] == 1 < source.shape[1] == source.shape[0]:
        source = _diagonal(name, source)
    if math.prod(source.shape) < target.numel():
        target = target[: math.prod(source.shape) // math.prod(target.shape[1:])]
    if isinstance(source, Tensor):
        target.copy_(source.reshape(target.shape))
        return
    flat, start = target.view(-1), 0
    for piece in source.pieces():
        flat[start : start + piece.size] = torch.from_numpy(piece)
        start += piece.size


def _diagonal(name: str, dense: Tensor | Stored) -> Tensor:
    """(C, 1, k, k) of a dense deconvolution (C, C, k, k), which must enlarge each class separately."""
    if not isinstance(dense, Tensor):
        dense = torch.cat([torch.from_numpy(piece) for piece in dense.pieces()]).view(dense.shape)
    grouped = dense.diagonal().permute(2, 0, 1)[:, None]
    others = dense.count_nonzero() - grouped.count_nonzero()
    if others:
        raise FullconvError(
            f"weights do not fit: {name} mixes classes: expected zeros off the diagonal, found {others} other "
            "numbers; only nets whose deconvolutions upsample each class separately can be imported"
        )
    return grouped


def _squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    """Returns a shape without its leading ones."""
    dims = tuple(shape)
    while len(dims) > 1 and dims[0] == 1:
        dims = dims[1:]
    return dims


def _times(value: Tensor | Stored) -> str:
    return "x".join(map(str, value.shape)) or "one number"


def _counted(what: str, names: tuple[str, ...]) -> str:
    some = ", ".join([*names[:4], "…"] if len(names) > 4 else names)
    return f"{len(names)} {what}" + (f" ({some})" if names else "")


def _refuse(what: str, described: dict[str, str]) -> None:
    if described:
        some = ", ".join(f"{name} ({described[name]})" for name in sorted(described)[:3])
        raise FullconvError(f"weights do not fit: {what} {counted(len(described), 'parameter')}, such as {some}")
