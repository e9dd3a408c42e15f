"""predictions.csv: one table for a run."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import fullconv
from fullconv.commands.main import fullconv as command
from fullconv.jobs.table import HEAD
from tests.conftest import EXAMPLES


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three photos, one of them in a subfolder, and a file that is not a photo."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    for name, box in (("a", (0, 0, 200, 200)), ("sub/b", (100, 50, 300, 200)), ("c", (150, 0, 451, 300))):
        Image.open(EXAMPLES / "chelsea.jpg").crop(box).save(folder / f"{name}.png")
    (folder / "bad.png").write_bytes(b"no picture")
    return folder


def predict(*arguments):
    return CliRunner().invoke(command, ["predict", *map(str, arguments)])


def rows_in(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_row_for_each_picture_and_class(photos, tmp_path):
    result = predict(photos, "--out", tmp_path, "--save", "csv")
    assert result.exit_code == 1, result.output  # because of the file that is not a picture
    rows = rows_in(tmp_path / "predictions.csv")
    assert tuple(rows[0]) == HEAD
    assert list(dict.fromkeys(row["file"] for row in rows)) == [
        str(photos / name) for name in ("a.png", "c.png", "sub/b.png")
    ]
    result = fullconv.load().predict(photos / "sub" / "b.png")
    expected = result.to_df()
    found = [row for row in rows if row["file"].endswith("b.png")]
    assert [row["class"] for row in found] == expected["class"].tolist()
    for column in ("pixels", "regions", "share"):
        assert [float(row[column]) for row in found] == expected[column].tolist()
    assert {row["area_m2"] for row in rows} == {row["page"] for row in rows} == {""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.csv", "predictions.jsonl"]


def test_a_resumed_run_writes_the_same_bytes(photos, tmp_path):
    """The first run looks as if it was killed while it processed the second picture."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    predict(photos, "--out", whole, "--save", "labels,csv")
    killed.mkdir()
    lines = (whole / "predictions.jsonl").read_text().splitlines(keepends=True)
    done = next(i for i, line in enumerate(lines) if "table" in json.loads(line))
    (killed / "predictions.jsonl").write_text("".join(lines[: done + 1]))
    name = json.loads(lines[done])["outputs"][0]
    (killed / name).parent.mkdir(exist_ok=True)
    (killed / name).write_bytes((whole / name).read_bytes())
    (killed / ".predictions-0123abcd.part.csv").write_text("half")
    result = predict(photos, "--out", killed, "--save", "labels,csv", "--resume")
    assert "1 was finished earlier" in result.output
    assert (killed / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()
    assert not list(killed.glob(".*"))


def test_a_table_that_fullconv_did_not_write_is_kept(photos, tmp_path):
    (tmp_path / "predictions.csv").write_text("mine")
    result = predict(photos / "a.png", "--out", tmp_path, "--save", "csv")
    assert "predictions.csv: exists, and no earlier run" in str(result.exception)
    assert (tmp_path / "predictions.csv").read_text() == "mine"
    assert predict(photos / "a.png", "--out", tmp_path, "--save", "csv", "--overwrite").exit_code == 0
    assert predict(photos / "a.png", "--out", tmp_path, "--save", "csv").exit_code == 0  # fullconv's own file now
    assert len(rows_in(tmp_path / "predictions.csv")) >= 1


def test_pages_are_distinguished(tmp_path):
    pages = [Image.fromarray(np.full((40, 40, 3), grey, np.uint8)) for grey in (0, 90)]
    pages[0].save(tmp_path / "two.gif", save_all=True, append_images=pages[1:])
    predict(tmp_path / "two.gif", "--out", tmp_path / "out", "--save", "csv", "--pages", "all")
    assert {row["page"] for row in rows_in(tmp_path / "out" / "predictions.csv")} == {"1", "2"}


def test_a_raster_has_an_area_on_the_ground(tmp_path):
    pytest.importorskip("rasterio")
    from tests.prediction.scenes import blobs, write_scene

    path = write_scene(tmp_path / "scene.tif", blobs(90, 120))
    result = predict(path, "--out", tmp_path / "out", "--save", "csv")
    assert result.exit_code == 0, result.output
    rows = rows_in(tmp_path / "out" / "predictions.csv")
    value = fullconv.load().predict(path).to_df()
    assert [int(row["regions"]) for row in rows] == value["regions"].tolist()
    assert [float(row["area_m2"]) for row in rows] == pytest.approx(value["area_m2"].tolist())
    assert min(float(row["area_m2"]) for row in rows) > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-", "--save", "csv"], "one table for many pictures"),
        (["x.jpg", "--save", "csv", "--cluster", "ray"], "does not work with --cluster"),
    ],
)
def test_csv_is_refused_where_no_table_can_be_written(arguments, says):
    result = CliRunner().invoke(command, ["predict", *arguments], input=b"")
    assert isinstance(result.exception, fullconv.FullconvError)
    assert says in str(result.exception)


def test_a_single_result_has_no_table():
    with pytest.raises(fullconv.FullconvError, match="to_df"):
        fullconv.load().predict(EXAMPLES / "chelsea.jpg").save("x", outputs=["csv"])
