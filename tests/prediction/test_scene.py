"""What the network sees of a raster."""

import numpy as np
import pytest
from PIL import Image

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.prediction.scene import open_scene
from fullconv.raster import rgb_of_inks
from fullconv.raster_signs import is_raster, needs_rasterio
from fullconv.view import Reading, View, scaled
from tests.prediction.scenes import blobs, write_scene

GREY = (127.5,) * 3


def whole(path, bands=(), ranges=(), blank=GREY):
    with open_scene(path, View(blank, ranges, bands=bands)) as scene:
        height, width = scene.size
        return scene.read_with_valid((slice(0, height + 40), slice(0, width + 40)))


def test_rasters_are_distinguished_from_photos(tmp_path):
    photo = blobs(20, 30)
    Image.fromarray(photo).save(tmp_path / "photo.tif")
    Image.fromarray(photo[..., 0].astype(np.uint16)).save(tmp_path / "grey16.tif")
    assert not any(is_raster(tmp_path / name) for name in ("photo.tif", "grey16.tif", "missing.tif"))
    write_scene(tmp_path / "placed.tif", photo)
    write_scene(tmp_path / "seven.tif", blobs(20, 30, 7), crs=None)
    Image.fromarray(photo[..., 0].astype(np.float32)).save(tmp_path / "float.tif")
    assert all(is_raster(tmp_path / name) for name in ("placed.tif", "seven.tif", "float.tif"))


def test_a_photo_too_large_for_pillow_is_a_raster(tmp_path, monkeypatch):
    Image.fromarray(blobs(20, 30)).save(tmp_path / "photo.tif")
    monkeypatch.setattr("fullconv.raster_signs.MOST_AT_ONCE", 500)
    assert is_raster(tmp_path / "photo.tif")


def test_8_bit_values_do_not_change_and_bands_are_chosen(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (30, 50, 4)).astype(np.uint8)
    path = write_scene(tmp_path / "x.tif", array, alpha="NO")
    assert (whole(path)[0] == array[..., :3]).all()
    assert (whole(path, (4, 3, 2))[0] == array[..., [3, 2, 1]]).all()
    assert (whole(path, (2,))[0] == array[..., [1, 1, 1]]).all()
    assert (whole(path, blank=(127.5,) * 4)[0] == array).all()
    for bands, message in (
        ((4, 5, 1), "--bands 4,5,1: there is no band 5; the file has 4 bands"),
        ((1, 2), "--bands 1,2: the model takes 3 bands, but the file has 4"),
        ((0, 1, 2), "--bands 0,1,2: bands are counted from 1"),
    ):
        with pytest.raises(FullconvError, match=message):
            whole(path, bands)
    with pytest.raises(FullconvError, match="--bands -1: bands are counted from 1"):
        Reading((-1,))
    with pytest.raises(FullconvError, match="takes 5 bands, but the file has 4"):
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
def test_other_values_are_scaled_by_a_given_or_found_range(tmp_path, dtype):
    array = np.random.default_rng(0).integers(1000, 3001, (300, 400, 3)).astype(dtype)
    array[:20] = -9999 if dtype != np.uint16 else 9
    path = write_scene(tmp_path / "x.tif", array, nodata=array[0, 0, 0])
    image, valid = whole(path, ranges=((1000, 3000),))
    assert not valid[:20].any()
    assert valid[20:].all()
    assert np.abs(image[20:] - (array[20:] - 1000.0) / 2000 * 255).max() <= 0.51
    low, high = np.percentile(array[20:], [0.1, 99.9])
    found = whole(path)[0][20:]
    assert np.abs(found - ((array[20:].astype(float) - low) / (high - low) * 255).clip(0, 255)).max() < 3


def test_nan_means_no_data(tmp_path):
    array = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30, 1)
    array[3, 4] = np.nan
    image, valid = whole(write_scene(tmp_path / "x.tif", array))
    assert not valid[3, 4]
    assert valid.sum() == 599
    assert (image[3, 4] == 128).all()


def test_a_range_starts_with_the_lower_value():
    with pytest.raises(FullconvError, match="--range 9,3: give the lower value first"):
        View(GREY, ((9, 3),))
    assert scaled(np.array([[[-5], [0], [50], [100], [900]]]), ((0, 100),)).ravel().tolist() == [
        -12.75,
        0,
        127.5,
        255,
        2295,
    ]


def test_a_scene_without_data_asks_for_a_range(tmp_path):
    path = write_scene(tmp_path / "x.tif", np.zeros((20, 30, 3), np.uint16), nodata=0)
    with pytest.raises(FullconvError, match=r"no data found .* --range 0,3000"):
        whole(path)
    assert not whole(path, ranges=((0, 9),))[1].any()


def test_a_damaged_raster_gives_a_one_line_error(tmp_path):
    path = write_scene(tmp_path / "x.tif", blobs(300, 300), compress="deflate")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(FullconvError, match=r"x.tif: damaged raster .*copy it again") as error:
        whole(path)
    assert "\n" not in str(error.value)


def test_all_kinds_of_georeferences_make_a_raster(tmp_path):
    """World files, GDAL's .aux.xml files and JPEG 2000 can georeference a file that would otherwise be a photo."""
    photo = Image.fromarray(blobs(20, 30))
    for name, beside in (
        ("a.jpg", "a.jgw"),
        ("b.png", "b.pgw"),
        ("c.tif", "c.tfw"),
        ("d.jpg", "d.wld"),
        ("e.jpeg", "e.JGW"),
    ):
        photo.save(tmp_path / name)
        assert not is_raster(tmp_path / name)
        (tmp_path / beside).write_text("10\n0\n0\n-10\n500005\n4999995\n")
        assert is_raster(tmp_path / name)
    photo.save(tmp_path / "f.png")
    (tmp_path / "f.png.aux.xml").write_text("<PAMDataset><Metadata/></PAMDataset>")
    assert not is_raster(tmp_path / "f.png")
    (tmp_path / "f.png.aux.xml").write_text("<PAMDataset><GeoTransform>1,2,0,3,0,-2</GeoTransform></PAMDataset>")
    assert is_raster(tmp_path / "f.png")
    write_scene(tmp_path / "g.jp2", blobs(20, 30), driver="JP2OpenJPEG")
    assert is_raster(tmp_path / "g.jp2")
    photo.save(tmp_path / "h.jp2")
    assert not is_raster(tmp_path / "h.jp2")


@pytest.mark.parametrize(("name", "driver"), [("a.png", "PNG"), ("a.jp2", "JP2OpenJPEG")])
def test_colours_of_16_bits_are_not_cut_to_8(tmp_path, name, driver):
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 4096, (3, 20, 30)).astype(np.uint16)
    more = {"QUALITY": 100, "REVERSIBLE": "YES"} if driver != "PNG" else {}
    with rasterio.open(
        tmp_path / name, "w", driver=driver, height=20, width=30, count=3, dtype="uint16", **more
    ) as raster:  # fmt: skip
        raster.write(values)
    assert needs_rasterio(tmp_path / name)
    assert not is_raster(tmp_path / name)
    assert (images.open_picture(tmp_path / name).values == np.moveaxis(values, 0, 2)).all()


def test_palettes_cmyk_and_inverted_grey_become_rgb(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    grey = blobs(20, 30, 1)
    write_scene(tmp_path / "white.tif", grey, photometric="miniswhite")
    assert (images.open_picture(tmp_path / "white.tif").values == 255 - grey).all()
    write_scene(tmp_path / "four.tif", grey // 16, nbits=4)
    assert (images.open_picture(tmp_path / "four.tif").values == grey // 16 * 17).all()
    values = np.random.default_rng(2).integers(0, 256, (20, 30, 4)).astype(np.uint8)
    write_scene(tmp_path / "inks.tif", values, photometric="cmyk")
    shown = np.asarray(Image.frombytes("CMYK", (30, 20), values.tobytes()).convert("RGB")).astype(int)
    assert np.abs(images.open_picture(tmp_path / "inks.tif").values - shown).max() <= 1
    deep = rgb_of_inks(values.astype(np.uint16) * 257)
    assert np.abs(deep / 257 - shown).max() <= 1
    table = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    write_scene(tmp_path / "map.tif", grey, photometric="palette")
    with rasterio.open(tmp_path / "map.tif", "r+") as raster:
        raster.write_colormap(1, {i: (*map(int, colour), 255) for i, colour in enumerate(table)})
    assert (images.open_picture(tmp_path / "map.tif").values == table[grey[..., 0]]).all()
    assert (whole(tmp_path / "map.tif")[0] == table[grey[..., 0]]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_any_part_of_a_rotated_raster(tmp_path, orientation):
    values = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "x.tif", tiffinfo={274: orientation})
    upright = images.open_picture(tmp_path / "x.tif").values
    assert upright.shape[:2] == ((30, 20) if orientation >= 5 else (20, 30))
    view = View(GREY, ((0, 1),), exact=True)
    with open_scene(tmp_path / "x.tif", view) as scene:
        part = scene.read((slice(3, 11), slice(5, 40)))
    assert (part == scaled(upright, ((0, 1),))[3:11, 5:]).all()


def both(path, view):
    """(what the command sees, what a picture in memory is seen as): image, where there is data, range."""
    with open_scene(path, view) as scene:
        height, width = scene.size
        found = (*scene.read_with_valid((slice(0, height), slice(0, width))), scene.notes)
    seen = view.see(images.open_picture(path))
    return found, (seen.image, np.ones((height, width), bool) if seen.valid is None else seen.valid, seen.notes)


@pytest.mark.parametrize(
    ("count", "alpha", "dtype"), [(2, 1, np.uint8), (4, 3, np.uint8), (5, 3, np.uint8), (5, 3, np.uint16)]
)
def test_an_alpha_band_counts_wherever_it_is(tmp_path, count, alpha, dtype):
    top = 255 if dtype == np.uint8 else 65535
    array = blobs(20, 30, count).astype(dtype) * dtype(1 if dtype == np.uint8 else 200)
    array[..., alpha] = top
    array[:7, :, alpha] = 0
    array[:7, :, 0] = top  # out of the range of the others
    path = write_scene(tmp_path / "x.tif", array, photometric="RGB" if count > 3 else "MINISBLACK", alpha="YES")
    channels = min(count - 1, 3)
    for image, valid, notes in both(path, View(GREY[:channels])):
        assert not valid[:7].any()
        assert valid[7:].all()
        assert (image[:7] == 128).all()
        if dtype == np.uint16:
            low, high = np.percentile(array[7:, :, :3], [0.1, 99.9])
            assert any(f"values {low:g} to {high:g} are" in note for note in notes)


def test_nodata_in_one_band_is_no_number(tmp_path):
    """The pixel stays, because the other bands have data, but it does not count in the range."""
    array = np.random.default_rng(0).integers(1000, 3001, (60, 70, 4)).astype(np.int16)
    array[3, 4, 1] = array[9:20, :, 2] = array[5, 6] = array[7, 8, :3] = -9999
    path = write_scene(tmp_path / "x.tif", array, nodata=-9999)
    low, high = np.percentile(array[..., :3][array[..., :3] != -9999], [0.1, 99.9])
    for exact, blank in ((False, 128), (True, 127.5)):
        for image, valid, notes in both(path, View(GREY, exact=exact)):
            assert sorted(zip(*map(list, np.nonzero(~valid)), strict=True)) == [(5, 6), (7, 8)]
            assert any(f"values {low:g} to {high:g} are" in note for note in notes)
            assert image[3, 4, 1] == image[10, 10, 2] == image[5, 6, 0] == blank
            assert abs(image[3, 4, 0] - (array[3, 4, 0] - 1000) / 2000 * 255) < 2
    with open_scene(path, View(GREY)) as scene:
        assert (scene.valid((slice(0, 60), slice(0, 70))) == valid).all()


def test_nodata_is_a_colour_in_a_band_of_8_bits(tmp_path):
    array = np.full((9, 9, 3), 200, np.uint8)
    array[2, 3], array[4, 5, 0] = 0, 0
    path = write_scene(tmp_path / "x.tif", array, nodata=0)
    for image, valid, _ in both(path, View(GREY)):
        assert np.argwhere(~valid).tolist() == [[2, 3]]
        assert image[2, 3].tolist() == [128, 128, 128]
        assert image[4, 5].tolist() == [0, 200, 200]


def test_nan_in_a_band_that_is_not_used_does_not_matter(tmp_path):
    array = np.random.default_rng(0).random((20, 30, 4)).astype(np.float32)
    array[3, 4, 3], array[5, 6, 1] = np.nan, np.nan
    for _, valid, _ in both(write_scene(tmp_path / "x.tif", array), View(GREY)):
        assert np.argwhere(~valid).tolist() == [[5, 6]]


def test_a_scene_on_another_scale_than_the_model_s_is_noted_from_the_parts_that_were_read(tmp_path):
    path = write_scene(tmp_path / "s.tif", blobs(60, 80))
    with open_scene(path, View(GREY, ((100.0, 10300.0),), exact=True)) as scene:
        assert scene.notes == ()
        scene.read((slice(0, 30), slice(0, 80)))
        assert "in the lowest 1/16 of the model's range 100 to 10300" in scene.notes[0]
