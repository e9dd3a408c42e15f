"""Folders that are called like a split, in any spelling, and those that are not: nothing is left out silently."""

import json
import shutil

import pytest
from PIL import Image

from fullconv import check, open_dataset
from fullconv.data.description import describe
from fullconv.data.split_names import REST, by_split, remarks, split_of
from fullconv.errors import FullconvError
from tests.data.doctor.planted import found, halves, kinds, photo
from tests.data.trees import PHOTO, SIZE, YOLO, rows, save, write

NAMES = "names: [background, roof]\n"


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("Training", "train"), ("VALID", "val"), ("validation", "val"), ("Testing", "test"),
     ("dev", ""), ("train2", ""), ("", "")],
)  # fmt: skip
def test_spellings(name, split):
    assert split_of(name) == split


def test_folders_of_other_names_are_splits_of_their_own():
    folders = [("", 0), ("Extra", 1), ("training", 2), ("val", 3), ("Valid", 4)]
    assert by_split(folders) == {
        "train": [("training", 2)], "val": [("val", 3), ("Valid", 4)], REST: [("", 0)], "Extra": [("Extra", 1)],
    }  # fmt: skip


def test_without_a_folder_for_train_all_others_are_train():
    assert by_split([("", 0), ("a", 1), ("val", 2)]) == {"train": [("", 0), ("a", 1)], "val": [("val", 2)]}


def pair(root, image, mask=None):
    save(root / f"{image}.jpg", PHOTO)
    if mask is not None:
        save(root / f"{mask}.png", rows(0, 1, 255))


def pairs(root, *folders, images="images/{}", masks="masks/{}"):
    for folder in folders:
        pair(root, f"{images.format(folder)}/a", f"{masks.format(folder)}/a")


def splits(root, yaml=NAMES):
    write(root / "own.yaml", f"path: {root}\n{yaml}")
    return {split: [sample.name for sample in some] for split, some in open_dataset(root / "own.yaml").splits.items()}


FORMS = [("images/{}", "masks/{}"), ("{}/images", "{}/masks")]


@pytest.mark.parametrize(("images", "masks"), FORMS)
def test_no_folder_of_pairs_vanishes(tmp_path, images, masks):
    pairs(tmp_path, "Train", "Valid", "dev", "holdout", images=images, masks=masks)
    assert splits(tmp_path) == {"train": ["a"], "val": ["a"], "dev": ["a"], "holdout": ["a"]}
    dataset = open_dataset(tmp_path / "own.yaml")
    assert [line.partition(" was left")[0] for line in remarks(dataset)] == ["1 picture of dev", "1 picture of holdout"]
    assert list(remarks(dataset, ["dev", "holdout"])) == []
    finding = found(check(tmp_path / "own.yaml"), "unused-split")
    assert (finding.severity, len(finding.cases)) == ("warning", 2)
    assert len(splits(tmp_path, NAMES + finding.remedy)["train"]) == 3


@pytest.mark.parametrize(("images", "masks"), FORMS)
def test_two_spellings_of_a_split_are_joined(tmp_path, images, masks):
    pairs(tmp_path, "train", "val", "valid", images=images, masks=masks)
    assert splits(tmp_path) == {"train": ["a"], "val": ["val/a", "valid/a"]}
    assert splits(tmp_path, NAMES + f"train: {images.format('train')}\nval: {images.format('val')}\n")["val"] == ["a"]


def test_both_forms_in_one_folder_are_joined(tmp_path):
    pairs(tmp_path, "train")
    pairs(tmp_path, "train", "val", images="{}/images", masks="{}/masks")
    assert splits(tmp_path) == {"train": ["train/a", "train/a"], "val": ["a"]}


def test_masks_may_spell_a_split_differently(tmp_path):
    pair(tmp_path, "images/Train/a", "masks/train/a")
    pair(tmp_path, "images/val/a", "masks/validation/a")
    assert splits(tmp_path) == {"train": ["a"], "val": ["a"]}


def test_pictures_beside_split_folders_are_the_rest(tmp_path):
    pairs(tmp_path, "train", "val")
    pair(tmp_path, "images/b", "masks/b")
    assert splits(tmp_path) == {"train": ["a"], "val": ["a"], REST: ["b"]}
    assert splits(tmp_path, NAMES + "train: [train, rest]\n")["train"] == ["a", "b"]


@pytest.mark.parametrize("place", ["images", "masks"])
def test_folders_without_a_partner_are_only_noted(tmp_path, place):
    pairs(tmp_path, "train", "val")
    save(tmp_path / place / "unlabelled" / "b.png", PHOTO)
    assert splits(tmp_path) == {"train": ["a"], "val": ["a"]}
    assert list(remarks(open_dataset(tmp_path / "own.yaml"))) == [
        f"left out: {tmp_path}/{place}/unlabelled: its pictures or masks have no partners"
    ]
    finding = found(check(tmp_path / "own.yaml"), "left-out")
    assert (finding.severity, finding.cases[0].path) == ("note", tmp_path / place / "unlabelled")


def test_a_split_with_other_folders_inside_is_noted(tmp_path):
    pairs(tmp_path, "train", images="{}/images", masks="{}/masks")
    pairs(tmp_path, "valid", images="{}/photos", masks="{}/gt")
    assert splits(tmp_path) == {"train": ["a"]}
    assert "valid: its pictures or masks have no partners" in next(remarks(open_dataset(tmp_path / "own.yaml")))


def test_other_folders_that_cannot_be_read_are_only_noted(tmp_path):
    pairs(tmp_path, "train", "old")
    save(tmp_path / "images" / "old" / "b.jpg", PHOTO)
    assert splits(tmp_path) == {"train": ["a"]}
    assert "left out" in next(remarks(open_dataset(tmp_path / "own.yaml")))
    save(tmp_path / "images" / "train" / "b.jpg", PHOTO)
    with pytest.raises(FullconvError, match="train: 1 name without a partner"):
        splits(tmp_path)


def test_masks_of_unused_folders_do_not_change_the_classes(tmp_path):
    for i in range(10):
        save(tmp_path / "images" / "train" / f"{i}.png", photo(i))
        save(tmp_path / "masks" / "train" / f"{i}.png", halves())
    pairs(tmp_path, "old")
    save(tmp_path / "masks" / "old" / "a.png", rows(0, 7, 9))
    assert describe(tmp_path).dataset.classes.names == ("background", "object")


def test_check_leaves_the_pictures_of_unused_folders_unexamined(tmp_path):
    """They may be backups, or data before their preparation."""
    for i, split in enumerate(["train", "val"]):
        for k in range(3):
            save(tmp_path / split / "images" / f"{k}.png", photo(10 * i + k))
            save(tmp_path / split / "masks" / f"{k}.png", halves())
    shutil.copytree(tmp_path / "train", tmp_path / "backup")
    shutil.copytree(tmp_path / "val", tmp_path / "raw")
    save(tmp_path / "raw" / "masks" / "0.png", PHOTO[:4, :4])
    (tmp_path / "raw" / "images" / "1.png").write_bytes(b"no picture")
    report = check(tmp_path)
    assert kinds(report) == {"unused-split", "no-names"}
    assert found(report, "unused-split").text.endswith("backup 3, raw 3; they are not examined")
    assert list(report.shares) == ["train", "val"]


def test_a_list_beside_no_train_is_offered_as_train(tmp_path):
    """CVAT calls its list default."""
    save(tmp_path / "JPEGImages" / "a.jpg", PHOTO)
    save(tmp_path / "SegmentationClass" / "a.png", rows(0, 1, 255))
    write(tmp_path / "ImageSets" / "Segmentation" / "default.txt", "a\n")
    report = check(tmp_path)
    finding = found(report, "unused-split")
    assert (list(report.shares), "not examined" in finding.text) == (["default"], False)
    write(tmp_path / "own.yaml", f"path: {tmp_path}\n{finding.remedy}")
    assert list(open_dataset(tmp_path / "own.yaml").splits) == ["train"]


def test_a_split_that_is_a_link_to_nothing_is_an_error(tmp_path):
    pairs(tmp_path, "train")
    (tmp_path / "images" / "val").symlink_to("nowhere")
    with pytest.raises(FullconvError, match="images/val: a link to nowhere, which is not there"):
        splits(tmp_path)


def test_check_examines_joined_and_loose_pictures_of_refused_data(tmp_path):
    pairs(tmp_path, "train", "val", "valid")
    pair(tmp_path, "images/train/b")
    write(tmp_path / "own.yaml", f"path: {tmp_path}\n{NAMES}")
    report = check(tmp_path / "own.yaml")
    assert found(report, "unpaired").cases[0].path.name == "b.jpg"
    assert {split: len(samples) for split, samples in report.dataset.splits.items()} == {"train": 1, "val": 2}


def one_folder(root, folder):
    pair(root, f"{folder}/a", f"{folder}/a_mask")


def roboflow(root, folder):
    one_folder(root, folder)
    write(root / folder / "_classes.csv", "Pixel Value, Class\n0, background\n1, roof\n")


def yolo(root, folder):
    save(root / "images" / folder / "a.jpg", PHOTO)
    write(root / "labels" / folder / "a.txt", YOLO)
    write(root / "classes.txt", "cat\ndog\n")


def coco(root, folder):
    save(root / folder / "a.jpg", PHOTO)
    image = {"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}
    content = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "roof"}]}
    write(root / folder / "_annotations.coco.json", content)


def labelme(root, folder):
    save(root / folder / "a.jpg", PHOTO)
    shape = {"label": "roof", "points": [[0, 0], [4, 0], [4, 4]]}
    write(root / folder / "a.json", {"shapes": [shape], "imagePath": "a.jpg"})


def camvid(root, folder):
    pair(root, f"{folder}/a", f"{folder}annot/a")


def ade20k(root, folder):
    pair(root, f"images/{folder}/a", f"annotations/{folder}/a")
    write(root / "objectInfo150.txt", "Idx\tName\n1\twall\n2\tsky\n")


def cityscapes(root, folder):
    save(root / "leftImg8bit" / folder / "ulm" / "a_leftImg8bit.png", PHOTO)
    save(root / "gtFine" / folder / "ulm" / "a_gtFine_labelIds.png", rows(7, 8))


LAYOUTS = [one_folder, roboflow, yolo, coco, labelme, camvid, cityscapes]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_folder_of_any_layout_vanishes(tmp_path, layout):
    for folder in ("train", "Validation", "test", "holdout"):
        layout(tmp_path, folder)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == layout.__name__
    assert {split: len(some) for split, some in dataset.splits.items()} == {
        "train": 1, "val": 1, "test": 1, "holdout": 1
    }  # fmt: skip
    assert dataset.split("holdout")[0].read()[0].shape == PHOTO.shape
    assert "unused-split" in kinds(check(tmp_path))


@pytest.mark.parametrize(("layout", "name"), [(coco, "_annotations.coco.json"), (labelme, "a.json")])
def test_annotations_of_unused_folders_do_not_change_the_classes(tmp_path, layout, name):
    for folder in ("train", "val", "old", "older"):
        layout(tmp_path, folder)
    for folder, text in (("old", (tmp_path / "old" / name).read_text().replace("roof", "Building")), ("older", "{")):
        write(tmp_path / folder / name, text)
    dataset = open_dataset(tmp_path)
    assert dataset.classes.names == ("background", "roof")
    assert {*dataset.splits} >= {"train", "val"}
    assert any(f"{folder}" in line for folder in ("older", "old") for line in remarks(dataset))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_spellings_are_joined_in_every_layout(tmp_path, layout):
    for folder in ("train", "val", "valid"):
        layout(tmp_path, folder)
    assert {split: len(some) for split, some in open_dataset(tmp_path).splits.items()} == {"train": 1, "val": 2}


def test_ade20k_with_a_test_split(tmp_path):
    for folder in ("training", "validation", "testing"):
        ade20k(tmp_path, folder)
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, list(dataset.splits)) == ("ade20k", ["train", "val", "test"])


def test_geojson_beside_pictures_without_outlines(tmp_path):
    for folder in ("train", "valid", "raw"):
        save(tmp_path / "images" / folder / "a.tif", PHOTO)
    for folder in ("train", "valid"):
        write(tmp_path / "labels" / folder / "a.geojson", {"type": "FeatureCollection", "features": []})
    assert splits(tmp_path) == {"train": ["a"], "val": ["a"]}
    assert "images/raw: its pictures have no .geojson" in next(remarks(open_dataset(tmp_path / "own.yaml")))


def test_unlabelled_pictures_beside_splits_of_yolo(tmp_path):
    for folder in ("train", "val"):
        yolo(tmp_path, folder)
    save(tmp_path / "images" / "unlabelled" / "b.jpg", PHOTO)
    dataset = open_dataset(tmp_path)
    assert list(dataset.splits) == ["train", "val"]
    assert "unlabelled: no .txt for any of 1 picture" in next(remarks(dataset))


@pytest.mark.parametrize("key", ["valid", "validation"])
def test_a_yaml_of_yolo_may_spell_val_differently(tmp_path, key):
    for folder in ("train", "val"):
        yolo(tmp_path, folder)
    write(tmp_path / "data.yaml", f"{key}: images/val\ntrain: images/train\nnames: [cat, dog]\ntest: \n")
    assert list(open_dataset(tmp_path).splits) == ["train", "val"]


def test_pictures_in_one_folder_beside_splits(tmp_path):
    """Before, the pictures of val were trained on."""
    one_folder(tmp_path, ".")
    one_folder(tmp_path, "val")
    dataset = open_dataset(tmp_path)
    assert {split: [s.image_path.parent.name for s in some] for split, some in dataset.splits.items()} == {
        "train": [tmp_path.name], "val": ["val"],
    }  # fmt: skip


def test_a_label_of_nnunet_without_an_image_is_an_error(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "imagesTr" / f"{name}_0000.png", PHOTO[..., 0])
        save(tmp_path / "labelsTr" / f"{name}.png", rows(0, 1))
    write(tmp_path / "dataset.json", {"labels": {"background": 0, "cell": 1}, "file_ending": ".png"})
    (tmp_path / "imagesTr" / "b_0000.png").unlink()
    with pytest.raises(FullconvError, match=r"b\.png: no b_0000\.png in .*imagesTr \(1 label without an image\)"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("files", [["a"], ["deep/er/a"], ["a", "sub/b", "sub/sub/c"]])
def test_labelme_in_nested_folders(tmp_path, files):
    for file in files:
        place = tmp_path / f"{file}.jpg"
        labelme(place.parent, ".")
        (place.parent / "a.json").rename(place.with_suffix(".json"))
        (place.parent / "a.jpg").rename(place)
        content = json.loads(place.with_suffix(".json").read_text()) | {"imagePath": place.name}
        write(place.with_suffix(".json"), content)
    dataset = open_dataset(tmp_path)
    assert sorted(s.image_path.relative_to(tmp_path).as_posix() for s in dataset.split("train")) == sorted(
        f"{file}.jpg" for file in files
    )


def test_splits_of_labelme_may_lie_deeper_and_hold_folders(tmp_path):
    for folder in ("train/one", "train/two", "valid/one", "."):
        labelme(tmp_path / "data", folder)
    dataset = open_dataset(tmp_path / "data")
    assert {split: sorted(s.name for s in some) for split, some in dataset.splits.items()} == {
        "train": ["one/a", "two/a"], "val": ["one/a"], REST: ["a"],
    }  # fmt: skip
    assert list(open_dataset(tmp_path).splits) == ["train", "val", "data"]


def test_json_of_other_tools_beside_labelme(tmp_path):
    labelme(tmp_path, "train")
    write(tmp_path / ".vscode" / "settings.json", {})
    write(tmp_path / "aaa.json", {"settings": 1})
    write(tmp_path / "list.json", ["a"])
    Image.new("RGB", (4, 4)).save(tmp_path / "train" / "later.jpg")
    dataset = open_dataset(tmp_path)
    assert {split: len(some) for split, some in dataset.splits.items()} == {"train": 1}
    assert list(remarks(dataset)) == [
        f"left out: {tmp_path}/aaa.json: one of 2 .json files of other tools",
        f"left out: {tmp_path}/train/later.jpg: a picture without a .json",
    ]
    write(tmp_path / "train" / "later.json", {"settings": 1})
    with pytest.raises(FullconvError, match=r"later\.json: not a labelme file"):
        open_dataset(tmp_path)
