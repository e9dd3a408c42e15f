"""Each thing the doctor knows is planted, found, and where a YAML can mend it, mended."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullconv.data.description import open_dataset
from fullconv.data.doctor.examination import check as examine
from fullconv.data.doctor.statistics import judge_shares
from fullconv.data.doctor.text import report_text
from fullconv.data.masks import read_mask
from fullconv.errors import FullconvError
from tests.data.doctor.planted import HEIGHT, WIDTH, found, halves, kinds, photo, sound


@pytest.fixture
def data(tmp_path):
    return sound(tmp_path)


def with_turn(data, name, orientation, size=(WIDTH, HEIGHT)):
    """The photo as a camera stores it, with a note how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo(7).resize(size).save(data.image(name), exif=exif)


def test_correct_data_have_no_findings(data):
    report = data.examine()
    assert (report.findings, report.failed) == ((), False)


@pytest.mark.parametrize("which", ["image", "mask"])
def test_unreadable_files(data, which):
    getattr(data, which)("train/b").write_bytes(b"no picture")
    report = data.examine()
    finding = found(report, f"unreadable-{which}")
    assert [case.path.name for case in finding.cases] == ["b.png"]
    assert report.failed


def devkit(root, mask):
    """A VOC devkit whose list names 2007_1, with its image and a mask of any name."""
    for folder, name in (("JPEGImages", "2007_1.jpg"), ("SegmentationClass", mask)):
        (root / folder).mkdir()
        Image.fromarray(halves()).save(root / folder / name)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_1\n")


@pytest.mark.parametrize("which", ["image", "mask"])
def test_links_that_lead_nowhere_are_missing_files(data, which):
    path = getattr(data, which)("train/b")
    path.unlink()
    path.symlink_to("nowhere.png")
    finding = found(data.examine(), f"missing-{which}")
    assert [case.to_json()["detail"] for case in finding.cases] == ["a link to nowhere.png, which is not there"]


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_linked_folder_that_is_not_there_is_an_error(data, folder):
    (data.root / folder / "train" / "more").symlink_to("nowhere")
    report = data.examine()
    assert f"{folder}/train/more: a link to nowhere" in found(report, "not-recognised").text
    assert report.failed


def test_missing_listed_files_are_reported_with_similar_names(tmp_path):
    devkit(tmp_path, mask="2007_01.png")
    finding = found(examine(tmp_path), "missing-mask")
    assert finding.cases[0].detail == "did you mean 2007_01.png?"


def test_a_missing_image_is_reported_although_its_mask_exists(tmp_path):
    devkit(tmp_path, mask="2007_1.png")
    assert "missing-image" not in kinds(examine(tmp_path))
    (tmp_path / "JPEGImages" / "2007_1.jpg").rename(tmp_path / "JPEGImages" / "2007_01.jpg")
    finding = found(examine(tmp_path), "missing-image")
    assert (finding.severity, [case.path.name for case in finding.cases]) == ("error", ["2007_1.jpg"])
    assert finding.cases[0].detail == "did you mean 2007_01.jpg?"


def test_a_mask_of_another_size(data):
    Image.fromarray(halves(size=(9, 9))).save(data.mask("train/a"))
    finding = found(data.examine(), "size-mismatch")
    assert finding.cases[0].detail == "mask 9x9, image 32x24"


def test_a_mask_drawn_on_the_unrotated_photo_is_reported(data):
    with_turn(data, "train/a", 6)
    finding = found(data.examine(), "exif-unturned")
    assert finding.cases[0].detail == "mask 32x24, image 24x32"
    assert "exiftool -n -Orientation=1" in finding.remedy


@pytest.mark.parametrize(("orientation", "expected"), [(0, False), (1, False), (3, True), (2, True)])
def test_a_rotation_that_keeps_the_size_is_a_warning(data, orientation, expected):
    with_turn(data, "train/a", orientation)
    report = data.examine()
    assert ("exif-unclear" in kinds(report)) is expected
    assert not report.failed


def test_a_mask_rotated_like_its_photo_is_correct(data):
    with_turn(data, "train/a", 6, size=(HEIGHT, WIDTH))
    assert data.examine().findings == ()


def test_white_is_void(data):
    data.save_masks(halves(0, 255))
    finding = found(data.examine(), "white-is-void")
    assert len(finding.cases) == 6
    assert data.mended_by(finding) == set()


def test_white_counts_as_the_object_if_classes_have_no_names(data):
    data.save_masks(halves(0, 255))
    report = examine(data.root)
    assert kinds(report) == {"no-names"}
    assert "{name: object, labels: [255]}" in found(report, "no-names").remedy
    assert not report.failed


@pytest.mark.parametrize("named", [True, False])
def test_white_in_some_masks_is_reported(data, named):
    Image.fromarray(halves(0, 255)).save(data.mask("train/a"))
    Image.fromarray(halves(255, 0)).save(data.mask("val/e"))
    report = data.examine() if named else examine(data.root)
    finding = found(report, "white-in-some")
    assert kinds(report) - {"similar-in-splits"} == {"white-in-some"}
    assert report.failed is not named
    assert "2 masks with only 0 and 255, and 4 with 1 but no 255 (such as b.png)" in finding.text
    assert {case.path.name for case in finding.cases} == {"a.png", "e.png"}
    assert data.mended_by(finding) == set()


@pytest.mark.parametrize(
    ("masks", "names"),
    [
        ([halves(0, 255), halves(1, 255)], "names: [background, roof]"),  # 255 is void beside the object, too
        ([halves(0, 0), halves(255, 255)], "names: [background, roof]"),
        ([halves(0, 255), halves(0, 1)], "names: [{name: background, labels: [0]}, {name: roof, labels: [1, 255]}]"),
        ([halves(0, 255), halves(0, 1)], "names: [background, roof]\ncolours: [[0, 0, 0], [255, 255, 255]]"),
    ],
)
def test_white_that_means_void_or_is_described_is_no_finding(data, masks, names):
    for name, mask in zip(("train/a", "train/b"), masks, strict=True):
        Image.fromarray(mask).save(data.mask(name))
    assert "white-in-some" not in kinds(data.examine(names + "\n"))


def test_white_beside_several_classes(data):
    Image.fromarray(halves(0, 255)).save(data.mask("train/a"))
    Image.fromarray(halves(0, 2)).save(data.mask("train/b"))
    finding = found(data.examine("names: [background, roof, pool]\n"), "white-in-some")
    assert "1 mask with only 0 and 255, and 5 with 1, 2 but no 255" in finding.text
    assert finding.remedy == "save these masks again with the number of their class; if 255 means void, do nothing"


def test_colour_masks_are_reported_with_a_yaml_that_reads_them(data):
    colours = np.array([[0, 0, 0], [200, 40, 40]], np.uint8)
    data.save_masks(colours[halves()])
    finding = found(data.examine(), "colour-masks")
    assert finding.remedy == "names: [background, roof]\ncolours: [[0, 0, 0], [200, 40, 40]]"
    assert data.mended_by(finding) == set()


def test_a_single_colour_mask_does_not_renumber_the_others(data):
    colours = np.array([[0, 0, 0], [200, 40, 40], [9, 9, 9]], np.uint8)
    Image.fromarray(colours[halves()]).save(data.mask("train/a"))
    Image.fromarray(halves(0, 2)).save(data.mask("train/b"))
    finding = found(data.examine("names: [background, roof, pool]\n"), "colour-masks")
    assert finding.remedy.startswith("names: [background, roof, pool]\ncolours: [[0, 0, 0], [200, 40, 40], [")
    assert data.mended_by(finding) == {"empty-in-split"}


@pytest.mark.parametrize("names", ["names: [background, roof, pool]\n", None])
def test_class_indices_saved_as_rgb_keep_their_meaning(data, names):
    for path in data.masks():
        mask = np.full((HEIGHT, WIDTH), 2, np.uint8)  # the most frequent
        mask[:4], mask[4:6], mask[6] = 0, 1, 255
        Image.fromarray(np.stack([mask] * 3, 2)).save(path)
    if names:
        finding = found(data.examine(names), "colour-masks")
        assert finding.remedy == "names: [background, roof, pool]\ncolours: [[0, 0, 0], [1, 1, 1], [2, 2, 2]]"
        assert data.mended_by(finding) == set()
    dataset = open_dataset(data.yaml(finding.remedy) if names else data.root)
    assert len(dataset.classes) == 3
    assert np.array_equal(dataset.split("train")[0].read_label_map(), mask)


def test_names_for_unknown_colours_are_called_a_guess(data):
    colours = np.array([[0, 0, 0], [200, 40, 40], [9, 90, 9]], np.uint8)
    for path in data.masks():
        mask = halves(0, 2)
        mask[:4] = 1
        Image.fromarray(colours[mask]).save(path)
    finding = found(data.examine("names: [background, roof, pool]\n"), "colour-masks")
    assert finding.remedy.endswith("  # which colour is which class is a guess: put them in order")
    assert data.mended_by(finding) == set()


def test_colour_masks_saved_as_jpeg(data):
    for path in data.masks():
        large = np.kron(halves(), np.ones((4, 4), np.uint8))
        Image.fromarray(np.array([[0, 0, 0], [200, 40, 40]], np.uint8)[large]).save(path, "JPEG", quality=50)
    data.mask("train/a").unlink()
    disc = Image.new("RGB", (WIDTH * 4, HEIGHT * 4))
    ImageDraw.Draw(disc).ellipse((8, 5, 90, 60), fill=(200, 40, 40))
    disc.save(data.mask("train/a"), "JPEG", quality=50)
    finding = found(data.examine(), "colour-masks")
    assert finding.remedy.startswith("export the masks again from their source as PNG")
    assert "colours: [[0, 0, 0], [" in finding.remedy


def test_palettes_with_inconsistent_indices_are_reported(data):
    for i, path in enumerate(data.masks()):
        picture = Image.fromarray(halves(*((0, 1) if i % 2 else (1, 0))), "P")
        picture.putpalette([0, 0, 0, 250, 0, 0] if i % 2 else [250, 0, 0, 0, 0, 0])
        picture.save(path)
    finding = found(data.examine(), "palettes-differ")
    assert data.mended_by(finding) == set()


def test_values_outside_the_classes_are_reported(data):
    data.save_masks(halves(0, 7))
    finding = found(data.examine(), "unknown-values")
    assert finding.cases[0].detail == "holds 7"
    assert finding.remedy.startswith("label_mapping: {7: void}")
    assert "unknown-values" not in kinds(data.examine(f"{data.names}{finding.remedy}\n"))


def test_ids_starting_at_one_are_reported(data):
    data.save_masks(halves(1, 2))
    finding = found(data.examine(), "ids-from-one")
    assert finding.severity == "error"
    assert data.mended_by(finding) == set()


def test_ids_starting_at_one_are_reported_even_if_zero_has_a_name(data):
    data.save_masks(halves(1, 2))
    finding = found(data.examine("names: [background, roof, wall]\n"), "ids-from-one")
    assert finding.severity == "warning"
    assert data.mended_by(finding) == set()


def test_ids_starting_at_one_list_the_masks_with_too_large_values(data):
    data.save_masks(halves(0, 1))
    Image.fromarray(halves(1, 2)).save(data.mask("train/b"))
    finding = found(data.examine(), "ids-from-one")
    assert finding.text == "ids go up to 2, but 2 names end at 1: do they belong to ids 1 to 2?"
    assert [case.path for case in finding.cases] == [data.mask("train/b").resolve()]
    assert finding.remedy == "names: [background, roof]\nreduce_zero_label: true"


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (0, 2, "names: [background, roof, wall]"),  # 0 is held
        (1, 1, "names: [background, roof]"),  # one class may fill all pictures
        (1, 3, "names: [background, roof, wall, road]"),  # 2 is not held
        (0, 3, "names: [background, roof]"),  # 3 is no number of two ids
        (1, 2, "names: [{name: background, labels: [0]}, {name: roof, labels: [2]}, {name: wall, labels: [1]}]"),
    ],
)
def test_other_ids_are_not_mistaken_for_ids_starting_at_one(data, low, high, names):
    data.save_masks(halves(low, high))
    assert "ids-from-one" not in kinds(data.examine(f"{names}\n"))


@pytest.mark.parametrize("names", ["names: [background, roof]\n", None])
def test_masks_saved_as_jpeg(data, names):
    for path in data.masks():
        Image.fromarray(halves(0, 255)).resize((64, 48), Image.Resampling.BICUBIC).save(path, "JPEG", quality=60)
    report = data.examine(names) if names else examine(data.root)
    assert "6 masks" in found(report, "smoothed-masks").text
    assert "white-is-void" in kinds(report)


JPEG_IN_TIFF = {"format": "TIFF", "compression": "jpeg", "quality": 60}


@pytest.mark.parametrize("names", ["names: [background, roof]\n", None])
@pytest.mark.parametrize("low", [0, 1])
def test_masks_compressed_as_jpeg_in_a_tiff(data, names, low):
    for path in data.masks():
        path.unlink()
        Image.fromarray(halves(low, low + 1)).save(path.with_suffix(".tif"), **JPEG_IN_TIFF)
    report = data.examine(names) if names else examine(data.root)
    assert found(report, "smoothed-masks").cases[0].detail.endswith(", lossy compression")


@pytest.mark.parametrize(("lossless", "kind"), [(False, "smoothed-masks"), (True, None)])
def test_masks_as_webp(data, lossless, kind):
    for path in data.masks():
        path.unlink()
        black_and_white = Image.fromarray(halves(0, 255)).convert("RGB")  # lossy, and yet without other colours
        black_and_white.save(path.with_suffix(".webp"), lossless=lossless, exact=True, exif=Image.Exif())
    report = data.examine("names: [background, roof]\ncolours: [[0, 0, 0], [255, 255, 255]]\n")
    assert kinds(report) == ({kind} if kind else set())


def test_masks_resized_smoothly(data):
    disc = Image.new("L", (40, 30))
    ImageDraw.Draw(disc).ellipse((8, 5, 30, 25), fill=255)
    disc.resize((320, 240), Image.Resampling.BICUBIC).save(data.mask("train/a"))
    assert [case.path.name for case in found(data.examine(), "smoothed-masks").cases] == ["a.png"]


def test_sixteen_bit_images_report_their_range(data):
    for path in sorted((data.root / "images").rglob("*.png")):
        values = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16
        Image.fromarray(values).save(path)
    report = data.examine()
    assert not report.failed
    assert len(report.ranges) == 3
    assert 0 <= report.ranges[0][0] < report.ranges[0][1] <= 255 * 16
    assert "is mapped to 0 to 255 in training" in report_text(report)


def test_one_deep_image_among_8_bit_images_is_reported(data):
    path = data.image("train/a")
    Image.fromarray(np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 16).save(path)
    finding = found(data.examine(), "mixed-depth")
    assert [case.path for case in finding.cases] == [path]
    assert finding.severity == "error"


def test_sixteen_bit_masks_of_instances(data):
    Image.fromarray(halves().astype(np.uint16) * 24001).save(data.mask("train/a"))
    assert found(data.examine(), "deep-masks").cases[0].detail == "up to 24001"


def test_a_mask_of_two_bands_is_reported(data):
    grey = [Image.fromarray(halves()), Image.fromarray(halves(7, 8))]
    Image.merge("LA", grey).save(data.mask("train/a"))
    finding = found(data.examine(), "unreadable-mask")
    assert finding.cases[0].detail == "a mask has one channel of class indices, but this one has 2"


def test_masks_with_one_remedy_are_given_it(data):
    grey = [Image.fromarray(halves()), Image.fromarray(halves(7, 8))]
    Image.merge("LA", grey).save(data.mask("train/a"))
    with pytest.raises(FullconvError) as error:
        read_mask(data.mask("train/a"))
    remedy = found(data.examine(), "unreadable-mask").remedy
    assert remedy
    assert str(error.value).endswith(f"; {remedy}")
    data.mask("train/b").write_text("no picture")
    assert found(data.examine(), "unreadable-mask").remedy.startswith("copy the files again")


def test_a_mask_that_is_all_void_is_reported(data):
    Image.fromarray(halves(255, 255)).save(data.mask("train/a"))
    report = data.examine()
    assert len(found(report, "all-void").cases) == 1
    assert not report.failed


def test_empty_classes(data):
    report = data.examine("names: [background, roof, pool]\n")
    assert "pool" in found(report, "empty-classes").text
    for name in ("val/e", "val/f"):
        Image.fromarray(halves(0, 0)).save(data.mask(name))
    assert "in val, though present elsewhere: roof" in found(data.examine(), "empty-in-split").text


def test_rare_classes_are_reported_with_a_remedy(data):
    for i in range(100):
        data.save(f"train/{i}", halves(0, 0), seed=100 + i)
    for name in ("train/b", "train/c", "train/d"):
        Image.fromarray(halves(0, 0)).save(data.mask(name))
    finding = found(data.examine(), "rare-classes")
    assert "fewer than 2% of the pictures of train: roof" in finding.text
    assert (finding.severity, finding.remedy.split("  ")[0]) == ("note", "balance: 0.02")


def test_data_without_a_validation_split_are_reported(tmp_path):
    data = sound(tmp_path)
    shutil.rmtree(data.root / "images" / "val")
    assert found(data.examine(), "left-out").cases[0].path == data.root / "masks" / "val"
    shutil.rmtree(data.root / "masks" / "val")
    assert kinds(data.examine()) == {"one-split"}


def test_similar_pictures_in_two_splits_are_reported(data):
    photo(0).resize((WIDTH + 3, HEIGHT)).resize((WIDTH, HEIGHT)).save(data.image("val/e"), quality=70)
    finding = found(data.examine(), "near-duplicates")
    assert [(case.path.stem, case.detail) for case in finding.cases] == [("e", "of val, similar to a of train")]


def test_the_same_file_in_two_splits_is_reported(tmp_path):
    for folder, ending, what in (
        ("JPEGImages", "jpg", photo),
        ("SegmentationClass", "png", lambda i: halves(0, i + 1)),
    ):
        (tmp_path / folder).mkdir()
        for i in range(3):
            picture = what(i)
            picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
            picture.save(tmp_path / folder / f"{i}.{ending}")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split, names in {"train": "0\n1\n", "val": "2\n", "trainval": "0\n1\n2\n"}.items():
        (lists / f"{split}.txt").write_text(names)
    assert "shared-files" not in kinds(examine(tmp_path))
    (lists / "val.txt").write_text("1\n2\n")
    finding = found(examine(tmp_path), "shared-files")
    assert [(case.path.stem, case.detail) for case in finding.cases] == [("1", "in train and val")]


def test_names_are_proposed_if_none_are_given(data):
    report = examine(data.root)
    finding = found(report, "no-names")
    assert "names: [background, object]" in finding.remedy
    assert report.dataset.classes.names == ("background", "object")
    assert not report.failed


def test_the_note_about_a_bare_folder_is_short_and_says_where_to_save_the_lines(data):
    report = examine(data.root)
    assert found(report, "no-names").text == (
        "no data.yaml, so train assumes: masks contain 0 background, 1 object. "
        "To name the classes, edit these lines and save them as data.yaml in the folder"
    )
    for path in (*data.masks(), *(data.root / "images").rglob("*.png")):
        (path.parents[1] / path.name).write_bytes(path.read_bytes())
        path.unlink()
    for folder in ("images/train", "images/val", "masks/train", "masks/val"):
        (data.root / folder).rmdir()
    text = found(examine(data.root), "no-names").text
    assert "1 object; val: 1 of 6 pictures, held back (similar pictures stay together). To name" in text


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (3, "roof 50.0% of train, 9.4% of val"),  # of 32
        (7, "roof 50.0% of train, 21.9% of val"),
        (8, ""),  # a factor of two
        (16, ""),
        (0, ""),  # none at all: empty-in-split says so
        (30, "background 50.0% of train, 6.2% of val"),
    ],
)
def test_a_class_whose_share_of_val_is_far_from_that_of_train(data, columns, told):
    mask = halves(0, 0)
    mask[:, :columns] = 1
    for name in ("val/e", "val/f"):
        Image.fromarray(mask).save(data.mask(name))
    report = data.examine()
    assert ("shares-differ" in kinds(report)) == bool(told)
    if told:
        finding = found(report, "shares-differ")
        assert (finding.severity, told in finding.text) == ("note", True)
        assert finding.remedy.splitlines()[1] == f"fullconv train {data.yaml()} --folds 5"


@pytest.mark.parametrize(("columns", "told"), [(7, False), (3, True)])
def test_a_share_of_val_that_fullconv_chose_may_differ_more(data, columns, told):
    mask = halves(0, 0)
    mask[:, :columns] = 1
    for name in ("val/e", "val/f"):
        Image.fromarray(mask).save(data.mask(name))
    report = data.examine()
    shares = judge_shares(report.shares, report.dataset.classes, Path("my roofs"), held_back=True)
    assert [finding.remedy for finding in shares] == (
        ["fullconv train 'my roofs' --folds 5  # scores each picture once"] if told else []
    )


def test_a_single_picture_is_not_divided(data):
    for path in [*data.masks()[1:], *sorted((data.root / "images").rglob("*.png"))[1:]]:
        path.unlink()
    for folder in ("images", "masks"):
        (data.root / folder / "val").rmdir()
    assert found(data.examine(), "one-split").remedy == ""
    report = examine(data.root)
    assert kinds(report) == {"no-names"}
    assert "no val split: there is a single picture" in found(report, "no-names").text


def test_shares_of_rare_classes_differ_by_chance(data):
    """No note on a class that has less than a hundredth of the pixels of both splits."""
    for name, pixels in (("train/a", 7), ("train/b", 0), ("train/c", 0), ("train/d", 0), ("val/e", 7), ("val/f", 5)):
        mask = halves(0, 0)
        mask[0, :pixels] = 1
        Image.fromarray(mask).save(data.mask(name))
    assert "shares-differ" not in kinds(data.examine())


@pytest.mark.parametrize("value", [0, 255])
def test_masks_with_one_value_have_nothing_to_learn(data, value):
    data.save_masks(halves(value, value))
    report = examine(data.root)
    assert kinds(report) == {"nothing-to-learn"}
    text = f"all masks contain only the value {value}, so there is nothing to learn"
    assert found(report, "nothing-to-learn").text == text


def test_masks_with_one_colour_have_nothing_to_learn(data):
    data.save_masks(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert kinds(examine(data.root)) == {"nothing-to-learn"}


@pytest.mark.parametrize("mask", [halves(0, 1), halves(0, 255), np.dstack([halves(0, 90)] * 3)])
def test_an_unpaired_file_does_not_make_clear_masks_unclear(data, mask):
    data.save_masks(mask)
    data.mask("train/b").unlink()
    report = examine(data.root)
    assert kinds(report) == {"unpaired", "no-names"}
    note = found(report, "no-names")
    assert (note.severity, report.dataset.classes.names) == ("note", ("background", "object"))
    assert "train assumes: mask" in note.text


@pytest.mark.parametrize("rename", ["{}_mask", "{}-labels", "label_{}"])
def test_names_that_differ_by_a_rule_are_paired(tmp_path, rename):
    data = sound(tmp_path)
    data.save("train/lonely", halves(), seed=9)
    data.mask("train/lonely").unlink()
    for path in data.masks():
        path.rename(path.with_stem(rename.format(path.stem)))
    report = data.examine()
    assert {"unpaired"} <= kinds(report)
    renamed = [finding for finding in report.findings if finding.kind == "names-differ"]
    assert [len(finding.cases) for finding in renamed] == [4, 2]
    for finding in renamed:
        subprocess.run(finding.remedy, shell=True, check=True)
    data.image("train/lonely").unlink()
    assert data.examine().findings == ()


def test_a_misspelt_name_is_recognised(data):
    data.mask("train/a").rename(data.root / "masks" / "train" / "roof_0O1.png")
    data.image("train/a").rename(data.root / "images" / "train" / "roof_001.png")
    finding = found(data.examine(), "unpaired")
    assert "no mask; like roof_0O1.png" in {case.detail for case in finding.cases}
    subprocess.run(finding.remedy, shell=True, check=True)
    assert data.examine().findings == ()


def test_a_folder_of_masks_for_each_class_is_recognised(data):
    for path in data.masks():
        for name in ("roof", "pool"):
            target = data.root / "masks" / name / path.relative_to(data.root / "masks")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        path.unlink()
    finding = found(data.examine(), "unpaired")
    assert finding.remedy.startswith("save a single mask for each image, with a value for each class; now they are ")
    assert finding.remedy.endswith("in pool/train, pool/val, roof/train, roof/val")


def test_a_folder_without_data_is_a_finding(tmp_path):
    report = examine(tmp_path)
    assert kinds(report) == {"not-recognised"}
    (tmp_path / "data.yaml").write_text("name: [a]\n")
    assert "unknown key" in found(examine(tmp_path / "data.yaml"), "not-recognised").text


def test_sparse_labels_are_only_noted(data):
    mask = np.full((24, 32), 255, np.uint8)
    mask[3, :], mask[9, :] = 0, 1
    data.save_masks(mask)
    report = data.examine()
    assert kinds(report) == {"sparse-labels"}
    assert found(report, "sparse-labels").text.startswith("8.3% of the pixels of train are labelled")
    assert not report.failed


LISTS = "train: [a, b, c, {}]\nval: [e, f]\n"


@pytest.mark.parametrize(
    ("keys", "splits"),
    [
        ("val: 0.2\n", {"train": 3, "val": 1, "holdout": 2}),
        (LISTS.format("d"), {"train": 4, "val": 2}),
        (LISTS.format("z"), {"train": 3, "val": 2}),  # a name that is not there
        ("train: images/train\nval: images/holdout\n", {"train": 4, "val": 2}),
        ("train: nowhere.txt\nval: [e, nobody]\n", {"val": 1}),
    ],
)
def test_the_splits_of_the_yaml_are_examined_although_a_name_has_no_partner(data, keys, splits):
    if "holdout" in (*splits, keys.rpartition("/")[2].strip()):
        for kind in ("images", "masks"):
            (data.root / kind / "val").rename(data.root / kind / "holdout")
    photo(9).save(data.image("train/lonely"))
    report = data.examine(data.names + keys)
    assert "one-split" not in kinds(report)
    assert "unpaired" in kinds(report)
    assert {split: len(samples) for split, samples in report.dataset.splits.items()} == splits


def test_a_wrong_name_in_a_list_is_the_only_finding(data):
    report = data.examine(data.names + LISTS.format("z"))
    assert kinds(report) == {"not-recognised"}
    assert "'z'" in found(report, "not-recognised").text


def test_data_that_are_refused_have_the_classes_that_the_yaml_asks_for(data):
    photo(9).save(data.image("train/lonely"))
    report = data.examine("names: [background, roof, pool]\nlabel_mapping: {pool: void}\n")
    assert kinds(report) == {"unpaired"}
    assert report.dataset.classes.names == ("background", "roof")


@pytest.mark.parametrize(
    ("keys", "planted", "kind"),
    [
        ("names: [background, roof, pool]\nlabel_mapping: {7: void}\n", (0, 7), "empty-classes"),
        ("names: [background, roof, pool, lake]\nlabel_mapping: {pool: lake}\n", None, "empty-classes"),
        ("names: [background, roof, pool]\nclasses: [background, roof, pool]\n", None, "empty-classes"),
        ("names: [background, roof]\nlabel_mapping: {7: 1}\n", (7, 8), "unknown-values"),
        ("names: [{name: background, labels: [0]}, {name: roof, labels: [1, 4]}]\n", (4, 8), "unknown-values"),
        ("names: [background, roof, pool]\nlabel_mapping: {pool: void}\n", (2, 8), "unknown-values"),
        ("names: [background, roof, Roof, x]\nlabel_mapping: {x: Roof}\n", (2, 3), "names-alike"),
        ("names: [background, roof, pool]\nlabel_mapping: {pool: void}\n", "colours", "colour-masks"),
        ("names: [background, roof, pool]\nlabel_mapping: {pool: void}\n", "white", "white-is-void"),
        ("names: [background, roof]\nlabel_mapping: {7: void}\n", "palettes", "palettes-differ"),
    ],
)
def test_lines_repeat_what_the_keys_that_they_replace_say(data, keys, planted, kind):
    if planted == "colours":
        data.save_masks(np.array([[0, 0, 0], [200, 40, 40]], np.uint8)[halves()])
    elif planted == "white":
        data.save_masks(halves(0, 255))
    elif planted == "palettes":
        for i, path in enumerate(data.masks()):
            picture = Image.fromarray(halves(*((0, 1) if i % 2 else (1, 0))), "P")
            picture.putpalette([0, 0, 0, 250, 0, 0] if i % 2 else [250, 0, 0, 0, 0, 0])
            picture.save(path)
    elif planted is not None:
        Image.fromarray(halves(*planted)).save(data.mask("train/a"))
    remedy = found(data.examine(keys), kind).remedy
    kept = [line for line in keys.splitlines() if line.split(":")[0] not in remedy]
    report = data.examine("\n".join([*kept, remedy, ""]))
    assert not report.failed, report.findings
    assert kind not in kinds(report)


def test_pictures_are_divided_anew_from_the_lists_that_are_there(data):
    photo(0).save(data.image("val/e"))
    keys = f"{data.names}train: [a, b, c]\nval: [e]\n"
    remedy = found(data.examine(keys), "near-duplicates").remedy
    assert remedy.startswith("train: [a, b, c, e]\nval: 0.2")
    report = data.examine(f"{data.names}{remedy}\n")
    assert kinds(report) == set()
    assert sum(len(report.dataset.splits[split]) for split in ("train", "val")) == 4


def test_unlabelled_pictures_that_training_refuses_are_found(data):
    street = data.root / "street"
    street.mkdir()
    photo(5).transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((WIDTH * 3, HEIGHT * 3)).save(street / "copy.png")
    photo(0).save(street / "of_train.png")
    photo(50).save(street / "new.png")
    (street / "damaged.png").write_bytes(b"no picture")
    report = data.examine(data.names + "unlabelled: street\n")
    assert kinds(report) == {"unlabelled-copies", "unreadable-unlabelled"}
    finding = found(report, "unlabelled-copies")
    assert [(case.path.name, case.detail) for case in finding.cases] == [("copy.png", "like f.png")]
    assert report.failed
    assert [case.path.name for case in found(report, "unreadable-unlabelled").cases] == ["damaged.png"]
    photo(9).save(data.image("train/lonely"))
    assert "unlabelled-copies" in kinds(data.examine(data.names + "unlabelled: street\n"))


def test_a_share_for_val_that_holds_back_nothing_is_noted_without_a_remedy(data):
    for folder in ("images", "masks"):
        shutil.rmtree(data.root / folder / "val")
    for name in ("a", "b", "c", "d"):
        photo(0).save(data.image(f"train/{name}"))
    finding = found(data.examine(f"{data.names}val: 0.2\n"), "one-split")
    assert (finding.text.endswith("because all look alike, or a class is in a single picture"), finding.remedy) == (
        True,
        "",
    )
