"""Networks with global context: patches are blended without seams, on one grid for the whole picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.prediction.blending import blended, reach
from fullconv.prediction.predictor import Model
from fullconv.prediction.tiling import Span, Tile, blends, plan
from tests.prediction.scenes import BrightEngine, blobs, bright_model


def window(rows, columns) -> Tile:
    return Tile(Span(*rows, *rows), Span(*columns, *columns))


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([64, 96, 128]), st.data())
@settings(max_examples=50, deadline=None)
def test_equal_scores_do_not_change_in_any_window(height, width, side, data):
    plane = np.random.default_rng(0).normal(size=(2, height + 31, width + 31)).astype(np.float32)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    kept = window((top, data.draw(st.integers(top + 1, height))), (left, data.draw(st.integers(left + 1, width))))
    scores = blended(lambda part: plane[:, *part], (height, width), side, kept)
    np.testing.assert_allclose(scores, plane[:, *kept.placing], rtol=1e-4, atol=1e-5)
    rows, columns = reach((height, width), side, kept)
    assert rows.start <= kept.rows.start < kept.rows.stop <= rows.stop
    assert columns.start <= kept.columns.start < kept.columns.stop <= columns.stop


class MoodyEngine(BrightEngine):
    """Gives every patch other scores, as squeeze-and-excitation may do."""

    def scores(self, images):
        return super().scores(images) * 0 + np.float32(images.mean())


def test_patches_with_different_scores_leave_no_seam():
    image = np.zeros((512, 512, 3), np.uint8)
    image[:, 256:] = 200
    model = Model(bright_model(window=None).config, MoodyEngine())
    _, hard = model.label_tiles(image, True, 64, halo=0)
    _, soft = model.label_tiles(image, True, 64)
    assert np.abs(np.diff(hard[0], axis=1)).max() > 150
    assert np.abs(np.diff(soft[0], axis=1)).max() < 15


def test_windows_of_a_blended_picture_fit_together(monkeypatch):
    model, image = Model(bright_model(window=None).config, MoodyEngine()), blobs(300, 400, cell=31)
    _, whole = model.label_tiles(image, True, 96)
    monkeypatch.setattr("fullconv.prediction.tiling.BLENDED", 4 * 4 * 128**2)
    assert len(model.tiling(image.shape[:2], 96, None).tiles) > 4
    _, parts = model.label_tiles(image, True, 96)
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_tiles_are_blended_without_a_halo_and_with_global_context():
    everything, some = bright_model(window=None).config, bright_model().config
    assert blends(everything, None)
    assert not blends(everything, 64)
    assert not blends(some, None)
    tiling = plan(everything, (5000, 5000), "auto", None, lambda: 0)
    assert tiling.patch == 512
    assert plan(bright_model(window=None, longest_side=300).config, (5000, 5000), "auto", None, int).patch == 320
    kept = tiling.tiles[0].rows
    assert len(everything.classes) * 4 * (kept.stop - kept.start) ** 2 <= 2**28


def test_a_blended_raster(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    from fullconv.jobs.job import Job, Wanted
    from fullconv.jobs.rasters import predict_raster
    from tests.prediction.scenes import write_scene

    array = blobs(300, 200)
    array[:150] = 0
    path = write_scene(tmp_path / "x.tif", array, nodata=0)
    wanted = Wanted(("labels",), tile=64)
    written = predict_raster(bright_model(window=None), Job(path, tmp_path / "x"), wanted).outputs
    with rasterio.open(written[0]) as labels:
        expected = np.where((array == 0).all(2), 255, array.mean(2) // 64)
        assert (labels.read(1) == expected).all()
