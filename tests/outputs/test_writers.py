import pytest

from fullconv.errors import FullconvError
from fullconv.outputs.writers import WRITERS, check_outputs
from tests.outputs.results import result_of

ALL = "labels, masks, overlay, scores, polygons, coco, coco-polygons, labelme"


def test_unknown_outputs_are_refused():
    assert check_outputs("labels, masks,labels") == ["labels", "masks"]
    for wrong in ("label", "", "masks,xyz"):
        with pytest.raises(FullconvError, match=f"choose among {ALL}"):
            check_outputs(wrong)


def test_from_python_too(tmp_path):
    with pytest.raises(FullconvError, match="no output 'mask'; choose among"):
        result_of([[0]]).save(tmp_path, "photo", ["labels", "mask"])
    assert list(tmp_path.iterdir()) == []


def test_no_two_outputs_share_a_file(tmp_path):
    import numpy as np

    result = result_of([[0, 1, 2]], scores=np.zeros((3, 1, 3), np.float32))
    paths = result.save(tmp_path, "photo", [name for name in WRITERS if name != "geopackage"])  # which wants ground
    assert len(set(paths)) == len(paths) == len(list(tmp_path.iterdir())) - 1  # predictions.jsonl
