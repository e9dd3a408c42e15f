"""SIFT Flow: Images, SemanticLabels and GeoLabels (.mat, variable S), trainval.txt and test.txt: two labellings.

Semantic values 1–33 are classes and 0 is void; geometric values 1–3 are classes, and -1 and 0 are void.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Dataset, Sample, Target
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.masks import Lookup, value_lookup
from fullconv.data.mat import read_mat_mask
from fullconv.errors import FullconvError
from fullconv.published_classes import SIFT_FLOW, SIFT_FLOW_GEOMETRIC

SCENES = "spatial_envelope_256x256_static_8outdoorcategories"
SPLITS = {"train": ("train", "trainval"), "val": ("val",), "test": ("test",)}  # the FCN authors' lists: trainval, test
SEMANTIC, GEOMETRIC = "sem", "geo"
read_labels = partial(read_mat_mask, keys=("S",))


def recognises(root: Path) -> str:
    found = (root / "Images" / SCENES).is_dir() and (root / "SemanticLabels" / SCENES).is_dir()
    return f"{SCENES} under Images/ and SemanticLabels/" if found else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Heads `sem` (the main one) and `geo`. trainval.txt is `train` if there is no train.txt."""
    classes = options.classes or Classes.named(SIFT_FLOW)
    geometric = Classes.named(SIFT_FLOW_GEOMETRIC)
    lookups = _from_one(classes), _from_one(geometric)
    lists = {
        split: next(root / f"{name}.txt" for name in spellings if (root / f"{name}.txt").is_file())
        for split, spellings in SPLITS.items()
        if any((root / f"{name}.txt").is_file() for name in spellings)
    }
    if not lists:
        raise FullconvError(f"{root}: no trainval.txt or test.txt; add lists of names such as coast_bea1, one per line")
    splits = {split: tuple(_sample(root, n, *lookups) for n in read_names(path)) for split, path in lists.items()}
    return Dataset(root, "siftflow", classes, splits, {GEOMETRIC: geometric})


def _sample(root: Path, name: str, semantic: Lookup, geometric: Lookup) -> Sample:
    geo = Target(root / "GeoLabels" / SCENES / f"{name}.mat", geometric, read_labels)
    return Sample(
        name, root / "Images" / SCENES / f"{name}.jpg", root / "SemanticLabels" / SCENES / f"{name}.mat", semantic,
        open_mask=read_labels, head=SEMANTIC, further={GEOMETRIC: geo},
    )  # fmt: skip


def _from_one(classes: Classes) -> Lookup:
    return value_lookup({**{i + 1: i for i in range(len(classes))}, 0: VOID, VOID: VOID})
