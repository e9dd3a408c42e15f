"""One command for a folder that nobody described: what was assumed lies in the run's folder, and is used again."""

import json
import shutil

import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.training import finishing, stages
from fullconv.training import train as training
from fullconv.training.reproduction import sources_of
from tests.discs import draw_photo
from tests.training.test_run import TINY, parameters, same


@pytest.fixture(autouse=True)
def model_only(monkeypatch):
    monkeypatch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
    monkeypatch.setattr(finishing, "illustrate", lambda *arguments: None)


@pytest.fixture
def folder(tmp_path):
    """Ten discs: images/ beside masks/ of 0 and 255, and nothing else."""
    for i in range(10):
        image, label_map = draw_photo((64, 80), seed=i)
        for kind, array in (("images", image), ("masks", label_map * 255)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / "data" / kind / f"{i:02}.png")
    return tmp_path / "data"


def test_assumptions_are_logged_and_written(folder, tmp_path, said):
    out = tmp_path / "run"
    training.train(folder, out, **TINY, epochs=1)
    told = said.text
    assert "masks contain 0 background, 255 object" in told
    assert "val: 2 of 10 pictures, held back" in told
    assert str(out / "data.yaml") in told
    written, assumed = open_dataset(out / "data.yaml"), open_dataset(folder)
    assert written.classes == assumed.classes
    assert [sample.files for sample in written.split("val")] == [sample.files for sample in assumed.split("val")]
    assert sources_of(out).data == (out / "data.yaml").absolute()


def test_a_run_on_a_bare_folder_can_be_resumed_and_repeated(folder, tmp_path, monkeypatch):
    whole, out = tmp_path / "whole", tmp_path / "run"
    training.train(folder, whole, **TINY, epochs=2)
    real = stages.run

    def stop(*arguments):
        monkeypatch.setattr(stages, "run", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        training.train(folder, out, **TINY, epochs=2)
    training.train(folder, tmp_path / "again", repeats=whole)
    assert same(parameters(whole / "model"), parameters(tmp_path / "again" / "model"))


def test_edited_the_description_trains_another_run(folder, tmp_path):
    training.train(folder, tmp_path / "run", **TINY, epochs=1)
    edited = tmp_path / "edited.yaml"
    edited.write_text((tmp_path / "run" / "data.yaml").read_text().replace("object", "disc"))
    training.train(edited, tmp_path / "other", **TINY, epochs=1)
    assert not (tmp_path / "other" / "data.yaml").exists()


def test_assumptions_about_another_folder_are_refused(folder, tmp_path):
    """A first try that failed before its first step leaves its data.yaml."""
    out = tmp_path / "run"
    with pytest.raises(FullconvError, match="timm has no network"):
        training.train(folder, out, **{**TINY, "trunk": "none_such"}, epochs=1)
    other = shutil.copytree(folder, tmp_path / "other")
    with pytest.raises(FullconvError, match=r"run/data.yaml: describes .*data, not .*other; choose another out"):
        training.train(other, out, **TINY, epochs=1)
    training.train(folder, out, **TINY, epochs=1)
    with pytest.raises(FullconvError, match=r"this run is trained on .*data, not .*other; give that folder, or start"):
        training.train(other, out, resume=True)


def fails_before_it_begins(*arguments, **keys):
    with pytest.raises(FullconvError, match="timm has no network"):
        training.train(*arguments, **{**TINY, "trunk": "none_such", **keys}, epochs=1)


def add_class_two(folder):
    for path in (folder / "masks").iterdir():
        mask = Image.open(path).point([0, *[1] * 255])
        mask.putpixel((0, 0), 2)
        mask.save(path)


@pytest.mark.parametrize("folds", [0, 2])
def test_masks_repaired_after_a_failed_try_are_described_anew(folder, tmp_path, said, folds):
    out = tmp_path / "run"
    fails_before_it_begins(folder, out, folds=folds)
    add_class_two(folder)
    said.clear()
    training.train(folder, out, **TINY, epochs=1, folds=folds)
    assert "masks contain 0 background, 1 class_1, 2 class_2" in said.text
    assert len(open_dataset(out / "data.yaml").classes) == 3


def test_folds_that_have_begun_keep_their_assumptions(folder, tmp_path):
    training.train(folder, tmp_path / "run", **TINY, epochs=1, folds=2)
    before = (tmp_path / "run" / "data.yaml").read_text()
    add_class_two(folder)
    with pytest.raises(FullconvError):
        training.train(folder, tmp_path / "run", **TINY, epochs=1, folds=2)
    assert (tmp_path / "run" / "data.yaml").read_text() == before


def test_edited_assumptions_are_neither_overwritten_nor_used_silently(folder, tmp_path):
    out = tmp_path / "run"
    fails_before_it_begins(folder, out)
    edited = (out / "data.yaml").read_text().replace("object", "disc")
    (out / "data.yaml").write_text(edited)
    with pytest.raises(FullconvError, match=r"run/data.yaml: was edited; to train with it, give it instead of"):
        training.train(folder, out, **TINY, epochs=1)
    assert (out / "data.yaml").read_text() == edited
    training.train(out / "data.yaml", out, **TINY, epochs=1)
    assert json.loads((out / "manifest.json").read_text())["classes"]["names"] == ["background", "disc"]


def test_a_description_added_after_a_failed_try_is_used(folder, tmp_path):
    out = tmp_path / "run"
    fails_before_it_begins(folder, out)
    names = "[{name: ground, labels: [0]}, {name: disc, labels: [255]}]"
    (folder / "data.yaml").write_text(f"path: .\nnames: {names}\nval: 0.2\n")
    training.train(folder, out, **TINY, epochs=1)
    assert sources_of(out).data == folder.absolute()
    assert not (out / "data.yaml").exists()


def test_masks_that_do_not_fit_their_names_name_the_yaml(folder, tmp_path):
    training.train(folder, tmp_path / "run", **TINY, epochs=1)
    add_class_two(folder)
    with pytest.raises(FullconvError, match=r"belong to no class.*correct the split train of .*run/data.yaml first"):
        training.train(tmp_path / "run" / "data.yaml", tmp_path / "other", **TINY, epochs=1)


def test_an_unclear_bare_folder_gives_a_one_line_error(folder, tmp_path):
    for path in (folder / "masks").iterdir():
        Image.new("L", (80, 64)).save(path)
    with pytest.raises(FullconvError, match="nothing to learn") as error:
        training.train(folder, tmp_path / "run", **TINY, epochs=1)
    assert "\n" not in str(error.value)


def test_a_rare_object_weighs_more_by_default_and_the_recipe_says_so(folder, tmp_path, said):
    for path in (folder / "masks").iterdir():
        speck = Image.new("L", (80, 64))
        speck.paste(255, (30, 30, 36, 36))
        speck.save(path)
    training.train(folder, tmp_path / "run", **TINY, epochs=1)
    weights = json.loads((tmp_path / "run" / "recipe.json").read_text())["class_weights"]
    assert weights[1] > 3 > weights[0]
    assert f"class weights: object {weights[1]:.3g}, background {weights[0]:.3g}" in said.text
    training.train(folder, tmp_path / "plain", **TINY, epochs=1, class_weights="none")
    assert json.loads((tmp_path / "plain" / "recipe.json").read_text())["class_weights"] == "none"
