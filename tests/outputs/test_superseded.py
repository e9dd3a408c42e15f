"""Which files of earlier runs go."""

import json

import pytest

from fullconv.classes import Classes
from fullconv.outputs.manifest import NAME, REMOVED, owners_in
from fullconv.outputs.superseded import OUTPUTS, output_of, superseded
from fullconv.outputs.writers import TABLE, WRITERS, endings
from tests.outputs.results import CLASSES, result_of

ANIMALS = Classes.named(["background", "cat", "dog"])


@pytest.mark.parametrize("output", [output for output in WRITERS if output != TABLE])
def test_every_file_belongs_to_its_output(output):
    pytest.importorskip("rasterio")
    assert output in OUTPUTS
    for classes in (CLASSES, Classes.named(["labels", "overlay", "a_labels", "scores.x", "coco"])):
        found = endings([output], classes)
        assert found
        assert {output_of(ending) for ending in found} == {output}
        assert {output_of(f"_page12{ending}") for ending in found} == {output}


def test_files_of_other_outputs_stay():
    earlier = ["a/b_labels.png", "a/b_cat.png", "a/b.json", "a/b_page2_cat.png"]
    assert superseded("a/b", earlier, ["masks"]) == ["a/b_cat.png", "a/b_page2_cat.png"]


def test_masks_of_an_earlier_result_go_and_files_of_others_stay(tmp_path):
    result_of([[0, 1]], ANIMALS).save(tmp_path, "a", ["labels", "masks", "polygons"])
    result_of([[1, 1]], ANIMALS).save(tmp_path, "a_b", ["masks"])
    (tmp_path / "a_horse.png").touch()
    result_of([[0, 2]], ANIMALS).save(tmp_path, "a", ["labels", "masks"])
    assert sorted(path.name for path in tmp_path.glob("a*")) == [
        "a.geojson", "a_b_cat.png", "a_background.png", "a_dog.png", "a_horse.png", "a_labels.png"
    ]  # fmt: skip
    last = json.loads((tmp_path / NAME).read_text().splitlines()[-1])
    assert last[REMOVED] == ["a_cat.png"]
    assert owners_in(tmp_path).of("a_cat.png")[0] is None
    (tmp_path / "a_cat.png").write_text("the user's own, of the same name")
    result_of([[0, 0]], ANIMALS).save(tmp_path, "a", ["masks"])
    assert sorted(path.name for path in tmp_path.glob("a_*.png")) == [
        "a_b_cat.png", "a_background.png", "a_cat.png", "a_horse.png", "a_labels.png"
    ]  # fmt: skip


def test_masks_of_other_classes_stay_if_some_were_asked_for():
    left = ["a_labels.tif", "a_cat.png", "a_cat_cutout.png"]
    assert superseded("a", left, ["labels", "masks", "cutout"], ["dog"]) == ["a_labels.tif"]
