"""Usual names of the folders of pictures and of masks, which no data YAML explains."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.data.recognition import find_layout
from fullconv.errors import FullconvError


def save(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.tile(np.array([[0, 1]], np.uint8), (4, 4))).save(path)


def splits(root):
    (root / "data.yaml").write_text("names: [background, roof]\n")
    found = open_dataset(root).splits.items()
    return {
        split: [tuple(path.relative_to(root).as_posix() for path in sample.files) for sample in samples]
        for split, samples in found
    }


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("Images", "Masks"),
        ("IMAGES", "masks"),
        ("images", "segmentation"),
        ("photos", "ground_truth"),
        ("Photos", "Ground_Truth"),
        ("jpegimages", "segmentationclass"),
        ("train", "train_masks"),
        ("Train", "train-Labels"),
    ],
)
def test_folders_are_recognised_by_their_usual_names(tmp_path, images, masks):
    save(tmp_path, f"{images}/a.jpg", f"{images}/b.jpg", f"{masks}/a.png", f"{masks}/b.png")
    expected = [(f"{images}/{name}.jpg", f"{masks}/{name}.png") for name in "ab"]
    assert str(find_layout(tmp_path)) == f"layout pairs, recognised by {images}/ beside {masks}/"
    assert splits(tmp_path) == {"train": expected}


def test_carvana(tmp_path):
    for split in ("train", "val"):
        save(tmp_path, *(f"{split}/{name}.jpg" for name in ("a_01", "b_02")))
        save(tmp_path, *(f"{split}_masks/{name}_mask.gif" for name in ("a_01", "b_02")))
    save(tmp_path, "test/c_03.jpg")
    found = splits(tmp_path)
    assert found["train"] == [(f"train/{name}.jpg", f"train_masks/{name}_mask.gif") for name in ("a_01", "b_02")]
    assert list(found) == ["train", "val"]
    (line,) = open_dataset(tmp_path).left_out
    assert line.startswith(f"{tmp_path.resolve() / 'test'}: ")


@pytest.mark.parametrize("form", ["Images/{}/{}", "{}/Images/{}"])
def test_splits_in_folders_of_any_case(tmp_path, form):
    for split, name in (("Train", "a.png"), ("val", "b.png")):
        save(tmp_path, form.format(split, name), form.replace("Images", "MASKS").format(split, name))
    assert {split: len(samples) for split, samples in splits(tmp_path).items()} == {"train": 1, "val": 1}


def test_the_usual_spelling_comes_first(tmp_path):
    for folder in ("img", "labels", "Images", "Masks"):
        save(tmp_path, f"{folder}/a.png")
    assert splits(tmp_path) == {"train": [("img/a.png", "labels/a.png")]}


def test_what_another_layout_recognises_stays_its_own(tmp_path):
    save(tmp_path, "train/a.png", "train/a_mask.png", "train_masks/a.png")
    assert find_layout(tmp_path).name == "one_folder"


def test_other_pairs_of_folders_are_no_layout(tmp_path):
    save(tmp_path, "left/a.png", "left_masks/a.png")
    with pytest.raises(FullconvError, match="layout not recognised"):
        open_dataset(tmp_path)
