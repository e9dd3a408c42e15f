"""What a run says of its own future."""

import pytest

from fullconv.training.expectation import Expectation, in_words, trend


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 second"), (40, "40 seconds"), (100, "2 minutes"), (540, "9 minutes"), (9000, "2.5 hours")],
)
def test_times_as_people_say_them(seconds, words):
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], ""), ([0.5], "mean IoU 0.50"), ([0.5, 0.71], "mean IoU 0.71 and rising"),
        ([0.5, 0.71, 0.71], "mean IoU 0.71 and steady"), ([0.5, 0.71, 0.6], "mean IoU 0.60 and below the best"),
    ],
)  # fmt: skip
def test_where_the_score_is_heading(scores, words):
    assert trend([{"epoch": 1}, *({"mean_iou": score} for score in scores)]) == words


def test_the_time_left_follows_the_pace():
    expected = Expectation(100, [{"mean_iou": 0.5}, {"mean_iou": 0.71}], began=1000.0, done=10)
    assert expected.words(1060.0) == "about 9 minutes left, mean IoU 0.71 and rising"


def test_a_slower_machine_is_reported():
    expected = Expectation(100, [], ends=1600.0, began=1000.0, done=10)
    assert expected.words(1060.0) == "about 9 minutes left"
    assert "about 30 minutes left, 23 minutes longer than requested" in expected.words(1200.0)
