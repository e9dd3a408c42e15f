"""Temperatures: with them probabilities are what they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import VOID, Classes
from fullconv.data.dataset import Sample
from fullconv.evaluation.calibration import (
    Calibration,
    Prediction,
    Reliability,
    at_points,
    calibrate,
    fit,
    halves,
    points_of,
)
from fullconv.prediction.predictor import Model
from fullconv.weights.model_folder import open_folder

TOO_SURE = 3.0  # times: how much larger the scores of Boaster are than they ought to be


class Boaster:
    """An engine that reads the probability of class 1 off the first channel, and boasts."""

    name, precision = "boaster", "fp32"

    def scores(self, images):
        share = np.clip(images[..., 0] / 255, 0.01, 0.99)
        return np.stack([0 * share, TOO_SURE * np.log(share / (1 - share))], 1).astype(np.float32)

    def label_maps(self, images):
        return self.scores(images).argmax(1).astype(np.uint8)

    def room(self, channels=3, scores=False):
        return 2**20


def boaster() -> Model:
    classes = Classes(("ground", "thing"), ((0, 0, 0), (9, 9, 9)))
    return Model(replace(open_folder("photos").config, classes=classes, enlarge_to=None), Boaster())


def samples(folder: Path, count: int, void: bool = False, size: int = 64) -> list[Sample]:
    """Pictures whose first channel is the probability that a pixel of class 1 is right."""
    rng, lookup = np.random.default_rng(1), np.arange(256, dtype=np.uint8)
    found = []
    for number in range(count):
        picture, mask = folder / f"{number}.png", folder / f"{number}_mask.png"
        values = rng.integers(10, 246, (size, size, 3)).astype(np.uint8)
        truth = (
            np.uint8(VOID) * np.ones((size, size), np.uint8)
            if void
            else rng.random((size, size)) < values[..., 0] / 255
        )
        Image.fromarray(values).save(picture)
        Image.fromarray(truth.astype(np.uint8)).save(mask)
        found.append(Sample(str(number), picture, mask, lookup))
    return found


def test_overconfidence_is_measured_and_corrected(tmp_path):
    found = calibrate(boaster(), samples(tmp_path, 12))
    assert found.temperature == pytest.approx(TOO_SURE, rel=0.05)
    assert found.error_before > 0.1
    assert found.error_after < 0.02
    assert (found.fitted_on, found.measured_on) == (6, 6)


def test_a_temperature_that_does_not_help_is_not_kept():
    assert Calibration(1.5, 0.02, 0.01, 9, 9).kept == 1.5
    assert Calibration(1.5, 0.0026, 0.0077, 9, 9).kept == 1.0


def test_a_reduced_picture_is_measured_at_its_own_size(tmp_path):
    """Its scores are means of several pixels', so it is another temperature, but one that helps."""
    found = calibrate(boaster(), samples(tmp_path, 4, size=600))
    assert found.error_after < found.error_before


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path):
    pictures = samples(tmp_path, 6)
    pictures[0].image_path.write_bytes(b"no picture")
    found = calibrate(boaster(), pictures)
    assert found.fitted_on + found.measured_on == 5


@pytest.mark.parametrize(("count", "void"), [(1, False), (4, True)])
def test_too_few_pictures_give_no_calibration(tmp_path, count, void):
    assert calibrate(boaster(), samples(tmp_path, count, void)) is None


def test_halves_are_always_the_same_and_share_no_picture(tmp_path):
    pictures = samples(tmp_path, 9)
    one, other = halves(pictures)
    assert ([s.name for s in one], [s.name for s in other]) == tuple([s.name for s in h] for h in halves(pictures))
    assert sorted(s.name for s in one + other) == sorted(s.name for s in pictures)
    assert (len(one), len(other)) == (4, 5)


def test_the_error_by_hand():
    """Ten pixels of confidence 0.95, eight right; ten of 0.5, five right."""
    found = Reliability()
    sure = np.repeat(np.float32([0.95, 0.5]), 10)
    right = np.array([True] * 8 + [False] * 2 + [True] * 5 + [False] * 5)
    found.add(sure[:7], right[:7])
    found.add(sure[7:], right[7:])
    assert found.error == pytest.approx((0.15 + 0) / 2, abs=1e-6)
    assert Reliability(found.bins * 2).error == pytest.approx(found.error)


def test_full_confidence_is_in_the_last_bin():
    found = Reliability()
    found.add(np.float32([1.0, 1.0]), np.array([True, False]))
    assert found.bins[0].tolist() == [0] * 14 + [2]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_fit_finds_the_temperature(temperature):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (50_000, 4)).astype(np.float32)
    powers = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    truth = (powers.cumsum(1) > rng.random((50_000, 1))).argmax(1)
    assert fit(temperature * scores, truth) == pytest.approx(temperature, rel=0.03)


def test_points_are_labelled_ones_and_have_their_own_scores():
    truth = np.full((8, 8), VOID, np.uint8)
    truth[2:4, 4:6] = 1
    scores = np.arange(2 * 16, dtype=np.float32).reshape(2, 4, 4)
    found, classes = points_of(Prediction(truth, truth, scores), VOID)
    assert found.tolist() == [scores[:, 1, 2].tolist()]
    assert classes.tolist() == [1]


def test_a_label_for_each_point_is_that_of_its_middle():
    assert at_points(np.arange(9, dtype=np.uint8).reshape(3, 3), (1, 3)).tolist() == [[3, 4, 5]]
