"""fullconv evaluate from the shell."""

import json
from shutil import copytree

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.commands import evaluate as command
from fullconv.commands.evaluate import print_problems
from fullconv.commands.main import fullconv
from fullconv.data.description import describe
from fullconv.errors import FullconvError
from fullconv.weights.model_folder import bundled_models
from tests.conftest import EXAMPLES
from tests.data.doctor.planted import halves, photo


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    """Two crops of one photo. The first is labelled as all cat, the second as all horse."""
    root = tmp_path_factory.mktemp("cats")
    for kind in ("images", "masks"):
        (root / kind / "val").mkdir(parents=True)
    with Image.open(EXAMPLES / "chelsea.jpg") as photo:
        for name, value in (("cat", 1), ("horse", 4)):
            photo.crop((110, 50, 238, 178)).save(root / "images" / "val" / f"{name}.png")
            Image.fromarray(np.full((128, 128), value, np.uint8)).save(root / "masks" / "val" / f"{name}.png")
    (root / "data.yaml").write_text("path: .\nnames: [background, cat, cow, dog, horse, person, sheep]\n")
    return root / "data.yaml"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Twenty pictures in a folder without a data.yaml. Half of each is background, half object."""
    root = tmp_path_factory.mktemp("bare")
    for i in range(20):
        for kind, picture in (("images", photo(i)), ("masks", Image.fromarray(halves()))):
            (root / kind).mkdir(exist_ok=True)
            picture.save(root / kind / f"{i:02}.png")
    return root


def renamed(root, name, new):
    """A copy of the bundled model in which a class has another name, as docs/models.md says: edited in config.json."""
    folder = copytree(bundled_models()["photos"], root / "model")
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace(f'"{name}"', f'"{new}"', 1))
    return folder


@pytest.fixture(scope="module")
def of_objects(tmp_path_factory):
    """A model that knows a class called object."""
    return renamed(tmp_path_factory.mktemp("renamed"), "aeroplane", "object")


def evaluate(*arguments):
    return CliRunner().invoke(fullconv, ["evaluate", *map(str, arguments), "--precision", "fp32"])


def test_table_json_and_picture_agree(cats, tmp_path):
    result = evaluate(cats, "--worst", 5, "--json", tmp_path / "a.json", "--confusion", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "a.json").read_text())
    assert list(report) == [
        "version", "pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou", "boundary_iou", "per_class",
        "confusion", "definition", "worst",
    ]  # fmt: skip
    lines = result.output.splitlines()
    assert lines[0] == f"{cats}: 2 pictures of val, openvino fp32, at source size, void left out"
    assert lines[1].startswith("mean IoU as mmseg: IoU over the whole set; a class absent")
    assert f"{'mean_iou':<24}{report['mean_iou']:8.4f}" in lines
    assert f"{'sheep':<24}{'-':>8}{'-':>10}{0:>12}" in lines
    worst, best = report["worst"]
    assert (worst["file"], best["file"]) == ("images/val/horse.png", "images/val/cat.png")
    assert worst["confused"] == {"truth": "horse", "prediction": "cat", "pixels": report["confusion"][13][8]}
    told = f"{report['confusion'][13][8]} pixels of horse predicted as cat"
    assert any(line.startswith("images/val/horse.png") and line.endswith(told) for line in lines)
    assert lines[-1] == f"wrote {tmp_path / 'a.png'}"
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 400


def test_thin_structures_are_scored_if_requested(cats, tmp_path):
    result = evaluate(cats, "--thin", "--json", tmp_path / "a.json", "--report", tmp_path / "a.html")
    thin = json.loads((tmp_path / "a.json").read_text())["thin"]
    assert thin["tolerance"] == 2
    cat = thin["per_class"]["cat"]
    assert (cat["recall"], thin["per_class"]["sheep"]["f1"]) == (1, None)  # everything is predicted as cat
    assert cat["precision"] == pytest.approx(0.5)
    row = "".join(f"{cat[key]:8.4f}" for key in ("recall", "f1", "cldice"))
    assert f"{'cat':<24}{cat['precision']:10.4f}{row}" in result.output.splitlines()
    page = (tmp_path / "a.html").read_text()
    assert "<th>F1 within 2 pixels</th><th>clDice</th>" in page
    assert f"<td>{cat['f1']:.3f}</td><td>{cat['cldice']:.3f}</td>" in page


def test_the_report_names_commands_for_a_model_that_no_run_made(cats, tmp_path):
    assert evaluate(cats, "--report", tmp_path / "a.html").exit_code == 0
    page = (tmp_path / "a.html").read_text()
    for told in (f"check {cats} --model photos --sheet suspects.png", f"train {cats} --weights photos"):
        assert f"fullconv {told}" in page


def test_another_definition_is_named_and_gives_other_numbers(cats, tmp_path):
    for name in ("mmseg", "paddleseg", "torchmetrics"):
        result = evaluate(cats, "--definition", name, "--json", tmp_path / f"{name}.json")
        assert f"mean IoU as {name}: " in result.output
    ours, paddle, torch = (
        json.loads((tmp_path / f"{n}.json").read_text()) for n in ("mmseg", "paddleseg", "torchmetrics")
    )
    assert ours["confusion"][8][8] == 128 * 128  # every pixel of both is predicted as cat
    assert ours["mean_iou"] == pytest.approx((0.5 + 0) / 2)  # cat, horse
    assert paddle["mean_iou"] == pytest.approx(0.5 / 21)
    assert torch["mean_iou"] == pytest.approx((1 + 0 + 0) / 3)  # cat in the first picture; cat and horse in the second
    assert evaluate(cats, "--definition", "voc").exit_code == 2


def test_what_is_assumed_of_a_bare_folder_is_printed_and_the_first_line_counts_the_pictures(bare, of_objects):
    result = evaluate(bare, "--model", of_objects)
    assert result.exit_code == 0, result.output
    for line in describe(bare).assumption.lines:
        assert line in result.stderr.splitlines()
    assert "val: 4 of 20 pictures, held back" in result.stderr
    assert "to use every picture: --split all" in result.stderr
    assert result.stdout.splitlines()[0].startswith(f"{bare}: 4 pictures of val, openvino fp32, at source size")


def test_split_all_of_a_bare_folder_is_every_picture_and_makes_no_split(bare, of_objects, tmp_path):
    result = evaluate(bare, "--model", of_objects, "--split", "all", "--json", tmp_path / "a.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].startswith(f"{bare}: 20 pictures of all splits, openvino fp32")
    assert "masks contain 0 background, 1 object" in result.stderr
    assert "held back" not in result.stderr
    assert np.sum(json.loads((tmp_path / "a.json").read_text())["confusion"]) == 20 * 24 * 32


def test_without_a_model_an_unknown_class_is_an_error_that_names_the_model_used(cats, bare):
    message = str(evaluate(bare).exception)
    assert message.startswith("no --model was given, so the bundled model photos was used; ")
    assert "class 'object' of the data is not a class of the model" in message
    assert "no --model" not in str(evaluate(bare, "--model", "photos").exception)


def test_a_class_that_is_renamed_in_config_json_has_its_new_name_everywhere(cats, tmp_path):
    model, data = renamed(tmp_path, "cat", "tabby"), tmp_path / "data.yaml"
    data.write_text(cats.read_text().replace("path: .", f"path: {cats.parent}").replace("cat,", "tabby,"))
    for arguments in ((cats, "--json", tmp_path / "old.json"), (data, "--model", model, "--json", tmp_path / "a.json")):
        assert evaluate(*arguments).exit_code == 0
    old, new = (json.loads((tmp_path / name).read_text()) for name in ("old.json", "a.json"))
    assert new["confusion"] == old["confusion"]
    assert new["per_class"]["tabby"] == old["per_class"]["cat"]
    photo = cats.parent / "images" / "val" / "cat.png"
    CliRunner().invoke(fullconv, ["predict", str(photo), "--model", str(model), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "cat_tabby.png").is_file()


def test_assumptions_are_not_printed_with_quiet(bare, of_objects):
    assert evaluate(bare, "--model", of_objects, "--quiet").output == ""


def test_a_drawing_that_cannot_be_made_is_refused_before_any_work(tmp_path, monkeypatch):
    with pytest.raises(FullconvError, match=r"a\.jpeg: figures can be written as \.svg or \.png"):
        CliRunner().invoke(fullconv, ["evaluate", "nowhere", "--confusion", "a.jpeg"], catch_exceptions=False)
    monkeypatch.setattr(command, "find_spec", lambda library: None)
    with pytest.raises(FullconvError, match=r"matplotlib is not installed; run: pip install 'fullconv\[figures\]'"):
        CliRunner().invoke(fullconv, ["evaluate", "nowhere", "--confusion", "a.svg"], catch_exceptions=False)


def test_each_kind_of_note_is_printed_once_with_the_number_of_its_pictures(capsys):
    values, scale = "values {} to {} are mapped to 0 to 255", "nearly all values are low: is this the scale?"
    notes = {"a": (values.format(-3, 2.5),), "b": (values.format("1e-05", 300), scale), "c": (scale,)}
    print_problems({"notes": notes})
    assert capsys.readouterr().err.splitlines() == [
        f"a: {values.format(-3, 2.5)} (the same applies to 2 pictures in all)",
        f"b: {scale} (the same applies to 2 pictures in all)",
    ]
