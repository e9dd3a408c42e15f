"""Real releases, where they lie beside the repository."""

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import VOC_NAMES
from fullconv.data.description import open_dataset
from fullconv.data.recognition import recognise


def yaml(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)
    return tmp_path / "data.yaml"


def values(samples):
    return set(np.concatenate([np.unique(sample.read()[1]) for sample in samples]).tolist())


def test_camvid(real_data):
    dataset = open_dataset(real_data("camvid"))
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 367, "val": 101}
    assert values(dataset.split("val")[::10]) == {*range(11), 255}
    assert values(dataset.mapped_to(dataset.classes).split("val")[:1]) <= {*range(11), 255}


def test_oxford_pets(real_data, tmp_path):
    root = real_data("oxford-pets")
    dataset = open_dataset(root)
    cats = [s for s in dataset.split("train") if s.name[0].isupper()]
    assert (len(dataset.split("train")), len(cats)) == (300, 200)
    assert values(cats[:5]) == {0, 1, 255}
    assert values(dataset.split("train")[-5:]) == {0, 2, 255}
    pets = "classes: [background, pet]\nlabel_mapping: {cat: pet, dog: pet}"
    assert values(open_dataset(yaml(tmp_path, f"path: {root}\n{pets}")).split("train")[-5:]) == {0, 1, 255}


def test_pets_in_other_formats_than_rgb_are_read(real_data):
    for sample in open_dataset(real_data("oxford-pets")).split("train"):
        with Image.open(sample.image_path) as picture:
            plain = picture.mode == "RGB"
        if not plain:
            assert sample.read()[0].shape[2] == 3


def test_aerial_buildings(real_data, tmp_path):
    root = real_data("aerial-buildings")
    (tmp_path / "west.txt").write_text("\n".join(sorted(p.stem for p in (root / "images").glob("*.tif"))[:20]))
    text = f"path: {root}\nnames: [background, building]\nval: {tmp_path / 'west.txt'}\ntrain: train\n"
    dataset = open_dataset(yaml(tmp_path, text))
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 91, "val": 20}
    image, label_map = dataset.split("val")[0].read()
    assert (image.shape, image.dtype, label_map.shape) == ((256, 256, 3), np.uint8, (256, 256))
    assert values(dataset.split("val")) == {0, 1}


def test_labelmes_voc_folder_needs_names_only(real_data, tmp_path):
    root = real_data("format-fixtures") / "labelme" / "data_dataset_voc"
    dataset = open_dataset(yaml(tmp_path, f"path: {root}\nnames: {list(VOC_NAMES)}"))
    assert (dataset.layout, len(dataset.split("train"))) == ("pairs", 3)
    assert values(dataset.split("train")) == {0, 5, 6, 7, 9, 15, 18, 255}


@pytest.mark.parametrize("name", ["2011_000003", "2011_000006", "2011_000025"])
def test_labelme_against_the_masks_that_it_made(real_data, name):
    root = real_data("format-fixtures") / "labelme"
    sample = next(s for s in open_dataset(root).split("train") if s.name == name)
    theirs = np.asarray(Image.open(root / "data_dataset_voc" / "SegmentationClass" / f"{name}.png"))
    ours = sample.read()[1]
    assert (ours != theirs).sum() <= 1  # their Pillow was another


def test_mmsegmentations_fixtures(real_data, tmp_path):
    root = real_data("format-fixtures") / "mmseg-layouts"
    cityscapes = open_dataset(root / "pseudo_cityscapes_dataset")
    assert cityscapes.layout == "cityscapes"
    (sample,) = cityscapes.split("train")
    by_id = sample.label_path.with_name(sample.label_path.name.replace("labelTrainIds", "labelIds"))
    ids = recognise(cityscapes.root).layout.TABLES["labelIds"][np.asarray(Image.open(by_id))]
    assert (sample.read()[1] == ids).mean() > 0.995  # the fixture's two files were reduced in size separately
    text = f"path: {root / 'pseudo_dataset'}\nnames: [a, b, c, d]\ntrain: {{images: imgs, masks: gts}}"
    pairs = open_dataset(yaml(tmp_path, text)).split("train")
    assert [sample.name for sample in pairs] == [f"0000{i}" for i in range(5)]
    assert values(pairs) == {0, 1, 2, 3}
