"""A bare folder: what is assumed of it, and a data YAML that says the same."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import describe, open_dataset
from fullconv.data.doctor.examination import check as examine
from fullconv.errors import FullconvError
from tests.data.doctor.planted import halves, photo

COLOURS = np.array([[0, 0, 0], [200, 40, 40], [9, 90, 9]], np.uint8)
RED = "names: [background, object]\ncolours: [[0, 0, 0], [200, 40, 40]]"


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(picture)).save(path)


def fill(root, mask, image="images/{:03}.png", label="masks/{:03}.png", count=10):
    for i in range(count):
        save(root / image.format(i), photo(i))
        save(root / label.format(i), mask)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/{:03}.jpg", "masks/{:03}.png"),
        ("images/{:03}.jpg", "masks/{:03}_mask.png"),
        ("imgs/{:03}.jpg", "labels/{:03}_label.png"),
        ("images/{:03}.jpg", "masks/mask_{:03}.png"),
        ("image/img{:03}.jpg", "label/seg{:03}.png"),
        ("{:03}.png", "{:03}_mask.png"),
        ("{:03}.jpg", "{:03}.png"),
        ("{:03}.png", "mask_{:03}.png"),
        ("train/{:03}.jpg", "train/{:03}_mask.png"),
        ("train/images/{:03}.png", "train/masks/{:03}.png"),
    ],
)
def test_usual_names_of_folders_and_files(tmp_path, image, label):
    fill(tmp_path, halves(0, 255), image, label)
    dataset = open_dataset(tmp_path)
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 8, "val": 2}
    assert dataset.classes.names == ("background", "object")
    for sample in (*dataset.splits["train"], *dataset.splits["val"]):
        number = int("".join(filter(str.isdigit, sample.image_path.stem)))
        assert sample.label_path == tmp_path / label.format(number)
        assert np.array_equal(sample.read_label_map(), halves(0, 1))
    check_written(tmp_path)


def check_written(root):
    """The data YAML that is written says the same as what was assumed."""
    written = root.parent / f"{root.name}.yaml"
    written.write_text(describe(root).assumption.text)
    ours, theirs = open_dataset(root), open_dataset(written)
    assert (ours.classes, ours.splits.keys()) == (theirs.classes, theirs.splits.keys())
    for split in ours.splits:
        for one, other in zip(ours.splits[split], theirs.splits[split], strict=True):
            assert one.files == other.files
            assert np.array_equal(one.read_label_map(), other.read_label_map())


@pytest.mark.parametrize(
    ("masks", "yaml", "told"),
    [
        ([halves(0, 1)], "names: [background, object]", "masks contain 0 background, 1 object"),
        ([halves(0, 255)], "labels: [255]", "masks contain 0 background, 255 object"),
        ([halves(0, 0), halves(255, 0)], "labels: [255]", "masks contain 0 background, 255 object"),
        ([halves(0, 1), halves(1, 255)], "names: [background, object]", "0 background, 1 object; 255 is void"),
        ([halves(0, 1), halves(2, 0)], "names: [background, class_1, class_2]", "2 class_2"),
        ([halves(0, 128), halves(255, 0)], "labels: [128]", "0 background, 128 class_128, 255 class_255"),
        ([halves(0, 128), halves(0, 128)], "labels: [128]", "0 background, 128 object"),
        ([halves(0, 1).astype(np.uint16) * 65535], "labels: [255]", "masks contain 0 background, 255 object"),
        ([halves(7, 9)], "{name: background, labels: [7]}", "7 background, 9 object"),
        ([halves(1, 255)], "{name: background, labels: [1]}", "1 background, 255 object"),
        ([COLOURS[halves(0, 1)]], RED, "#000000 background, #c82828 object"),
        ([COLOURS[halves(0, 1)], COLOURS[halves(0, 2)]], "names: [background, class_1, class_2]", "class_2"),
    ],
)
def test_classes_are_derived_from_the_values_of_masks(tmp_path, masks, yaml, told):
    fill(tmp_path, masks[0])
    for i, mask in enumerate(masks):
        save(tmp_path / "masks" / f"{i:03}.png", mask)
    assumption = describe(tmp_path).assumption
    assert yaml in assumption.text
    assert told in assumption.lines[1]
    check_written(tmp_path)


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (halves(0, 0), "all masks contain only the value 0"),
        (halves(255, 255), "all masks contain only the value 255"),
        (np.arange(0, 24 * 32 * 2, 2).astype(np.uint8).reshape(24, 32), "masks hold 128 values"),
        (np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8), "many colours"),
        (COLOURS[halves(0, 0)], "all masks have a single colour"),
    ],
)
def test_unclear_masks_are_refused(tmp_path, mask, why):
    fill(tmp_path, mask)
    with pytest.raises(FullconvError, match=why) as error:
        describe(tmp_path)
    assert "\n" not in str(error.value)


def ramp(low, high):
    """80x100: half of it `low`, half `high`, and a few pixels of every value in between."""
    edge = np.linspace(low, high, 256).round().astype(np.uint8)
    return np.concatenate([np.full(4000, low, np.uint8), edge, np.full(3744, high, np.uint8)]).reshape(80, 100)


def fill_with(root, masks):
    for i, mask in enumerate(masks):
        save(root / f"images/{i}.png", photo(i, mask.shape))
        save(root / f"masks/{i}.png", mask)


def test_smoothed_edges_between_black_and_white_are_no_classes(tmp_path):
    sharp = np.where(ramp(0, 255) > 127, 255, 0).astype(np.uint8)
    fill_with(tmp_path, [sharp, sharp, ramp(0, 255)])
    with pytest.raises(FullconvError, match=r"1 mask with smoothed edges .* 2\.png\); save them without smoothing"):
        describe(tmp_path)
    errors = [finding.kind for finding in examine(tmp_path).findings if finding.severity == "error"]
    assert errors == ["smoothed-masks", "white-is-void"]


def test_many_rare_values_are_classes_if_one_of_them_is_common_elsewhere(tmp_path):
    rare = ramp(0, 254)
    rare[-1] = 255
    common = rare.copy()
    common[:10] = 100
    fill_with(tmp_path, [rare, rare, common])
    assert "0 background, 1 class_1, 2 class_2" in describe(tmp_path).assumption.lines[1]


def test_masks_that_draw_the_object_in_two_ways_are_refused_with_both_ways_out(tmp_path):
    fill(tmp_path, halves(0, 1))
    for i in (3, 4):
        save(tmp_path / "masks" / f"{i:03}.png", halves(0, 255))
    save(tmp_path / "masks" / "000.png", halves(0, 0))
    with pytest.raises(FullconvError) as error:
        describe(tmp_path)
    told = str(error.value)
    assert told.startswith(
        f"{tmp_path}: 2 masks with only 0 and 255 (such as 003.png) and 7 with 1 but no 255 (such as "
    )
    for names, expected in (
        ("names: [{name: background, labels: [0]}, {name: object, labels: [1, 255]}]", [0, 1]),
        ("names: [background, object]", [0, 255]),
    ):
        assert names in told
        (tmp_path / "data.yaml").write_text(names)
        read = {s.name: s for split in open_dataset(tmp_path).splits.values() for s in split}["003"].read_label_map()
        assert np.unique(read).tolist() == expected


@pytest.mark.parametrize(
    ("mask", "ending", "options"),
    [
        (halves(0, 255), "jpg", {}),
        (halves(0, 255), "tif", {"compression": "jpeg"}),
        (COLOURS[halves(0, 1)], "tif", {"compression": "jpeg"}),
        (COLOURS[halves(0, 1)], "webp", {"quality": 95}),
    ],
)
def test_masks_with_lossy_compression_are_refused(tmp_path, mask, ending, options):
    fill(tmp_path, halves(0, 255))
    for i in range(10):
        (tmp_path / "masks" / f"{i:03}.png").unlink()
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i:03}.{ending}", **options)
    with pytest.raises(FullconvError, match=rf"10 masks with lossy compression .* 000\.{ending}\); save them as PNG"):
        describe(tmp_path)


def test_lossless_webp_masks_are_read(tmp_path):
    fill(tmp_path, halves(0, 1))
    for i in range(10):
        (tmp_path / "masks" / f"{i:03}.png").unlink()
        Image.fromarray(COLOURS[halves(0, 1)]).save(tmp_path / "masks" / f"{i:03}.webp", lossless=True)
    assert np.array_equal(open_dataset(tmp_path).splits["train"][0].read_label_map(), halves(0, 1))


def test_existing_splits_are_kept(tmp_path):
    fill(tmp_path, halves(), "images/train/{:03}.png", "masks/train/{:03}.png")
    fill(tmp_path, halves(), "images/val/{:03}.png", "masks/val/{:03}.png", 3)
    assumption = describe(tmp_path).assumption
    assert "val:" not in assumption.text
    assert {split: len(samples) for split, samples in open_dataset(tmp_path).splits.items()} == {"train": 10, "val": 3}


def test_a_yaml_in_the_folder_is_read(tmp_path):
    fill(tmp_path, halves())
    (tmp_path / "data.yaml").write_text("names: [ground, roof]\nval: 0.4\n")
    dataset = open_dataset(tmp_path)
    assert dataset.classes.names == ("ground", "roof")
    assert {split: len(samples) for split, samples in dataset.splits.items()} == {"train": 6, "val": 4}


def test_overlapping_tiles_stay_in_one_split(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    for i in range(20):  # ten places, two tiles of each: the second lies half over the first
        west = 1000 * (i // 2) + 16 * (i % 2)
        for folder, array in (("images", np.moveaxis(np.array(photo(i)), 2, 0)), ("masks", halves()[None])):
            (tmp_path / folder).mkdir(exist_ok=True)
            profile = {"driver": "GTiff", "height": 24, "width": 32, "count": len(array), "dtype": "uint8"}
            place = {"crs": "EPSG:3857", "transform": rasterio.Affine(1, 0, west, 0, -1, 0)}
            with rasterio.open(tmp_path / folder / f"{i:02}.tif", "w", **profile, **place) as raster:
                raster.write(array)
    held = [int(sample.name) // 2 for sample in open_dataset(tmp_path).splits["val"]]
    assert len(held) == 4
    assert all(held.count(place) == 2 for place in held)


def test_without_holding_back_no_split_is_made(tmp_path):
    fill(tmp_path, halves(0, 255))
    whole = describe(tmp_path, holds_back=False)
    assert {split: len(samples) for split, samples in whole.dataset.splits.items()} == {"train": 10}
    assert whole.assumption.lines == describe(tmp_path).assumption.lines[:2]


def test_pbm_masks_are_found(tmp_path):
    fill(tmp_path, halves(0, 255))
    for i in range(10):
        (tmp_path / "masks" / f"{i:03}.png").unlink()
        ones = np.packbits(halves(0, 1), axis=1).tobytes()
        (tmp_path / "masks" / f"{i:03}.pbm").write_bytes(b"P4\n32 24\n" + ones)
    assert np.array_equal(open_dataset(tmp_path).splits["train"][0].read_label_map(), halves(0, 1))
