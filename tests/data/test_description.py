"""Folders and data YAMLs → samples in the wanted classes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import VOC_NAMES
from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError


def save(path, array, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(array, np.uint8), "P" if palette else None)
    if palette:
        picture.putpalette([7] * 768)
    picture.save(path)


@pytest.fixture
def voc(tmp_path):
    """Two photos, masks with cat (8), dog (12) and void (255), lists train and val."""
    root = tmp_path / "voc"
    for name, value in (("a", 8), ("b", 12)):
        save(root / "JPEGImages" / f"{name}.jpg", np.zeros((6, 8, 3)))
        save(root / "SegmentationClass" / f"{name}.png", np.array([[0, value, 255, 0, 0, 0, 0, 0]] * 6), palette=True)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\n")
    return root


@pytest.fixture
def pairs(tmp_path):
    root = tmp_path / "pairs"
    for name in ("one", "sub/two"):
        save(root / "images" / f"{name}.png", np.zeros((6, 8, 3)))
        save(root / "masks" / f"{name}.png", np.ones((6, 8)))
    return root


def yaml(root, text):
    path = root.parent / "data.yaml"
    path.write_text(text)
    return path


def test_voc_devkit(voc):
    dataset = open_dataset(voc)
    assert (dataset.layout, dataset.classes.names) == ("voc", VOC_NAMES)
    image, label_map = dataset.split("val")[0].read()
    assert image.shape == (6, 8, 3)
    assert label_map[0].tolist() == [0, 12, 255, 0, 0, 0, 0, 0]


def test_all_is_every_picture_once_though_it_is_in_several_splits(voc):
    (voc / "ImageSets" / "Segmentation" / "trainval.txt").write_text("a\nb\n")
    dataset = open_dataset(voc)
    named = [sample.image_path for samples in dataset.splits.values() for sample in samples]
    found = [sample.image_path for sample in dataset.split("all")]
    assert sorted(found) == sorted(set(named))
    assert len(found) < len(named)


def test_label_mapping_in_a_yaml(voc):
    others = {name: "background" for name in VOC_NAMES[1:] if name != "dog"}
    dataset = open_dataset(yaml(voc, f"path: voc\nclasses: [background, dog]\nlabel_mapping: {others}\n"))
    assert dataset.split("train")[0].read_label_map()[0, :3].tolist() == [0, 0, 255]
    assert dataset.split("val")[0].read_label_map()[0, :3].tolist() == [0, 1, 255]


def test_mapping_a_class_to_void(voc):
    others = {name: "background" for name in VOC_NAMES[1:] if name not in ("dog", "cat")}
    dataset = open_dataset(
        yaml(voc, f"path: voc\nclasses: [background, dog]\nlabel_mapping: {others | {'cat': 'void'}}\n")
    )
    assert dataset.split("train")[0].read_label_map()[0, :3].tolist() == [0, 255, 255]


def test_pairs_with_sub_folders(pairs):
    dataset = open_dataset(yaml(pairs, "path: pairs\nnames: {0: background, 1: roof}\n"))
    assert [sample.name for sample in dataset.split("train")] == ["one", "sub/two"]
    assert (dataset.split("train")[0].read_label_map() == 1).all()


@pytest.mark.parametrize("form", ["images/{split}", "{split}/images"])
def test_pairs_with_splits(tmp_path, form):
    for split in ("train", "val"):
        folder = form.format(split=split)
        save(tmp_path / "d" / folder / "x.png", np.zeros((6, 8, 3)))
        save(tmp_path / "d" / folder.replace("images", "masks") / "x.png", np.zeros((6, 8)))
    dataset = open_dataset(yaml(tmp_path / "d", "path: d\nnames: [background]\n"))
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 1, "val": 1}


def test_an_unknown_value_stays_an_error_under_a_mapping(pairs):
    """It is neither void nor a class: whoever maps classes has not said what 7 is."""
    save(pairs / "masks" / "one.png", np.array([[0, 1, 7, 255]] * 6).repeat(2, 1))
    for text in ("label_mapping: {b: a}", "label_mapping: {b: void}", "classes: [b, a]"):
        sample = open_dataset(yaml(pairs, f"path: pairs\nnames: [a, b]\n{text}\n")).split("train")[0]
        with pytest.raises(FullconvError, match=r"values \[7\] belong to no class"):
            sample.read_label_map()


def add_lonely_image(root):
    save(root / "images" / "alone.png", np.zeros((6, 8, 3)))


def write_big_mask(root):
    save(root / "masks" / "one.png", np.zeros((9, 9)))


def write_strange_ids(root):
    save(root / "masks" / "one.png", np.full((6, 8), 7))


def write_colour_mask(root):
    save(root / "masks" / "one.png", np.zeros((6, 8, 3)))


@pytest.mark.parametrize(
    ("break_it", "text", "message"),
    [
        (add_lonely_image, "path: pairs\nnames: [a, b]\n", "without a partner .*alone"),
        (write_big_mask, "path: pairs\nnames: [a, b]\n", "mask is 9x9 but its image 8x6"),
        (write_strange_ids, "path: pairs\nnames: [a, b]\n", r"values \[7\] belong to no class"),
        (write_colour_mask, "path: pairs\nnames: [a, b]\n", "one channel"),
        (lambda root: None, "path: pairs\n", "class names are missing"),
        (lambda root: None, "path: pairs\nnames: {0: a, 2: b}\n", "without gaps"),
        (lambda root: None, "path: pairs\nname: [a]\n", "did you mean names"),
        (lambda root: None, "path: elsewhere\nnames: [a]\n", "no such folder"),
        (lambda root: None, "- a\n", "key: value"),
        (lambda root: None, "path: [\n", "not a YAML file"),
    ],
)
def test_mistakes_are_reported(pairs, break_it, text, message):
    break_it(pairs)
    description = yaml(pairs, text)
    with pytest.raises(FullconvError, match=message) as error:
        [sample.read() for sample in open_dataset(description).split("train")]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["images", "masks"])
@pytest.mark.parametrize("split", ["", "train"])
def test_a_part_of_the_data_names_the_whole(pairs, part, split):
    if split:
        for folder in ("images", "masks"):
            (pairs / folder / split).mkdir()
            for path in (pairs / folder).glob("*.png"):
                path.rename(pairs / folder / split / path.name)
    with pytest.raises(FullconvError, match=rf"only a part of the data; did you mean {pairs}\?$"):
        open_dataset(pairs / part / split)


def test_a_part_of_the_data_is_named_as_it_was_given(pairs, monkeypatch):
    monkeypatch.chdir(pairs.parent)
    with pytest.raises(FullconvError, match=rf"did you mean {pairs.name}\?$"):
        open_dataset(Path(pairs.name) / "images")
    monkeypatch.chdir(pairs / "images")
    with pytest.raises(FullconvError, match=rf"did you mean {pairs}\?$"):
        open_dataset(".")


def test_a_picture_is_not_a_data_set(pairs):
    with pytest.raises(FullconvError, match=r"one.png: a picture; give a folder of pictures and masks, or a data YAML"):
        open_dataset(pairs / "images" / "one.png")


def test_a_file_that_is_not_text_is_no_data_yaml(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"\xff\x00\xd8")
    with pytest.raises(FullconvError, match=r"model.bin: not a YAML file, because it is not text") as error:
        open_dataset(tmp_path / "model.bin")
    assert "codec" not in str(error.value)


def test_an_unknown_layout_or_split_is_reported(tmp_path, voc):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FullconvError, match="no pictures found"):
        open_dataset(tmp_path / "empty")
    with pytest.raises(FullconvError, match="it has train, val"):
        open_dataset(voc).split("test")


def test_the_real_voc_animals(real_data):
    dataset = open_dataset(real_data("voc-animals"))
    sizes = {split: len(samples) for split, samples in dataset.splits.items()}
    assert sizes == {"train": 2836, "test": 205, "val": 298}
    for sample in dataset.split("val")[:40]:
        image, label_map = sample.read()
        assert image.shape[:2] == label_map.shape
        assert set(np.unique(label_map)) <= {*range(21), 255}
