"""The keys of a data YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fullconv.data.label_meanings import VOID_WORDS, LabelMeanings, is_number, parse_label_meanings
from fullconv.errors import FullconvError


@dataclass(frozen=True)
class DataFile:
    """The keys of a data YAML, explained in docs/datasets.md. None: not given."""

    path: str = "."
    train: Any = None
    val: Any = None
    test: Any = None
    names: Any = None
    colours: Any = None
    masks_dir: str = "masks"
    label_mapping: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    reduce_zero_label: bool = False
    inputs: str | None = None
    sbd: str | None = None
    boxes: str | None = None
    unlabelled: Any = None
    added: Any = None

    def label_meanings(self) -> LabelMeanings | None:
        """What names, colours and mask values mean, or None if no class is named."""
        numbers = {value: target for value, target in self.label_mapping.items() if is_number(value)}
        if self.names is not None:
            return parse_label_meanings(self.names, self.colours, numbers, self.reduce_zero_label)
        if numbers or self.reduce_zero_label or self.colours is not None:
            raise FullconvError("mask values or colours are defined, but no class names; add `names: [...]`")
        return None

    def by_name(self) -> dict[str, str]:
        """{class of the data: class, or void}"""
        lines = {name: target for name, target in self.label_mapping.items() if not is_number(name)}
        return {name: "void" if target in VOID_WORDS else target for name, target in lines.items()}
