"""Masks that number the objects of each picture, and masks of classes that look a little like them."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import describe, open_dataset
from fullconv.data.doctor.examination import check as examine
from tests.data.doctor.planted import found, kinds, photo

SIDE = 40


def numbered(count, parts=1):
    """`count` values 1, 2, …, each in so many squares."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for i in range(count * parts):
        row, column = divmod(i, 8)
        mask[5 * row : 5 * row + 3, 5 * column : 5 * column + 3] = i // parts + 1
    return mask


@pytest.fixture
def root(tmp_path):
    return tmp_path / "cells"


def fill(root, masks):
    for i, mask in enumerate(masks):
        for kind, picture in (("images", photo(i, mask.shape)), ("masks", Image.fromarray(mask))):
            (root / kind).mkdir(parents=True, exist_ok=True)
            picture.save(root / kind / f"{i:02}.png")


def test_instance_numbers_are_found_and_become_one_class(root):
    fill(root, [numbered(count) for count in (0, 3, 7, 12, 5, 9, 2, 30, 4, 6)])
    report = examine(root)
    finding = found(report, "instance-numbers")
    assert kinds(report) == {"instance-numbers", "no-names"}
    assert "up to 30" in finding.text
    (root / "data.yaml").write_text(finding.remedy)
    assert not {"instance-numbers", "nothing-to-learn"} & kinds(examine(root))
    dataset = open_dataset(root)
    assert dataset.classes.names == ("background", "object")
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 8, "val": 2}


def test_void_borders_do_not_hide_instance_numbers(root):
    masks = [numbered(count) for count in (3, 7, 12, 5)]
    for mask in masks:
        mask[-1] = 255
    fill(root, masks)
    assert "instance-numbers" in kinds(examine(root))


def test_training_and_evaluation_are_told_in_a_line(root):
    fill(root, [numbered(count) for count in (3, 7, 12, 5)])
    line = describe(root).assumption.lines[-1]
    assert line.startswith("mask values look like instance numbers")
    assert "labels: [1-254]" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "masks",
    [
        [numbered(count) for count in (2, 2, 1, 2, 1)],  # an organ and what is in it
        [numbered(9)] * 6 + [numbered(8), numbered(7)],  # layers, of which one may be absent
        [np.where(numbered(count) == 2, 0, numbered(count)) for count in (3, 7, 12, 5)],  # a class is absent
        [numbered(count, parts=3) for count in (3, 7, 8, 5)],  # several objects of each class
    ],
)
def test_classes_are_not_taken_for_instance_numbers(root, masks):
    fill(root, masks)
    assert "instance-numbers" not in kinds(examine(root))


def test_named_classes_are_not_questioned(root):
    fill(root, [numbered(count) for count in (3, 7, 12, 5)])
    (root / "data.yaml").write_text(f"names: {[f'class {i}' for i in range(13)]}\nval: 0.2\n")
    assert "instance-numbers" not in kinds(examine(root))
