"""Nets trained one after another, and the paper's own nets."""

import json

import pytest
import torch

from fullconv.errors import FullconvError
from fullconv.models.build import build
from fullconv.training import finishing, start
from fullconv.training import run as training_run
from fullconv.training import train as training
from fullconv.training.recipe import Recipe, stages_of
from fullconv.training.start import prepare_data
from fullconv.weights.model_files import read_config
from tests.training.test_run import TINY, parameters

STAGED = {**TINY, "staged": True, "epochs": 2, "stage_lr_factor": 0.5}


@pytest.fixture(autouse=True)
def no_export(monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: None)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)


def test_stages_of_an_architecture():
    assert stages_of("fcn8s") == ["fcn32s", "fcn16s", "fcn8s"]
    assert stages_of("voc-fcn16s") == ["voc-fcn32s", "voc-fcn16s"]
    assert stages_of("fcn-4s") == ["fcn-32s", "fcn-16s", "fcn-8s", "fcn-4s"]
    assert stages_of("voc-fcn8s-atonce") == stages_of("unet") == []
    with pytest.raises(FullconvError, match="staged must be false for an arch that is not an FCN"):
        Recipe(arch="unet", staged=True)


def test_stages_follow_each_other_in_one_command(disc_data, tmp_path, said):
    folder = training.train(disc_data, tmp_path, **STAGED)
    nets = [tmp_path / "fcn32s" / "model", tmp_path / "fcn16s" / "model", folder]
    recipes = [read_config(net).provenance["recipe"] for net in nets]
    assert [recipe["lr"] for recipe in recipes] == [3e-3, 1.5e-3, 0.75e-3]
    assert [read_config(net).architecture.stride for net in nets] == [32, 16, 8]
    assert said.text.count("1 unused (upscore") == 2


def test_a_stopped_staged_run_resumes_in_its_stage(disc_data, tmp_path, monkeypatch):
    training.train(disc_data, tmp_path / "straight", **STAGED)
    real, epochs = training_run.train_epoch, []

    def stop_in_the_fourth(*arguments):
        epochs.append(1)
        if len(epochs) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training_run, "train_epoch", stop_in_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            training.train(disc_data, tmp_path / "stopped", **STAGED)
    with pytest.raises(FullconvError, match="--resume"):
        training.train(disc_data, tmp_path / "stopped", **STAGED)
    training.train(disc_data, tmp_path / "stopped", resume=True)
    ours, theirs = (parameters(tmp_path / run / "model") for run in ("stopped", "straight"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_papers_net_trains_online_by_its_recipe(disc_data, tmp_path):
    """Whole pictures, one a step, the loss summed, biases at twice the rate; a small rate keeps He weights in place."""
    online = {
        "arch": "voc-fcn-alexnet", "pretrained": False, "batch_size": 1, "crop_size": 0, "scale": (1.0, 1.0),
        "pixels": "total", "dice": 0.0, "ema": 0.0, "clip": 0.0, "optimiser": "sgd", "momentum": 0.99, "epochs": 1,
        "lr": 1e-8, "trunk_lr_factor": 1.0, "bias_lr_factor": 2.0, "schedule": "constant", "warm_up": 0.0, "workers": 0,
        "precision": "fp32",
    }  # fmt: skip
    folder = training.train(disc_data, tmp_path, **online)
    config = read_config(folder)
    assert (config.architecture.alignment, config.normalisation.order) == ("caffe", (2, 1, 0))
    entry = json.loads((tmp_path / "log.jsonl").read_text())
    assert entry["loss"] > 64 * 80 * 0.3  # of all pixels of a picture, not their mean


def test_the_papers_trunk_asks_for_its_file(disc_data, tmp_path):
    with pytest.raises(FullconvError, match="give --trunk-weights"):
        training.train(disc_data, tmp_path, arch="voc-fcn32s", crop_size=0, batch_size=1)


def test_a_run_ends_when_it_stops_improving_and_goes_on_if_it_is_made_longer(disc_data, tmp_path, said):
    keys = {**TINY, "epochs": 5, "lr": 1e-12, "patience": 2}
    training.train(disc_data, tmp_path, **keys)
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    assert len(log) == 3  # two evaluations that were no better than the first
    assert "stopped after epoch 3 of 5, because 2 evaluations on val brought no improvement" in said.text
    training.train(disc_data, tmp_path, resume=True, epochs=7)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 7


@pytest.mark.filterwarnings("ignore:Detected call of")  # of torch: the schedule goes on though no step was made
def test_void_alone_teaches_nothing(disc_data, tmp_path, monkeypatch):
    """Neither a step nor a decay, and no NaN. A run is refused where all is void; some of its batches may be."""
    monkeypatch.setattr(start, "refuse_nothing_to_learn", lambda *_: None)
    yaml = tmp_path / "void.yaml"
    yaml.write_text(f"path: {disc_data.parent}\nnames: [background, disc]\nlabel_mapping: {{0: void, 1: void}}\n")
    folder = training.train(yaml, tmp_path / "run", **{**TINY, "epochs": 1, "weight_decay": 0.5, "ema": 0.0})
    entry = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert entry["loss"] == 0
    torch.manual_seed(0)
    _, config = prepare_data(disc_data, Recipe(**TINY))
    fresh = build(config).state_dict()
    trained = parameters(folder)
    assert all(torch.equal(trained[n], fresh[n].half() if fresh[n].ndim == 4 else fresh[n]) for n in trained)
