import numpy as np
import pytest
import torch
from PIL import Image

from fullconv.data.dataset import Sample
from fullconv.training.recipe import Recipe
from fullconv.training.transforms import RandomTurn, augmentation, change
from tests.training_pictures import epoch_of


@pytest.fixture
def samples(tmp_path):
    """Pictures whose red channel is 10 times the class, so that a pair out of step shows."""
    found = []
    for i in range(6):
        label_map = np.kron(np.random.default_rng(i).integers(1, 20, (5, 6)), np.ones((16, 16))).astype(np.uint8)
        image = np.stack([label_map * 10, label_map * 0, label_map * 0], 2).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        Image.fromarray(label_map).save(tmp_path / f"{i}_m.png")
        lookup = np.arange(256, dtype=np.int16)
        found.append(Sample(str(i), tmp_path / f"{i}.png", tmp_path / f"{i}_m.png", lookup))
    return found


def changed(image, label_map, recipe):
    """(image, label map) after the random changes."""
    return change(augmentation(recipe), image, label_map)[:2]


def test_image_and_labels_stay_together(samples):
    epoch = epoch_of(samples, Recipe(crop_size=64, colour=0.0), 0)
    agree = []
    for i in range(len(epoch)):
        image, labels, _ = epoch[i]
        assert image.shape == (3, 64, 64)
        assert (image.dtype, labels.dtype) == (torch.uint8, torch.int64)
        known = labels != 255
        agree.append((image[0][known].float() - labels[known] * 10).abs() < 5)
    assert torch.cat(agree).float().mean() > 0.7  # the rest are edges, where the image is interpolated


@pytest.mark.parametrize("asked", [{"turn": 1.0}, {"elastic": 1.0}])
def test_turned_and_bent_pictures_keep_their_labels(samples, asked):
    recipe = Recipe(crop_size=64, colour=0.0, flip=0.0, scale=(1.0, 1.0), **asked)
    image = torch.arange(64 * 64).reshape(1, 64, 64).expand(3, -1, -1).div(20).to(torch.uint8)
    found, labels = changed(image, image[0], recipe)
    known = labels != 255
    assert not torch.equal(found, image)
    assert known.float().mean() > 0.9
    assert (found[0].float() - labels)[known].abs().quantile(0.9) <= 4


def test_a_turned_picture_is_that_of_numpy_and_its_corners_follow():
    image = torch.arange(3 * 4 * 6).reshape(3, 4, 6).to(torch.uint8)
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        found, labels, corners = change(RandomTurn(1.0), image, image[0])
        turns = next(k for k in (1, 2, 3) if np.array_equal(found, np.rot90(image, k, (1, 2))))
        assert np.array_equal(labels, np.rot90(image[0], turns))
        x, y = corners[0].tolist()  # top left
        assert (x, y) == {1: (0, 6), 2: (6, 4), 3: (4, 0)}[turns]
        assert found[0, min(int(y), found.shape[1] - 1), min(int(x), found.shape[2] - 1)] == image[0, 0, 0]
        seen.add(turns)
    assert seen == {1, 2, 3}


def test_labels_are_never_interpolated(samples):
    for number in range(5):
        for image, labels, _ in (epoch_of(samples, Recipe(crop_size=64), number)[i] for i in range(6)):
            assert set(labels.unique().tolist()) <= {*range(1, 20), 255}
            assert image.max() <= 255


def test_padding_is_void_and_mean_colour():
    picture = torch.zeros(3, 10, 10, dtype=torch.uint8)
    image, labels = changed(picture, picture[0], Recipe(crop_size=64, colour=0.0, scale=(1.0, 1.0)))
    assert (labels == 255).sum() == 64 * 64 - 100
    assert (image[:, labels == 255] == 127).all()


def test_an_epoch_is_a_pure_function_of_seed_and_number(samples):
    recipe = Recipe(crop_size=64)
    state = torch.random.get_rng_state()
    a, b = epoch_of(samples, recipe, 3), epoch_of(samples, recipe, 3)
    torch.rand(5)
    backwards = [b[i] for i in reversed(range(6))][::-1]
    for i in range(6):
        assert torch.equal(a[i][0], backwards[i][0])
    torch.random.set_rng_state(state)
    assert a.order != epoch_of(samples, recipe, 4).order or a.order != epoch_of(samples, recipe, 5).order
    assert sorted(a.order) == list(range(6))


def test_a_share_of_the_pictures_keeps_its_pixels(samples):
    """Those show the original's values and nothing between them; a resampled picture has values in between."""
    untouched = {1.0: 0, 0.0: 0}
    for share in untouched:
        recipe = Recipe(crop_size=64, colour=0.0, unscaled=share, scale=(0.5, 0.9))
        for image, labels, _ in (epoch_of(samples, recipe, 0)[i] for i in range(6)):
            untouched[share] += bool((image[0][labels != 255] == labels[labels != 255] * 10).all())
    assert untouched == {1.0: 6, 0.0: 0}


def test_every_picture_of_an_epoch_has_a_random_change_of_its_own(samples):
    """One picture at each position, so that nothing but the change differs."""
    epoch = epoch_of([samples[0]] * 6, Recipe(crop_size=64, colour=0.0), 0)
    label_maps = [epoch[i][1] for i in range(6)]
    assert len({label_map.numpy().tobytes() for label_map in label_maps}) > 3


def test_the_padding_is_the_middle_of_the_range_in_every_channel():
    picture = torch.zeros(5, 40, 10), torch.ones(40, 10, dtype=torch.uint8)
    image, labels = changed(*picture, Recipe(crop_size=64, scale=(1.0, 1.0)))
    assert set(image[:, labels == 255].unique().tolist()) == {127.0}
    assert not image[:, labels == 1].any()


WHOLE = {"crop_size": 0, "accumulate": 16}  # pictures as they are


def one_colour(channels=3, dtype=torch.uint8):
    return torch.tensor([180, 90, 40, 10][:channels]).view(-1, 1, 1).expand(-1, 16, 16).to(dtype)


def coloured(image, colour, draws=200):
    """What each of so many draws makes of a picture of one colour: (draws, channels)."""
    recipe = Recipe(**WHOLE, scale=(1.0, 1.0), flip=0.0, colour=colour)
    mask, found = torch.zeros(16, 16, dtype=torch.uint8), []
    for seed in range(draws):
        torch.manual_seed(seed)
        found.append(changed(image, mask, recipe)[0][:, 0, 0].tolist())
    return np.array(found, float)


def test_photos_change_in_brightness_contrast_saturation_and_hue_four_times_in_five():
    found = coloured(one_colour(), 0.3)
    changed = found[(found != [180, 90, 40]).any(1)]
    assert 0.7 <= len(changed) / len(found) <= 0.9
    light = changed @ [0.299, 0.587, 0.114]
    assert light.min() < 95  # of 111: brightness
    assert light.max() > 140
    spread = (changed.max(1) - changed.min(1)) / light
    assert spread.min() < 1.1  # of 1.26: saturation
    assert spread.max() > 1.4
    lively = changed[changed.max(1) > changed.min(1)]
    hue = (lively[:, 1] - lively[:, 2]) / (lively[:, 0] - lively[:, 2])
    assert hue.min() < 0.3  # of 0.36
    assert hue.max() > 0.42
    assert 0 < len(changed) - len(lively) < 20  # a few are grey
    assert (coloured(one_colour(), 0.0, 5) == [180, 90, 40]).all()


@pytest.mark.parametrize(("channels", "dtype"), [(3, torch.float32), (4, torch.uint8), (1, torch.uint8)])
def test_other_pictures_than_photos_keep_their_values(channels, dtype):
    image = one_colour(channels, dtype)
    assert (coloured(image, 0.3, 20) == image[:, 0, 0].tolist()).all()


def test_contrast_changes_about_the_mean():
    halves = torch.cat([torch.full((3, 16, 8), 60), torch.full((3, 16, 8), 180)], 2).to(torch.uint8)
    recipe = Recipe(**WHOLE, scale=(1.0, 1.0), flip=0.0, colour=0.3)
    ratios = []
    for seed in range(100):
        torch.manual_seed(seed)
        image, _ = changed(halves, halves[0], recipe)
        ratios.append(float(image[0, 0, -1]) / float(image[0, 0, 0]))
    assert min(ratios) < 2.4  # of 3; brightness alone would keep it
    assert max(ratios) > 3.9


def test_both_sides_are_scaled_by_one_factor():
    recipe = Recipe(**WHOLE, scale=(0.5, 2.0), unscaled=0.0, flip=0.0, colour=0.0)
    sizes = []
    for seed in range(20):
        torch.manual_seed(seed)
        image, labels = changed(torch.zeros(3, 60, 120), torch.zeros(60, 120), recipe)
        assert image.shape[1:] == labels.shape
        assert abs(image.shape[2] - 2 * image.shape[1]) <= 1
        sizes.append(image.shape[1])
    assert min(sizes) < 45
    assert max(sizes) > 80


def test_an_epoch_shows_each_picture_as_often_as_its_factor_says(samples):
    plain = Recipe(**WHOLE, scale=(1.0, 1.0), flip=0.0, colour=0.0)

    def shown(*factors):
        epoch = epoch_of(samples, plain, 0, *factors)
        found = [epoch[i].images.numpy().tobytes() for i in range(len(epoch))]
        return sorted(found.count(picture) for picture in set(found))

    assert shown() == [1] * 6
    assert shown(torch.tensor([3.0, 1, 1, 1, 1, 1])) == [1, 1, 1, 1, 1, 3]
