"""fullconv label from the shell."""

import json
import shutil

import pytest
from click.testing import CliRunner

from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from tests.conftest import EXAMPLES


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("chelsea.jpg", "astronaut.jpg"):
        shutil.copy(EXAMPLES / name, tmp_path / "photos")
    shutil.copy(EXAMPLES / "chelsea.jpg", tmp_path / "photos" / "again.jpg")
    return tmp_path / "photos"


def label(*arguments):
    return CliRunner().invoke(fullconv, ["label", *map(str, arguments)])


def test_the_chosen_pictures_and_the_next_step_are_printed(photos, tmp_path):
    pytest.importorskip("shapely")
    out = tmp_path / "to label é"
    result = label(photos, "--count", 5, "--to", "cvat", "--out", out, "--json", tmp_path / "a.json")
    assert result.exit_code == 0, result.output
    chosen = json.loads((tmp_path / "a.json").read_text())["chosen"]
    doubts = [one["doubt"] for one in chosen]
    assert len(chosen) == 2  # one of two identical copies
    assert doubts == sorted(doubts, reverse=True)
    lines = result.output.splitlines()
    assert lines[1:3] == [f"{one['doubt']:>7.3f}  {one['file']}" for one in chosen]
    assert lines[3] == f"{out}: 2 pictures of 3, chosen by uncertainty"
    assert lines[-1].endswith(f'added: ["{out}"]')
    assert len(list((out / "images").iterdir())) == 2


def test_a_damaged_picture_is_reported_and_left_out(photos, tmp_path):
    pytest.importorskip("shapely")
    (photos / "again.jpg").write_bytes(b"no picture")
    result = label(photos, "--by", "diversity", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert any(line.startswith("error: ") and "again.jpg" in line for line in result.output.splitlines())
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".jpg", ".jpg", ".json", ".json", ".txt"]


def test_a_folder_in_use_is_refused_before_any_work(photos):
    assert isinstance(error := label(photos, "--out", photos).exception, FullconvError)
    assert "choose another --out" in str(error)
    assert "no such folder" in str(label("nowhere").exception)
