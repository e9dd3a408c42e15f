"""Whole runs with a teacher: they learn without labels, repeat exactly, and go on where they were stopped."""

import json
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from fullconv.commands.main import fullconv
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.training import finishing, teaching
from fullconv.training import run as training_run
from fullconv.training import train as training
from fullconv.training.digests import sha256_of
from fullconv.training.manifest import read_manifest
from fullconv.training.reproduction import sources_of
from fullconv.training.start import readable_unlabelled
from fullconv.training.teacher import write_index, write_scores
from fullconv.weights.model_folder import find_model
from tests.data.doctor.planted import halves, photo
from tests.data.trees import save, write
from tests.discs import draw_photo
from tests.training.test_run import TINY, parameters, same

CHANGES = {**TINY, "sharpness": 0.3, "noise": 0.2, "jpeg": 0.3, "copy_paste": 0.3, "coarse_loss": True}
OPTIONS = ["--trunk", "test_resnet", "--arch", "fcn32s", "--crop-size", "64", "--workers", "0", "--track", "none"]


@pytest.fixture(autouse=True, scope="module")
def no_export_and_one_thread():
    patch, threads = pytest.MonkeyPatch(), torch.get_num_threads()
    patch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    patch.setattr(finishing, "illustrate", lambda *_: None)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    patch.undo()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of discs: 2 of 20 to train on have labels, 4 to validate; scores of a teacher that is always right."""
    root = tmp_path_factory.mktemp("taught")
    write_index(root / "teacher", "oracle", ["disc", "background"], align_corners=False)
    for i in range(24):
        image, label_map = draw_photo((64, 80), seed=i)
        folder = "images/val" if i >= 20 else "images/train" if i < 2 else "more"
        (root / folder).mkdir(parents=True, exist_ok=True)
        path = root / folder / f"{i:02}.png"
        Image.fromarray(image).save(path)
        if folder != "more":
            mask = root / folder.replace("images", "masks") / path.name
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(label_map).save(mask)
        scores = np.stack([label_map, 1 - label_map]).astype(np.float16)[:, ::2, ::2] * 10
        write_scores(root / "teacher", sha256_of(path)[:32], scores, label_map.shape)
    yaml = root / "data.yaml"
    yaml.write_text("path: .\nnames: [background, disc]\nunlabelled: more\n")
    return yaml


def run(data, out, **changes):
    return training.train(data, out, **{**CHANGES, "teacher": data.parent / "teacher", "epochs": 3, **changes})


@pytest.fixture(scope="module")
def straight(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("straight")
    run(data, out)
    return out


def test_unlabelled_pictures_are_used_for_training(data, tmp_path):
    """Two labelled pictures and one epoch of many alike are not enough; with eighteen more from a teacher they are."""
    best = {}
    for name, changes in {"alone": {"teacher": None}, "taught": {"unlabelled_share": 0.9}}.items():
        run(data, tmp_path / name, epochs=12, batch_size=2, evaluate_every=12, **changes)
        best[name] = json.loads((tmp_path / name / "log.jsonl").read_text().splitlines()[-1])["mean_iou"]
    assert best["taught"] > best["alone"] + 0.05


def test_same_seed_same_model_whatever_the_workers(data, straight, tmp_path):
    run(data, tmp_path, workers=2)
    assert same(parameters(tmp_path / "model"), parameters(straight / "model"))


@pytest.mark.parametrize("stop_at_step", [0, 2])
def test_stopped_and_resumed_ends_where_it_would_have(data, straight, tmp_path, monkeypatch, stop_at_step):
    done, real_step = [], training_run.train_epoch.__globals__["train_step"]

    def step(*arguments):
        if len(done) == stop_at_step:
            raise KeyboardInterrupt
        done.append(1)
        return real_step(*arguments)

    with monkeypatch.context() as patch:
        patch.setitem(training_run.train_epoch.__globals__, "train_step", step)
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path)
    training.train(data, tmp_path, resume=True)  # the teacher is remembered
    assert same(parameters(tmp_path / "model"), parameters(straight / "model"))


def test_a_taught_run_records_its_teacher_and_can_be_repeated(data, straight, tmp_path):
    manifest = read_manifest(straight)
    assert manifest["weights"]["teacher"]["path"] == str(data.parent / "teacher")
    assert manifest["data"]["splits"]["unlabelled"]["pictures"] == 18
    again = CliRunner().invoke(fullconv, ["train", "--from", str(straight), "--out", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    assert same(parameters(tmp_path / "again" / "model"), parameters(straight / "model"))
    said = again.stderr
    assert "2 of 2 classes" in said
    assert "18 unlabelled pictures: 50% of each epoch" in said


def test_another_teacher_or_other_pictures_are_refused(data, straight, tmp_path):
    shutil.copytree(data.parent, tmp_path / "data")
    scores = sorted((tmp_path / "data" / "teacher").glob("*.npz"))[0]
    write_scores(scores.parent, scores.stem, np.zeros((2, 4, 5), np.float16), (64, 80))
    with pytest.raises(FullconvError, match="the teacher of --teacher was"):
        run(data, tmp_path / "a", repeats=straight, teacher=tmp_path / "data" / "teacher")
    (tmp_path / "data" / "more" / "10.png").unlink()
    with pytest.raises(FullconvError, match="1 missing"):
        run(tmp_path / "data" / "data.yaml", tmp_path / "b", repeats=straight)


def test_a_run_stopped_while_the_teacher_predicts_says_how_to_go_on(data, tmp_path, monkeypatch):
    yaml, out = tmp_path / "data" / "data.yaml", tmp_path / "out"
    shutil.copytree(data.parent, yaml.parent)
    teachable(yaml)
    command = ["train", str(yaml), "--teacher", "photos", "--epochs", "1", "--out", str(out), *OPTIONS]
    real, done = teaching.write_scores, []

    def write(*arguments):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(real(*arguments))

    with monkeypatch.context() as patch:
        patch.setattr(teaching, "write_scores", write)
        stopped = CliRunner().invoke(fullconv, command)
    assert stopped.exit_code == 130
    assert stopped.stderr.splitlines()[-1] == "stopped; finished results are kept; run the command again"
    for further in ([], [str(yaml)]):
        refused = CliRunner().invoke(fullconv, ["train", *further, "--resume", str(out)])
        assert "was stopped before training began; run its command again" in str(refused.exception)
    again = CliRunner().invoke(fullconv, command)
    assert again.exit_code == 0, again.output
    assert "predicts 17 of 20 pictures" in again.stderr


def test_unused_unlabelled_pictures_are_reported(data, tmp_path, said):
    run(data, tmp_path, epochs=1, teacher=None)
    assert "18 unlabelled pictures not used; give a teacher" in said.text


def test_a_damaged_picture_is_skipped_and_the_epoch_goes_on(data, tmp_path):
    shutil.copytree(data.parent, tmp_path / "data")
    extra = tmp_path / "data" / "more" / "damaged.png"
    for i in range(24, 44):
        Image.fromarray(draw_photo((64, 80), seed=i)[0]).save(tmp_path / "data" / "more" / f"{i}.png")
    extra.write_bytes(b"no picture at all")
    yaml = tmp_path / "data" / "data.yaml"
    run(yaml, tmp_path / "out", epochs=1, teacher="photos", classes=None, **teachable(yaml))
    skipped = [json.loads(line)["file"] for line in (tmp_path / "out" / "skipped.jsonl").read_text().splitlines()]
    assert skipped == [str(extra)]
    assert sources_of(tmp_path / "out").teacher == find_model("photos")  # found again, from any folder


def teachable(yaml):
    """The classes called as a bundled model calls two of its own."""
    yaml.write_text("path: .\nnames: [background, cat]\nunlabelled: more\n")
    return {}


def test_coarse_loss_is_refused_where_no_enlargement_ends_the_net(data, tmp_path):
    with pytest.raises(FullconvError, match="coarse_loss only works for an FCN"):
        run(data, tmp_path, arch="unet")


def test_pictures_beside_the_splits_may_be_unlabelled_ones(tmp_path):
    """A folder that nothing scores, here with masks that are not trusted."""
    for i, split in enumerate(["train", "val", "rough"]):
        save(tmp_path / split / "images" / "a.png", photo(i))
        save(tmp_path / split / "masks" / "a.png", halves())
    write(tmp_path / "data.yaml", "names: [background, roof]\nunlabelled: rough/images\n")
    good, _ = readable_unlabelled(open_dataset(tmp_path), "train")
    assert [picture.image_path.name for picture in good] == ["a.png"]
    write(tmp_path / "data.yaml", "names: [background, roof]\nunlabelled: val/images\n")
    with pytest.raises(FullconvError, match="which the model is scored on"):
        readable_unlabelled(open_dataset(tmp_path), "train")
