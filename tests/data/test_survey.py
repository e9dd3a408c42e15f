"""What is known of the training pictures before a training starts."""

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.dataset import Sample
from fullconv.data.masks import identity_lookup
from fullconv.data.survey import survey
from fullconv.errors import FullconvError
from fullconv.view import scaled
from tests.data.test_bands import write_raster

TWO = Classes.named(["a", "b"])


def samples(folder, pictures):
    """One for each array, which is written as a TIFF; None is a damaged file."""
    found = []
    for number, array in enumerate(pictures):
        path, mask = folder / f"{number}.tif", folder / f"{number}.png"
        if array is None:
            path.write_bytes(b"II*\0 no more of it")
        elif array.dtype == np.uint8 and array.shape[2] == 3:
            Image.fromarray(array).save(path)
        else:
            write_raster(path, array, crs=None, alpha="NO")
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(mask)
        found.append(Sample(str(number), path, mask, identity_lookup(TWO)))
    return found


def noise(bands, dtype, seed=0, top=3000):
    return (np.random.default_rng(seed).random((20, 30, bands)) * top).astype(dtype)


@pytest.mark.parametrize(("bands", "dtype"), [(3, np.uint16), (5, np.uint16), (1, np.float32), (2, np.int32)])
def test_the_range_of_each_channel_is_that_of_all_pictures(tmp_path, bands, dtype):
    pictures = [noise(bands, dtype, seed, 1000 * (seed + 1)) for seed in range(4)]
    found = survey(samples(tmp_path, pictures), TWO)
    values = np.concatenate([array.reshape(-1, bands) for array in pictures])
    expected = np.percentile(values, (0.1, 99.9), axis=0).T
    assert found.channels == (3 if bands == 1 else bands)
    np.testing.assert_allclose(found.ranges()[:bands], expected, rtol=1e-5)
    mean, deviation = found.statistics(found.ranges())
    image = scaled(values[None], found.ranges()[:bands])[0]
    np.testing.assert_allclose(mean[:bands], image.mean(0), rtol=1e-4)
    np.testing.assert_allclose(deviation[:bands], image.std(0), rtol=1e-4)


def test_photos_have_no_range(tmp_path):
    found = survey(samples(tmp_path, [noise(3, np.uint8, top=255)] * 2), TWO)
    assert (found.channels, found.ranges(), found.is_deep) == (3, (), False)


def test_bands_of_8_bits_have_statistics_without_a_range(tmp_path):
    array = noise(5, np.uint8, top=255)
    found = survey(samples(tmp_path, [array]), TWO)
    assert found.ranges() == ()
    np.testing.assert_allclose(found.statistics(())[0], array.reshape(-1, 5).mean(0))


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (noise(3, np.uint8, top=255), r"3\.tif has 8 bits and .*0\.tif more"),
        (noise(4, np.uint16), "3.tif has 4 bands and"),
    ],
)
def test_mixed_pictures_are_refused_with_one_example_of_each(tmp_path, odd, told):
    with pytest.raises(FullconvError, match=told):
        survey(samples(tmp_path, [*[noise(3, np.uint16)] * 3, odd]), TWO)


def test_unreadable_pictures_are_left_out_and_named(tmp_path):
    every = samples(tmp_path, [noise(3, np.uint16), None, noise(3, np.uint16)])
    found = survey(every, TWO)
    assert found.samples == (every[0], every[2])
    assert list(found.skipped) == [every[1].image_path]


def test_pixels_of_each_class_are_counted_without_void(tmp_path):
    every = samples(tmp_path, [noise(3, np.uint8, top=255)] * 3)
    mask = np.zeros((20, 30), np.uint8)
    mask[:2], mask[2:5] = 1, 255
    Image.fromarray(mask).save(tmp_path / "1.png")
    assert survey(every, TWO).pixels == (3 * 600 - 150, 60)
