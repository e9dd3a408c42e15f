"""Models scored on data: the same through every engine, worst pictures first."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv.classes import VOC_NAMES, Classes
from fullconv.errors import FullconvError
from fullconv.evaluation.interval import mean_iou_interval
from fullconv.evaluation.scoring import dataset_for
from tests.data.doctor.planted import halves, photo


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Five pictures with truth made from what the model says of them: two as it is, three with stripes of cat."""
    from tests.conftest import EXAMPLES

    root, model = tmp_path_factory.mktemp("pets"), fullconv.load("photos", precision="fp32")
    chelsea = Image.open(EXAMPLES / "chelsea.jpg")
    for i, stripe in enumerate((0, 90, 0, 30, 60)):
        photo = chelsea.crop((8 * i, 0, 8 * i + 320, 256))
        truth = model.predict(photo).label_map.copy()
        truth[:stripe] = model.classes.index("dog")
        for kind, picture in (("images", photo), ("masks", Image.fromarray(truth))):
            (root / kind / "val").mkdir(parents=True, exist_ok=True)
            picture.save(root / kind / "val" / f"{i}.png")
    (root / "data.yaml").write_text(f"path: .\nnames: [{', '.join(model.classes.names)}]\n")
    return root / "data.yaml"


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime", "torch"])
def test_every_engine_gives_these_numbers(pets, engine):
    model = fullconv.load("photos", engine=engine, precision="fp32")
    report = fullconv.evaluate(model, pets, worst=3)
    assert report["pixel_accuracy"] == pytest.approx(1 - 180 / (5 * 256), abs=2e-3)
    assert report["per_class"]["dog"]["pixels"] >= 180 * 320
    assert np.sum(report["confusion"]) == 5 * 256 * 320
    assert [row["file"] for row in report["worst"]] == ["images/val/1.png", "images/val/4.png", "images/val/3.png"]
    assert report["worst"][0]["confused"]["truth"] == "dog"


def test_the_report_names_the_definition_and_lists_no_pictures_by_default(pets):
    report = fullconv.evaluate(fullconv.load("photos", precision="fp32"), pets, definition="torchmetrics")
    assert report["definition"] == "torchmetrics"
    assert "worst" not in report


def test_an_unknown_definition_is_refused_before_any_picture(pets):
    with pytest.raises(FullconvError, match="choose from"):
        fullconv.evaluate(fullconv.load("photos"), pets, definition="voc", progress=lambda _: pytest.fail("began"))


def test_the_data_s_classes_become_the_model_s(pets, tmp_path):
    """By the YAML's label_mapping, which goes before the model's own."""
    yaml = tmp_path / "data.yaml"
    names = ", ".join({"cat": "tabby", "dog": "puppy"}.get(name, name) for name in VOC_NAMES)
    yaml.write_text(f"path: {pets.parent}\nnames: [{names}]\nlabel_mapping: {{tabby: cat, puppy: dog}}\n")
    model = fullconv.load("photos", precision="fp32")
    assert fullconv.evaluate(model, yaml)["confusion"] == fullconv.evaluate(model, pets)["confusion"]
    assert dataset_for(model, yaml).classes == model.classes


def test_a_score_of_masks_whose_white_is_void_is_refused(tmp_path):
    """Only background would be scored, and be perfect."""
    for i in range(2):
        for kind, picture in (("images", photo(i)), ("masks", Image.fromarray(halves(0, 255)))):
            (tmp_path / kind / "val").mkdir(parents=True, exist_ok=True)
            picture.save(tmp_path / kind / "val" / f"{i}.png")
    yaml = tmp_path / "data.yaml"
    yaml.write_text("names: [background, cat]\n")
    with pytest.raises(FullconvError, match=r"255 is void, .*data.yaml: names: \[.*, {name: cat, labels: \[255\]}\]$"):
        fullconv.evaluate(fullconv.load("photos"), yaml)


def test_background_alone_has_a_score(tmp_path):
    for kind, picture in (("images", photo(0)), ("masks", Image.fromarray(halves(0, 0)))):
        (tmp_path / kind / "val").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / kind / "val" / "a.png")
    (tmp_path / "data.yaml").write_text("names: [background, cat]\n")
    report = fullconv.evaluate(fullconv.load("photos"), tmp_path)
    assert report["per_class"]["background"]["pixels"] == halves().size


@pytest.mark.parametrize("own_names", [False, True])
def test_the_object_of_a_bare_folder_is_the_only_object_of_the_model(tmp_path, caplog, own_names):
    """Not if a data YAML calls it object: then nobody assumed that name."""
    caplog.set_level("INFO", "fullconv")
    for kind, picture in (("images", photo(0)), ("masks", Image.fromarray(halves()))):
        (tmp_path / kind).mkdir()
        picture.save(tmp_path / kind / "a.png")
    model = fullconv.load("photos")
    model = replace(model, config=replace(model.config, classes=Classes.named(["background", "building"])))
    if own_names:
        (tmp_path / "data.yaml").write_text("names: [background, object]\n")
        with pytest.raises(FullconvError, match="object: building"):
            dataset_for(model, tmp_path)
        return
    (sample,) = dataset_for(model, tmp_path, split="all").split("all")
    assert np.array_equal(sample.read_label_map(), halves())
    assert "object is taken to be building, the only class of the model besides background" in caplog.text


def test_all_says_which_folders_it_includes_besides_train_val_and_test(tmp_path, caplog):
    caplog.set_level("INFO", "fullconv")
    for split in ("train", "backup"):
        for kind, picture in (("images", photo(0)), ("masks", Image.fromarray(halves()))):
            (tmp_path / kind / split).mkdir(parents=True)
            picture.save(tmp_path / kind / split / "a.png")
    (tmp_path / "data.yaml").write_text("names: [background, cat]\n")
    model = fullconv.load("photos")
    assert len(dataset_for(model, tmp_path, split="all").split("all")) == 2
    assert caplog.messages == ["all includes 1 picture of backup, which is neither train, val nor test"]


def test_merged_classes_are_those_of_the_matrix_added_up(pets):
    """Dog and all that is not named go to background: the same as adding up rows and columns of the full matrix."""
    model = fullconv.load("photos", precision="fp32")
    full, merged = fullconv.evaluate(model, pets), fullconv.evaluate(model, pets, merge_to=("cat", "horse"))
    names, kept = list(full["per_class"]), ["background", "cat", "horse"]
    expected = np.zeros((3, 3), int)
    for i, truth in enumerate(names):
        for j, prediction in enumerate(names):
            at = [kept.index(name) if name in kept else 0 for name in (truth, prediction)]
            expected[at[0], at[1]] += full["confusion"][i][j]
    assert list(merged["per_class"]) == kept
    assert merged["confusion"] == expected.tolist()


def test_merging_to_one_class(pets):
    model = fullconv.load("photos", precision="fp32")
    assert fullconv.evaluate(model, pets, merge_to="cat") == fullconv.evaluate(model, pets, merge_to=["cat"])


def test_merging_to_an_unknown_class_is_refused(pets):
    with pytest.raises(FullconvError, match=r"merge_to='hose': not a class of the model.*horse"):
        fullconv.evaluate(fullconv.load("photos"), pets, merge_to=("cat", "hose"))


def test_the_interval_is_around_the_mean_and_wide_for_few_pictures(pets):
    report = fullconv.evaluate(fullconv.load("photos", precision="fp32"), pets, interval=True)
    low, high = report["mean_iou_interval"]
    assert low < report["mean_iou"] < high


def test_the_interval_is_that_of_the_mean_of_many_draws():
    """Of pictures that are wholly right or wholly wrong the accuracy of a draw is binomial, and here so is the IoU."""
    right, wrong = np.array([[10, 0], [0, 10]]), np.array([[0, 10], [10, 0]])
    low, high = mean_iou_interval([right] * 80 + [wrong] * 20)
    share = np.random.default_rng(1).binomial(100, 0.8, 100_000) / 100
    expected = np.percentile(share / (2 - share), [2.5, 97.5])  # IoU of a share of right pixels: s / (2 - s)
    assert (low, high) == pytest.approx(expected, abs=0.02)
    assert mean_iou_interval([right] * 5) == (1.0, 1.0)
    assert mean_iou_interval([]) is None
    assert mean_iou_interval([np.zeros((2, 2), int)]) is None
