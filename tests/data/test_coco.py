"""COCO files as tools export them, and what they leave out or empty."""

import json

import numpy as np
import pytest

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from tests.data.test_outlines import pack
from tests.data.trees import PHOTO, SIZE, coco, coco_panoptic, runs, save, write

SQUARE = [2, 1, 5, 1, 5, 4, 2, 4]  # 9 pixels
BOX = {"category_id": 1, "bbox": [2, 1, 3, 3]}
OUTLINE = {"category_id": 2, "bbox": [2, 1, 3, 3], "area": 9, "segmentation": [SQUARE]}
CATEGORIES = [{"id": 1, "name": "roof"}, {"id": 2, "name": "road"}]


def build(root, notes, file="annotations/instances_train.json", image="train/a.jpg", name=None, **picture):
    """One picture with these annotations."""
    save(root / image, PHOTO)
    entry = {"id": 1, "file_name": name or image.rpartition("/")[2], "height": SIZE[0], "width": SIZE[1], **picture}
    annotations = [{"id": i, "image_id": 1, **note} for i, note in enumerate(notes)]
    write(root / file, {"images": [entry], "categories": CATEGORIES, "annotations": annotations})
    return root


def label_map(data, split="train"):
    return open_dataset(data).split(split)[0].read()[1]


def extend(root, file="annotations/instances_train.json", **more):
    """Adds entries to the lists of the annotation file."""
    content = json.loads((root / file).read_text())
    write(root / file, content | {key: content[key] + added for key, added in more.items()})


def counts(values):
    return dict(zip(*(part.tolist() for part in np.unique(values, return_counts=True)), strict=True))


@pytest.mark.parametrize(
    ("file", "image", "name", "split"),
    [
        ("annotations/instances_default.json", "images/a.jpg", None, "train"),  # CVAT
        ("annotations/instances_default.json", "images/default/a.jpg", None, "train"),
        ("annotations/instances_Train.json", "images/Train/a.jpg", None, "train"),
        ("annotations/instances_Validation.json", "images/Validation/a.jpg", None, "val"),
        ("annotations/instances_Test.json", "images/Test/a.jpg", None, "test"),
        ("annotations/instances_trainval.json", "images/a.jpg", None, "train"),
        ("annotations/instances_train_v2.json", "images/a.jpg", None, "train"),
        ("annotations/instances_day 1.json", "images/day 1/s/a.jpg", "s/a.jpg", "train"),
        ("annotations/val.json", "images/a.jpg", None, "val"),
        ("result.json", "images/a.jpg", "images/a.jpg", "train"),  # Label Studio
        ("result.json", "images/a.jpg", "images\\a.jpg", "train"),
        ("result.json", "images/a.jpg", "../../label-studio/media/upload/4/a.jpg", "train"),
        ("train/_annotations.coco.json", "train/a.jpg", None, "train"),  # Roboflow
        ("valid/_annotations.coco.json", "valid/a.jpg", None, "val"),
        ("_annotations.coco.json", "a.jpg", None, "train"),
    ],
)
def test_exports_of_common_tools_are_read(tmp_path, file, image, name, split):
    build(tmp_path, [OUTLINE], file, image, name)
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, list(dataset.splits)) == ("coco", [split])
    assert counts(label_map(tmp_path, split)) == {0: 39, 2: 9}


def test_subsets_of_one_task(tmp_path):
    build(tmp_path, [OUTLINE], "annotations/instances_Train.json", "images/Train/a.jpg")
    build(tmp_path, [OUTLINE], "annotations/instances_Validation.json", "images/Validation/b.jpg")
    build(tmp_path, [OUTLINE], "annotations/instances_Day2.json", "images/Day2/c.jpg")
    write(tmp_path / "annotations" / "captions_train2017.json", {})
    splits = {split: [s.name for s in samples] for split, samples in open_dataset(tmp_path).splits.items()}
    assert splits == {"train": ["c", "a"], "val": ["b"]}


def test_two_entries_for_one_picture_are_an_error(tmp_path):
    for version in ("instances_train", "instances_train_v2"):
        build(tmp_path, [OUTLINE], f"annotations/{version}.json")
    with pytest.raises(FullconvError, match=r"instances_train.json and instances_train_v2.json: 2 entries for a.jpg"):
        open_dataset(tmp_path)


def test_the_project_name_in_roboflow_is_not_a_class(tmp_path):
    build(tmp_path, [OUTLINE], "train/_annotations.coco.json")
    content = json.loads((tmp_path / "train/_annotations.coco.json").read_text())
    project = [{"id": 0, "name": "roofs-v3", "supercategory": "none"}]
    content["categories"] = project + [c | {"supercategory": "roofs-v3"} for c in content["categories"]]
    write(tmp_path / "train/_annotations.coco.json", content)
    assert open_dataset(tmp_path).classes.names == ("background", "roof", "road")
    assert counts(label_map(tmp_path)) == {0: 39, 2: 9}


@pytest.mark.parametrize(
    "nothing",
    [{}, {"segmentation": []}, {"segmentation": None}, {"segmentation": [[]]}, {"segmentation": [[2, 1, 5, 4]]}],
)
def test_an_object_without_an_outline_is_never_background(tmp_path, nothing):
    build(tmp_path, [BOX | nothing])
    assert counts(label_map(tmp_path)) == {0: 39, 255: 9}
    for boxes, value in (("void", 255), ("region", 1)):
        (tmp_path / "data.yaml").write_text(f"boxes: {boxes}\n")
        assert counts(label_map(tmp_path / "data.yaml")) == {0: 39, value: 9}
    (tmp_path / "data.yaml").write_text("boxes: both\n")
    with pytest.raises(FullconvError, match=r"boxes: 'both'; give void or region"):
        open_dataset(tmp_path / "data.yaml")


def test_outlines_lie_over_a_larger_box(tmp_path):
    build(tmp_path, [OUTLINE, {"category_id": 1, "bbox": [0, 0, 8, 5]}])
    assert counts(label_map(tmp_path)) == {0: 8, 2: 9, 255: 31}


def test_neither_outline_nor_box_is_an_error(tmp_path):
    build(tmp_path, [{"category_id": 1, "segmentation": []}])
    with pytest.raises(FullconvError, match=r"object 0 in a.jpg cannot be read \(neither an outline nor a box\)"):
        label_map(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"bbox": []}, {"bbox": None}, {"area": None}, {"category_id": "2"}, {"segmentation": SQUARE},
        {"segmentation": [[[2, 1], [5, 1], [5, 4], [2, 4]]]}, {"segmentation": [SQUARE, [], [1, 1, 2, 2]]},
    ],
)  # fmt: skip
def test_fields_that_tools_omit_or_write_differently_are_accepted(tmp_path, change):
    build(tmp_path, [OUTLINE | change])
    assert counts(label_map(tmp_path)) == {0: 39, 2: 9}
    bare = {key: OUTLINE[key] for key in ("category_id", "segmentation")}
    assert counts(label_map(build(tmp_path, [bare]))) == {0: 39, 2: 9}


@pytest.mark.parametrize(
    "size", [{"height": None}, {"height": 0, "width": 0}, {"height": "6", "width": "8"}, {"height": "", "width": ""}]
)
def test_a_missing_size_is_taken_from_the_picture(tmp_path, size):
    assert counts(label_map(build(tmp_path, [OUTLINE], **size))) == {0: 39, 2: 9}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category_id": 7}, "category 7 is not among its categories"),
        ({"category_id": None}, "not in COCO format"),
        ({"segmentation": [[*SQUARE, 1]]}, "object 0 in a.jpg cannot be read"),
        ({"segmentation": [[*SQUARE, float("nan"), 1]]}, "a corner that is far outside the picture or not a number"),
        ({"segmentation": {"counts": runs(np.ones((8, 6), bool)), "size": [8, 6]}}, "but the picture is"),
        ({"segmentation": {"counts": [3]}}, "run lengths of 3 pixels"),
    ],
)
def test_impossible_annotations_are_reported(tmp_path, change, message):
    build(tmp_path, [OUTLINE | change])
    with pytest.raises(FullconvError, match=message) as error:
        label_map(tmp_path)
    assert "\n" not in str(error.value)


def test_swapped_sizes_are_an_error(tmp_path):
    with pytest.raises(FullconvError, match="mask is 6x8 but its image 8x6"):
        label_map(build(tmp_path, [OUTLINE], height=8, width=6))


def test_pixels_outside_instances_are_void_beside_panoptic_files(tmp_path):
    """No class of theirs is a background, so what lies outside the outlines is unknown."""
    coco_panoptic(tmp_path)
    (tmp_path / "annotations" / "panoptic_val2017.json").unlink()
    coco(tmp_path / "other")
    content = json.loads((tmp_path / "other/annotations/instances_val2017.json").read_text())
    content["categories"] = [{"id": 17, "name": "person"}, {"id": 90, "name": "tree-merged"}]
    write(tmp_path / "annotations" / "instances_val2017.json", content)
    assert open_dataset(tmp_path).classes.names == ("person", "tree-merged")
    assert counts(label_map(tmp_path, "val")) == {0: 12, 1: 4, 255: 32}


@pytest.mark.parametrize(("listed", "used"), [(1, "1"), ("1", 1), (1.0, 1), ("a", "a")])
def test_ids_match_as_texts_and_as_numbers(tmp_path, listed, used):
    build(tmp_path, [OUTLINE | {"image_id": used}], id=listed)
    assert counts(label_map(tmp_path)) == {0: 39, 2: 9}


def test_annotations_of_no_image_are_an_error_if_an_image_has_none(tmp_path):
    build(tmp_path, [OUTLINE | {"image_id": 2}, OUTLINE | {"image_id": "a.jpg"}])
    with pytest.raises(FullconvError, match=r"train.json: 2 annotations .* list, such as image_id 2, and 1 image with"):
        open_dataset(tmp_path)


def test_annotations_of_images_that_were_left_out_are_a_note(tmp_path, caplog):
    build(tmp_path, [OUTLINE, OUTLINE | {"image_id": 2}])
    assert counts(label_map(tmp_path)) == {0: 39, 2: 9}
    assert "1 annotation of images that it does not list, such as image_id 2: not used" in caplog.text


INNER = np.zeros(SIZE, bool)
INNER[2:4, 2:4] = True
OUTER = [0, 0, 8, 0, 8, 5, 0, 5]


@pytest.mark.parametrize(
    "size", [{}, {"area": 0}, {"area": "0"}, {"area": float("nan")}, {"bbox": [0, 0, 1, 1]}, {"area": 0, "bbox": []}]
)
@pytest.mark.parametrize(
    "small",
    [[[2, 2, 4, 2, 4, 4, 2, 4]], {"size": SIZE, "counts": runs(INNER)}, {"size": SIZE, "counts": pack(runs(INNER))}],
)
def test_smaller_outlines_lie_on_larger_ones_without_a_given_area(tmp_path, small, size):
    large = {"category_id": 1, "segmentation": [OUTER]}
    small = {"category_id": 2, "segmentation": small, **size}
    for notes in ([large, small], [small, large]):
        assert counts(label_map(build(tmp_path, notes))) == {0: 8, 1: 36, 2: 4}


def test_an_outline_without_area_that_cannot_be_read_is_reported_with_its_picture(tmp_path):
    for outline in ([[*SQUARE, "x", 1]], {"counts": "~"}, {"counts": [[1]]}, [[*SQUARE, 10**400, 1]]):
        build(tmp_path, [{"category_id": 1, "segmentation": outline}, OUTLINE])
        with pytest.raises(FullconvError, match=r"object 0 in a.jpg cannot be read"):
            label_map(tmp_path)


@pytest.mark.parametrize(
    ("crowd", "value"),
    [
        ("0", 2),
        ("", 2),
        (None, 2),
        (False, 2),
        ("false", 2),
        (0.0, 2),
        ("1", 255),
        (1, 255),
        (True, 255),
        ("true", 255),
    ],
)
def test_only_crowds_are_void(tmp_path, crowd, value):
    assert counts(label_map(build(tmp_path, [OUTLINE | {"iscrowd": crowd}]))) == {0: 39, value: 9}


def test_masks_painted_in_cvat_are_objects(tmp_path, caplog):
    painted = OUTLINE | {"iscrowd": 1, "attributes": {"occluded": False}}
    assert counts(label_map(build(tmp_path, [painted]))) == {0: 39, 2: 9}
    assert "1 object marked as crowds by CVAT" in caplog.text
    assert "only crowds" not in caplog.text


def test_a_category_with_only_crowds_is_a_note(tmp_path, caplog):
    assert counts(label_map(build(tmp_path, [OUTLINE | {"iscrowd": 1, "attributes": {}}]))) == {0: 39, 255: 9}
    assert "only crowds (iscrowd: 1) of road, so all are void; set iscrowd to 0 for objects" in caplog.text
    caplog.clear()
    build(tmp_path / "mixed", [OUTLINE | {"iscrowd": 1}, OUTLINE])
    open_dataset(tmp_path / "mixed")
    assert "crowds" not in caplog.text


def test_one_id_for_two_images_is_an_error(tmp_path):
    build(tmp_path, [OUTLINE])
    save(tmp_path / "train" / "b.jpg", PHOTO)
    extend(tmp_path, images=[{"id": "1", "file_name": "b.jpg"}])
    with pytest.raises(FullconvError, match=r"train\.json: image 1 is both a\.jpg and b\.jpg; give each an id"):
        open_dataset(tmp_path)


def test_one_id_for_two_categories_is_an_error(tmp_path):
    build(tmp_path, [OUTLINE])
    extend(tmp_path, categories=[{"id": 2, "name": "river"}])
    with pytest.raises(FullconvError, match=r"train\.json: category 2 is both road and river; give each an id"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("name", ["a.jpg", "./a.jpg", ".\\a.jpg"])
def test_entries_that_are_repeated_do_no_harm(tmp_path, name):
    build(tmp_path, [OUTLINE, OUTLINE | {"id": 0}])
    extend(tmp_path, images=[{"id": 1, "file_name": name}], categories=CATEGORIES)
    assert counts(label_map(tmp_path)) == {0: 39, 2: 9}


def test_two_panoptic_annotations_of_one_image_are_an_error(tmp_path):
    coco_panoptic(tmp_path)
    extra = [{"image_id": 5, "file_name": "000006.png", "segments_info": []}]
    extend(tmp_path, "annotations/panoptic_train2017.json", annotations=extra)
    with pytest.raises(FullconvError, match=r"train2017\.json: 2 annotations for 000005\.jpg; keep one"):
        open_dataset(tmp_path)
