import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, jaccard_score
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_jaccard_index,
)

import fullconv
from fullconv.classes import Classes
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.metrics import Confusion, confusion, inner_boundary

THREE = Classes.named(["background", "cat", "dog"])
maps = arrays(np.uint8, (13, 17), elements=st.sampled_from([0, 1, 2]))
truths = arrays(np.uint8, (13, 17), elements=st.sampled_from([0, 1, 2, 255]))


def scored(truth, prediction, classes=THREE):
    counts = Confusion(classes)
    counts.add(np.asarray(truth, np.uint8), np.asarray(prediction, np.uint8))
    return counts.report()


@pytest.mark.parametrize(
    ("truth", "prediction", "why"),
    [
        ([[0, 1]], [[0, 5]], "prediction holds 5, but the classes are 0 to 2"),  # 1 * 3 + 5 has no cell, 0 * 3 + 5 has
        ([[1, 0]], [[0, 5]], "prediction holds 5"),
        ([[0, 1]], [[0, 255]], "prediction holds 255"),
        ([[0, 7]], [[0, 1]], "truth holds 7"),
        ([[0, -1]], [[0, 1]], "truth holds -1"),
        ([[0, 1]], [[0.1, 0.9]], "prediction has type float64; give class indices as integers"),
    ],
)
def test_values_that_are_no_class_are_refused(truth, prediction, why):
    counts = Confusion(THREE)
    with pytest.raises(FullconvError, match=why):
        counts.add(np.array(truth), np.array(prediction))
    assert not counts.matrix.any()


def test_label_maps_of_other_kinds_are_counted_alike():
    truth = np.array([[0, 1, 255, 1] * 5] * 5, np.uint8)
    prediction = (np.arange(100) % 3 == 0).reshape(5, 20)
    expected = scored(truth, prediction)
    for kind in (prediction, prediction.astype(np.int64), torch.from_numpy(prediction.astype(np.int64))):
        counts = Confusion(THREE)
        counts.add(truth, kind)
        assert counts.report() == expected


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


def by_torchmetrics(truth, prediction, n):
    """(confusion matrix, {the paper's four}) as torchmetrics has them, void 255 left out."""
    p, t = torch.from_numpy(prediction).long(), torch.from_numpy(truth).long()
    known = {"num_classes": n, "ignore_index": 255}
    return multiclass_confusion_matrix(p, t, **known), {
        "pixel_accuracy": multiclass_accuracy(p, t, average="micro", **known),
        "mean_accuracy": multiclass_accuracy(p, t, average="none", **known)[
            torch.bincount(t[t != 255], minlength=n) > 0
        ].mean(),
        "mean_iou": multiclass_jaccard_index(p, t, average="macro", **known),
        "frequency_weighted_iou": multiclass_jaccard_index(p, t, average="weighted", **known),
    }


@given(truths, maps)
def test_equals_torchmetrics(truth, prediction):
    report = scored(truth, prediction)
    matrix, four = by_torchmetrics(truth, prediction, 3)
    assert report["confusion"] == matrix.tolist()
    for name, value in four.items() if (truth != 255).any() else ():
        assert report[name] == pytest.approx(value.item(), abs=1e-6), name  # torchmetrics divides in float32


def test_equals_both_on_real_predictions(real_data):
    """Photos, their masks with void borders, and what the bundled model makes of them."""
    model = fullconv.load("photos", precision="fp32")
    mapped = open_dataset(real_data("voc-animals")).mapped_to(model.classes, model.config.label_mapping)
    pairs = [sample.read() for sample in mapped.split("val")[::30]]
    counts = Confusion(model.classes)
    for image, labels in pairs:
        counts.add(labels, model.predict(image).label_map)
    truth = np.concatenate([labels.ravel() for _, labels in pairs])
    prediction = np.concatenate([model.predict(image).label_map.ravel() for image, _ in pairs])
    known, report = truth != 255, counts.report()
    assert 0 < known.sum() < known.size  # some of it is void
    assert report["confusion"] == confusion_matrix(truth[known], prediction[known], labels=range(21)).tolist()
    matrix, four = by_torchmetrics(truth, prediction, 21)
    assert report["confusion"] == matrix.tolist()
    for name, value in four.items():
        assert report[name] == pytest.approx(value.item(), abs=1e-6), name


def test_absent_from_both_is_left_out_and_predicted_but_absent_is_zero():
    report = scored([[0, 0, 0, 0]], [[0, 0, 0, 1]])
    assert report["per_class"]["cat"] == {"iou": 0.0, "accuracy": None, "pixels": 0}
    assert report["per_class"]["dog"]["iou"] is None
    assert report["mean_iou"] == pytest.approx((0.75 + 0) / 2)
    assert report["mean_accuracy"] == pytest.approx(0.75)


def test_void_never_counts():
    assert scored([[0, 255, 255]], [[0, 1, 2]])["mean_iou"] == 1.0


def test_a_class_of_more_than_2_to_the_24_pixels_is_counted_to_the_last():
    """Float32 counters, torch.histc's among them, stop at 2^24 or round; here every strip adds an odd number."""
    rng = np.random.default_rng(0)
    counts, reference = Confusion(THREE), torch.zeros(3, 3, dtype=torch.int64)
    in_float = np.zeros((3, 3), np.float32)
    for i in range(9):
        truth = np.zeros((1023, 2047), np.uint8)
        truth[:5] = rng.choice([1, 2, 255], (5, 2047))
        prediction = truth.copy()
        prediction[-1, : i + 1] = 2
        prediction[truth == 255] = 1
        in_float += counts.add(truth, prediction).astype(np.float32)
        p, t = torch.from_numpy(prediction), torch.from_numpy(truth)
        reference += multiclass_confusion_matrix(p.int(), t.int(), 3, ignore_index=255, validate_args=False)
    assert (counts.matrix == reference.numpy()).all()
    assert counts.matrix[0].tolist() == [9 * 1018 * 2047 - 45, 0, 45]
    assert counts.matrix[0, 0] > 2**24
    assert in_float[0, 0] != counts.matrix[0, 0]


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


def test_void_is_outside_of_boundaries_and_never_counts_there():
    """What is predicted under void changes nothing; a class has an edge where void begins (arXiv 2103.16562 has no
    void: it is treated as outside, in truth and prediction alike)."""
    truth = np.zeros((100, 100), np.uint8)
    truth[20:80, 20:80] = 1
    truth[:, 50:] = 255
    prediction = np.where(truth == 255, 1, truth)
    elsewhere = np.where(truth == 255, 2, truth)
    for claimed in (prediction, elsewhere):
        assert scored(truth, claimed)["boundary_iou"] == 1.0
    width = max(1, round(0.02 * 100 * 2**0.5))
    counts = Confusion(THREE)
    counts.add(truth, prediction)
    known = np.zeros((60, 30), bool)
    known[width:-width, width:-width] = True  # of the 60x30 pixels that are cat, what is no edge
    assert counts.boundary[1].tolist() == [(~known).sum()] * 2
    assert counts.boundary[2].tolist() == [0, 0]


def test_a_prediction_of_another_size_is_refused():
    with pytest.raises(FullconvError, match="source's size"):
        scored(np.zeros((4, 4)), np.zeros((2, 2)))
