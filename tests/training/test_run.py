"""Whole runs on tiny data: they learn, repeat exactly, and go on where they were stopped."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import fullconv
from fullconv.errors import FullconvError
from fullconv.training import finishing, start
from fullconv.training import run as training_run
from fullconv.training import train as training
from fullconv.training.recipe import Recipe
from fullconv.training.start import prepare_data
from fullconv.weights.tensors import read_tensors

TINY = {
    "trunk": "test_resnet", "pretrained": False, "arch": "fcn8s", "crop_size": 64, "batch_size": 4, "score_hidden": 8,
    "lr": 3e-3, "trunk_lr_factor": 1.0, "colour": 0.1, "workers": 0, "precision": "fp32", "ema": 0.5,
}  # fmt: skip


def run(data, out, **changes) -> Path:
    return training.train(data, out, **{**TINY, **changes})


def parameters(folder):
    return read_tensors(folder / "model.safetensors")


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(autouse=True)
def no_export(monkeypatch, request):
    """Export and pictures take seconds; only the test of the whole way needs them."""
    if "learns_and_predicts" not in request.node.name:
        monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
        monkeypatch.setattr(finishing, "illustrate", lambda *_: None)


@pytest.fixture(scope="module")
def straight(disc_data, tmp_path_factory):
    """A run of three epochs without interruption."""
    out = tmp_path_factory.mktemp("straight")
    patch = pytest.MonkeyPatch()
    patch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    patch.setattr(finishing, "illustrate", lambda *_: None)
    run(disc_data, out, epochs=3)
    patch.undo()
    return out


def test_same_seed_same_model_whatever_the_workers(disc_data, straight, tmp_path):
    run(disc_data, tmp_path / "again", epochs=3, workers=2)
    assert same(parameters(tmp_path / "again" / "model"), parameters(straight / "model"))
    assert (tmp_path / "again" / "log.jsonl").read_text() == (straight / "log.jsonl").read_text()


def test_two_runs_in_one_process_may_differ_in_precision(disc_data, straight, tmp_path):
    run(disc_data, tmp_path / "bf16", epochs=1, precision="bf16")
    run(disc_data, tmp_path / "fp32", epochs=3)
    assert same(parameters(tmp_path / "fp32" / "model"), parameters(straight / "model"))


def test_another_seed_another_model(disc_data, straight, tmp_path):
    run(disc_data, tmp_path, epochs=3, seed=1)
    assert not same(parameters(tmp_path / "model"), parameters(straight / "model"))


@pytest.mark.parametrize("stop_at_step", [0, 5, 11])
def test_stopped_and_resumed_ends_where_it_would_have(disc_data, straight, tmp_path, monkeypatch, stop_at_step):
    done = 0
    real_step = training_run.train_epoch.__globals__["train_step"]

    def step(*arguments):
        nonlocal done
        if done == stop_at_step:
            raise KeyboardInterrupt
        done += 1
        return real_step(*arguments)

    with monkeypatch.context() as patch:
        patch.setitem(training_run.train_epoch.__globals__, "train_step", step)
        with pytest.raises(KeyboardInterrupt):
            run(disc_data, tmp_path, epochs=3)
    run(disc_data, tmp_path, epochs=3, resume=(tmp_path / "last.pt").exists())
    assert same(parameters(tmp_path / "model"), parameters(straight / "model"))
    assert (tmp_path / "log.jsonl").read_text() == (straight / "log.jsonl").read_text()


def test_a_trained_model_learns_and_predicts_without_torch(disc_data, tmp_path):
    folder = run(disc_data, tmp_path, epochs=30, lr=1e-2)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == list(range(1, 31))
    assert log[-1]["loss"] < log[0]["loss"] / 2
    config = json.loads((folder / "config.json").read_text())
    kept = log[config["provenance"]["epoch"] - 1]["mean_iou"]
    assert f"mean IoU {kept:.3f}" in (folder / "README.md").read_text()
    model = fullconv.load(folder, precision="fp32")
    assert model.engine.name == "openvino"
    report = fullconv.evaluate(model, disc_data)
    assert report["mean_iou"] > 0.85
    assert report["mean_iou"] == pytest.approx(kept, abs=0.01)
    assert config["provenance"]["recipe"]["lr"] == 1e-2
    calibration = config["metrics"]["calibration"]
    helps = calibration["error_after"] < calibration["error_before"]
    assert config["temperature"] == (calibration["temperature"] if helps else 1)
    assert config["temperature"] == model.predict(np.zeros((9, 9, 3), np.uint8)).temperature
    assert f"{calibration['error_after']:.4f} with it" in " ".join((folder / "README.md").read_text().split())


def test_a_short_run_is_not_held_at_its_start_by_the_moving_average(disc_data, tmp_path):
    run(disc_data, tmp_path, epochs=20, lr=1e-2, ema=0.999, evaluate_every=20)
    all_background = 0.43  # of this data: what an average that remembers its start predicts
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["mean_iou"] > all_background + 0.2


def test_a_finished_run_is_not_overwritten(disc_data, straight):
    with pytest.raises(FullconvError, match="--resume"):
        run(disc_data, straight, epochs=3)


def test_resuming_a_run_that_never_started_is_an_error(disc_data, tmp_path):
    with pytest.raises(FullconvError, match="no run found"):
        run(disc_data, tmp_path, resume=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mask_that_does_not_fit_gives_a_one_line_error(disc_data, tmp_path, workers):
    shutil.copytree(disc_data.parent, tmp_path / "data")
    Image.new("L", (80, 64), 9).save(tmp_path / "data" / "masks" / "train" / "03.png")
    with pytest.raises(FullconvError, match=r"03\.png: values \[9\] belong to no class") as error:
        run(tmp_path / "data" / "discs.yaml", tmp_path / "run", workers=workers)
    assert "\n" not in str(error.value)


def test_a_resumed_run_keeps_its_recipe(disc_data, straight):
    with pytest.raises(FullconvError, match="was started with lr"):
        training.train(disc_data, straight, resume=True, lr=1.0)
    training.train(disc_data, straight, resume=True)  # all done: nothing to do, and no key needed again


def test_weights_of_another_model_are_the_start(disc_data, straight, tmp_path):
    run(disc_data, tmp_path, epochs=1, lr=1e-9, weights=straight / "model", ema=0.0)
    ours, theirs = parameters(tmp_path / "model"), parameters(straight / "model")
    assert torch.allclose(ours["score_fr.0.weight"], theirs["score_fr.0.weight"])


def test_weights_of_a_model_with_other_classes_are_copied_without_scores(disc_data, straight, tmp_path, said):
    (tmp_path / "data.yaml").write_text(f"path: {disc_data.parent}\nnames: [ground, disc, sky]\n")
    run(tmp_path / "data.yaml", tmp_path / "run", epochs=1, lr=1e-9, weights=straight / "model", ema=0.0)
    ours, theirs = parameters(tmp_path / "run" / "model"), parameters(straight / "model")
    for name, value in theirs.items():
        if name.endswith("weight") and not name.startswith("upscore") and value.shape[0] != 2:
            torch.testing.assert_close(ours[name], value)
    assert ours["score_fr.3.weight"].abs().max() < 1e-6
    assert "0 unused" in said.text


def test_trunk_weights_from_a_file(disc_data, tmp_path, said):
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "trunk.safetensors")
    run(disc_data, tmp_path / "run", epochs=1, pretrained=True, trunk_weights=tmp_path / "trunk.safetensors")
    assert "0 start untrained" in said.text


def test_label_maps_are_trained_at_their_own_size(disc_data, straight):
    numbers = json.loads((straight / "model" / "config.json").read_text())["metrics"]["val"]
    assert sum(row["pixels"] for row in numbers["per_class"].values()) == 4 * 64 * 80
    assert np.sum(numbers["confusion"]) == 4 * 64 * 80


def test_a_finer_net_starts_as_the_coarser_one(disc_data, tmp_path, said):
    """The stages of the paper: every parameter comes along but the last deconvolution, and new scores are zero."""
    run(disc_data, tmp_path / "32s", arch="fcn32s", epochs=1, ema=0.0)
    run(disc_data, tmp_path / "16s", arch="fcn16s", epochs=1, ema=0.0, lr=1e-12, weights=tmp_path / "32s" / "model")
    coarse, fine = parameters(tmp_path / "32s" / "model"), parameters(tmp_path / "16s" / "model")
    for name in [n for n in coarse if n.endswith("weight") and not n.startswith("upscore")]:
        torch.testing.assert_close(fine[name], coarse[name])
    assert fine["score_pool4.3.weight"].abs().max() < 1e-6
    assert "1 unused (upscore.weight)" in said.text


@pytest.mark.parametrize("other", ["disc", "rest"])
def test_the_model_keeps_how_other_classes_map_to_its_own(disc_data, monkeypatch, other):
    monkeypatch.setattr(start, "refuse_nothing_to_learn", lambda *_: None)  # a single class is left
    recipe = Recipe(**{**TINY, "classes": ("background",), "label_mapping": {other: "background"}})
    _, config = prepare_data(disc_data, recipe)
    assert config.label_mapping == {"disc": "background"}
    assert config.window is None  # known when the network is: weights.checkpoint.save_model


def test_dropout_in_an_epoch_does_not_depend_on_an_interruption_before_it(disc_data, tmp_path, monkeypatch):
    """The first random number that each epoch's network would draw."""
    real, drawn = training_run.train_epoch, []

    def note_and_train(*arguments):
        if interrupted and len(drawn) == 1:
            raise KeyboardInterrupt
        drawn.append(torch.rand(()).item())
        return real(*arguments)

    monkeypatch.setattr(training_run, "train_epoch", note_and_train)
    interrupted = False
    run(disc_data, tmp_path / "straight", epochs=2, batch_size=16)
    straight, interrupted = drawn.copy(), True
    drawn.clear()
    with pytest.raises(KeyboardInterrupt):
        run(disc_data, tmp_path / "stopped", epochs=2, batch_size=16)
    interrupted = False
    run(disc_data, tmp_path / "stopped", epochs=2, batch_size=16, resume=True)
    assert drawn == straight
