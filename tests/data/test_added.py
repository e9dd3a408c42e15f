"""Pictures that were labelled elsewhere join those that are trained on."""

import json

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.data.split_names import remarks
from fullconv.errors import FullconvError


def pairs(root, names, value=1):
    for kind, content in (("images", 9), ("masks", value)):
        (root / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            Image.fromarray(np.full((6, 6), content, np.uint8)).save(root / kind / f"{name}.png")


def labelme(folder, label):
    folder.mkdir()
    Image.fromarray(np.full((6, 6), 9, np.uint8)).save(folder / "new.png")
    shape = {"label": label, "shape_type": "rectangle", "points": [[0, 0], [5, 2]]}
    content = {"imagePath": "new.png", "shapes": [shape], "imageWidth": 6, "imageHeight": 6}
    (folder / "new.json").write_text(json.dumps(content))


@pytest.fixture
def root(tmp_path):
    pairs(tmp_path / "own", ["a", "b"])
    return tmp_path / "own"


def described(root, *lines):
    (root / "data.yaml").write_text("\n".join(lines) + "\n")
    return open_dataset(root)


def test_added_pictures_join_the_training_split_with_its_classes(root):
    labelme(root.parent / "new", "dog")
    dataset = described(root, "names: [background, cat, dog]", "val: [images/b.png]", "added: ../new")
    assert [sample.name for sample in dataset.split("train")] == ["a", "new"]
    assert [sample.name for sample in dataset.split("val")] == ["b"]
    mask = dataset.split("train")[1].read_label_map()
    assert (mask[:3] == 2).all()
    assert (mask[3:] == 0).all()


@pytest.mark.parametrize("place", ["more", "../own/more"])
def test_a_folder_beside_those_of_the_splits_may_be_added(root, place):
    for split, name in (("train", "a"), ("val", "b"), ("more", "c"), ("old", "d")):
        pairs(root / split, [name])
    (root / "more" / "data.yaml").write_text("names: [background, cat]\n")
    dataset = described(root, "names: [background, cat]", f"added: {place}")
    assert [sample.name for sample in dataset.split("train")] == ["a", "c"]
    assert [line.partition(" was left")[0] for line in remarks(dataset)] == ["1 picture of old"]
    with pytest.raises(FullconvError, match=r"c\.png is already among the pictures"):
        described(root, "names: [background, cat]", "train: [train, more]", f"added: {place}")


def test_added_classes_may_be_mapped_or_already_match(root):
    labelme(root.parent / "new", "animal")
    labelme(root.parent / "older", "dog")
    lines = ("names: [background, cat, dog]", "classes: [background, animal]", "added: [../new, ../older]",
             "label_mapping: {cat: animal, dog: animal}")  # fmt: skip
    *_, new, older = described(root, *lines).split("train")
    for sample in (new, older):
        assert np.unique(sample.read_label_map()).tolist() == [0, 1]


def test_pixels_outside_outlines_are_void_without_a_background_class(root):
    labelme(root.parent / "new", "car")
    *_, new = described(root, "names: [road, car]", "added: ../new").split("train")
    assert np.unique(new.read_label_map()).tolist() == [1, 255]


def test_unknown_classes_and_duplicate_pictures_are_refused(root):
    labelme(root.parent / "new", "horse")
    with pytest.raises(FullconvError, match="class 'horse' of the data is not a class of"):
        described(root, "names: [background, cat]", "added: ../new")
    (root.parent / "again.yaml").write_text("path: own\nnames: [background, cat]\n")
    with pytest.raises(FullconvError, match=r"a\.png is already among the pictures"):
        described(root, "names: [background, cat]", "added: ../again.yaml")
