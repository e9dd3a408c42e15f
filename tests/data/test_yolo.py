"""YOLO's label files, as Ultralytics, Roboflow, CVAT and Label Studio write them."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fullconv import check, open_dataset
from fullconv.data.coco_masks import region
from fullconv.data.description import describe
from fullconv.data.yolo_outlines import Lines, numbers_in
from fullconv.errors import FullconvError
from tests.data.trees import PHOTO, SIZE, YOLO, save, write, yolo, yolo_of_label_studio

ROW = [0, 2, 2, 0, 1, 1, 0, 255]


def first_row(root, split="train"):
    return first_row_of(open_dataset(root), split)


def first_row_of(dataset, split="train"):
    return dataset.split(split)[0].read_label_map()[0].tolist()


@pytest.mark.parametrize("there", [False, True])
def test_a_test_split_without_labels_is_left_out(tmp_path, there):
    """Roboflow names the folder also if there is none, and the labels of a contest's test set are secret."""
    yolo(tmp_path)
    write(
        tmp_path / "data.yaml",
        "train: images/train\nval: images/train\ntest: ../test/images\nnc: 2\nnames: [cat, dog]\n",
    )
    if there:
        save(tmp_path / "test" / "images" / "a.jpg", PHOTO)
    dataset = open_dataset(tmp_path)
    assert list(dataset.splits) == ["train", "val"]
    assert len(dataset.left_out) == 1
    assert ("no .txt for any of 1 picture of test" if there else "no ../test/images in") in dataset.left_out[0]


def test_the_yaml_and_its_folder_are_the_same_data(tmp_path):
    yolo(tmp_path)
    assert first_row(tmp_path) == first_row(tmp_path / "data.yaml") == ROW


def test_a_yaml_elsewhere_names_the_folder(tmp_path):
    yolo(tmp_path / "sets" / "pets")
    text = (tmp_path / "sets" / "pets" / "data.yaml").read_text().replace("path: .", "path: sets/pets")
    write(tmp_path / "pets.yaml", text)
    (tmp_path / "sets" / "pets" / "data.yaml").unlink()
    assert first_row(tmp_path / "pets.yaml") == ROW


def test_a_path_of_another_machine_is_the_folder_of_the_yaml(tmp_path):
    yolo(tmp_path)
    write(tmp_path / "data.yaml", (tmp_path / "data.yaml").read_text().replace("path: .", "path: /content/pets"))
    assert first_row(tmp_path) == ROW


def test_roboflow(tmp_path):
    """Its paths start one folder too high, and its YAML has more keys."""
    for folder in ("train", "valid"):
        save(tmp_path / folder / "images" / "a.jpg", PHOTO)
        write(tmp_path / folder / "labels" / "a.txt", YOLO)
    yaml = "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['cat', 'dog']\nroboflow:\n  license: MIT\n"
    write(tmp_path / "data.yaml", yaml)
    assert first_row(tmp_path) == first_row(tmp_path, "val") == ROW


@pytest.mark.parametrize("line", ["{root}/images/train/a.jpg", "./images/train/a.jpg", "data/images/train/a.jpg"])
def test_lists_of_pictures_as_ultralytics_and_cvat_write_them(tmp_path, line):
    yolo(tmp_path)
    write(tmp_path / "train.txt", line.format(root=tmp_path))
    write(tmp_path / "data.yaml", "train: train.txt\nnames:\n  0: cat\n  1: dog\n")
    assert first_row(tmp_path) == ROW


def test_a_list_with_a_line_twice_is_noted(tmp_path, caplog):
    yolo(tmp_path)
    write(tmp_path / "train.txt", "images/train/a.jpg\n./images/train/a.jpg\n")
    write(tmp_path / "data.yaml", "train: train.txt\nnames: [cat, dog]\n")
    assert len(open_dataset(tmp_path).split("train")) == 2
    assert "train has 1 picture more than once, such as a.jpg" in caplog.messages[0]


def test_several_folders_of_a_split(tmp_path):
    yolo(tmp_path)
    write(tmp_path / "data.yaml", "train: [images/train, images/val]\nnames: [cat, dog]\n")
    assert len(open_dataset(tmp_path).split("train")) == 2


def test_smaller_objects_lie_on_larger_ones(tmp_path):
    yolo(tmp_path)
    small, large = "1 .25 0 .5 0 .5 .5 .25 .5", "0 0 0 1 0 1 1 0 1"
    for lines in ([small, large], [large, small]):
        write(tmp_path / "labels" / "train" / "a.txt", "\n".join(lines))
        assert first_row(tmp_path) == [1, 1, 2, 2, 1, 1, 1, 1]


def test_size_is_the_area_of_the_outline_rather_than_of_the_box_around_it(tmp_path):
    yolo(tmp_path)
    thin, half = "1 0 0 .2 0 1 1 .9 1", "0 0 0 .6 0 .6 1 0 1"
    for lines in ([thin, half], [half, thin]):
        write(tmp_path / "labels" / "train" / "a.txt", "\n".join(lines))
        assert first_row(tmp_path) == [1, 2, 1, 1, 1, 0, 0, 0]


def test_boxes_become_regions_if_a_yaml_says_so(tmp_path):
    yolo(tmp_path / "pets")
    write(tmp_path / "own.yaml", "path: pets\nboxes: region\nlabel_mapping: {cat: void}\n")
    assert describe(tmp_path / "own.yaml").dataset.layout == "yolo"
    assert first_row(tmp_path / "own.yaml") == [0, 1, 1, 0, 255, 255, 0, 1]


@pytest.mark.parametrize(("shape", "points"), [("[4, 2]", ".1 .1 .9 .1 .9 .9 .1 .9"), ("[2, 3]", ".1 .1 2 .9 .9 0")])
def test_of_a_pose_its_box_counts(tmp_path, shape, points):
    yolo(tmp_path / "pets")
    write(tmp_path / "pets" / "labels" / "train" / "a.txt", f"1 .25 .5 .25 1 {points}\n0 .75 .5 .25 1\n")
    write(tmp_path / "pets" / "labels" / "val" / "a.txt", f"1 .25 .5 .25 1 {points}\n")
    text = (tmp_path / "pets" / "data.yaml").read_text()
    write(tmp_path / "pets" / "data.yaml", f"{text}kpt_shape: {shape}\n")
    assert first_row(tmp_path / "pets") == [0, 255, 255, 0, 0, 255, 255, 0]
    write(tmp_path / "own.yaml", "path: pets\nboxes: region\n")
    assert first_row(tmp_path / "own.yaml") == [0, 2, 2, 0, 0, 1, 1, 0]


def test_a_pose_that_does_not_fit_its_yaml(tmp_path):
    yolo(tmp_path)
    text = (tmp_path / "data.yaml").read_text()
    write(tmp_path / "data.yaml", f"{text}kpt_shape: [17, 3]\n")
    with pytest.raises(FullconvError, match=r"line 1 is not a class, a box and the 51 numbers that kpt_shape requires"):
        open_dataset(tmp_path)
    write(tmp_path / "data.yaml", f"{text}kpt_shape: 17\n")
    with pytest.raises(FullconvError, match=r"kpt_shape: 17; give the number of points"):
        open_dataset(tmp_path)


def test_oriented_boxes_are_outlines(tmp_path):
    yolo(tmp_path)
    write(tmp_path / "labels" / "train" / "a.txt", "1 .125 0 .375 0 .375 1 .125 1\n")
    assert first_row(tmp_path) == [0, 2, 2, 0, 0, 0, 0, 0]


def test_check_counts_boxes(tmp_path):
    yolo(tmp_path)
    found = {finding.kind: finding.text for finding in check(tmp_path).findings}
    assert "2 objects without an outline (dog 2)" in found["boxes-only"]


def test_a_class_called_background_is_the_background(tmp_path):
    yolo(tmp_path)
    write(tmp_path / "data.yaml", "train: images/train\nval: images/val\nnames: [background, dog]\n")
    assert open_dataset(tmp_path).classes.names == ("background", "dog")
    assert first_row(tmp_path) == [0, 1, 1, 0, 0, 0, 0, 255]


def test_a_picture_without_labels_shows_no_object(tmp_path):
    yolo(tmp_path)
    save(tmp_path / "images" / "train" / "b.jpg", PHOTO)
    assert not open_dataset(tmp_path).split("train")[1].read_label_map().any()


@pytest.mark.parametrize(
    ("image", "labels"),
    [("b.jpg", "B.txt"), ("B.jpg", "b.txt"), ("a.jpg", "a.TXT"), ("é.jpg", "e\u0301.txt"), ("e\u0301.jpg", "É.Txt")],
)
def test_names_that_only_windows_and_macos_take_for_the_same(tmp_path, image, labels):
    yolo(tmp_path)
    (tmp_path / "images" / "train" / "a.jpg").rename(tmp_path / "images" / "train" / image)
    (tmp_path / "labels" / "train" / "a.txt").rename(tmp_path / "labels" / "train" / labels)
    assert first_row(tmp_path) == ROW
    write(tmp_path / "train.txt", f"images/train/{image}\n")
    write(tmp_path / "data.yaml", "train: train.txt\nnames: [cat, dog]\n")
    assert first_row(tmp_path) == ROW


def test_another_pictures_labels_are_not_taken(tmp_path):
    yolo(tmp_path)
    save(tmp_path / "images" / "train" / "A.jpg", PHOTO)
    samples = open_dataset(tmp_path).split("train")
    assert [sample.name for sample in samples if sample.label_path.suffix == ".txt"] == ["a"]


@pytest.mark.parametrize("lost", ["b1.txt", "sub/b.txt", "B.txt b.Txt"])
@pytest.mark.parametrize("by", ["folder", "list"])
def test_labels_left_over_beside_a_picture_without_any_are_an_error(tmp_path, lost, by):
    yolo(tmp_path)
    save(tmp_path / "images" / "train" / "b.jpg", PHOTO)
    for name in lost.split():
        write(tmp_path / "labels" / "train" / name, YOLO)
    if by == "list" and "/" not in lost:
        write(tmp_path / "train.txt", "images/train/a.jpg\nimages/train/b.jpg\n")
        write(tmp_path / "data.yaml", "train: train.txt\nnames: [cat, dog]\n")
    count = f"{len(lost.split())} label files? without a picture, such as {Path(lost.split()[0]).name}"
    with pytest.raises(FullconvError, match=rf"train.*: {count}, and 1 picture without a label file, such as b\.jpg"):
        open_dataset(tmp_path)


def test_labels_left_over_of_pictures_that_were_removed_are_noted(tmp_path, caplog):
    yolo(tmp_path)
    write(tmp_path / "labels" / "train" / "gone.txt", YOLO)
    assert first_row(tmp_path) == ROW
    assert caplog.messages == [f"{tmp_path}/labels/train: 1 label file without a picture, such as gone.txt: not used"]


def test_files_beside_labels_that_are_none(tmp_path, caplog):
    yolo(tmp_path)
    save(tmp_path / "images" / "train" / "b.jpg", PHOTO)
    for name in ("classes.txt", "notes.txt", "._b.txt", "empty.txt", "train.cache"):
        write(tmp_path / "labels" / "train" / name, YOLO if name.startswith(".") else "cat\n" * (name != "empty.txt"))
    assert first_row(tmp_path) == ROW
    assert not caplog.messages


def test_check_takes_no_picture_without_labels_for_a_mask(tmp_path):
    yolo(tmp_path)
    save(tmp_path / "images" / "train" / "b.jpg", PHOTO)
    assert "smoothed-masks" not in {finding.kind for finding in check(tmp_path).findings}


def test_pictures_that_a_list_leaves_out_keep_their_labels(tmp_path, caplog):
    yolo(tmp_path)
    for name in ("b", "c"):
        save(tmp_path / "images" / "train" / f"{name}.jpg", PHOTO)
    write(tmp_path / "labels" / "train" / "b.txt", YOLO)
    write(tmp_path / "train.txt", "images/train/a.jpg\nimages/train/c.jpg\n")
    write(tmp_path / "data.yaml", "train: train.txt\nnames: [cat, dog]\n")
    assert [sample.name for sample in open_dataset(tmp_path).split("train")] == ["a", "c"]
    assert not caplog.messages


def test_labels_behind_links(tmp_path, caplog):
    yolo(tmp_path)
    for place in ("images", "labels"):
        (tmp_path / place / "all").mkdir()
        (tmp_path / place / "all" / "sub").symlink_to(tmp_path / place / "train")
    write(tmp_path / "data.yaml", "train: images\nnames: [cat, dog]\n")
    open_dataset(tmp_path)
    write(tmp_path / "data.yaml", "train: images/all\nnames: [cat, dog]\n")
    assert first_row(tmp_path) == ROW
    assert not caplog.messages


def test_rotated_photos_are_labelled_upright(tmp_path):
    yolo_of_label_studio(tmp_path)
    turned = Image.fromarray(PHOTO.transpose(1, 0, 2)[::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "images" / "a.jpg", exif=exif)
    image, label_map = open_dataset(tmp_path).split("train")[0].read()
    assert image.shape[:2] == SIZE
    assert label_map[0].tolist() == ROW


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "line 2 is not a class and then x y for each corner"),
        ("0 0.5 0.5 0.2 0.2 0.9", "line 2 is not a class"),
        ("cat 0 0 1 0 1 1", "line 2 is not a class"),
        ("0.5 0 0 1 0 1 1", "line 2 is not a class"),
        ("7 0 0 1 0 1 1", "line 2: class 7 has no name in the YAML"),
        ("0 0 0 nan 0 1 1", "line 2 has nan in place of a number"),
        ("0, 0, 0, 1, 0, 1, 1", "line 2 separates its numbers by commas instead of blanks"),
        ("0;0;0;1;0;1;1", "line 2 separates its numbers by semicolons"),
        ("0 0 0 512 0 512 300", "line 2 has 512 in place of a share of the width or the height, from 0 to 1"),
        ("0 256 150 512 300", "line 2 has 256 in place of a share"),
        ("inf 0 0 1 0 1 1", "line 2 is not a class"),
        ("0 0 0 1e300 0 1 1", r"line 2 has 1e\+300 in place of a share"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    yolo(tmp_path)
    write(tmp_path / "labels" / "train" / "a.txt", f"0 0 0 1 0 1 1\n{line}\n")
    with pytest.raises(FullconvError, match=message):
        first_row(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0 0 512 0 512 300", "line 1 has 512 in place of a share of the width or the height"),
        ("0,0,0,1,0,1,1", "line 1 separates its numbers by commas"),
        ("0 0 0 1 nan 1 1", "line 1 has nan"),
        ("cat 0 0 1 0 1 1", "line 1 is not a class"),
        ("0 0.5 0.5 0.2 0.2 0.9", "line 1 is not a class"),
    ],
)
@pytest.mark.parametrize("named_by", ["data.yaml", "classes.txt"])
def test_labels_that_are_all_wrong_are_reported_at_once(tmp_path, line, message, named_by):
    yolo(tmp_path)
    for split in ("train", "val"):
        write(tmp_path / "labels" / split / "a.txt", f"{line}\n")
    if named_by == "classes.txt":
        (tmp_path / "data.yaml").unlink()
        write(tmp_path / "classes.txt", "cat\ndog\n")
    with pytest.raises(FullconvError, match=rf"labels/train/a\.txt: {message}") as error:
        open_dataset(tmp_path)
    assert "\n" not in str(error.value)
    assert message in check(tmp_path).findings[0].text


def test_numbers_beside_masks_are_no_labels(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "images" / f"{name}.jpg", PHOTO)
        save(tmp_path / "labels" / f"{name}.png", np.eye(6, 8))
        write(tmp_path / "labels" / f"{name}.txt", "0 512 300 1024 600\n")
    assert open_dataset(tmp_path).layout == "pairs"


def test_labels_that_are_nowhere_are_an_error(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels" / "train").rename(tmp_path / "labels" / "training")
    with pytest.raises(FullconvError, match=r"labels.train: no \.txt for any of 1 picture of train"):
        open_dataset(tmp_path)


def test_pipes_and_giants_among_the_labels_are_not_read(tmp_path):
    yolo(tmp_path)
    os.mkfifo(tmp_path / "labels" / "train" / "0.txt")
    assert first_row(tmp_path) == ROW
    with (tmp_path / "labels" / "train" / "a.txt").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(FullconvError, match=r"a\.txt: larger than 256 MiB"):
        first_row(tmp_path)


def test_pictures_elsewhere_are_refused(tmp_path):
    yolo(tmp_path / "pets")
    yolo(tmp_path / "others")
    write(tmp_path / "pets" / "data.yaml", f"train: {tmp_path}/others/images/train\nnames: [cat, dog]\n")
    with pytest.raises(FullconvError, match="outside this folder"):
        open_dataset(tmp_path / "pets")
    for allowed in (tmp_path / "others", str(tmp_path / "others"), [tmp_path / "others"]):
        assert first_row_of(open_dataset(tmp_path / "pets", outside=allowed)) == ROW
    with pytest.raises(FullconvError, match="outside this folder"):
        open_dataset(tmp_path / "pets", outside="/nowhere")  # which begins with the root of all folders


@pytest.mark.parametrize("names", ["cat", "5", "{a: cat}", "[cat, [dog]]", "[cat, {name: dog}]", "{0: , 1: dog}"])
def test_names_that_name_no_classes_are_an_error(tmp_path, names):
    yolo(tmp_path)
    text = (tmp_path / "data.yaml").read_text()
    write(tmp_path / "data.yaml", text[: text.index("names:")] + f"names: {names}\n")
    with pytest.raises(FullconvError, match="names should be a list, or numbers and names"):
        open_dataset(tmp_path)


def test_class_numbers_without_names_are_an_error(tmp_path):
    yolo_of_label_studio(tmp_path)
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(FullconvError, match=r"have no names; add classes\.txt"):
        open_dataset(tmp_path)


def test_folders_in_images_are_splits(tmp_path):
    yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    write(tmp_path / "classes.txt", "cat\ndog\n")
    assert open_dataset(tmp_path).splits.keys() == {"train", "val"}


def test_keys_of_ours_need_a_yaml_of_ours(tmp_path):
    yolo(tmp_path)
    write(tmp_path / "data.yaml", (tmp_path / "data.yaml").read_text() + "boxes: region\n")
    with pytest.raises(FullconvError, match="boxes cannot be added to a YAML for Ultralytics; write another YAML"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("folder", ["masks", "annotations"])
def test_a_yaml_of_ours_with_masks_is_not_mistaken(tmp_path, folder):
    yolo(tmp_path)
    for split in ("train", "val"):
        save(tmp_path / folder / split / "a.png", np.ones(SIZE))
    text = "train: images/train\nval: images/val\nnames: [background, cat]\n"
    write(tmp_path / "data.yaml", text + ("" if folder == "masks" else f"masks_dir: {folder}\n"))
    assert open_dataset(tmp_path).layout == "pairs"


shares = st.floats(0, 1, width=32)


@given(corners=st.lists(st.tuples(shares, shares), min_size=3, max_size=8))
def test_outlines_are_filled_as_those_of_coco(tmp_path_factory, corners):
    folder = tmp_path_factory.mktemp("yolo")
    save(folder / "a.png", np.zeros((40, 60, 3)))
    write(folder / "a.txt", "0 " + " ".join(f"{x} {y}" for x, y in corners))
    drawn = Lines(folder / "a.png", folder / "a.txt", {0: 1})(folder / "a.txt")
    polygon = [number for x, y in corners for number in (x * 60, y * 40)]
    assert (drawn == region([polygon], 40, 60)).all()


@given(st.text(max_size=40))
def test_any_text_is_numbers_or_an_error(line):
    with suppress(ValueError):
        assert len(numbers_in(line)) >= 5
