import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt
from skimage.morphology import thin

from fullconv.classes import Classes
from fullconv.evaluation.thin_structures import ThinScores

TWO = Classes.named(["background", "crack"])
maps = arrays(np.uint8, (23, 31), elements=st.sampled_from([0, 0, 0, 1]))
truths = arrays(np.uint8, (23, 31), elements=st.sampled_from([0, 0, 0, 1, 255]))


def scored(*pairs):
    scores = ThinScores(TWO)
    for truth, prediction in pairs:
        scores.add(np.asarray(truth, np.uint8), np.asarray(prediction, np.uint8))
    return scores.report()["per_class"]["crack"]


def within(mask, other):
    """(pixels of `mask` at most 2 pixels from one of `other`, pixels of `mask`), by exact distances."""
    distance = distance_transform_edt(~other) if other.any() else np.full(other.shape, np.inf)
    return (distance[mask] <= 2).sum(), mask.sum()


def harmonic(a, b):
    return 2 * a * b / (a + b) if a + b else 0.0


@given(truths, maps)
def test_equals_distances_of_scipy_and_skeletons_of_scikit_image(truth, prediction):
    known = truth != 255
    t, p = truth == 1, (prediction == 1) & known
    row = scored((truth, prediction))
    if not t.any() or not p.any():
        assert row["f1"] == row["cldice"] == (0 if t.any() or p.any() else None)
        return
    (right, claimed), (found, actual) = within(p, t), within(t, p)
    assert row["precision"] == pytest.approx(right / claimed)
    assert row["recall"] == pytest.approx(found / actual)
    assert row["f1"] == pytest.approx(harmonic(right / claimed, found / actual))
    centre, line = thin(p), thin(t)
    assert row["cldice"] == pytest.approx(harmonic((centre & t).sum() / centre.sum(), (line & p).sum() / line.sum()))


def line(row, columns=slice(None)):
    mask = np.zeros((20, 40), np.uint8)
    mask[row, columns] = 1
    return mask


@pytest.mark.parametrize(("apart", "f1"), [(0, 1), (2, 1), (3, 0)])
def test_two_pixels_beside_are_right_and_three_are_wrong(apart, f1):
    row = scored((line(8), line(8 + apart)))
    assert (row["precision"], row["recall"], row["f1"]) == (f1, f1, f1)


def test_a_gap_costs_recall_and_counts_are_summed_over_pictures():
    half = scored((line(8), line(8, slice(0, 20))), (line(8), line(8)))
    assert half["precision"] == 1
    assert half["recall"] == (20 + 2 + 40) / 80
    assert half["cldice"] == pytest.approx(harmonic(1, 60 / 80))


def test_void_counts_neither_as_truth_nor_as_prediction():
    truth = line(8)
    truth[:, 20:] = 255
    assert scored((truth, line(8)))["f1"] == 1
    assert scored((truth, line(8, slice(20, 40))))["f1"] == 0
    assert scored((np.full((20, 40), 255), line(8))) == {"precision": None, "recall": None, "f1": None, "cldice": None}
