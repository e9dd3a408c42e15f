import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label
from skimage.morphology import thin

from fullconv.evaluation.thinning import skeleton

EIGHT = np.ones((3, 3))  # neighbours, corners among them


def blobs(seed, shape=(60, 71)):
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.random(shape), rng.uniform(0, 4))
    return smooth > np.quantile(smooth, rng.uniform(0.1, 0.9))


@pytest.mark.parametrize("seed", range(40))
def test_equals_scikit_image(seed):
    mask = blobs(seed)
    np.testing.assert_array_equal(skeleton(mask), thin(mask))


@pytest.mark.parametrize("seed", range(10))
def test_keeps_every_piece(seed):
    mask = blobs(seed)
    assert label(skeleton(mask), EIGHT)[1] == label(mask, EIGHT)[1]


@pytest.mark.parametrize("mask", [np.zeros((4, 5), bool), np.ones((1, 1), bool), np.ones((1, 9), bool), np.eye(7) > 0])
def test_what_is_one_pixel_wide_stays(mask):
    np.testing.assert_array_equal(skeleton(mask), mask)


def test_a_mask_is_not_changed():
    mask = np.ones((9, 9), bool)
    assert skeleton(mask).sum() < 9
    assert mask.all()
