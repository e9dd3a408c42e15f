"""`fullconv check` on data sets of a stranger's: a finding or one line, never a traceback, a crash, or a hang."""

import os
import shutil
from pathlib import Path

import pytest

from tests.hostile import data_sets
from tests.hostile.running import run


@pytest.mark.parametrize("name", data_sets.REFUSED)
def test_what_is_wrong_is_told(name, tmp_path):
    data = data_sets.REFUSED[name](tmp_path / "data")
    ended = run("check", data, inside=tmp_path)
    ended.orderly()
    assert ended.code == 1, ended.out
    assert "error" in ended.out + ended.err


@pytest.mark.parametrize("name", data_sets.ACCEPTED)
def test_what_is_strange_but_right_is_read(name, tmp_path):
    ended = run("check", data_sets.ACCEPTED[name](tmp_path / "data"), inside=tmp_path)
    ended.orderly()
    assert "cannot be read" not in ended.out + ended.err


ESCAPES = {
    "coco": lambda root: data_sets.coco(root, file_name="../../secret/a.jpg"),
    "coco-absolute": lambda root: data_sets.coco(root, file_name=str(root.parent / "secret" / "a.jpg")),
    "panoptic": lambda root: data_sets.panoptic(root, {"id": 1, "category_id": 1}, file_name="../../../secret/a.png"),
    "labelme": lambda root: data_sets.labelme(root, imagePath="../secret/a.jpg"),
    "voc": lambda root: voc(root, "../../secret/a"),
    "list": lambda root: listed(root, "../secret/a.jpg ../secret/a.png"),
    "list-absolute": lambda root: listed(root, f"images/a.jpg {root.parent}/secret/a.png"),
}


def voc(root: Path, name: str) -> Path:
    data_sets.photo(root / "JPEGImages" / "a.jpg")
    data_sets.photo(root / "SegmentationClass" / "a.png")
    data_sets.write(root / "ImageSets" / "Segmentation" / "train.txt", f"{name}\n")
    return root


def listed(root: Path, line: str) -> Path:
    yaml = data_sets.pairs(root, data_sets.png(), data_sets.NAMED + "train: list.txt\n")
    data_sets.write(root / "list.txt", f"{line}\n")
    return yaml


@pytest.fixture
def secret(tmp_path) -> Path:
    folder = tmp_path / "secret"
    data_sets.photo(folder / "a.jpg")
    (folder / "a.png").write_bytes(data_sets.png())
    return folder


@pytest.mark.parametrize("name", ESCAPES)
def test_paths_stay_inside_unless_allowed(name, tmp_path, secret):
    data = ESCAPES[name](tmp_path / "data")
    ended = run("check", data, inside=tmp_path)
    ended.orderly()
    assert ended.code == 1
    assert f"--outside {secret}" in " ".join(ended.out.split()), ended.out
    allowed = run("check", data, "--outside", secret, inside=tmp_path)
    allowed.orderly()
    assert "--outside" not in allowed.out


def test_links_in_the_folder_are_followed(tmp_path, secret):
    data = data_sets.coco(tmp_path / "data", data_sets.outline(*data_sets.CORNERS))
    shutil.rmtree(data / "images")
    os.symlink(secret, data / "images")
    ended = run("check", data, inside=tmp_path)
    assert "1 error" not in ended.out
    assert "cannot be read" not in ended.out


@pytest.mark.parametrize("place", ["images/a.jpg", "masks/a.png", "data.yaml"])
def test_pipes_are_not_waited_for(place, tmp_path):
    data = data_sets.pairs(tmp_path / "data", data_sets.png())
    (data.parent / place).unlink()
    os.mkfifo(data.parent / place)
    ended = run("check", data, inside=tmp_path)
    ended.orderly()
    assert ended.code == 1
