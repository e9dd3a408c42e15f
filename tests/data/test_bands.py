"""Pictures of many bands or 16 bits, and outlines on the ground; the latter and most of the former need rasterio."""

import json

import numpy as np
import pytest
from PIL import Image

from fullconv import images
from fullconv.data.bands import read_bands, read_picture
from fullconv.data.description import open_dataset
from fullconv.data.masks import read_mask
from fullconv.errors import FullconvError
from fullconv.view import View
from tests.data.trees import PHOTO, rows, save

WEB_MERCATOR = "EPSG:3857"
CORNER, PIXEL = (1_000_000.0, 6_000_000.0), 0.5  # metres


def write_raster(path, array, photometric="MINISBLACK", crs=WEB_MERCATOR, corner=CORNER, **more):
    rasterio = pytest.importorskip("rasterio")
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, count = array.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=array.dtype, crs=crs,
        transform=rasterio.Affine(PIXEL, 0, corner[0], 0, -PIXEL, corner[1]), photometric=photometric, **more,
    ) as raster:  # fmt: skip
        raster.write(np.moveaxis(array, 2, 0))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK"])
def test_pictures_that_pillow_reads_completely_are_rgb(tmp_path, mode):
    Image.fromarray(PHOTO).convert(mode).save(tmp_path / "x.tif")
    assert (read_bands(tmp_path / "x.tif") == images.read(tmp_path / "x.tif")).all()


@pytest.mark.parametrize(
    ("bands", "dtype"), [(2, np.uint8), (4, np.uint8), (7, np.uint8), (3, np.uint16), (8, np.uint16)]
)
@pytest.mark.parametrize("big", ["YES", "NO"])
def test_many_bands_are_unchanged(tmp_path, bands, dtype, big):
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (6, 8, bands)).astype(dtype)
    write_raster(tmp_path / "x.tif", array, alpha="NO", BIGTIFF=big)
    image = read_bands(tmp_path / "x.tif")
    assert image.dtype == dtype
    assert (image == array).all()


def test_labels_are_void_where_alpha_is_zero(tmp_path):
    alpha = np.full((6, 8), 255, np.uint8)
    alpha[0] = 0
    write_raster(tmp_path / "images" / "x.tif", np.dstack([PHOTO, alpha]), "RGB", alpha="YES")
    save(tmp_path / "masks" / "x.png", rows(0, 1))
    (tmp_path / "data.yaml").write_text("names: [a, b]\n")
    sample = open_dataset(tmp_path / "data.yaml").split("train")[0]
    seen, labels = sample.see(View((1, 2, 3)))
    assert (read_bands(tmp_path / "images" / "x.tif") == PHOTO).all()
    assert (seen.image[0] == (1, 2, 3)).all()
    assert (seen.image[1:] == PHOTO[1:]).all()
    assert (labels[0] == 255).all()
    assert (labels[1:] != 255).all()


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int32, np.float32, np.float64])
def test_other_types_are_unchanged(tmp_path, dtype):
    array = (np.random.default_rng(0).random((6, 8, 5)) * 5000 - (900 if dtype != np.uint32 else 0)).astype(dtype)
    write_raster(tmp_path / "x.tif", array)
    assert read_bands(tmp_path / "x.tif").dtype == dtype
    assert (read_bands(tmp_path / "x.tif") == array).all()


def test_without_rasterio_the_extra_is_named(tmp_path, monkeypatch):
    write_raster(tmp_path / "x.tif", PHOTO)
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(FullconvError, match=r"pip install 'fullconv\[geo\]'"):
        read_bands(tmp_path / "x.tif")


def test_a_labelled_picture_has_one_page(tmp_path):
    pages = [Image.fromarray(PHOTO)] * 2
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(FullconvError, match=r"x\.tif: 2 pages, but only one is labelled"):
        read_picture(tmp_path / "x.tif")
    with pytest.raises(FullconvError, match=r"x\.tif: 2 pages, but a mask has one"):
        read_mask(tmp_path / "x.tif")


@pytest.mark.parametrize("kind", ["no.tif", "text.tif", "empty.tif"])
def test_a_file_that_is_not_a_picture_is_reported(tmp_path, kind):
    if kind != "no.tif":
        (tmp_path / kind).write_text("text that is no picture" if kind == "text.tif" else "")
    with pytest.raises(FullconvError, match=r"no such file|not an image"):
        read_bands(tmp_path / kind)


def test_pairs_of_many_bands(tmp_path):
    write_raster(tmp_path / "images" / "x.tif", np.zeros((6, 8, 5), np.uint16))
    save(tmp_path / "masks" / "x.tif", rows(0, 1).astype(np.uint16))
    (tmp_path / "data.yaml").write_text("names: [a, b]\n")
    image, label_map = open_dataset(tmp_path / "data.yaml").split("train")[0].read()
    assert (image.shape, image.dtype) == ((6, 8, 5), np.uint16)
    assert label_map[0, :2].tolist() == [0, 1]


@pytest.fixture
def on_the_ground(tmp_path):
    """A GeoTIFF in metres, and in degrees a building over its pixels 2–4 across and 1–3 down, a shed over (6, 0)."""
    write_raster(tmp_path / "images" / "x.tif", PHOTO, "RGB")
    from rasterio.warp import transform_geom

    def outline(left, top, right, bottom):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        metres = [[CORNER[0] + x * PIXEL, CORNER[1] - y * PIXEL] for x, y in corners]
        return transform_geom(WEB_MERCATOR, "OGC:CRS84", {"type": "Polygon", "coordinates": [metres]}, precision=12)

    def build(path, shed="shed"):
        boxes = {"building": outline(2, 1, 5, 4), shed: outline(6, 0, 7, 1)}
        features = [{"type": "Feature", "properties": {"class": c}, "geometry": g} for c, g in boxes.items()]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        (tmp_path / "data.yaml").write_text("names: [background, building, shed]\n")
        return tmp_path / "data.yaml"

    return build


@pytest.mark.parametrize("name", ["labels/x.geojson", "all.geojson"])
def test_outlines_on_the_ground(on_the_ground, tmp_path, name):
    dataset = open_dataset(on_the_ground(tmp_path / name))
    assert dataset.layout == "geojson"
    expected = np.zeros((6, 8), int)
    expected[1:4, 2:5] = 1
    expected[0, 6] = 2
    assert dataset.split("train")[0].read()[1].tolist() == expected.tolist()


def test_one_class_needs_no_property(on_the_ground, tmp_path):
    path = tmp_path / "labels" / "x.geojson"
    yaml = on_the_ground(path)
    path.write_text(path.read_text().replace('"class"', '"height"'))
    yaml.write_text("names: [background, building]\n")
    assert open_dataset(yaml).split("train")[0].read_label_map().sum() == 10


def change(path, crs=None, geometry=None):
    """Rewrites a GeoJSON with a `crs`, and with each feature's geometry changed."""
    content = json.loads(path.read_text())
    if crs:
        content["crs"] = {"type": "name", "properties": {"name": crs}}
    for feature in content["features"] if geometry else ():
        feature["geometry"] = geometry(feature["geometry"])
    path.write_text(json.dumps(content))


def swapped(geometry):
    rings = geometry["coordinates"]
    return {"type": "Polygon", "coordinates": [[[y, x] for x, y in ring] for ring in rings]}


@pytest.mark.parametrize("name", ["labels/x.geojson", "all.geojson"])
@pytest.mark.parametrize(("crs", "geometry"), [("EPSG:32633", None), (None, swapped)])
def test_outlines_beside_all_pictures_are_refused(on_the_ground, tmp_path, name, crs, geometry):
    yaml = on_the_ground(tmp_path / name)
    change(tmp_path / name, crs, geometry)
    with pytest.raises(FullconvError, match=r"no outline lies on .*; check the coordinate system"):
        open_dataset(yaml).split("train")[0].read()


def test_one_file_need_not_touch_every_picture(on_the_ground, tmp_path):
    yaml = on_the_ground(tmp_path / "all.geojson")
    write_raster(tmp_path / "images" / "y.tif", PHOTO, "RGB", corner=(2_000_000.0, 6_000_000.0))
    counts = [sample.read_label_map().sum() for sample in open_dataset(yaml).split("train")]
    assert counts == [11, 0]


@pytest.mark.parametrize("name", ["labels/x.geojson", "all.geojson"])
def test_metres_without_a_coordinate_system_are_refused(on_the_ground, tmp_path, name):
    yaml = on_the_ground(tmp_path / name)
    metres = [[[CORNER[0], CORNER[1]], [CORNER[0] + 1, CORNER[1]], [CORNER[0], CORNER[1] - 1], [CORNER[0], CORNER[1]]]]
    change(tmp_path / name, None, lambda _: {"type": "Polygon", "coordinates": metres})
    with pytest.raises(FullconvError, match=r"are no degrees of longitude and latitude; name the coordinate system"):
        open_dataset(yaml).split("train")[0].read()


@pytest.mark.parametrize("kind", ["LineString", "Point"])
def test_lines_and_points_are_refused(on_the_ground, tmp_path, kind):
    yaml = on_the_ground(tmp_path / "labels" / "x.geojson")
    line = {"LineString": lambda ring: ring, "Point": lambda ring: ring[0]}[kind]
    change(
        tmp_path / "labels" / "x.geojson", None,
        lambda each: {"type": kind, "coordinates": line(each["coordinates"][0])},
    )  # fmt: skip
    with pytest.raises(FullconvError, match=rf"a {kind} has no area; give polygons"):
        open_dataset(yaml).split("train")[0].read()


def test_a_feature_without_a_geometry_draws_nothing(on_the_ground, tmp_path):
    yaml = on_the_ground(tmp_path / "labels" / "x.geojson")
    change(tmp_path / "labels" / "x.geojson", None, lambda each: None)
    assert open_dataset(yaml).split("train")[0].read_label_map().sum() == 0


@pytest.mark.parametrize("name", ["labels/x.geojson", "all.geojson"])
def test_missing_names_are_those_of_the_features(on_the_ground, tmp_path, name):
    on_the_ground(tmp_path / name, shed="garden shed").unlink()
    with pytest.raises(FullconvError, match=r"names: \[background, building, garden shed\]"):
        open_dataset(tmp_path)


def test_an_unknown_class_is_reported(on_the_ground, tmp_path):
    yaml = on_the_ground(tmp_path / "labels" / "x.geojson", shed="garage")
    with pytest.raises(FullconvError, match="a feature of class 'garage'"):
        open_dataset(yaml).split("train")[0].read()
