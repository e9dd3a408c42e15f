"""What is written for labelme is read again, pixel for pixel."""

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from fullconv.classes import Classes
from fullconv.data.labelme_masks import Shapes
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import labelme as layout
from tests.outputs.results import CLASSES, VOID, label_maps, result_of

VALUES = {"_background_": 0, "__ignore__": VOID, **{name: i for i, name in enumerate(CLASSES.names)}}


@given(label_maps((0, 1, 2, VOID)))
@settings(max_examples=300, deadline=None)
def test_shapes_paint_the_label_map_again(tmp_path_factory, label_map):
    _, path = result_of(label_map).save(tmp_path_factory.mktemp("labelme"), "photo", ["labelme"])
    assert (Shapes(VALUES)(path) == label_map).all()


@pytest.fixture(scope="module")
def labelme():
    """labelme's own reader. It asks for Qt, which reading files does not need, so a stand-in answers.

    pip install --no-deps labelme==5.5.0 imgviz termcolor"""
    with pytest.MonkeyPatch.context() as patch:
        stand_in = MagicMock(QT_VERSION="5.15")
        for name in ("qtpy", "qtpy.QtCore", "qtpy.QtGui", "qtpy.QtWidgets"):
            patch.setitem(sys.modules, name, stand_in)
        yield pytest.importorskip("labelme")


@given(label_maps((0, 1, 2, VOID), side=14))
@settings(max_examples=100, deadline=None)
def test_labelme_itself_reads_it_and_paints_the_label_map(labelme, tmp_path_factory, label_map):
    _, path = result_of(label_map).save(tmp_path_factory.mktemp("labelme"), "photo", ["labelme"])
    file = labelme.LabelFile(str(path))
    assert file.imageData is not None
    painted, _ = labelme.utils.shapes_to_label(label_map.shape, file.shapes, VALUES)
    assert (painted == label_map).all()


def test_predictions_are_a_data_set(tmp_path):
    """The whole way: a photo elsewhere, the layout's reader, holes in holes, a name with spaces."""
    photo = tmp_path / "my photos" / "dog 1.png"
    photo.parent.mkdir()
    label_map = np.zeros((9, 11), np.uint8)
    label_map[1:8, 1:9], label_map[2:7, 2:7], label_map[3:6, 3:6], label_map[4, 4] = 1, 0, 2, 0
    Image.new("RGB", (11, 9)).save(photo)
    (path,) = result_of(label_map, source=photo).save(tmp_path / "out", "dog 1", ["labelme"])
    assert json.loads(path.read_text())["imagePath"] == "../my photos/dog 1.png"
    dataset = layout.read(tmp_path / "out", LayoutOptions(classes=CLASSES))
    (sample,) = dataset.split("train")
    assert sample.image_path.samefile(photo)
    assert (sample.read_label_map() == label_map).all()


def test_the_schema(tmp_path):
    picture, path = result_of([[0, 0], [0, 1]]).save(tmp_path, "photo", ["labelme"])
    assert json.loads(path.read_text()) == {
        "version": "5.5.0", "flags": {}, "imagePath": "photo.png", "imageData": None, "imageHeight": 2, "imageWidth": 2,
        "shapes": [{"label": CLASSES.names[1], "points": [[1, 1]] * 3, "group_id": None, "shape_type": "polygon",
                    "flags": {}}],
    }  # fmt: skip
    assert Path(picture).name == "photo.png"
    assert Image.open(picture).size == (2, 2)


def test_a_first_class_other_than_background_is_outlined(tmp_path):
    _, path = result_of([[0, 0, 0]], Classes.named(["road"])).save(tmp_path, "photo", ["labelme"])
    (shape,) = json.loads(path.read_text())["shapes"]
    assert (shape["label"], shape["points"]) == ("road", [[2, 0], [0, 0], [0, 0]])


@pytest.mark.parametrize("name", ["film.gif", "scan.tif"])
def test_each_page_has_a_picture_of_its_own(tmp_path, name):
    from fullconv.jobs.images import run_one
    from fullconv.jobs.job import Job, Wanted
    from fullconv.view import Reading
    from tests.prediction.scenes import bright_model

    pages = [Image.fromarray(np.full((8, 9, 3), grey, np.uint8)) for grey in (10, 200)]
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    wanted = Wanted(("labelme", "coco"), reading=Reading(pages=True))
    outcome = run_one(bright_model(), Job(tmp_path / name, tmp_path / "x"), wanted)
    assert sorted(path.name for path in outcome.outputs) == [
        f"x_page{number}{ending}" for number in (1, 2) for ending in (".json", ".png", "_coco.json")
    ]  # fmt: skip
    for number, page in enumerate(pages, 1):
        path = tmp_path / json.loads((tmp_path / f"x_page{number}.json").read_text())["imagePath"]
        assert path.name == f"x_page{number}.png"
        assert (np.asarray(Image.open(path)) == np.asarray(page.convert("RGB"))).all()
    named = [json.loads((tmp_path / f"x_page{n}_coco.json").read_text())["images"][0]["file_name"] for n in (1, 2)]
    assert named == [name, "x_page2"]
    first = run_one(bright_model(), Job(tmp_path / name, tmp_path / "y"), Wanted(("labelme",)))
    assert [path.name for path in first.outputs] == ["y.png", "y.json"]
