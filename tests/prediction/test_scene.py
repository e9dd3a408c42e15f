"""What of a raster becomes the network's picture."""

import numpy as np
import pytest
from PIL import Image
from prediction.scenes import blobs, write_scene

from fullconv.errors import FullconvError
from fullconv.prediction.scene import Reading, is_scene, open_scene, scaled

GREY = (127.5,) * 3


def whole(path, reading=Reading(), blank=GREY):  # noqa: B008
    with open_scene(path, reading, blank) as scene:
        height, width = scene.size
        return scene.look((slice(0, height + 40), slice(0, width + 40)))


def test_what_is_a_raster_and_what_a_photo(tmp_path):
    photo = blobs(20, 30)
    Image.fromarray(photo).save(tmp_path / "photo.tif")
    Image.fromarray(photo[..., 0].astype(np.uint16)).save(tmp_path / "grey16.tif")
    assert not any(is_scene(tmp_path / name) for name in ("photo.tif", "grey16.tif", "missing.tif"))
    write_scene(tmp_path / "placed.tif", photo)
    write_scene(tmp_path / "seven.tif", blobs(20, 30, 7), crs=None)
    Image.fromarray(photo[..., 0].astype(np.float32)).save(tmp_path / "float.tif")
    assert all(is_scene(tmp_path / name) for name in ("placed.tif", "seven.tif", "float.tif"))


def test_a_photo_of_too_many_pixels_for_pillow_is_a_raster(tmp_path, monkeypatch):
    Image.fromarray(blobs(20, 30)).save(tmp_path / "photo.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    assert is_scene(tmp_path / "photo.tif")


def test_eight_bits_are_as_they_are_and_bands_are_chosen(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (30, 50, 4)).astype(np.uint8)
    path = write_scene(tmp_path / "x.tif", array, alpha="NO")
    assert (whole(path)[0] == array[..., :3]).all()
    assert (whole(path, Reading((4, 3, 2)))[0] == array[..., [3, 2, 1]]).all()
    assert (whole(path, Reading((2,)))[0] == array[..., [1, 1, 1]]).all()
    assert (whole(path, blank=(127.5,) * 4)[0] == array).all()
    for bands, told in (((4, 5, 1), "--bands 4,5,1"), ((1, 2), "--bands 1,2")):
        with pytest.raises(FullconvError, match=f"{told}: the model takes 3 bands and the file has 4"):
            whole(path, Reading(bands))
    with pytest.raises(FullconvError, match="takes 5 bands and the file has 4"):
        whole(path, blank=(127.5,) * 5)


def test_one_band_is_grey(tmp_path):
    array = blobs(20, 30, 1)
    assert (whole(write_scene(tmp_path / "x.tif", array))[0] == array[..., [0, 0, 0]]).all()


def test_a_declared_alpha_says_where_there_is_data(tmp_path):
    array = blobs(20, 30, 4)
    array[..., 3] = 255
    array[:7, :, 3] = 0
    image, valid = whole(write_scene(tmp_path / "x.tif", array, photometric="RGB", alpha="YES"))
    assert not valid[:7].any()
    assert valid[7:].all()
    assert (image[:7] == 128).all()
    assert (image[7:] == array[7:, :, :3]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_other_values_are_stretched_by_a_range_that_is_given_or_found(tmp_path, dtype):
    array = np.random.default_rng(0).integers(1000, 3001, (300, 400, 3)).astype(dtype)
    array[:20] = -9999 if dtype != np.uint16 else 9
    path = write_scene(tmp_path / "x.tif", array, nodata=array[0, 0, 0])
    image, valid = whole(path, Reading(range=(1000, 3000)))
    assert not valid[:20].any()
    assert valid[20:].all()
    assert np.abs(image[20:] - (array[20:] - 1000.0) / 2000 * 255).max() <= 0.51
    low, high = np.percentile(array[20:], [2, 98])
    found = whole(path)[0][20:]
    assert np.abs(found - ((array[20:].astype(float) - low) / (high - low) * 255).clip(0, 255)).max() < 3


def test_what_is_no_number_is_no_data(tmp_path):
    array = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30, 1)
    array[3, 4] = np.nan
    image, valid = whole(write_scene(tmp_path / "x.tif", array))
    assert not valid[3, 4]
    assert valid.sum() == 599
    assert (image[3, 4] == 128).all()


def test_a_range_is_lower_value_first_and_flat_values_have_one():
    with pytest.raises(FullconvError, match="--range 9,3: give the lower value first"):
        Reading(range=(9, 3))
    assert scaled(np.array([[[-5, 0, 50, 100, 900]]]), (0, 100)).tolist() == [[[0, 0, 128, 255, 255]]]


def test_a_scene_without_data_asks_for_a_range(tmp_path):
    path = write_scene(tmp_path / "x.tif", np.zeros((20, 30, 3), np.uint16), nodata=0)
    with pytest.raises(FullconvError, match=r"no data found .* --range 0,3000"):
        whole(path)
    assert not whole(path, Reading(range=(0, 9)))[1].any()


def test_a_damaged_raster_is_one_line(tmp_path):
    path = write_scene(tmp_path / "x.tif", blobs(300, 300), compress="deflate")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(FullconvError, match=r"x.tif: damaged raster .*copy it again") as error:
        whole(path)
    assert "\n" not in str(error.value)
