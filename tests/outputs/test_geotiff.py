"""Probabilities as a byte each, of which one value says that there is no data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.outputs.geotiff import CERTAIN, probabilities
from tests.outputs.results import CLASSES, VOID, result_of


def test_a_certain_pixel_is_data():
    """254 is the largest value that is stored: 255 would read as no data."""
    scores = np.array([[[90.0, -90.0, 0.0]], [[-90.0, 90.0, 0.0]]], np.float32)
    assert probabilities(scores).tolist() == [[[CERTAIN, 0, 127]], [[0, CERTAIN, 127]]]
    assert CERTAIN == VOID - 1


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.just(2), st.just(3)), elements=st.floats(-1e4, 1e4, width=32))
)
def test_no_score_is_stored_as_no_data(scores):
    found = probabilities(scores)
    assert found.max() <= CERTAIN
    assert np.abs(found.sum(0, dtype=int) - CERTAIN).max() <= len(scores)


def test_what_is_written_reads_as_probability_one(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    from fullconv.georeference import Georeference

    place = Georeference("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), None)
    scores = np.full((3, 1, 2), -90, np.float32)
    scores[1] = 90
    (path,) = result_of([[1, VOID]], CLASSES, scores=scores, georeference=place).save(tmp_path, "x", ["scores"])
    with rasterio.open(path) as raster:
        values = raster.read(masked=True)
        assert values.mask.tolist() == [[[False, True]]] * 3
        assert values[1, 0, 0] * raster.scales[1] == pytest.approx(1)
