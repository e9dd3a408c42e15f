"""--classes, --background, cut-outs and confidence at the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.commands.main import fullconv
from tests.conftest import EXAMPLES

CAT = str(EXAMPLES / "chelsea.jpg")


def run(out, *arguments):
    return CliRunner().invoke(fullconv, ["predict", CAT, "--out", str(out), *arguments])


def test_a_file_is_written_for_each_requested_class(tmp_path):
    result = run(tmp_path, "--save", "masks,cutout,polygons,confidence", "--classes", "cat,dog")
    assert result.exit_code == 0, result.output
    names = {path.name for path in tmp_path.glob("chelsea*")}
    assert names == {"chelsea.geojson", "chelsea_confidence.png"} | {
        f"chelsea_{name}{what}.png" for name in ("cat", "dog") for what in ("", "_cutout")
    }
    regions = json.loads((tmp_path / "chelsea.geojson").read_text())["features"]
    assert {region["properties"]["class"] for region in regions} == {"cat"}


def test_a_repeated_option_adds_to_its_list(tmp_path):
    assert run(tmp_path, "--save", "masks", "-s", "polygons", "--classes", "cat", "--classes", "dog").exit_code == 0
    names = {path.name for path in tmp_path.glob("chelsea*")}
    assert names == {"chelsea.geojson", "chelsea_cat.png", "chelsea_dog.png"}


@pytest.mark.parametrize("names", [",", " , ", ""])
def test_a_list_of_classes_without_a_name_is_refused(tmp_path, names):
    result = run(tmp_path, "--classes", names)
    assert (result.exit_code, "give names separated by commas" in result.output) == (2, True)


def test_cut_outs_on_a_background(tmp_path):
    assert run(tmp_path, "--save", "cutout", "--background", "#336699").exit_code == 0
    picture = Image.open(tmp_path / "chelsea_cat_cutout.png")
    assert (picture.mode, picture.getpixel((440, 10))) == ("RGB", (0x33, 0x66, 0x99))


def test_resume_repeats_pictures_whose_options_changed(tmp_path):
    run(tmp_path, "--save", "labels", "--classes", "dog")
    dogs = np.array(Image.open(tmp_path / "chelsea_labels.png"))
    run(tmp_path, "--save", "labels", "--resume")
    assert not np.array_equal(np.array(Image.open(tmp_path / "chelsea_labels.png")), dogs)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--classes", "cta"], "no class 'cta'; the classes are background, aeroplane"),
        (["--classes", "Cat"], "tvmonitor; did you mean cat?"),
        (["--background", "white"], "--background: applies to cut-outs; add --save cutout"),
        (["--save", "cutout", "--background", "nowhere.jpg"], "give white, black, blur"),
    ],
)
def test_impossible_options_give_a_one_line_error(tmp_path, arguments, said):
    assert said in str(run(tmp_path, *arguments).exception)


def test_masks_of_one_class_after_another_stay_together(tmp_path):
    for name in ("cat", "dog"):
        run(tmp_path, "--classes", name, "--save", "labels,masks")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "chelsea_cat.png", "chelsea_dog.png", "chelsea_labels.png"
    ]  # fmt: skip
