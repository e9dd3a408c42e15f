"""The model card says what was done with the temperature."""

from dataclasses import replace

import pytest

from fullconv.evaluation.calibration import Calibration
from fullconv.training.card import card
from tests.training_pictures import CONFIG


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (0.02, 0.01, "the scores are divided by 1.5 (`temperature` in config.json). It was fitted on 9 pictures"),
        (0.0026, 0.0077, "is 0.0077 with it and 0.0026 without it, so the scores are not divided by it"),
    ],
)
def test_the_card_says_whether_the_temperature_is_used(before, after, words):
    found = Calibration(1.5, before, after, 9, 9)
    config = replace(CONFIG, temperature=found.kept, metrics={"calibration": found.to_json()})
    assert words in " ".join(card(config).split())
