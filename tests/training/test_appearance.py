"""Changes of how a photo looks: each does what it says, to photos alone, and moves nothing."""

import numpy as np
import pytest
import torch
from PIL import Image

from fullconv.training.recipe import Recipe
from fullconv.training.transforms import augmentation, change

PLAIN = {"crop_size": 0, "accumulate": 16, "scale": (1.0, 1.0), "flip": 0.0, "colour": 0.0}


def photo():
    """Smooth, with an edge in the middle."""
    y, x = np.mgrid[:64, :64]
    grey = (40 + x + y // 2 + 80 * (x >= 32)).astype(np.uint8)
    return torch.from_numpy(np.stack([grey, grey // 2 + 30, 200 - grey // 2]))


def changed(image, seed, **asked):
    height, width = image.shape[1:]
    torch.manual_seed(seed)
    found, _, corners = change(augmentation(Recipe(**PLAIN, **asked)), image, image[0])
    assert corners.tolist() == [[0, 0], [width, 0], [0, height]]
    return found


def edge(image):
    """How steep the edge is: levels from one column to the next."""
    return float((image[0, :, 32].float() - image[0, :, 31].float()).mean())


@pytest.mark.parametrize("key", ["sharpness", "noise", "jpeg"])
def test_the_share_that_is_asked_for_is_changed(key):
    same = [torch.equal(changed(photo(), seed, **{key: 0.3}), photo()) for seed in range(60)]
    assert 0.55 < np.mean(same) < 0.85
    untouched = sum(torch.equal(changed(photo(), seed, **{key: 1.0}), photo()) for seed in range(20))
    assert untouched <= 3  # the weakest of changes change nothing
    assert all(torch.equal(changed(photo(), seed, **{key: 0.0}), photo()) for seed in range(5))


def test_two_in_three_are_blurred_and_the_others_sharpened():
    steep = [edge(changed(photo(), seed, sharpness=1.0)) for seed in range(60)]
    blurred = np.mean([value < edge(photo()) - 0.5 for value in steep])
    assert 0.5 < blurred < 0.85
    assert max(steep) > edge(photo()) + 5
    assert min(steep) < 0.5 * edge(photo())


def test_noise_has_no_mean_and_a_strength_of_its_own():
    grey = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    spread = [float(changed(grey, seed, noise=1.0).float().std()) for seed in range(30)]
    assert min(spread) < 3
    assert 7 < max(spread) < 11
    assert abs(float(changed(grey, 0, noise=1.0).float().mean()) - 128) < 0.5


def test_jpeg_is_what_pillow_makes_of_a_quality_between_40_and_95():
    made = {seed: changed(photo(), seed, jpeg=1.0) for seed in range(20)}
    apart = [float((image.float() - photo().float()).abs().mean()) for image in made.values()]
    assert 0 < min(apart) < max(apart) < 8


@pytest.mark.parametrize("image", [torch.rand(3, 32, 32) * 255, torch.full((5, 32, 32), 9, dtype=torch.uint8)])
def test_other_pictures_than_photos_keep_their_values(image):
    assert torch.equal(changed(image, 1, sharpness=1.0, noise=1.0, jpeg=1.0), image)


def test_values_stay_whole_and_in_range():
    bright = torch.full((3, 32, 32), 254, dtype=torch.uint8)
    bright[:, :, ::2] = 1
    image = changed(bright, 3, sharpness=1.0, noise=1.0)
    assert image.dtype == torch.uint8
    assert Image.fromarray(image.permute(1, 2, 0).numpy()).size == (32, 32)
