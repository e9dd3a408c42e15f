"""Scores at another size, and the best class of each pixel without resizing all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.prediction.resizing import contenders, label_map_at, scores_at


@given(arrays(np.float32, (4, 5, 6), elements=st.floats(-9, 9, width=32)), st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_label_map_at_is_the_argmax_of_the_resized_scores(scores, height, width):
    assert (label_map_at(scores, (height, width)) == scores_at(scores, (height, width)).argmax(0)).all()


SIDES = st.one_of(st.integers(1, 80), st.sampled_from([31, 32, 33, 34, 64, 65, 66]))


@given(st.integers(0, 999), SIDES, SIDES, st.floats(1, 3), st.floats(1, 3), st.floats(0, 8))
@settings(deadline=None)
def test_the_classes_that_are_left_out_are_best_nowhere(seed, own_height, own_width, down, across, contrast):
    """Scores are smooth, as those of networks are. Only a few classes are kept, and the labels are those of all."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(6, 3, 4)).astype(np.float32) + contrast * rng.normal(size=(6, 1, 1)).astype(np.float32)
    scores = scores_at(coarse, (own_height, own_width))
    height, width = round(own_height * down), round(own_width * across)
    every = scores_at(scores, (height, width)).argmax(0)
    assert (label_map_at(scores, (height, width)) == every).all()
    assert set(np.unique(every)) <= set(contenders(scores))
    assert contenders(scores) == contenders_by_pixel(scores)


def contenders_by_pixel(scores):
    """The same, group by group, without looking at blocks first."""
    around = np.pad(scores, ((0, 0), (0, 1), (0, 1)), "edge")
    groups = np.stack([around[:, i : i + scores.shape[1], j : j + scores.shape[2]] for i in (0, 1) for j in (0, 1)])
    behind = groups.max(0) < groups.min(0).max(0) - 1e-5 * np.abs(scores).max()
    return np.flatnonzero(~behind.all((1, 2))).tolist()


def test_a_class_that_is_far_behind_is_not_enlarged():
    scores = np.stack([np.full((5, 6), level, np.float32) for level in (0, 3, -1)])
    scores[2, 4, 5] = 9
    assert contenders(scores) == [1, 2]


def test_enlarging_follows_pixel_centres():
    """Compares with an independent implementation: torch's bilinear interpolation with half-pixel centres."""
    torch = pytest.importorskip("torch")
    scores = np.random.default_rng(1).normal(size=(3, 12, 16)).astype(np.float32)
    expected = torch.nn.functional.interpolate(torch.from_numpy(scores)[None], (50, 61), mode="bilinear")[0]
    np.testing.assert_allclose(scores_at(scores, (50, 61)), expected, atol=1e-4)
