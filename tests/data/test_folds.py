"""Labelled pictures in folds."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.data.folds import fold_of, in_folds
from fullconv.errors import FullconvError


@pytest.fixture
def dataset(tmp_path):
    """11 pictures; the first three look the same; class 2 is in two others; two are val."""
    random = np.random.default_rng(0)
    scene = random.integers(0, 255, (9, 8, 3))
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for i in range(11):
        image = scene if i < 3 else random.integers(0, 255, (9, 8, 3))
        Image.fromarray(image.astype(np.uint8)).resize((72, 81), 0).save(tmp_path / "images" / f"{i:02}.png")
        mask = np.zeros((81, 72), np.uint8)
        mask[:9] = 2 if i in (4, 7) else 1
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i:02}.png")
    held = "val: [images/09.png, images/10.png]"
    (tmp_path / "data.yaml").write_text(f"names: [background, common, rare]\n{held}\n")
    return open_dataset(tmp_path)


def numbers(samples):
    return {int(sample.name) for sample in samples}


def test_every_picture_is_held_back_exactly_once(dataset):
    folds = [fold_of(dataset, "train", "val", number, 4) for number in (1, 2, 3, 4)]
    held = [numbers(fold.split("val")) for fold in folds]
    assert sorted(i for each in held for i in each) == list(range(11))
    for fold, each in zip(folds, held, strict=True):
        assert numbers(fold.split("train")) == set(range(11)) - each
    assert max(map(len, held)) - min(map(len, held)) <= 1


def test_similar_pictures_share_a_fold_and_rare_classes_are_spread(dataset):
    held = [numbers(fold_of(dataset, "train", "val", number, 4).split("val")) for number in (1, 2, 3, 4)]
    assert any({0, 1, 2} <= each for each in held)
    assert not any({4, 7} <= each for each in held)


def test_the_division_into_folds_is_reproducible(dataset):
    samples = dataset.split("train")
    assert in_folds(samples, 3) == in_folds(samples, 3)
    with pytest.raises(FullconvError, match=r"8 folds of 7 groups of pictures that look alike.*take fewer folds"):
        in_folds(samples, 8)
