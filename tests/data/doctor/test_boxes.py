"""Findings on annotations: objects that have but a box, classes spelt in two ways."""

import json

import pytest

from fullconv.data.doctor.examination import check as examine
from tests.data.doctor.planted import found, kinds, photo, sound

OUTLINE = [[4, 4, 20, 4, 20, 16, 4, 16]]


def coco(root, outlines):
    """A picture for each of `outlines`, with one roof that has it, or a box alone."""
    (root / "annotations").mkdir(parents=True)
    (root / "train").mkdir()
    notes = []
    for i, outline in enumerate(outlines):
        photo(i).save(root / "train" / f"{i}.jpg")
        notes.append({"id": i, "image_id": i, "category_id": 1, "bbox": [4, 4, 16, 12], "segmentation": outline})
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 32, "height": 24} for i in range(len(outlines))]
    content = {"images": images, "categories": [{"id": 1, "name": "roof"}], "annotations": notes}
    (root / "annotations" / "instances_train.json").write_text(json.dumps(content))
    return root


@pytest.mark.parametrize(
    ("outlines", "severity", "objects"),
    [([OUTLINE, [], None], "warning", 2), ([[], []], "error", 2), ([OUTLINE, OUTLINE], None, 0)],
)
def test_objects_without_outlines_are_counted(tmp_path, outlines, severity, objects):
    report = examine(coco(tmp_path / "d", outlines))
    if severity is None:
        assert kinds(report) == {"one-split"}
        return
    finding = found(report, "boxes-only")
    assert (finding.severity, len(finding.cases)) == (severity, objects)
    assert f"{objects} objects without an outline (roof {objects})" in finding.text
    assert "white-is-void" not in kinds(report)
    (tmp_path / "d.yaml").write_text(f"path: d\n{finding.remedy}\n")
    mended = found(examine(tmp_path / "d.yaml"), "boxes-only")
    assert (mended.severity, mended.text.rpartition("; ")[2]) == ("note", "each box is used as the object's region")


def test_names_that_differ_only_in_spelling_are_reported(tmp_path):
    data = sound(tmp_path)
    finding = found(data.examine("names: [Roof, roof, road]"), "names-alike")
    assert finding.text.endswith("mean the same: Roof, roof")
    assert "names-alike" not in kinds(data.examine(f"names: [Roof, roof, road]\n{finding.remedy}"))
    for names in ("[roof, road]", '["+", "-"]', "[日, 月]"):
        assert "names-alike" not in kinds(data.examine(f"names: {names}"))
