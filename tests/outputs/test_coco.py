"""COCO's own library is the referee."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.classes import Classes
from fullconv.data.rle import decode
from fullconv.outputs.coco import outline
from tests.outputs.results import CLASSES, label_maps, result_of

mask_library = pytest.importorskip("pycocotools.mask")


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))).filter(np.any))
@settings(max_examples=200, deadline=None)
def test_run_lengths_are_those_of_pycocotools(mask):
    encoded = mask_library.encode(np.asfortranarray(mask.view(np.uint8)))
    found = outline(mask)
    assert found["segmentation"] == {"size": list(encoded["size"]), "counts": encoded["counts"].decode()}
    assert found["area"] == mask_library.area(encoded)
    assert found["bbox"] == mask_library.toBbox(encoded).tolist()
    assert (decode(found["segmentation"]["counts"], *mask.shape) == mask).all()


def test_long_runs():
    mask = np.zeros((3000, 2000), bool)
    mask[100:2900, 5] = mask[2999, 1999] = True
    found = outline(mask)["segmentation"]
    assert (mask_library.decode({**found, "counts": found["counts"].encode()}) == mask).all()


@given(label_maps())
@settings(max_examples=30, deadline=None)
def test_pycocotools_opens_the_file(tmp_path_factory, label_map):
    from pycocotools.coco import COCO

    (path,) = result_of(label_map).save(tmp_path_factory.mktemp("coco"), "photo", ["coco"])
    coco = COCO(path)
    painted = np.zeros_like(label_map)
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=1)):
        painted[coco.annToMask(annotation) > 0] = annotation["category_id"]
    assert (painted == label_map).all()
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == list(CLASSES.names[1:])


def test_a_first_class_other_than_background_is_included(tmp_path):
    (path,) = result_of([[0, 1]], Classes.named(["road", "roof"])).save(tmp_path, "photo", ["coco"])
    content = json.loads(path.read_text())
    assert content["images"] == [{"id": 1, "file_name": "photo", "width": 2, "height": 1}]
    assert [c["id"] for c in content["categories"]] == [a["category_id"] for a in content["annotations"]] == [0, 1]
    assert [a["id"] for a in content["annotations"]] == [1, 2]
