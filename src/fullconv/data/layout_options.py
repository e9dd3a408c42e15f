"""The settings that a data YAML passes to a layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import ReadMask
from fullconv.data.masks import Lookup, identity_lookup, read_mask
from fullconv.errors import FullconvError


@dataclass(frozen=True)
class LayoutOptions:
    """The settings of a layout. Without a YAML, every layout uses its own."""

    classes: Classes | None = None
    lookup: Lookup | None = None  # what mask values mean, if the YAML says so
    open_mask: ReadMask = read_mask
    masks_dir: str = "masks"
    inputs: str = "color"  # the content of a picture in NYUD
    boxes: str = "void"  # what COCO objects without an outline become: void, or "region" of their class
    sbd: Path | None = None  # where the masks of SBD are that belong to a VOC devkit

    def named_classes(self, root: Path, example: str = "[...]") -> Classes:
        """Returns the classes of the YAML, for layouts that define none. `example`: names that would fit."""
        if self.classes is None:
            raise FullconvError(
                f"{root}: class names are missing; write a data YAML with `path: {root}` and `names: {example}`"
            )
        return self.classes

    def with_own(self, classes: Classes, lookup: Lookup) -> LayoutOptions:
        """Adds the layout's own classes and values if the YAML gives none. The same number of other names keeps the
        values."""
        same = self.classes is None or len(self.classes) == len(classes)
        own = lookup if same and self.lookup is None else self.lookup
        return replace(self, classes=self.classes or classes, lookup=own)

    def lookup_for(self, classes: Classes) -> Lookup:
        """Returns the values that the YAML defines, or else value i as class i."""
        return identity_lookup(self.classes or classes) if self.lookup is None else self.lookup
