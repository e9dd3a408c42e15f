import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, jaccard_score

from fullconv.classes import Classes
from fullconv.metrics import Confusion, confusion, evaluate, inner_boundary

THREE = Classes.named(["background", "cat", "dog"])
maps = arrays(np.uint8, (13, 17), elements=st.sampled_from([0, 1, 2]))
truths = arrays(np.uint8, (13, 17), elements=st.sampled_from([0, 1, 2, 255]))


def scored(truth, prediction, classes=THREE):
    counts = Confusion(classes)
    counts.add(np.asarray(truth, np.uint8), np.asarray(prediction, np.uint8))
    return counts.report()


@given(truths, maps)
def test_equals_scikit_learn(truth, prediction):
    known = truth != 255
    report = scored(truth, prediction)
    if not known.any():
        assert report["mean_iou"] is None
        assert report["pixel_accuracy"] is None
        return
    t, p = truth[known], prediction[known]
    assert report["confusion"] == confusion_matrix(t, p, labels=[0, 1, 2]).tolist()
    assert report["pixel_accuracy"] == pytest.approx((t == p).mean())
    present = np.union1d(t, p)
    assert report["mean_iou"] == pytest.approx(jaccard_score(t, p, average="macro", labels=present, zero_division=0))
    assert report["frequency_weighted_iou"] == pytest.approx(jaccard_score(t, p, average="weighted", zero_division=0))
    if set(p) <= set(t):  # scikit-learn warns about classes that only the prediction has
        assert report["mean_accuracy"] == pytest.approx(balanced_accuracy_score(t, p))


def test_absent_from_both_is_left_out_and_predicted_but_absent_is_zero():
    report = scored([[0, 0, 0, 0]], [[0, 0, 0, 1]])
    assert report["per_class"]["cat"] == {"iou": 0.0, "accuracy": None, "pixels": 0}
    assert report["per_class"]["dog"]["iou"] is None
    assert report["mean_iou"] == pytest.approx((0.75 + 0) / 2)
    assert report["mean_accuracy"] == pytest.approx(0.75)


def test_void_never_counts():
    assert scored([[0, 255, 255]], [[0, 1, 2]])["mean_iou"] == 1.0


def test_counts_stay_exact_beyond_float32():
    """Float counters stop at 2^24 pixels of a class."""
    counts = Confusion(Classes.named(["a", "b"]))
    counts.matrix[0, 0] = 2**40
    counts.add(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))
    assert counts.report()["confusion"] == [[2**40 + 1, 0], [0, 0]]
    assert counts.matrix.dtype == np.int64


@given(st.lists(st.tuples(truths, maps), min_size=1, max_size=4))
@settings(max_examples=25)
def test_one_matrix_over_the_set_not_a_mean_over_images(pairs):
    counts = Confusion(THREE)
    for truth, prediction in pairs:
        counts.add(truth, prediction)
    whole = [np.concatenate(side, 0) for side in zip(*pairs, strict=True)]
    known = whole[0] != 255
    assert (counts.matrix == confusion(whole[0][known], whole[1][known], 3)).all()


@given(arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20))), st.integers(1, 4))
def test_inner_boundary_is_mask_minus_erosion(mask, width):
    from scipy.ndimage import binary_erosion

    eroded = binary_erosion(mask, np.ones((2 * width + 1,) * 2), border_value=0)
    assert (inner_boundary(mask, width) == (mask & ~eroded)).all()


def test_boundary_iou_sees_what_iou_hides():
    """A large square, one with a thick rim missing: IoU stays high, boundary IoU collapses."""
    truth = np.zeros((400, 400), np.uint8)
    truth[20:380, 20:380] = 1
    prediction = np.zeros_like(truth)
    prediction[32:368, 32:368] = 1
    report = scored(truth, prediction)
    assert report["per_class"]["cat"]["iou"] > 0.85
    assert report["boundary_iou"] < 0.2
    assert scored(truth, truth)["boundary_iou"] == 1.0


def test_evaluate_takes_any_function():
    class Sample:
        def read(self):
            return np.zeros((4, 6, 3), np.uint8), np.ones((4, 6), np.uint8)

    counts = evaluate(lambda image: np.ones(image.shape[:2], np.uint8), [Sample(), Sample()], THREE)
    assert counts.matrix[1, 1] == 48


def test_a_prediction_of_another_size_is_refused():
    with pytest.raises(ValueError, match="source's size"):
        scored(np.zeros((4, 4)), np.zeros((2, 2)))
