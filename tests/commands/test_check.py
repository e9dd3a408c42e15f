"""fullconv check from the shell."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.classes import Classes
from fullconv.commands.check import Doubts
from fullconv.commands.main import fullconv
from fullconv.data.dataset import Sample
from fullconv.data.masks import identity_lookup
from fullconv.errors import FullconvError
from fullconv.evaluation.suspects import Suspect, Suspicion
from tests.conftest import EXAMPLES


def check(*arguments):
    return CliRunner().invoke(fullconv, ["check", *map(str, arguments)])


@pytest.fixture
def own_data(disc_data, tmp_path):
    shutil.copytree(disc_data.parent, tmp_path / "discs")
    return tmp_path / "discs" / disc_data.name


def test_good_data_gives_exit_code_0(disc_data):
    result = check(disc_data)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "no problems found"
    assert "disc" in result.output


def test_what_the_data_leave_out_is_noted(own_data):
    own_data.write_text(f"{own_data.read_text()}train: [train, train]\nval: val\n")
    (line,) = check(own_data).stderr.splitlines()
    assert line.startswith("note: ")
    assert "train has 16 pictures more than once, such as 00.png" in line


def test_errors_give_exit_code_1_and_the_json_lists_all_of_them(own_data, tmp_path):
    for i in range(5):
        (own_data.parent / "images" / "train" / f"{i:02}.png").write_bytes(b"")
    result = check(own_data, "--json", tmp_path / "report.json")
    assert result.exit_code == 1
    assert "and 2 more" in result.output
    (finding,) = json.loads((tmp_path / "report.json").read_text())["findings"]
    assert (finding["kind"], finding["count"], len(finding["cases"])) == ("unreadable-image", 5, 5)


def test_only_warnings_give_exit_code_0(own_data):
    Image.fromarray(np.full((64, 80), 255, np.uint8)).save(own_data.parent / "masks" / "val" / "00.png")
    result = check(own_data)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "1 warning")


def test_data_that_training_refuses_is_still_examined(own_data):
    (own_data.parent / "masks" / "val" / "00.png").rename(own_data.parent / "masks" / "val" / "zero.png")
    result = check(own_data)
    assert result.exit_code == 1
    assert "1 image without a mask in val/, 1 mask without an image" in result.output
    assert "train 16, val 3" in result.output


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_the_sheet_is_a_picture(own_data, tmp_path, ending):
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(own_data.parent / "masks" / "val" / "00.png")
    Image.fromarray(np.full((64, 80), 9, np.uint8)).save(own_data.parent / "masks" / "val" / "01.png")
    (own_data.parent / "images" / "val" / "02.png").write_bytes(b"")
    check(own_data, "--sheet", tmp_path / f"sheet.{ending}")
    with Image.open(tmp_path / f"sheet.{ending}") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels, axis=0)) > 100


def test_a_sheet_without_pictures_does_not_crash(tmp_path):
    (tmp_path / "empty").mkdir()
    assert check(tmp_path / "empty", "--sheet", tmp_path / "sheet.png").exit_code == 1
    assert (tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "no such folder or data YAML"), ([".", "--sheet", "a.txt"], "written as .png")],
)
def test_impossible_options_are_refused_at_once(arguments, message):
    assert isinstance(error := check(*arguments).exception, FullconvError)
    assert message in str(error)


def test_with_a_model_suspected_labels_are_listed_and_drawn(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    with Image.open(EXAMPLES / "chelsea.jpg") as photo:
        for name, value in (("right1", 1), ("right2", 1), ("wrong", 2)):
            photo.crop((100, 40, 228, 168)).save(tmp_path / "images" / f"{name}.png")
            Image.fromarray(np.full((128, 128), value, np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    (tmp_path / "data.yaml").write_text("names: [background, cat, horse]\n")
    result = check(tmp_path, "--model", "photos", "--json", tmp_path / "a.json", "--sheet", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    (suspect,) = json.loads((tmp_path / "a.json").read_text())["suspects"]
    (region,) = suspect["regions"]
    assert (region["label"], region["suggested"]) == ("horse", "cat")
    lines = result.output.splitlines()
    assert "suspected labels in 1 picture, the most suspicious first" in lines
    assert any("images/wrong.png: horse may be cat, " in line for line in lines)
    assert lines[-1].startswith("judged by a model that may have seen these pictures")
    assert f"wrote {tmp_path / 'a.png'}" in lines
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > 600


def test_suspected_pictures_that_are_not_listed_are_counted(tmp_path):
    suspect = Suspect(0, 1, 9, (0, 0, 3, 3), 0.5)
    sample = Sample("a", tmp_path / "a.png", tmp_path / "m.png", identity_lookup(Classes.named(["a", "b"])))
    judges = SimpleNamespace(other=SimpleNamespace(classes=Classes.named(["a", "b"])), root=tmp_path)
    lines = Doubts([Suspicion(sample, (suspect,))] * 23, judges, "").table().splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "and 3 more; --json lists all of them"
    assert "more" not in Doubts([Suspicion(sample, (suspect,))] * 20, judges, "").table()
