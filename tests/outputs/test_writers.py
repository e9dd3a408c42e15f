import numpy as np
import pytest

from fullconv.errors import FullconvError
from fullconv.georeference import Georeference
from fullconv.outputs.writers import WRITERS, check_outputs, endings
from tests.outputs.results import CLASSES, result_of

ALL = "labels, masks, overlay, scores, polygons, coco, coco-polygons, labelme"


def test_unknown_outputs_are_refused():
    assert check_outputs("labels, masks,labels") == ["labels", "masks"]
    for wrong in ("label", "", "masks,xyz"):
        with pytest.raises(FullconvError, match=f"choose from {ALL}"):
            check_outputs(wrong)


def test_from_python_too(tmp_path):
    with pytest.raises(FullconvError, match="no output 'mask'; choose from"):
        result_of([[0]]).save(tmp_path, "photo", ["labels", "mask"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("outputs", ["labels", ["labels"], {"labels"}, iter(["labels"])])
def test_outputs_in_any_form(tmp_path, outputs):
    assert [path.name for path in result_of([[0]]).save(tmp_path, "photo", outputs)] == ["photo_labels.png"]
    with pytest.raises(FullconvError, match="outputs: give a list, not None"):
        result_of([[0]]).save(tmp_path, "photo", None)


def test_no_two_outputs_share_a_file(tmp_path):
    # A geopackage needs ground, and csv is one table of many pictures.
    result = result_of([[0, 1, 2]], scores=np.zeros((3, 1, 3), np.float32))
    paths = result.save(tmp_path, "photo", [name for name in WRITERS if name not in ("geopackage", "csv")])
    assert len(set(paths)) == len(paths) == len(list(tmp_path.iterdir())) - 1  # predictions.jsonl


@pytest.mark.parametrize("outputs", [["labels", "overlay"], ["masks"], ["labelme"], ["polygons", "geopackage", "coco"]])
def test_file_names_have_the_announced_endings(tmp_path, outputs):
    """Of photos, of pages, of rasters and of pictures too large for a JPEG; nothing else is foretold."""
    pytest.importorskip("rasterio")
    pytest.importorskip("shapely", "2.1")
    ground = Georeference("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), None)
    written = set()
    for place, size, pages in ((None, 3, 1), (None, 3, 2), (ground, 3, 1), (None, 70_000, 1)):
        label_map = np.resize(np.arange(3, dtype=np.uint8), (1, size))
        result = result_of(label_map, georeference=place, source=tmp_path / "photo.png", pages=pages)
        photo = [name for name in outputs if name != "geopackage" or place]
        kept = [name for name in photo if place is None or name not in ("coco", "labelme")]
        if size == 3 or "overlay" in outputs:
            written |= (
                {path.name[1:] for path in result.save(tmp_path / f"{place}{size}{pages}", "x", kept)}
                if kept
                else set()
            )
    assert set(endings(outputs, CLASSES)) == written
