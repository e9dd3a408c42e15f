"""Rasters are processed window by window. The results equal those of the whole picture and have the same georeference.
They are read back by rasterio and geopandas."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fullconv.errors import Damaged, FullconvError
from fullconv.jobs.images import run
from fullconv.jobs.job import NEW_RUN, Job, RasterRun, Wanted
from fullconv.jobs.rasters import predict_raster
from fullconv.outputs import geotiff
from fullconv.outputs.mosaic import Frame
from fullconv.outputs.writers import OF_PHOTOS, WRITERS
from fullconv.view import Reading
from tests.prediction.scenes import CLASSES, blobs, bright_model, write_scene

rasterio = pytest.importorskip("rasterio")
VOID = 255
OUTPUTS = tuple(output for output in WRITERS if output not in OF_PHOTOS)


@pytest.fixture
def scene(tmp_path):
    """A raster of 200x333 pixels with two corners without data, one of them larger than a tile."""
    array = blobs(200, 333)
    array[:100, :130] = 0
    array[150:, 300:] = 0
    return write_scene(tmp_path / "scenes" / "a b.tif", array, nodata=0), array


def expected(array):
    return np.where((array == 0).all(2), VOID, array.mean(2) // 64).astype(np.uint8)


def predict(path, target, outputs=("labels",), model=None, rasters=NEW_RUN, **how):
    wanted = Wanted(tuple(outputs), **how)
    done = predict_raster(model or bright_model(), Job(path, target), wanted, rasters=rasters)
    return (done.height, done.width), done.shares, list(done.outputs)


def same_ground(path, other):
    with rasterio.open(path) as one, rasterio.open(other) as two:
        assert one.crs == two.crs
        assert one.transform == two.transform
        assert one.shape == two.shape


@pytest.mark.parametrize("tile", [None, "auto", 32, 96, 1024])
def test_labels_are_the_same_as_those_of_the_whole_scene(scene, tmp_path, tile):
    path, array = scene
    size, shares, written = predict(path, tmp_path / "out" / "x", tile=tile)
    assert [p.name for p in written] == ["x_labels.tif", "x_labels.tif.aux.xml"]
    with rasterio.open(written[0]) as labels, rasterio.open(path) as source:
        assert (labels.read(1) == expected(array)).all()
        assert (labels.dataset_mask() == source.dataset_mask()).all()
        assert (labels.nodata, labels.dtypes, labels.block_shapes[0]) == (VOID, ("uint8",), (256, 256))
        assert {i: labels.colormap(1)[i][:3] for i in range(4)} == dict(enumerate(CLASSES.colours))
        tags = labels.tags()
        assert [tags[f"class_{i}"] for i in range(4)] == list(CLASSES.names)
        assert (tags["bands"], tags["values"]) == ("1,2,3", "as they are")
    same_ground(written[0], path)
    assert size == (200, 333)
    assert shares == pytest.approx({CLASSES.names[i]: (expected(array) == i).mean() for i in range(4)})
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("side", [40, 333, 700])
def test_all_tiles_have_the_same_shape_and_those_without_data_are_not_run(tmp_path, side):
    array = blobs(side, side)
    array[:, : side // 2] = 0
    model = bright_model()
    predict(write_scene(tmp_path / "x.tif", array, nodata=0), tmp_path / "x", model=model, tile=64)
    assert len(set(model.engine.shapes)) == 1
    assert len(model.engine.shapes) <= -(-side // 64) * (side // 2 // 64 + 2)


def test_scores_are_probabilities(scene, tmp_path):
    path, array = scene
    _, _, (written,) = predict(path, tmp_path / "x", ["scores"], tile=64)
    same_ground(written, path)
    with rasterio.open(written) as scores:
        values, scale = scores.read(), scores.scales[0]
        assert scores.descriptions == CLASSES.names
        assert scores.nodata == VOID
    data = expected(array) != VOID
    assert (values[:, ~data] == VOID).all()
    assert np.abs((values * scale).sum(0)[data] - 1).max() < 0.01
    assert (values.argmax(0) == expected(array))[data].mean() > 0.98  # rounded values can be equal


def test_confidence_is_the_largest_probability_window_by_window(scene, tmp_path):
    path, array = scene
    _, _, written = predict(path, tmp_path / "x", ["scores", "confidence"], tile=64)
    same_ground(written[1], path)
    with rasterio.open(written[0]) as scores, rasterio.open(written[1]) as confidence:
        best, found = scores.read().max(0), confidence.read(1)
        assert (confidence.descriptions, confidence.scales, confidence.nodata) == (("confidence",), (1 / 254,), VOID)
    assert (found == best).all()
    assert ((found == VOID) == (expected(array) == VOID)).all()
    result = bright_model().predict(path, soft=True)
    (whole,) = result.save(tmp_path, "whole", ["confidence"])
    with rasterio.open(whole) as confidence:
        assert (confidence.read(1) == found).all()


def test_a_temperature_lowers_the_confidence(scene, tmp_path):
    path, array = scene
    warm = replace(bright_model(), config=replace(bright_model().config, temperature=2.0))
    kept = []
    for name, model in (("one", bright_model()), ("two", warm)):
        _, _, (written,) = predict(path, tmp_path / name, ["confidence"], model=model, tile=64)
        with rasterio.open(written) as raster:
            kept.append(raster.read(1)[expected(array) != VOID])
    assert (kept[1] <= kept[0]).all()
    assert kept[1].mean() < kept[0].mean()


def test_masks_and_overlay(scene, tmp_path):
    path, array = scene
    _, _, written = predict(path, tmp_path / "x", ["masks", "overlay"], tile=64)
    assert [p.name for p in written] == [
        "x_background.tif", "x_field.tif", "x_größe-roof.tif", "x_road.tif", "x_overlay.tif"
    ]  # fmt: skip
    for i, mask in enumerate(written[:4]):
        same_ground(mask, path)
        with rasterio.open(mask) as raster:
            assert (raster.read(1) == 255 * (expected(array) == i)).all()
    same_ground(written[-1], path)
    with rasterio.open(written[-1]) as overlay:
        assert (overlay.dataset_mask() == 255 * (expected(array) != VOID)).all()
        there = expected(array) == 0
        # The background is not painted; only JPEG changes it.
        assert np.abs(overlay.read()[:, there].astype(int) - array[there].T).mean() < 12


@pytest.mark.parametrize(("output", "name"), [("polygons", "x.geojson"), ("geopackage", "x.gpkg")])
def test_polygons_lie_where_the_labels_do(scene, tmp_path, output, name):
    geopandas = pytest.importorskip("geopandas")
    from rasterio.features import rasterize

    path, array = scene
    _, _, (written,) = predict(path, tmp_path / "x", [output], simplify=0)
    assert written.name == name
    frame = geopandas.read_file(written)
    assert frame.crs.to_epsg() == 32633
    assert frame.is_valid.all()
    with rasterio.open(path) as source:
        shapes = zip(frame.geometry, frame["index"], strict=True)
        painted = rasterize(shapes, source.shape, VOID, transform=source.transform, dtype="uint8")
    assert (painted == expected(array)).all()
    assert [CLASSES.names[i] for i in frame["index"]] == list(frame["class"])
    assert frame.area.to_numpy() == pytest.approx(frame["area"].to_numpy() * 0.25)


@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([32, 64]), st.sampled_from(["exact", 5, None]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_size(tmp_path, height, width, tile, halo):
    array = blobs(height, width, cell=5)
    path = write_scene(tmp_path / "any.tif", array)
    _, _, written = predict(path, tmp_path / "any", tile=tile, halo=halo)
    with rasterio.open(written[0]) as labels:
        assert (labels.read(1) == expected(array)).all()


def test_tags_say_how_16_bit_values_were_scaled(tmp_path):
    array = blobs(80, 90, 4).astype(np.uint16) * 40
    path = write_scene(tmp_path / "x.tif", array)
    reading = Reading((4, 2, 1), ((0, 255 * 40),))
    _, _, written = predict(path, tmp_path / "x", reading=reading)
    with rasterio.open(written[0]) as labels:
        assert (labels.read(1) == (array[..., 0] // 40) // 64).all()
        assert labels.tags()["values"] == "0 to 10200 become 0 to 255"
        assert labels.tags()["bands"] == "4,2,1"


def test_a_coordinate_system_without_an_epsg_code(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    own = "+proj=aea +lat_0=7 +lon_0=11 +lat_1=3 +lat_2=40 +datum=WGS84 +units=m"
    path = write_scene(tmp_path / "x.tif", blobs(80, 90), crs=own)
    model = bright_model()
    with pytest.raises(FullconvError, match=r"x.tif: its coordinate system has no EPSG code.* save geopackage"):
        predict(path, tmp_path / "x", ["polygons"], model)
    assert not model.engine.shapes
    _, _, (package,) = predict(path, tmp_path / "x", ["geopackage"])
    with rasterio.open(path) as source:
        assert geopandas.read_file(package).crs == source.crs.to_wkt()


def test_a_raster_without_a_georeference_has_polygons_in_pixels(tmp_path):
    path = write_scene(tmp_path / "x.tif", blobs(20, 30, 5), crs=None, alpha="NO")
    with rasterio.open(path, "r+") as raster:
        raster.transform = rasterio.Affine.identity()
    _, _, (written,) = predict(path, tmp_path / "x", ["polygons"])
    assert json.loads(written.read_text())["coordinates_in"].startswith("pixels: ")


def test_masks_are_exactly_those_of_the_classes_asked_for(scene, tmp_path):
    array = scene[1]
    dark = write_scene(tmp_path / "dark.tif", np.minimum(array, 90), nodata=0)  # without a road
    model = bright_model().among(["road", "field"])
    _, _, written = predict(dark, tmp_path / "x", ["masks"], model=model, classes=model.asked)
    in_memory = model.predict(dark).save(tmp_path / "out", "x", ["masks"])
    for paths in (written, in_memory):
        assert [path.name for path in paths] == ["x_road.tif", "x_field.tif"]
        with rasterio.open(paths[0]) as road, rasterio.open(paths[1]) as field:
            assert not road.read(1).any()
            assert field.read(1).any()


def test_polygons_are_limited_to_the_classes_asked_for(scene, tmp_path):
    name = CLASSES.names[2]
    _, _, (written,) = predict(scene[0], tmp_path / "x", ["polygons"], classes=(name,))
    found = json.loads(written.read_text())["features"]
    assert {feature["properties"]["class"] for feature in found} == {name}


def test_outputs_for_photos_only_are_refused(scene, tmp_path):
    with pytest.raises(FullconvError, match=r"coco in --save is for photos; for rasters, save geopackage or polygons"):
        predict(scene[0], tmp_path / "x", ["coco"])


class Stopped(Exception):
    pass


def stop_after(count):
    def progress(source, done, total):
        if done == count:
            raise Stopped

    return progress


@pytest.mark.parametrize("halo", [None, "exact"])
def test_a_resumed_raster_gives_the_same_bytes(scene, tmp_path, halo):
    path, _ = scene
    how = {"tile": 32, "halo": halo}
    predict(path, tmp_path / "whole" / "x", OUTPUTS, **how)
    first = RasterRun(name="7", progress=stop_after(20))
    with pytest.raises(Stopped):
        predict(path, tmp_path / "stopped" / "x", OUTPUTS, rasters=first, **how)
    assert not [p for p in (tmp_path / "stopped").iterdir() if not p.name.startswith(".")]
    model = bright_model()
    predict(
        path, tmp_path / "stopped" / "x", OUTPUTS, model, replace(first, resume=True, progress=stop_after(0)), **how
    )
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    total = bright_model()
    predict(path, tmp_path / "total" / "x", OUTPUTS, total, **how)
    assert 0 < len(model.engine.shapes) < len(total.engine.shapes)


def test_only_the_same_run_on_the_same_file_is_resumed(scene, tmp_path):
    path, _ = scene
    first = RasterRun(name="7", resume=True, progress=stop_after(20))
    everything = bright_model()
    predict(path, tmp_path / "x", model=everything, tile=32)
    for change in ("settings", "file", "not wanted"):
        with pytest.raises(Stopped):
            predict(path, tmp_path / "x", rasters=first, tile=32)
        if change == "file":
            write_scene(path, blobs(200, 333, seed=1))
        model, later = bright_model(), replace(first, progress=stop_after(0))
        later = replace(later, name="8") if change == "settings" else replace(later, resume=change == "file")
        predict(path, tmp_path / "x", model=model, rasters=later, tile=32)
        assert len(model.engine.shapes) >= len(everything.engine.shapes)


def test_nothing_is_kept_of_a_damaged_raster(scene, tmp_path):
    path, _ = scene
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Damaged, match=r"a b.tif: damaged raster \("):
        predict(path, tmp_path / "out" / "x", tile=32)
    assert not list((tmp_path / "out").iterdir())


def test_a_resumed_run_keeps_the_earlier_tiles_whatever_the_memory(scene, tmp_path):
    path, array = scene
    first = RasterRun(name="7", progress=stop_after(3))
    with pytest.raises(Stopped):
        predict(path, tmp_path / "x", rasters=first)
    roomy = bright_model()
    roomy.engine.room = lambda channels, scores: 10**9
    _, _, written = predict(
        path, tmp_path / "x", model=roomy, rasters=replace(first, resume=True, progress=stop_after(0))
    )
    assert len(roomy.engine.shapes) > 1
    with rasterio.open(written[0]) as labels:
        assert (labels.read(1) == expected(array)).all()


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith(".")}


def test_rasters_and_photos_in_one_run(scene, tmp_path):
    from PIL import Image

    path, array = scene
    Image.fromarray(array).save(path.parent / "photo.png")
    jobs = [Job(p, tmp_path / "out" / p.stem) for p in sorted(path.parent.iterdir())]
    outcomes = list(run(bright_model(), jobs, Wanted(("labels",)), 2))
    assert [[p.name for p in outcome.outputs] for outcome in outcomes] == [
        ["a b_labels.tif", "a b_labels.tif.aux.xml"], ["photo_labels.png"]
    ]  # fmt: skip
    assert (outcomes[0].width, outcomes[0].height) == (333, 200)


def test_a_raster_can_be_predicted_in_python(scene, tmp_path):
    path, array = scene
    result = bright_model().predict(path, scores=True)
    assert (result.label_map == expected(array)).all()
    assert result.georeference.epsg == 32633
    written = result.save(tmp_path, "x", ["labels", "scores", "polygons"])
    assert [p.name for p in written] == ["x_labels.tif", "x_labels.tif.aux.xml", "x_scores.tif", "x.geojson"]
    same_ground(written[0], path)
    predict(path, tmp_path / "by_windows", ["labels", "polygons"], tile=64)
    with rasterio.open(written[0]) as one, rasterio.open(tmp_path / "by_windows_labels.tif") as two:
        assert (one.read() == two.read()).all()
        assert one.tags() == two.tags()
        assert (one.tags()["model"], one.tags()["bands"], one.tags()["values"]) == ("bright", "1,2,3", "as they are")


def test_a_raster_too_large_for_memory_is_refused_in_python(scene, monkeypatch):
    monkeypatch.setattr("fullconv.images.LARGEST_IN_MEMORY", 999)
    with pytest.raises(FullconvError, match="fullconv predict takes it by windows"):
        bright_model().predict(scene[0])


def test_a_file_is_the_same_while_another_thread_writes(tmp_path):
    """Several windows fill one block of the file, which stays in GDAL's cache meanwhile. Other files use the same
    cache."""
    frame = Frame((256, 256), CLASSES, None)
    label_map = np.random.default_rng(0).integers(0, 4, frame.size).astype(np.uint8)

    def parts(meanwhile=lambda number: None):
        for number, (row, column) in enumerate(product(range(0, 256, 64), repeat=2)):
            part = slice(row, row + 64), slice(column, column + 64)
            yield part, label_map[part]
            meanwhile(number)

    def write_another(number):
        geotiff.write_labels(tmp_path / f"{number}.tif", frame, parts(), {})

    alone = geotiff.write_labels(tmp_path / "alone.tif", frame, parts(), {})
    beside = geotiff.write_labels(tmp_path / "beside.tif", frame, parts(write_another), {})
    assert beside.read_bytes() == alone.read_bytes()


def placed_by_points(path, array):
    from rasterio.control import GroundControlPoint

    height, width = array.shape[:2]
    points = [GroundControlPoint(row, column, 10 + column / 1e3, 50 - row / 1e3, 7, str(number))
              for number, (row, column) in enumerate(product((0, height), (0, width)), 1)]  # fmt: skip
    write_scene(path, array)
    with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=3, dtype="uint8", gcps=points,
                       crs="EPSG:4326") as raster:  # fmt: skip
        raster.write(np.moveaxis(array, 2, 0))
    return path


def placed_by_a_sensor(path, array):
    from rasterio.rpc import RPC

    height, width = array.shape[:2]
    ones = [1.0] * 20
    model = RPC(1, 2, 3, 4, ones, ones, 5, 6, 7, 8, ones, ones, 9, 10)
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=3, dtype="uint8", rpcs=model
    ) as one:
        one.write(np.moveaxis(array, 2, 0))
    return path


def control_of(path):
    with rasterio.open(path) as raster:
        points, crs = raster.gcps
        return [point.asdict() for point in points], crs, raster.rpcs and raster.rpcs.to_dict()


@pytest.mark.parametrize(("place", "what"), [(placed_by_points, "ground control points"), (placed_by_a_sensor, "RPCs")])
def test_what_places_a_raster_without_a_transform_is_kept(tmp_path, place, what):
    array = blobs(80, 700)
    path = place(tmp_path / "x.tif", array)
    kept, outputs = control_of(path), ("labels", "masks", "overlay", "csv", "polygons")
    outcome = predict_raster(bright_model(), Job(path, tmp_path / "out" / "x"), Wanted(outputs))
    assert outcome.reduced_to is None  # it has a scale of its own
    assert f"placed by {what} only: GeoTIFFs keep them, polygons are in pixels" in outcome.notes[0]
    written = [file for file in outcome.outputs if file.suffix == ".tif"]
    assert len(written) == 6
    assert all(control_of(file) == kept for file in written)
    assert {row["area_m2"] for row in outcome.rows} == {None}
    assert json.loads((tmp_path / "out" / "x.geojson").read_text())["coordinates_in"].startswith("pixels: ")
    result = bright_model().predict(path)
    assert result.notes == outcome.notes
    assert control_of(result.save(tmp_path, "y", ["labels"])[0]) == kept


@pytest.mark.parametrize("transform", [(np.nan, 0, 5, 0, -1, 5), (0, 0, 5, 0, 0, 5), (1, 1, 5, 1, 1, 5)])
def test_a_useless_transform_is_left_out_with_a_note(tmp_path, transform):
    path = write_scene(tmp_path / "x.tif", blobs(80, 90))
    with rasterio.open(path, "r+") as raster:
        raster.transform = rasterio.Affine(*transform)
    outcome = predict_raster(bright_model(), Job(path, tmp_path / "x"), Wanted(("labels", "polygons", "csv")))
    assert outcome.notes == ("the transform in the file is useless, so the results have no georeference",)
    assert json.loads((tmp_path / "x.geojson").read_text())["coordinates_in"].startswith("pixels: ")


@pytest.mark.parametrize("kind", ["complex_int16", "complex64"])
def test_complex_values_are_refused(tmp_path, kind):
    path = write_scene(tmp_path / "x.tif", blobs(20, 30, 1))
    with rasterio.open(path, "w", driver="GTiff", width=9, height=9, count=1, dtype=kind):
        pass
    with pytest.raises(FullconvError, match="complex values; export amplitude or phase first"):
        predict(path, tmp_path / "x")


def test_a_name_outside_utf8_is_not_called_damage(scene, tmp_path):
    import os
    import shutil

    strange = tmp_path / os.fsdecode(b"caf\xe9.tif")
    try:
        shutil.copy(scene[0], strange)
    except (OSError, UnicodeError):
        pytest.skip("the file system takes UTF-8 only")
    for path, target in ((strange, tmp_path / "x"), (scene[0], tmp_path / os.fsdecode(b"\xe9") / "x")):
        with pytest.raises(
            FullconvError, match="the name of the file or of its folder is not UTF-8; rename it"
        ) as error:
            predict(path, target)
        assert not isinstance(error.value, Damaged)
    with pytest.raises(FullconvError, match="is not UTF-8"):
        bright_model().predict(strange)
