"""Each figure from the command that draws it: a valid picture of the kind asked for that says what it should."""

import re
import sys
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.commands import main
from fullconv.commands.main import fullconv
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model
from tests.conftest import EXAMPLES

CHELSEA, ASTRONAUT = EXAMPLES / "chelsea.jpg", EXAMPLES / "astronaut.jpg"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A quick photo of a cat, 96 pixels wide."""
    path = tmp_path_factory.mktemp("photos") / "cat.png"
    Image.open(CHELSEA).resize((96, 64)).save(path)
    return path


def explain(*arguments) -> None:
    result = CliRunner().invoke(fullconv, ["explain", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.output == f"wrote {arguments[-1]}\n"


def words(path) -> str:
    """All text in an SVG, which must be one."""
    tree = ET.parse(path)
    assert tree.getroot().tag.endswith("svg")
    return "\n".join(element.text or "" for element in tree.iter() if element.tag.endswith("text"))


def test_architecture_of_the_bundled_model(tmp_path):
    explain("architecture", "--out", tmp_path / "a.svg")
    text = words(tmp_path / "a.svg")
    for stride, channels in ((4, 24), (8, 40), (16, 112), (32, 320)):
        assert re.search(rf"stride {stride}\n{channels} channels", text)
    for name in (
        "score_pool2",
        "score_pool3",
        "score_pool4",
        "score_fr",
        "upscore2 ×2",
        "+ score_pool4",
        "upscore4 ×4",
    ):
        assert name in text
    assert "sees 1115 px" in text


def test_architecture_with_a_photo_shows_it_and_its_labels_at_every_stride(small, tmp_path):
    explain("architecture", small, "--out", tmp_path / "a.svg")
    images = ET.parse(tmp_path / "a.svg").getroot().iter("{http://www.w3.org/2000/svg}image")
    assert len(list(images)) == 6  # photo, coarsest scores, three sums, mask
    text = words(tmp_path / "a.svg")
    assert "3 channels, 96x64" in text
    assert {"ENCODER", "SCORES", "DECODER"} <= set(text.splitlines())


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (
            "voc-fcn8s",
            ["sees 404 px", "fc", "crop at 5", "crop at 9", "crop at 31", "upscore8 ×8", "5 convolutions + pool"],
        ),
        (
            "nyud-fcn32s-color-hha",
            ["6 channels", "10 convolutions + pool", "score_frcolor", "upscore ×32", "crop at 19"],
        ),
        ("siftflow-fcn16s", ["score_pool4_sem", "score_pool4_geo", "3 channels", "crop at 27"]),
    ],
)
def test_architecture_of_published_nets_has_the_papers_names_and_crops(net, expected, tmp_path):
    explain("architecture", "--published", net, "--size", 256, "--out", tmp_path / "a.svg")
    text = words(tmp_path / "a.svg")
    assert [name for name in expected if name not in text] == []


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg"):
        explain("architecture", "--out", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_heatmap_as_png(small, tmp_path):
    explain("heatmap", small, "--class", "tabby cat", "--out", tmp_path / "h.png")
    with Image.open(tmp_path / "h.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 1000
        assert picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


def test_ladder_of_photos_has_a_column_a_model_and_the_numbers_of_its_config(small, tmp_path):
    models = ["--models", "photos", "--models", "photos", "--titles", "first,second"]
    explain("ladder", small, CHELSEA, *models, "--out", tmp_path / "l.svg")
    text = words(tmp_path / "l.svg").splitlines()
    assert [line for line in text if "on val" not in line][:3] == ["photo", "first", "second"]
    assert "cat" in text
    known = read_config(find_model("photos")).metrics["val"]["mean_iou"]
    assert text.count(f"on val {known:.3f}") == 2


def test_ladder_of_labelled_data_has_truth_and_the_numbers_of_evaluate(tmp_path):
    from fullconv.evaluation.scoring import evaluate
    from fullconv.prediction.predictor import load

    for kind in ("images", "masks"):
        (tmp_path / kind / "val").mkdir(parents=True)
    Image.open(CHELSEA).save(tmp_path / "images" / "val" / "a.png")
    Image.new("L", (451, 300), 1).save(tmp_path / "masks" / "val" / "a.png")
    (tmp_path / "data.yaml").write_text("path: .\nnames: [background, cat]\n")
    explain("ladder", tmp_path / "data.yaml", "--models", "photos", "--out", tmp_path / "l.svg")
    text = words(tmp_path / "l.svg").splitlines()
    assert text[:2] == ["photo", "photos"]
    assert "truth" in text
    expected = evaluate(load("photos"), tmp_path / "data.yaml")["mean_iou"]
    assert f"mean IoU {expected:.3f}" in text


def test_a_ladder_of_models_with_other_classes_is_refused(small, tmp_path):
    import json
    import shutil

    from fullconv.errors import FullconvError
    from fullconv.weights.model_folder import find_model

    shutil.copytree(find_model("photos"), tmp_path / "other")
    config = json.loads((tmp_path / "other" / "config.json").read_text())
    config["classes"]["names"][1] = "tiger"
    (tmp_path / "other" / "config.json").write_text(json.dumps(config))
    with pytest.raises(FullconvError, match="different classes"):
        explain("ladder", small, "--models", "photos", "--models", tmp_path / "other", "--out", tmp_path / "l.png")


def test_kernels(small, tmp_path):
    explain("kernels", small, small, "--out", tmp_path / "k.svg")
    text = words(tmp_path / "k.svg")
    assert "32 kernels 3x3" in text
    assert "sees 107 px" in text
    assert text.count("channel ") == 5 * 4  # stages, channels of each


def test_features(small, tmp_path):
    explain("features", small, "--out", tmp_path / "f.svg")
    text = words(tmp_path / "f.svg").splitlines()
    assert [line for line in text if line.startswith("stride")] == [f"stride {s}" for s in (2, 4, 8, 16, 32)]
    assert "cat" in text


def test_receptive_field(small, tmp_path):
    explain("receptive-field", small, "--out", tmp_path / "r.svg")
    text = words(tmp_path / "r.svg")
    assert "stride 32: 1115 px" in text
    assert re.search(r"90% of the influence: \d+ px", text)


def test_receptive_field_of_a_published_net_is_its_geometry_alone(small, tmp_path):
    explain("receptive-field", "--published", "voc-fcn32s", small, "--out", tmp_path / "r.svg")
    text = words(tmp_path / "r.svg")
    assert "stride 32: 404 px" in text
    assert "influence" not in text


@pytest.mark.parametrize(
    ("code", "arguments", "message"),
    [
        (2, ["architecture", "--out", "a.jpg"], "written as .svg or .png"),
        (1, ["architecture", "--model", "lions", "--out", "a.svg"], "no model 'lions'"),
        (2, ["architecture", "--published", "voc-fcn9s", "--out", "a.svg"], "no published net 'voc-fcn9s'"),
        (1, ["architecture", str(CHELSEA), "--published", "voc-fcn8s", "--out", "a.svg"], "has no weights here"),
        (2, ["heatmap", str(CHELSEA), "--class", "tabby kat", "--out", "h.png"], "similar names: tabby"),
        (1, ["heatmap", "nowhere.jpg", "--class", "tabby", "--out", "h.png"], "nowhere.jpg: no such file"),
        (
            1,
            ["heatmap", str(CHELSEA), "--class", "tabby", "--trunk-weights", "no.pth", "--out", "h.png"],
            "no such file",
        ),
        (
            1,
            ["ladder", str(CHELSEA), "--models", "photos", "--titles", "a,b", "--out", "l.png"],
            "2 titles for 1 model;",
        ),
        (
            1,
            ["receptive-field", str(CHELSEA), "--published", "nyud-fcn32s-color-d", "--out", "r.png"],
            "takes 4 channels",
        ),
        (1, ["features", str(CHELSEA), "--model", "lions", "--out", "f.png"], "no model 'lions'"),
    ],
)
def test_wrong_input_gives_a_one_line_error_and_no_file(code, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fullconv", "explain", *arguments])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert message in error
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    from fullconv.errors import FullconvError

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(FullconvError, match=r"pip install 'fullconv\[figures\]'"):
        CliRunner().invoke(fullconv, ["explain", "architecture", "--out", "a.svg"], catch_exceptions=False)
