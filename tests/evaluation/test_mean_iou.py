"""Mean IoU as others define it, each beside the library that does so, or the same computed another way."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.functional.classification import multiclass_jaccard_index
from torchmetrics.segmentation import MeanIoU

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.evaluation.mean_iou import DEFAULT, DEFINITIONS, check_definition, redefined
from fullconv.evaluation.per_picture import score_of
from fullconv.metrics import Confusion

FOUR = Classes.named(["background", "cat", "dog", "cow"])
label_maps = arrays(np.uint8, (5, 6), elements=st.sampled_from([0, 1, 2]))  # never a cow
truths = arrays(np.uint8, (5, 6), elements=st.sampled_from([0, 1, 2, 255]))
sets = st.lists(st.tuples(truths, label_maps), min_size=1, max_size=4)


def reported(pairs, definition):
    counts, pictures = Confusion(FOUR), []
    for truth, prediction in pairs:
        pictures.append(score_of(SimpleNamespace(), counts.add(truth, prediction)))
    return redefined(counts.report(), definition, pictures)


def jaccard(pairs, average):
    """torchmetrics' over the whole set: with "none", a class absent from both is 0; "macro" leaves it out."""
    truth, prediction = (torch.from_numpy(np.concatenate(side)).long() for side in zip(*pairs, strict=True))
    return multiclass_jaccard_index(prediction, truth, 4, average=average, ignore_index=255)


@given(sets)
def test_mmseg_leaves_out_what_is_absent_from_both(pairs):
    report = reported(pairs, "mmseg")
    if report["mean_iou"] is not None:
        assert report["mean_iou"] == pytest.approx(jaccard(pairs, "macro").item(), abs=1e-6)
    assert report["per_class"]["cow"]["iou"] is None


@given(sets)
def test_paddleseg_counts_it_as_zero(pairs):
    report, by_class = reported(pairs, "paddleseg"), jaccard(pairs, "none")
    assert [row["iou"] for row in report["per_class"].values()] == pytest.approx(by_class.tolist(), abs=1e-6)
    assert report["mean_iou"] == pytest.approx(by_class.mean().item(), abs=1e-6)


@given(sets)
def test_torchmetrics_averages_over_pictures(pairs):
    """MeanIoU itself knows no void: it is given the labelled pixels of each picture."""
    whole, by_class = MeanIoU(4, input_format="index"), MeanIoU(4, input_format="index", per_class=True)
    for truth, prediction in pairs:
        known = truth != 255
        if known.any():
            labelled = torch.from_numpy(prediction[known]).long(), torch.from_numpy(truth[known]).long()
            whole.update(*labelled)
            by_class.update(*labelled)
    report = reported(pairs, "torchmetrics")
    if report["mean_iou"] is None:
        return
    assert report["mean_iou"] == pytest.approx(whole.compute().item(), abs=1e-6)
    ious = [-1 if row["iou"] is None else row["iou"] for row in report["per_class"].values()]
    assert ious == pytest.approx(by_class.compute().tolist(), abs=1e-6)


def test_they_differ_where_the_rule_does():
    """Two pictures: a cat found in the first, a false dog in the second, a cow in neither."""
    ground = np.zeros((1, 8), np.uint8)
    first, second = np.array([[0, 0, 0, 0, 1, 1, 1, 1]], np.uint8), np.array([[0, 0, 0, 0, 0, 0, 2, 2]], np.uint8)
    pairs = [(first, first), (ground, second)]
    iou = 10 / 12  # of the background, over both
    assert reported(pairs, "mmseg")["mean_iou"] == pytest.approx((iou + 1 + 0) / 3)
    assert reported(pairs, "paddleseg")["mean_iou"] == pytest.approx((iou + 1 + 0 + 0) / 4)
    assert reported(pairs, "torchmetrics")["mean_iou"] == pytest.approx((1 + 1 + 0.75 + 0) / 4)


def test_the_default_is_the_first_and_no_other_number_changes():
    pairs = [(np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 1]], np.uint8))]
    assert next(iter(DEFINITIONS)) == DEFAULT
    reports = [reported(pairs, name) for name in DEFINITIONS]
    for report in reports:
        assert report.pop("definition") in DEFINITIONS
        report.pop("mean_iou")
        for row in report["per_class"].values():
            row.pop("iou")
    assert reports[0] == reports[1] == reports[2]
    json.dumps(reports, allow_nan=False)


def test_all_void_is_no_number_where_nothing_is_counted():
    pairs = [(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8))]
    assert reported(pairs, "mmseg")["mean_iou"] is None
    assert reported(pairs, "torchmetrics")["mean_iou"] is None
    assert reported(pairs, "paddleseg")["mean_iou"] == 0.0


def test_an_unknown_definition_is_told_what_there_is():
    with pytest.raises(FullconvError, match="choose from mmseg, torchmetrics, paddleseg"):
        check_definition("caffe2")
