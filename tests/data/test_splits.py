"""`train`, `val` and `test` of a data YAML."""

import pytest

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from tests.data import trees
from tests.data.doctor.planted import photo
from tests.data.trees import PHOTO, rows, save


@pytest.fixture
def folder(tmp_path):
    """Pictures a to d with masks under masks/, and the same masks under gts/ with other endings."""
    for name in "abcd":
        save(tmp_path / "images" / f"{name}.png", PHOTO)
        save(tmp_path / "masks" / f"{name}.png", rows(0, 1))
        save(tmp_path / "imgs" / f"{name}_img.png", PHOTO)
        save(tmp_path / "gts" / f"{name}_gt.png", rows(0, 1))
    return tmp_path


def names(folder, text):
    (folder / "data.yaml").write_text(f"names: [x, y]\n{text}")
    dataset = open_dataset(folder / "data.yaml")
    for samples in dataset.splits.values():
        assert all(sample.read()[1].max() == 1 for sample in samples)
    return {split: [sample.name for sample in samples] for split, samples in dataset.splits.items()}


@pytest.mark.parametrize(
    "lines",
    [
        "a\nc\n",
        "images/a.png\n\nimages/c.png",
        "a.png\nc.png",
        "images/a.png masks/a.png\nimages/c.png masks/c.png",
        "images\\a.png\r\nimages\\c.png\r\n",
        ".\\images\\a.png\timages\\..\\masks\\a.png\nimages\\c.png masks\\c.png",
    ],
)
def test_lists(folder, lines):
    (folder / "train.txt").write_text(lines)
    (folder / "val.txt").write_text("d")
    found = names(folder, "train: train.txt\nval: val.txt")
    assert [name.removeprefix("images/") for name in found["train"]] == ["a", "c"]
    assert found["val"] == ["d"]


@pytest.mark.parametrize("start", ["./", "{root}/", "images/../", "{root}/./"])
def test_paths_as_ultralytics_and_others_write_them(folder, start):
    start = start.format(root=folder)
    (folder / "train.txt").write_text(f"{start}images/a.png\n{start}images/b.png\n")
    found = names(folder, f"train: train.txt\nval: [{start}images/c.png, d]")
    assert found == {"train": ["a", "b"], "val": ["c", "d"]}


def test_a_path_through_a_link_to_the_folder(folder, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "data"
    link.symlink_to(folder)
    (folder / "train.txt").write_text(f"{link}/images/a.png\n{folder}/images/b.png\n")
    assert names(folder, "train: train.txt")["train"] == ["a", "b"]
    assert len(open_dataset(link / "data.yaml").split("train")) == 2


@pytest.mark.parametrize("line", ["a.v2", "a.v2.png", "images/a.v2.png", "a.jpg.gz", "a."])
def test_a_name_with_a_dot_is_not_the_name_before_it(folder, line):
    (folder / "train.txt").write_text(f"b\n{line}\n")
    with pytest.raises(FullconvError, match=r"train.txt: .* is not a picture of this layout"):
        names(folder, "train: train.txt")
    with pytest.raises(FullconvError, match=r"no (split|such) "):
        names(folder, f"val: [{line}]")


def test_names_with_dots(folder):
    for place in ("images", "masks"):
        (folder / place / "b.png").rename(folder / place / "a.v2.png")
    (folder / "train.txt").write_text("a.v2\na.png\n")
    assert names(folder, "train: train.txt\nval: a.v2.png") == {"train": ["a.v2", "a"], "val": ["a.v2"]}


def test_a_name_of_two_pictures_is_an_error(tmp_path):
    for split in ("train", "val"):
        save(tmp_path / "images" / split / "a.png", PHOTO)
        save(tmp_path / "masks" / split / "a.png", rows(0, 1))
    (tmp_path / "train.txt").write_text("a\n")
    for wish, where in (("train.txt", "train.txt"), ("[a]", ""), ("[a.png]", "")):
        with pytest.raises(
            FullconvError, match=rf"{where}: 'a(\.png)?' may be images/train/a\.png or images/val/a\.png"
        ):
            names(tmp_path, f"train: {wish}")
    (tmp_path / "train.txt").write_text("images/val/a.png\n")
    names(tmp_path, "train: train.txt")
    assert open_dataset(tmp_path / "data.yaml").split("train")[0].image_path.parent.name == "val"


@pytest.mark.parametrize("again", ["a", "images/a.png", "./images/a.png", "images/a.png masks/a.png"])
def test_a_picture_listed_twice_is_noted(folder, caplog, again):
    (folder / "train.txt").write_text(f"a\nb\n{again}\n")
    assert len(names(folder, "train: train.txt\nval: [c]")["train"]) == 3
    said = "train has 1 picture more than once, such as a.png; each counts as often as it is listed"
    assert caplog.messages == [f"{folder}: {said}"]


def test_folders_by_name(folder):
    assert names(folder, "train: {images: imgs, masks: gts}\nval: images") == {"train": [*"abcd"], "val": [*"abcd"]}


def test_masks_beside_images_in_a_folder_of_another_name(folder):
    (folder / "masks").rename(folder / "labels")
    (folder / "train.txt").write_text("b\n")
    assert names(folder, "masks_dir: labels\ntrain: images")["train"] == [*"abcd"]
    assert names(folder, "masks_dir: labels\ntrain: [train.txt, train.txt]")["train"] == ["b", "b"]


def test_other_splits_of_a_layout(tmp_path):
    trees.voc(tmp_path / "voc")
    (tmp_path / "data.yaml").write_text("path: voc\ntrain: [train, val]\nval: val\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    assert {split: [s.name for s in samples] for split, samples in dataset.splits.items()} == {
        "train": ["a", "b"],
        "val": ["b"],
    }


def test_sbd_beside_a_voc_devkit(tmp_path):
    trees.voc(tmp_path / "VOC2011")
    trees.sbd(tmp_path / "sbd")
    (tmp_path / "data.yaml").write_text("path: VOC2011\nsbd: sbd\ntrain: sbd_train\nval: seg11valid\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    assert [s.label_path.suffix for s in (*dataset.split("train"), *dataset.split("val"))] == [".mat", ".png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: nowhere", "no split or folder 'nowhere'"),
        ("train: nowhere.txt", "write one name per line"),
        ("train: {images: imgs}", "give a folder, a .txt"),
        ("train: {images: imgs, masks: gone}", "no such folder"),
        ("train: list.txt", "'zebra' is not a picture"),
        ("train: [a, b]\nval: empty.txt", r"empty\.txt: no names in it; write one per line, or do not list this file"),
        ("train: wide.txt", r"wide\.txt: not text in UTF-8; save it in this encoding"),
    ],
)
def test_mistakes_are_reported(folder, text, message):
    (folder / "list.txt").write_text("a\nzebra\n")
    (folder / "empty.txt").write_text("\n")
    (folder / "wide.txt").write_text("a\nb\n", encoding="utf-16")
    with pytest.raises(FullconvError, match=message) as error:
        names(folder, text)
    assert "\n" not in str(error.value)


def test_val_alone_makes_the_rest_train(folder):
    (folder / "val.txt").write_text("d\nimages/b.png")
    for val in ("val.txt", "[images/d.png, b]"):
        found = names(folder, f"val: {val}")
        assert (found["train"], sorted(found["val"])) == (["a", "c"], ["b", "d"])


def test_a_share_of_the_training_pictures_is_held_back(folder):
    for i, name in enumerate("abcd"):
        photo(i, trees.SIZE).save(folder / "images" / f"{name}.png")
    found = names(folder, "val: 0.25\ntest: [images/a.png]")
    assert found["test"] == ["a"]
    assert len(found["val"]) == 1
    assert sorted(found["train"] + found["val"]) == ["b", "c", "d"]
    (folder / "train.txt").write_text("a\nc\nd\n")
    found = names(folder, "train: train.txt\nval: .4")
    assert (len(found["train"]), sorted(found["train"] + found["val"])) == (2, ["a", "c", "d"])
