"""Whole groups of what is alike, and no class wholly held back."""

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.alike import joined
from fullconv.data.holding_back import choose, hold_back
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pair_up
from tests.data.doctor.planted import halves, photo


def samples(root, seeds):
    """A picture for each seed; those of one seed differ by a little noise."""
    for i, seed in enumerate(seeds):
        picture = np.array(photo(seed)).astype(int) + np.random.default_rng(i).integers(0, 3, (24, 32, 3))
        for folder, array in (("images", picture.clip(0, 255).astype(np.uint8)), ("masks", halves())):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(array).save(root / folder / f"{i:02}.png")
    return pair_up(root / "images", root / "masks", LayoutOptions(Classes.named(["x", "y"])))


def test_a_fifth_is_held_back_and_always_the_same(tmp_path):
    every = samples(tmp_path, range(20))
    train, val = hold_back(every)
    assert (len(train), len(val)) == (16, 4)
    assert sorted(sample.name for sample in (*train, *val)) == [sample.name for sample in every]
    assert hold_back(every) == (train, val)
    assert len(hold_back(every, 0.5)[1]) == 10


def test_pictures_that_look_alike_are_on_one_side(tmp_path):
    seeds = [i // 3 for i in range(30)]
    _, val = hold_back(samples(tmp_path, seeds))
    held = [seeds[int(sample.name)] for sample in val]
    assert len(held) == 6
    assert all(held.count(seed) == 3 for seed in held)


def test_pictures_that_are_all_alike_are_all_trained_on(tmp_path):
    train, val = hold_back(samples(tmp_path, [7] * 6))
    assert (len(train), len(val)) == (6, 0)


def test_a_damaged_picture_is_no_reason_to_stop(tmp_path):
    every = samples(tmp_path, range(10))
    every[3].image_path.write_bytes(b"no picture")
    assert sum(map(len, hold_back(every))) == 10


@pytest.mark.parametrize("rare", range(10))
def test_a_class_in_one_picture_alone_is_trained_on(rare):
    present = np.ones((10, 2), bool)
    present[:, 1] = np.arange(10) == rare
    held = choose([[i] for i in range(10)], present, 0.2)
    assert len(held) == 2
    assert rare not in held


def test_a_class_in_two_pictures_is_on_both_sides():
    present = np.zeros((40, 2), bool)
    present[:, 0] = present[[5, 30], 1] = True
    held = choose([[i] for i in range(40)], present, 0.1)
    assert len({5, 30} & set(held)) == 1


def test_the_smallest_group_is_held_back_where_all_are_large():
    assert choose([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9]], np.ones((10, 1), bool), 0.1) == [6, 7, 8, 9]


def test_chains_join_groups():
    assert joined(6, [(0, 3), (3, 5), (1, 2)]) == [[0, 3, 5], [1, 2], [4]]
