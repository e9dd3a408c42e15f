import numpy as np

from fullconv.softness import confidence, enlarged, margin

SCORES = np.array([[[2.0, 0.0]], [[0.0, 1.0]], [[-1.0, 0.0]]], np.float32)  # (3, 1, 2)


def test_confidence_is_the_softmax_of_the_best():
    softmax = np.exp(SCORES) / np.exp(SCORES).sum(0)
    assert np.allclose(confidence(SCORES, (1, 2)), softmax.max(0))


def test_a_high_temperature_makes_unsure_and_large_scores_do_not_overflow():
    assert np.allclose(confidence(SCORES, (1, 2), temperature=1e6), 1 / 3, atol=1e-4)
    assert np.allclose(confidence(SCORES * 1e4, (1, 2)), 1)


def test_margin_is_over_the_best_of_the_others():
    assert margin(SCORES, 0, (1, 2)).tolist() == [[2.0, -1.0]]
    assert margin(SCORES, 2, (1, 2)).tolist() == [[-3.0, -1.0]]


def test_enlarged_is_bilinear():
    assert np.allclose(enlarged(np.array([[0.0, 1.0]], np.float32), (1, 4)), [[0, 0.25, 0.75, 1]])
