"""What is told of a single picture."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fullconv.classes import Classes
from fullconv.evaluation.per_picture import ranked, score_of
from fullconv.metrics import confusion

THREE = Classes.named(["background", "cat", "dog"])


def score(truth, prediction, name="a.jpg"):
    counts = confusion(np.array(truth, np.uint8), np.array(prediction, np.uint8), 3)
    return score_of(SimpleNamespace(image_path=Path("data/sub") / name), counts)


def test_mean_over_the_picture_s_own_classes_and_its_commonest_error():
    one = score([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0])
    assert one.mean_iou == pytest.approx((3 / 7 + 1 / 5) / 2)
    assert one.to_json(Path("data"), THREE) == {
        "file": "sub/a.jpg", "mean_iou": one.mean_iou,
        "confused": {"truth": "cat", "prediction": "background", "pixels": 3},
    }  # fmt: skip


def test_a_perfect_picture_confuses_nothing():
    assert score([0, 1], [0, 1]).to_json(Path("elsewhere"), THREE)["confused"] is None


def test_the_worst_come_first_and_pictures_without_truth_are_left_out():
    pictures = [
        score([0, 1], [0, 1], "good"),
        score([], [], "void"),
        score([0, 1], [1, 0], "bad"),
        score([0, 1], [0, 0]),
    ]
    assert [one.sample.image_path.name for one in ranked(pictures)] == ["bad", "a.jpg", "good"]
