"""What a data YAML asks of a layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fullconv.classes import Classes
from fullconv.data.dataset import ReadMask
from fullconv.data.masks import Lookup, identity_lookup, read_mask
from fullconv.errors import FullconvError


@dataclass(frozen=True)
class LayoutOptions:
    """Without a YAML, every layout decides for itself."""

    classes: Classes | None = None
    lookup: Lookup | None = None  # what mask values mean, where the YAML says so
    open_mask: ReadMask = read_mask
    masks_dir: str = "masks"
    inputs: str = "color"  # what a picture of NYUD consists of
    boxes: str = "void"  # what COCO's objects without an outline become: void, or "region" of their class
    sbd: Path | None = None  # where the masks of SBD lie that go with a VOC devkit

    def named_classes(self, root: Path) -> Classes:
        """The YAML's classes, for layouts that have none of their own."""
        if self.classes is None:
            raise FullconvError(
                f"{root}: class names are missing; write a data YAML with `path: {root}` and `names: [...]`"
            )
        return self.classes

    def with_own(self, classes: Classes, lookup: Lookup) -> LayoutOptions:
        """A layout's own classes and values, where the YAML gives no others; as many other names keep the values."""
        same = self.classes is None or len(self.classes) == len(classes)
        own = lookup if same and self.lookup is None else self.lookup
        return replace(self, classes=self.classes or classes, lookup=own)

    def lookup_for(self, classes: Classes) -> Lookup:
        """What the YAML says values mean, else value i is class i."""
        return identity_lookup(self.classes or classes) if self.lookup is None else self.lookup
