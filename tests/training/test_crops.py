"""Which part of a picture a crop shows."""

import pytest
import torch
from torchvision import tv_tensors

from fullconv.classes import VOID
from fullconv.training.crops import RandomCrop, place
from fullconv.training.recipe import Recipe
from fullconv.training.transforms import MEAN_COLOUR, augmentation, change

FILL = {tv_tensors.Image: MEAN_COLOUR, tv_tensors.Mask: VOID}


def crops(labels, focused=0.0, count=60, side=32):
    """Label maps of `count` crops."""
    torch.manual_seed(0)
    crop = RandomCrop(side, FILL, focused)
    image = torch.zeros(3, *labels.shape, dtype=torch.uint8)
    return [crop(tv_tensors.Image(image), tv_tensors.Mask(labels))[1] for _ in range(count)]


def blank(value, size=(200, 300)):
    return torch.full(size, value, dtype=torch.uint8)


def test_where_labels_are_sparse_every_crop_shows_some():
    labels = blank(VOID)
    labels[10:14, 280:284] = 1
    labels[190, 5] = 0
    found = crops(labels)
    assert all((crop != VOID).any() for crop in found)
    assert any((crop == 0).any() for crop in found)
    assert any((crop == 1).any() for crop in found)


def test_where_all_is_labelled_crops_lie_anywhere():
    labels = blank(0)
    labels[100:104, 100:104] = 1
    assert sum(bool((crop == 1).any()) for crop in crops(labels)) < 10


def test_a_share_of_the_crops_shows_the_rare_classes_equally_often():
    labels = blank(0)
    labels[20:60, 20:60] = 1
    labels[150, 250] = 2
    found = crops(labels, 1.0, 200)
    one, two = (sum(bool((crop == index).any()) for crop in found) for index in (1, 2))
    assert one + two >= 200
    assert 70 < two < 130
    half = sum(bool((crop > 0).any()) for crop in crops(labels, 0.5, 200))
    assert 80 < half < 140


@pytest.mark.parametrize("size", [(20, 300), (300, 20), (20, 20), (32, 32)])
def test_small_pictures_are_padded_and_labels_stay_in_sight(size):
    labels = blank(VOID, size)
    labels[3, 4] = 1
    for crop in crops(labels, 1.0):
        assert crop.shape == (32, 32)
        assert (crop == 1).sum() == 1


def test_image_and_labels_are_cut_alike():
    labels = blank(VOID)
    labels[50:60, 70:80] = 1
    image = labels.where(labels == 1, 0).expand(3, -1, -1) * 200
    recipe = Recipe(crop_size=64, colour=0.0, scale=(1.0, 1.0), focused=0.5)
    torch.manual_seed(3)
    for _ in range(10):
        shown, cut, _ = change(augmentation(recipe), image, labels)
        assert torch.equal(shown[0] == 200, cut == 1)
        assert (cut == 1).any()


@pytest.mark.parametrize(("pixel", "length"), [(0, 100), (99, 100), (50, 100), (5, 32), (31, 32)])
def test_a_crop_shows_its_pixel_and_stays_inside(pixel, length):
    for _ in range(50):
        begin = place(pixel, length, 32)
        assert 0 <= begin <= length - 32
        assert begin <= pixel < begin + 32
