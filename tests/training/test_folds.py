"""A run in folds: a model for each, none of which saw what it is scored on."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner

from fullconv.commands.main import fullconv
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.evaluation.folds import judges_of, read_folds
from fullconv.models.build import build
from fullconv.prediction.predictor import load
from fullconv.training import finishing, teaching
from fullconv.training import train as training
from fullconv.training.folds import folds_summary, mean_iou_of
from fullconv.training.recipe import read_recipe
from fullconv.training.reproduction import sources_of
from fullconv.training.start import prepare_data
from fullconv.training.teacher import read_index
from fullconv.training.teacher_models import classes_of, digest_teacher
from fullconv.weights.checkpoint import save_model
from tests.training.test_run import TINY, parameters, same


@pytest.fixture(scope="module")
def folds(disc_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("folds") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
        patch.setattr(finishing, "illustrate", lambda *_: None)
        assert training.train(disc_data, out, folds=2, epochs=1, **TINY) == out
    return out


def test_each_picture_is_held_back_by_the_model_that_has_not_seen_it(folds, disc_data):
    root, found = disc_data.parent, read_folds(folds)
    assert sorted(place for fold in found for place in fold.held_back) == sorted(
        path.relative_to(root).as_posix() for path in root.glob("images/*/*.png")
    )
    for fold in found:
        manifest = json.loads((folds / fold.model / "manifest.json").read_text())
        assert manifest["data"]["splits"]["val"]["pictures"] == len(fold.held_back) == 10
        recipe = json.loads((folds / fold.model / "recipe.json").read_text())
        assert (recipe["folds"], recipe["fold"]) == (2, int(fold.model[-1]))


def test_a_fold_is_repeated_with_its_own_recipe(folds, disc_data, tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    training.train(disc_data, tmp_path / "again", repeats=folds / "fold2")
    assert same(parameters(tmp_path / "again" / "model"), parameters(folds / "fold2" / "model"))
    assert not same(parameters(folds / "fold1" / "model"), parameters(folds / "fold2" / "model"))


def test_the_mean_and_the_deviation_are_logged(folds):
    values = [mean_iou_of(folds / f"fold{number}") for number in (1, 2)]
    told = folds_summary(values)
    mean, deviation = map(float, re.findall(r"folds: ([\d.]+), deviation ([\d.]+)", told)[0])
    assert mean == pytest.approx(sum(values) / 2, abs=1e-4)
    assert deviation == pytest.approx(abs(values[0] - values[1]) / 2**0.5, abs=1e-4)


def test_the_same_command_resumes_unfinished_folds(folds, disc_data, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    before = parameters(folds / "fold1" / "model")
    training.train(disc_data, folds, folds=2, epochs=1, **TINY)
    assert same(before, parameters(folds / "fold1" / "model"))
    assert "mean IoU over 2 folds" in caplog.text


def test_judges_are_the_models_of_the_folds(folds, disc_data):
    dataset = open_dataset(disc_data)
    judges = judges_of(folds, dataset.root, lambda model: load(model, engine="torch"))
    samples = [*dataset.split("train"), *dataset.split("val")]
    assert judges.unsure(samples) == ""
    assert len({id(judges(sample)) for sample in samples}) == 2


def test_an_invalid_fold_is_refused(disc_data, tmp_path):
    with pytest.raises(FullconvError, match="fold must be one of the folds"):
        training.train(disc_data, tmp_path / "out", folds=2, fold=3, **TINY)


def test_a_teacher_predicts_each_picture_once_for_all_folds(disc_data, tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    teacher, written = untrained(disc_data, tmp_path / "teacher"), []
    real = teaching.write_scores
    monkeypatch.setattr(teaching, "write_scores", lambda *given: written.append(real(*given)))
    training.train(disc_data, tmp_path / "run", folds=2, epochs=1, teacher=teacher, **TINY)
    assert len(written) == 20
    assert sorted(tmp_path.rglob("teacher.json")) == [tmp_path / "run" / "teacher" / "teacher.json"]
    for number in (1, 2):
        assert sources_of(tmp_path / "run" / f"fold{number}").teacher == tmp_path / "run" / "teacher"
    training.train(disc_data, tmp_path / "run", folds=2, epochs=1, teacher=teacher, **TINY)
    assert len(written) == 20


def test_a_fold_trained_again_is_another_teacher(folds, tmp_path):
    shutil.copytree(folds, tmp_path / "run")
    assert digest_teacher(tmp_path / "run") == digest_teacher(folds)
    with (tmp_path / "run" / "fold2" / "model" / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert digest_teacher(tmp_path / "run") != digest_teacher(folds)


def test_folds_with_different_classes_are_no_teacher(folds, tmp_path):
    shutil.copytree(folds, tmp_path / "run")
    config = tmp_path / "run" / "fold2" / "model" / "config.json"
    config.write_text(config.read_text().replace('"disc"', '"circle"'))
    with pytest.raises(FullconvError, match="its folds have different classes"):
        classes_of(tmp_path / "run")


def test_folds_are_distilled_into_one_model(folds, disc_data, tmp_path, monkeypatch, said):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *_: None)
    training.train(disc_data, tmp_path / "one", epochs=1, teacher=folds, **TINY)
    assert "the teacher run predicts 16 of 16 pictures with each of its 2 models" in said.text
    assert sources_of(tmp_path / "one").teacher == folds
    assert read_index(tmp_path / "one" / "teacher") == {
        "format": 1, "name": "run", "classes": ["background", "disc"], "align_corners": False,
        "model": digest_teacher(folds),
    }  # fmt: skip


def untrained(data, folder):
    """The folder of a model for these data with random parameters."""
    _, config = prepare_data(data, read_recipe(None, **TINY))
    folder.mkdir()
    save_model(folder, build(config, False), config)
    return folder


@pytest.mark.parametrize("option", ["--resume", "--from"])
def test_folds_are_continued_by_their_own_command(folds, option):
    refused = CliRunner().invoke(fullconv, ["train", option, str(folds)])
    assert "a run in folds; to continue it, run its command again" in str(refused.exception)


@pytest.mark.parametrize("option", ["--resume", "--from"])
def test_a_folder_without_a_run_is_no_run(tmp_path, option):
    assert "no run found" in str(CliRunner().invoke(fullconv, ["train", option, str(tmp_path)]).exception)
