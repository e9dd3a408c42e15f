"""COCO's own library, and this package's reader of COCO, are the referees."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.data.polygons import fill
from fullconv.outputs.coco_polygons import cuts, polygons
from fullconv.outputs.regions import regions
from tests.outputs.results import CLASSES, VOID, label_maps, result_of

MANUAL = Path(__file__).parents[2] / "docs" / "outputs.md"
NESTED = np.pad(np.pad(np.pad([[1]], 1), 1, constant_values=1), 1)  # a dot in a ring


def written(label_map, folder):
    (path,) = result_of(label_map, source=Path("photo.png")).save(folder, "photo", ["coco-polygons"])
    assert path.name == "photo_coco_polygons.json"
    return path


@given(label_maps(values=(0, 1, 2, VOID), side=12))
@example(NESTED)
@settings(max_examples=200, deadline=None)
def test_pycocotools_gives_the_label_map_back_pixel_for_pixel(tmp_path_factory, label_map):
    coco_library = pytest.importorskip("pycocotools.coco")
    coco = coco_library.COCO(written(label_map, tmp_path_factory.mktemp("coco")))
    painted, covered = np.zeros_like(label_map), np.zeros(label_map.shape, int)
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=1, iscrowd=False)):
        mask = coco.annToMask(annotation) > 0
        rows, columns = np.nonzero(mask)
        assert annotation["area"] == mask.sum()
        assert annotation["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        painted[mask] = annotation["category_id"]
        covered += mask
    assert (painted == np.where(label_map == VOID, 0, label_map)).all()
    assert covered.max() <= 1


@given(label_maps(side=12))
@example(NESTED)
@settings(max_examples=100, deadline=None)
def test_an_annotation_is_a_region_and_its_pieces_have_no_holes_and_do_not_overlap(label_map):
    for region in regions(label_map):
        found = polygons(region)
        masks = [fill(np.reshape(polygon, (-1, 2)).tolist(), *label_map.shape) for polygon in found]
        assert sum(mask.sum() for mask in masks) == region.area
        assert (label_map[np.any(masks, axis=0)] == region.value).all()
        assert len(found) == 1 or region.holes
        for polygon in found:
            corners = list(zip(polygon[::2], polygon[1::2], strict=True))
            assert len(set(corners)) == len(corners) >= 4


def test_one_line_cuts_all_holes_that_it_meets():
    assert cuts([(1, 4), (3, 6), (4, 5), (7, 9)]) == [4, 9]
    label_map = np.ones((9, 9), np.uint8)
    label_map[1, 2:5] = label_map[4, 3:6] = label_map[7, 4:6] = 0
    region = regions(label_map)[0]
    assert len(region.holes) == 3
    assert len(polygons(region)) == 2


@given(label_maps())
@example(NESTED)
@settings(max_examples=30, deadline=None)
def test_training_reads_the_file_as_it_was_predicted(tmp_path_factory, label_map):
    root = tmp_path_factory.mktemp("coco")
    (root / "train").mkdir()
    Image.fromarray(np.zeros((*label_map.shape, 3), np.uint8)).save(root / "train" / "photo.png")
    shutil.move(written(label_map, root), root / "train" / "_annotations.coco.json")
    dataset = open_dataset(root)
    (sample,) = dataset.splits["train"]
    assert dataset.layout == "coco"
    assert dataset.classes.names == CLASSES.names
    assert (sample.read_label_map() == label_map).all()


def test_the_manuals_lines_put_the_files_of_a_folder_together(tmp_path, monkeypatch):
    section = MANUAL.read_text().split("## coco-polygons")[1].split("\n## ")[0]
    (lines,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    pictures = {"a.png": [[0, 1], [2, 1]], "b.png": [[2, 0, 2]], "c.png": [[0]]}
    (tmp_path / "train").mkdir()
    for name, label_map in pictures.items():
        result_of(label_map, source=Path(name)).save("masks", Path(name).stem, ["coco-polygons"])
        Image.new("RGB", np.shape(label_map)[::-1]).save(tmp_path / "train" / name)
    exec(lines, {})
    shutil.move("_annotations.coco.json", "train")
    samples = open_dataset(tmp_path).splits["train"]
    assert {sample.image_path.name: sample.read_label_map().tolist() for sample in samples} == pictures
    coco = pytest.importorskip("pycocotools.coco").COCO("train/_annotations.coco.json")
    assert sorted(coco.anns) == [1, 2, 3, 4]
