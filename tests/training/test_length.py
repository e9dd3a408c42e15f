"""How long a run is, in which batches, where nobody says."""

import pytest

from fullconv.errors import FullconvError, UnknownValue
from fullconv.training.length import (
    STEPS,
    enough,
    fitted,
    length_summary,
    seconds_of,
    spread,
    steps_for,
    with_new_scores,
)
from fullconv.training.recipe import Recipe
from fullconv.training.run import sampling_of
from fullconv.training.trial import Pace, within


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("45", 45), (30, 30), ("2 M", 120)]
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "ten", "-5m", "0s", "1d", "1e3"])
def test_an_invalid_time_is_reported(text):
    with pytest.raises(FullconvError, match="such as 90s, 10m or 1"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("time", "runs", "words"),
    [
        ("1", 1, "time='1': 1 second is too short for any run; give more, such as 10m"),
        (1, 1, "time=1: 1 second is too short for any run"),
        ("10s", 1, "time='10s': 10 seconds is too short for any run"),
        ("1m", 5, "time='1m': 60 seconds is too short for 5 runs"),
    ],
)
def test_a_time_that_never_suffices_is_refused_at_once(time, runs, words):
    with pytest.raises(UnknownValue, match=words):
        enough(time, runs)


def test_small_sets_get_small_batches_and_the_rate_that_goes_with_them():
    small, large = fitted(Recipe(), (), 20, (500, 400)), fitted(Recipe(), (), 5000, (500, 400))
    assert (small.batch_size, small.crop_size) == (4, 256)
    assert small.lr == Recipe().lr / 2
    assert (large.batch_size, large.crop_size, large.lr) == (16, 256, Recipe().lr)


def test_small_pictures_get_small_crops():
    assert fitted(Recipe(), (), 20, (70, 90)).crop_size == 96
    assert fitted(Recipe(), (), 20, (10, 10)).crop_size == 64
    assert fitted(Recipe(crop_size=0, accumulate=16), (), 20, (70, 90)).crop_size == 0


def test_given_values_are_kept():
    recipe = Recipe(batch_size=32, crop_size=512, lr=1e-4)
    assert fitted(recipe, ("batch_size", "crop_size", "lr"), 20, (70, 90)) == recipe


@pytest.mark.parametrize("pictures", [1, 3, 20, 97, 1000, 20_000])
def test_a_run_has_the_steps_that_were_asked_for(pictures):
    class Data:
        classes, unlabelled = ("a", "b"), ()

        def split(self, name):
            return range(pictures)

    recipe = fitted(Recipe(), (), pictures, (300, 300))
    for asked in (7, 100, 801, steps_for(recipe, pictures)):
        spreaded = spread(recipe, asked, pictures)
        each = -(-sampling_of(Data(), spreaded, None).length // spreaded.batch_size)
        total = each * spreaded.epochs
        assert 0.8 * asked <= total <= asked
        assert length_summary(spreaded, pictures).startswith(f"{total} steps of ")


@pytest.mark.parametrize(("every", "evaluations"), [(1, "10 evaluations"), (4, "3 evaluations"), (20, "1 evaluation")])
def test_the_summary_counts_the_evaluations(every, evaluations):
    assert length_summary(Recipe(epochs=10, evaluate_every=every), 30).endswith(f", {evaluations}")


def test_a_large_set_is_seen_often_enough():
    assert steps_for(Recipe(), 20) == STEPS
    assert steps_for(Recipe(), 16_000) == 20 * 1000


def test_the_time_is_kept_by_what_was_measured():
    recipe = fitted(Recipe(), (), 20, (300, 300))
    for seconds in (60, 600, 3600):
        pace = Pace(step=0.5, epoch=2.0, end=10.0)
        chosen = within(recipe, pace, seconds, 20)
        steps = chosen.epochs * round(chosen.repeat * 20 / chosen.batch_size)
        taken = steps * pace.step + chosen.epochs * pace.epoch + pace.end
        assert 0.7 * seconds < taken <= 0.97 * seconds


def test_a_time_limit_that_is_too_short_is_refused():
    enough = "the trial took 41 s, and scoring and writing alone take about 38 s more; give at least time='2m'"
    with pytest.raises(FullconvError, match=f"the time is too short: {enough}"):
        within(Recipe(), Pace(1.0, 5.0, 20.0), 30, 20, spent=41)


def test_new_scores_over_a_trained_trunk_learn_faster_unless_a_rate_is_given():
    chosen = with_new_scores(Recipe(), ())
    assert chosen.lr > Recipe().lr
    assert chosen.lr * chosen.trunk_lr_factor <= 4 * Recipe().lr * Recipe().trunk_lr_factor  # the trunk about as usual
    assert with_new_scores(Recipe(lr=1e-5), ("lr",)) == Recipe(lr=1e-5)
    assert with_new_scores(Recipe(trunk_lr_factor=1.0), ("trunk_lr_factor",)).trunk_lr_factor == 1.0
