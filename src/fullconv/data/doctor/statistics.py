"""How often each class occurs, the weights that compensate for it, and the mean and deviation of each channel."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, Classes
from fullconv.data.data_file import DataFile
from fullconv.data.doctor.facts import MaskFacts
from fullconv.data.doctor.finding import ERROR, NOTE, WARNING, Case, Finding
from fullconv.data.doctor.mapping import map_classes
from fullconv.data.doctor.scan import Facts
from fullconv.data.masks import Lookup
from fullconv.words import counted

SPARSE = 0.5  # share of the pixels that are labelled
RARE = 0.02  # share of the pictures
FACTOR = 2  # between the shares of a class in train and in val
OWN_FACTOR = 4  # if fullconv chose the pictures of val: of few pictures, any choice differs
FOLDS = 5
FEW = 0.01  # share of the pixels; if a class has less in both splits, chance alone makes its shares differ
LISTED = 3  # classes that one line names
ENOUGH = 100  # pictures in a split; with fewer, such a share means little
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """The content of one split. Per class: `pixels`, `pictures` that contain it, and all pixels of those pictures
    (`around`)."""

    split: str
    total: int  # pictures
    pixels: Counts
    pictures: Counts
    around: Counts
    void: int

    @property
    def of_pixels(self) -> NDArray[np.float64]:
        """(C,): the share of each class of all labelled pixels, 0–1."""
        return self.pixels / max(1, int(self.pixels.sum()))

    def weights(self) -> list[float | None]:
        """Median frequency balancing (Eigen and Fergus 2015, arXiv 1411.4734). None for a class without pixels."""
        with np.errstate(invalid="ignore", divide="ignore"):
            frequency = np.where(self.pixels > 0, self.pixels / self.around, np.nan)
            weights = (np.nanmedian(frequency) if self.pixels.any() else np.nan) / frequency
        return [None if np.isnan(weight) else float(weight) for weight in weights]

    def to_json(self, classes: Classes) -> dict[str, Any]:
        rows = zip(classes.names, self.pixels.tolist(), self.pictures.tolist(), self.weights(), strict=True)
        return {
            "pictures": self.total, "void_pixels": self.void,
            "classes": {name: {"pixels": p, "pictures": n, "weight": w} for name, p, n, w in rows},
        }  # fmt: skip


def shares(facts: Iterable[Facts], classes: Classes) -> dict[str, Share]:
    """{split: its content}, from every usable mask. The training split comes first."""
    found: dict[str, Share] = {}
    for each in facts:
        usable = each.mask if each.mask and not each.mask.error else None
        counts = label_counts(usable, each.sample.lookup) if usable else np.zeros(256, np.int64)
        for split in each.splits:
            found[split] = added(found.get(split), split, counts, len(classes))
    return dict(sorted(found.items(), key=lambda item: item[0] != "train"))


def label_counts(mask: MaskFacts, lookup: Lookup) -> Counts:
    """(256,): pixels of each class index and of void. Values that are not a class are not counted. Pixels without data
    in the image are void, as in training and evaluation."""
    counts = np.zeros(256, np.int64)
    for value, pixels in mask.pixels.items():
        if lookup[value] >= 0:
            hidden = mask.hidden.get(value, 0)
            counts[lookup[value]] += pixels - hidden
            counts[VOID] += hidden
    return counts


def judge_balance(
    facts: Sequence[Facts], held: dict[str, Share], classes: Classes, own: Classes, file: DataFile
) -> list[Finding]:
    """`own`: the classes before the mapping of `file`."""
    void = _all_void(facts)
    if any(finding.severity == ERROR for finding in void):
        return void
    empty = _nothing_to_learn(held, classes) or _empty(held, classes, own, file)
    return [*void, *_sparse(held), *empty, *_rare(held, classes)]


def _all_void(facts: Sequence[Facts]) -> list[Finding]:
    """Finds pictures that are all void: they teach nothing, and nothing can be scored on them."""
    cases = tuple(
        Case(each.mask_path)
        for each in facts
        if each.mask and not each.mask.error and _is_void(each.mask, each.sample.lookup)
    )
    severity = ERROR if len(cases) == len(facts) else WARNING
    text = f"{counted(len(cases), 'mask')} completely void: nothing in them is trained on or scored"
    remedy = "leave these out: remove their names from the lists, or each picture and its mask from the folders"
    return [Finding("all-void", severity, text, cases, remedy)] if cases else []


def _is_void(mask: MaskFacts, lookup: Lookup) -> bool:
    return int(label_counts(mask, lookup)[VOID]) == sum(mask.pixels.values())


def _nothing_to_learn(held: dict[str, Share], classes: Classes) -> list[Finding]:
    only = only_class(held["train"].pixels.tolist(), classes, "train") if "train" in held else ""
    remedy = "label at least two classes, or correct the names in the data YAML"
    return [Finding("nothing-to-learn", ERROR, only, remedy=remedy)] if only else []


def only_class(pixels: Sequence[int], classes: Classes, split: str) -> str:
    """Returns a line if at most one class has `pixels`, so that a network can learn nothing. Otherwise ""."""
    shown = [name for name, count in zip(classes.names, pixels, strict=True) if count]
    if len(shown) > 1:
        return ""
    what = f"all labelled pixels of {split} are {shown[0]}" if shown else f"all pixels of {split} are void"
    return f"{what}, so there is nothing to learn"


def _sparse(held: dict[str, Share]) -> list[Finding]:
    """Notes sparse labels. They are not an error: scribbles, points, or only a part of each scene."""
    share = next(iter(held.values()), None)
    labelled = int(share.pixels.sum()) if share else 0
    if not share or not labelled or labelled > SPARSE * (labelled + share.void):
        return []
    part = labelled / (labelled + share.void)
    text = (
        f"{part:.1%} of the pixels of {share.split} are labelled, the rest are void; crops are placed on labelled areas"
    )
    return [Finding("sparse-labels", NOTE, text)]


def _empty(held: dict[str, Share], classes: Classes, own: Classes, file: DataFile) -> list[Finding]:
    """Finds classes without a pixel in the whole data, or in a split."""
    nowhere = [i for i in range(len(classes)) if not any(share.pixels[i] for share in held.values())]
    findings = []
    if nowhere and any(share.pixels.any() for share in held.values()):
        text = f"classes named but without any pixels: {named(nowhere, classes)}"
        remedy = map_classes({classes.names[i]: "void" for i in nowhere}, own.names, file)
        findings.append(Finding("empty-classes", WARNING, text, remedy=remedy))
    for split, share in held.items():
        missing = [i for i in np.flatnonzero(share.pixels == 0).tolist() if i not in nowhere]
        if missing and share.pixels.any():
            text = f"classes without any pixels in {split}, though present elsewhere: {named(missing, classes)}"
            remedy = f"move some pictures with {'it' if len(missing) == 1 else 'them'} into {split}"
            findings.append(Finding("empty-in-split", WARNING, text, remedy=remedy))
    return findings


def _rare(held: dict[str, Share], classes: Classes) -> list[Finding]:
    """Finds classes that training rarely sees. `balance` in the recipe shows their pictures more often."""
    share = next(iter(held.values()), None)
    if share is None or share.total < ENOUGH:
        return []
    rare = [i for i, count in enumerate(share.pictures.tolist()) if 0 < count < RARE * share.total]
    text = f"in fewer than {RARE:.0%} of the pictures of {share.split}: {named(rare, classes)}"
    remedy = f"balance: {RARE}  # in the recipe: shows pictures with rare classes more often"
    return [Finding("rare-classes", NOTE, text, remedy=remedy)] if rare else []


def judge_shares(held: dict[str, Share], classes: Classes, data: Path, held_back: bool) -> list[Finding]:
    """Finds classes that are much more frequent in train than in val, or the reverse. The score of such a val is of
    other pictures than those that were learned.

    `data`: as the user gave it. `held_back`: whether fullconv itself chose the pictures of val.
    """
    if not {"train", "val"} <= held.keys():
        return []
    factor = OWN_FACTOR if held_back else FACTOR
    learned, scored = held["train"].of_pixels, held["val"].of_pixels
    low, high = np.minimum(learned, scored), np.maximum(learned, scored)
    unlike = np.flatnonzero((low > 0) & (high > factor * low) & (high >= FEW))
    if not len(unlike):
        return []
    worst = sorted(unlike.tolist(), key=lambda i: -high[i] / low[i])
    listed = "; ".join(f"{classes.names[i]} {learned[i]:.1%} of train, {scored[i]:.1%} of val" for i in worst[:LISTED])
    more = f"; and {counted(len(worst) - LISTED, 'more class', 'more classes')}" if len(worst) > LISTED else ""
    others = "" if held_back else "choose other pictures for val, or score each picture once:\n"
    folds = min(FOLDS, held["train"].total + held["val"].total)
    remedy = f"{others}{shlex.join(['fullconv', 'train', str(data), '--folds', str(folds)])}"
    chosen = ", which was held back at random, " if held_back else " "
    text = f"train and val{chosen}differ in their shares of pixels: {listed}{more}"
    return [Finding("shares-differ", NOTE, text, (), f"{remedy}  # scores each picture once" if held_back else remedy)]


def named(indices: Sequence[int], classes: Classes) -> str:
    """Returns the names of these classes, or the first of many."""
    shown = ", ".join(classes.names[i] for i in indices[:8])
    return f"{shown} and {len(indices) - 8} more" if len(indices) > 8 else shown


def added(share: Share | None, split: str, counts: Counts, n: int) -> Share:
    pixels = counts[:n]
    pictures = (pixels > 0).astype(np.int64)
    around = pictures * pixels.sum()
    if share is None:
        return Share(split, 1, pixels, pictures, around, int(counts[VOID]))
    return Share(
        split, share.total + 1, share.pixels + pixels, share.pictures + pictures, share.around + around,
        share.void + int(counts[VOID]),
    )  # fmt: skip


@dataclass(frozen=True)
class Channels:
    """Mean and deviation per channel, in the images' own unit (0–255 for 8 bits)."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {"mean": list(self.mean), "deviation": list(self.deviation)}


def channels(facts: Iterable[Facts]) -> Channels | None:
    """Exact for integer images: sums of integers, divided once. None without images or data, or if they differ in
    kind."""
    images = [each.image for each in facts if each.image]
    pixels = sum(image.pixels for image in images)
    if len({len(image.sums) for image in images}) != 1 or not pixels:
        return None
    sums = [sum(values) for values in zip(*(image.sums for image in images), strict=True)]
    squares = [sum(values) for values in zip(*(image.squares for image in images), strict=True)]
    spread = [sqrt(max(0, pixels * q - s * s)) / pixels for s, q in zip(sums, squares, strict=True)]
    return Channels(tuple(s / pixels for s in sums), tuple(spread))
