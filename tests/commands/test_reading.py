"""What the commands print about pictures that are not plain photos."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from fullconv.commands.main import fullconv
from tests.conftest import EXAMPLES


def shell(*arguments):
    return CliRunner().invoke(fullconv, list(map(str, arguments)))


@pytest.fixture
def photo():
    return Image.open(EXAMPLES / "chelsea.jpg").resize((128, 96))


def test_the_chosen_range_is_printed_and_gives_the_same_labels_again(tmp_path, photo):
    values = np.asarray(photo.convert("L")).astype(np.uint16) * 12
    Image.fromarray(values).save(tmp_path / "deep.png")
    first = shell("predict", tmp_path / "deep.png", "--out", tmp_path / "a", "--save", "labels", "--json", "-")
    assert first.exit_code == 0, first.output
    assert "deep.png: values " in first.stderr
    (line,) = json.loads(first.stdout)["results"]
    given = line["notes"][0].split("--range ")[1].split()[0]
    again = shell("predict", tmp_path / "deep.png", "--out", tmp_path / "b", "--save", "labels", "--range", given)
    assert "mapped to 0 to 255" not in again.stderr
    assert (tmp_path / "a" / "deep_labels.png").read_bytes() == (tmp_path / "b" / "deep_labels.png").read_bytes()


def test_the_first_page_is_used_with_a_note_or_each_page_gets_its_own_files(tmp_path, photo):
    photo.save(tmp_path / "film.gif", save_all=True, append_images=[photo.rotate(180)])
    first = shell("predict", tmp_path / "film.gif", "--out", tmp_path / "a", "--save", "labels")
    assert "film.gif: page 1 of 2; --pages all" in first.stderr
    assert (tmp_path / "a" / "film_labels.png").is_file()
    every = shell("predict", tmp_path / "film.gif", "--out", tmp_path / "b", "--save", "labels", "--pages", "all")
    assert every.exit_code == 0, every.output
    assert "--pages all" not in every.stderr
    assert {path.name for path in (tmp_path / "b").glob("*.png")} == {"film_page1_labels.png", "film_page2_labels.png"}


@pytest.mark.parametrize(
    ("given", "told"), [("0", "give pairs"), ("9,3", "lower value first"), ("0,1,0,2", "one pair, or one per channel")]
)
def test_an_impossible_range_gives_a_one_line_error(tmp_path, photo, given, told):
    photo.save(tmp_path / "a.png")
    result = shell("predict", tmp_path / "a.png", "--out", tmp_path / "m", "--range", given)
    assert told in str(result.exception) + result.output
    assert not (tmp_path / "m").exists()


def test_evaluate_skips_unreadable_pictures_and_exits_with_1(tmp_path, photo):
    for folder in ("images", "masks"):
        (tmp_path / folder / "val").mkdir(parents=True)
    for name in ("a", "b"):
        photo.save(tmp_path / "images" / "val" / f"{name}.png")
        Image.new("L", photo.size, 1).save(tmp_path / "masks" / "val" / f"{name}.png")
    bad = tmp_path / "images" / "val" / "b.png"
    bad.write_bytes(bad.read_bytes()[:2000])
    (tmp_path / "data.yaml").write_text("path: .\nnames: [background, cat]\n")
    result = shell("evaluate", tmp_path / "data.yaml", "--json", tmp_path / "r.json")
    assert result.exit_code == 1
    assert "b.png: damaged image" in result.stderr
    assert "not scored: 1 picture" in result.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert list(report["skipped"]) == [str(bad)]
    assert sum(map(sum, report["confusion"])) == 128 * 96
