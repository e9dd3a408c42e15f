"""Copying parameters by name, strictly and aloud."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fullconv.errors import FullconvError


@dataclass(frozen=True)
class Report:
    """Where every parameter went, by name."""

    copied: tuple[str, ...]
    initialised: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.copied)} copied, {len(self.initialised)} left initialised, {len(self.unused)} unused"


def transplant(
    source: dict[str, Tensor],
    target: nn.Module,
    may_stay_initialised: Collection[str] = (),
    may_stay_unused: Collection[str] = (),
) -> Report:
    """Copies `source` into `target` by name and shape. Whatever is not copied and not declared is an error."""
    wanted = target.state_dict()
    _refuse("the file lacks", wanted.keys() - source.keys() - set(may_stay_initialised))
    _refuse("the network has no place for", source.keys() - wanted.keys() - set(may_stay_unused))
    copied = [name for name in wanted if name in source]
    _refuse("the shapes differ for", {name for name in copied if wanted[name].shape != source[name].shape})
    with torch.no_grad():
        for name in copied:
            wanted[name].copy_(source[name])
    return Report(
        tuple(copied), tuple(sorted(wanted.keys() - source.keys())), tuple(sorted(source.keys() - wanted.keys()))
    )


def _refuse(what: str, names: set[str]) -> None:
    if names:
        some = ", ".join(sorted(names)[:3])
        raise FullconvError(f"weights do not fit: {what} {len(names)} parameters, such as {some}")
