"""Which epoch is kept."""

import pytest
import torch

from fullconv.models.build import build
from fullconv.training import validation
from fullconv.training.pictures import SKIPPED, Skipped
from fullconv.training.recipe import Recipe
from fullconv.training.run import seed_epoch
from fullconv.training.start import prepare_data
from fullconv.training.validation import has_stalled, keep_if_good
from fullconv.weights.model_files import read_config


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([0.5, 0.5], 2), ([0.5, 0.4], 1), ([0.4, 0.5], 2), ([None, None], 2), ([0.5, 0.4, 0.5], 3),
        ([0.5, 0.491], 2), ([0.5, 0.489], 1), ([0.5, 0.493, 0.486], 2),  # chance: 0.01 with nine pictures
    ],
)  # fmt: skip
def test_the_last_of_equally_good_epochs_is_kept(disc_data, tmp_path, monkeypatch, scores, kept):
    dataset, config = prepare_data(disc_data, Recipe(trunk="test_resnet", arch="fcn32s", score_hidden=0))
    nine = (dataset.split("val") * 9)[:9]
    model, history = build(config), []
    for score in scores:
        numbers = {"mean_iou": score, "boundary_iou": None, "pixel_accuracy": score, "per_class": {}}
        monkeypatch.setattr(validation, "evaluate_network", lambda *_, found=numbers: found)
        history.append({"epoch": len(history) + 1})
        history[-1] |= keep_if_good(model, nine, config, tmp_path, history, Skipped(tmp_path / SKIPPED))
    assert read_config(tmp_path).provenance["epoch"] == kept
    assert read_config(tmp_path).metrics["val"]["mean_iou"] == scores[kept - 1]
    assert [entry["mean_iou"] for entry in history] == [score or 0.0 for score in scores]


def test_a_run_has_stalled_when_the_last_evaluations_brought_nothing():
    def history(*scores):
        return [{"epoch": 0}, *({"mean_iou": score} for score in scores)]

    assert has_stalled(history(0.5, 0.5, 0.4), 2)
    assert not has_stalled(history(0.5, 0.6, 0.4), 2)
    assert not has_stalled(history(0.5, 0.4), 2)
    assert not has_stalled(history(0.5, 0.4, 0.3), 0)


def test_an_epoch_draws_the_same_numbers_whatever_was_drawn_before():
    def draw(seed, epoch):
        seed_epoch(seed, epoch)
        return torch.rand(()).item()

    with torch.random.fork_rng():
        first = draw(0, 3)
        torch.rand(100)
        assert draw(0, 3) == first
        assert len({first, draw(0, 4), draw(1, 3), draw(1, 4)}) == 4
