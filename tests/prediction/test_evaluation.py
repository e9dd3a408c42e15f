"""Models scored on data: the same through every engine, worst pictures first."""

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv.errors import FullconvError
from fullconv.prediction.evaluation import dataset_for


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Five pictures with truth made from what the model says of them: two as it is, three with stripes of cat."""
    from conftest import EXAMPLES

    root, model = tmp_path_factory.mktemp("pets"), fullconv.load("animals", precision="fp32")
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
    model = fullconv.load("animals", engine=engine, precision="fp32")
    report = fullconv.evaluate(model, pets, worst=3)
    assert report["pixel_accuracy"] == pytest.approx(1 - 180 / (5 * 256), abs=2e-3)
    assert report["per_class"]["dog"]["pixels"] >= 180 * 320
    assert np.sum(report["confusion"]) == 5 * 256 * 320
    assert [row["file"] for row in report["worst"]] == ["images/val/1.png", "images/val/4.png", "images/val/3.png"]
    assert report["worst"][0]["confused"]["truth"] == "dog"


def test_the_definition_is_told_and_without_worst_none_are_listed(pets):
    report = fullconv.evaluate(fullconv.load("animals", precision="fp32"), pets, definition="torchmetrics")
    assert report["definition"] == "torchmetrics"
    assert "worst" not in report


def test_an_unknown_definition_is_refused_before_any_picture(pets):
    with pytest.raises(FullconvError, match="choose among"):
        fullconv.evaluate(fullconv.load("animals"), pets, definition="voc", progress=lambda _: pytest.fail("began"))


def test_the_data_s_classes_become_the_model_s(pets, tmp_path):
    """By the YAML's label_mapping, which goes before the model's own."""
    yaml = tmp_path / "data.yaml"
    names = "[background, tabby, cow, puppy, horse, person, sheep]"
    yaml.write_text(f"path: {pets.parent}\nnames: {names}\nlabel_mapping: {{tabby: cat, puppy: dog}}\n")
    model = fullconv.load("animals", precision="fp32")
    assert fullconv.evaluate(model, yaml)["confusion"] == fullconv.evaluate(model, pets)["confusion"]
    assert dataset_for(model, yaml).classes == model.classes
