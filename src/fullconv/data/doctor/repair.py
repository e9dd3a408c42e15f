"""Pairs the pictures and masks of data that training refuses, as well as possible, in the splits that they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fullconv.data.bands import read_picture
from fullconv.data.data_file import DataFile
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.description import SPLITS, Description
from fullconv.data.doctor.finding import Finding
from fullconv.data.doctor.names import judge_names
from fullconv.data.label_meanings import with_rest
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import find_folders
from fullconv.data.pairing import Pairing, by_name, pair
from fullconv.data.split_names import SPELLINGS, share_of
from fullconv.data.splits import Chooser, choose_splits
from fullconv.data.unlabelled import read_unlabelled
from fullconv.errors import FullconvError


def pair_anyway(root: Path, file: DataFile, options: LayoutOptions) -> tuple[Dataset, tuple[Finding, ...]]:
    """Returns (what could be paired, what could not)."""
    dataset, findings = _folders(root, options)
    chosen, more = _chosen(dataset, file, options)
    if file.unlabelled is not None:
        with suppress(FullconvError):
            chosen = replace(chosen, unlabelled=read_unlabelled(root, file.unlabelled))
    return _mapped(chosen, file), tuple(dict.fromkeys([*findings, *more]))


def _folders(root: Path, options: LayoutOptions) -> tuple[Dataset, list[Finding]]:
    splits: dict[str, tuple[Sample, ...]] = {}
    findings: list[Finding] = []
    for split, folders in (find_folders(root, options.masks_dir) or {}).items():
        for _, (image_dir, mask_dir, deep) in folders:
            pairing = pair(by_name(image_dir, deep), by_name(mask_dir, deep))
            if pairing.pairs or split in SPELLINGS:
                splits[split] = (*splits.get(split, ()), *_samples(pairing, options))
            findings += judge_names(pairing, mask_dir) if split in SPELLINGS else []
    return Dataset(root, "pairs", options.named_classes(root), splits), findings


def _chosen(dataset: Dataset, file: DataFile, options: LayoutOptions) -> tuple[Dataset, list[Finding]]:
    """Returns the splits that the data YAML asks for, as far as its names stand for pictures."""
    asked = {split: wish for split in SPLITS if (wish := getattr(file, split)) is not None}
    if not asked:
        return dataset, []
    findings: list[Finding] = []

    def pair_up(image_dir: Path, mask_dir: Path, options: LayoutOptions) -> tuple[Sample, ...]:
        pairing = pair(by_name(image_dir), by_name(mask_dir))
        findings.extend(judge_names(pairing, mask_dir))
        return tuple(_samples(pairing, options))

    # names that stand for no picture are left out: the error that refused the data says which is the first
    chooser = Chooser(dataset.root, options, dataset, pair=pair_up, wrong=lambda error: None)
    try:
        splits = choose_splits(chooser, {split: wish if share_of(wish) else [wish] for split, wish in asked.items()})
    except FullconvError:
        return dataset, findings
    return replace(dataset, splits={split: samples for split, samples in splits.items() if samples}), findings


def _samples(pairing: Pairing, options: LayoutOptions) -> Iterator[Sample]:
    lookup = options.lookup_for(options.named_classes(Path()))
    for name, (image, mask) in pairing.pairs.items():
        yield Sample(name, image, mask, lookup, read_picture, options.open_mask)


def _mapped(dataset: Dataset, file: DataFile) -> Dataset:
    """Returns the data with the classes that the data YAML asks for, or as they are if there are none such."""
    wanted = file.classes or ()
    try:
        mapping = with_rest(file.by_name(), dataset.classes.names, wanted)
        return Description(dataset, wanted or None, mapping).mapped()
    except FullconvError:
        return dataset
