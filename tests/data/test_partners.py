"""Which files are pictures and which their masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.data.partners import pairs_of
from fullconv.errors import FullconvError
from tests.data.trees import PHOTO, rows, save, write


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def pairs(root, images="images", masks="masks"):
    pictures, found = pairs_of(root / images, root / masks)
    return {
        picture.relative_to(root).as_posix(): found[name].relative_to(root).as_posix() if name in found else None
        for name, picture in pictures.items()
    }


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (["images/a.jpg", "images/a.png", "masks/a.png"], r"images: a.jpg and a.png"),
        (["images/a.jpg", "masks/a.bmp", "masks/a.png"], r"masks: a.bmp and a.png"),
        (["images/a.jpg", "images/b.jpg", "masks/a.png", "masks/b.png", "masks/b.webp"], r"masks: b.png and b.webp"),
        (["images/s/a.JPG", "images/s/a.jpeg", "masks/s/a.png"], r"images: a.JPG and a.jpeg"),
    ],
)
def test_two_files_with_one_name_are_an_error_that_names_both(tmp_path, names, both):
    touch(tmp_path, *names)
    with pytest.raises(FullconvError, match=f"{both} have the same name") as error:
        pairs(tmp_path)
    assert "\n" not in str(error.value)


def test_names_that_differ_in_case_or_folder_are_different(tmp_path):
    touch(tmp_path, "images/a.JPG", "images/A.jpg", "images/s/a.jpg", "masks/a.png", "masks/A.png", "masks/s/a.png")
    assert pairs(tmp_path) == {
        "images/a.JPG": "masks/a.png", "images/A.jpg": "masks/A.png", "images/s/a.jpg": "masks/s/a.png",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jpg", "a.png", "b.jpg", "b.png"], {"a.jpg": "a.png", "b.jpg": "b.png"}),
        (["a.jpg", "a.tif", "b.jpeg", "b.tif"], {"a.jpg": "a.tif", "b.jpeg": "b.tif"}),
        (["a.jpg", "a_mask.png", "b.jpg", "b_mask.png"], {"a.jpg": "a_mask.png", "b.jpg": "b_mask.png"}),
        (["a.png", "a-label.png", "a_b.png", "a_b-label.png"], {"a.png": "a-label.png", "a_b.png": "a_b-label.png"}),
        (["s/a.png", "s/a_gt.png", "t/a.png", "t/a_gt.png"], {"s/a.png": "s/a_gt.png", "t/a.png": "t/a_gt.png"}),
        (["1.png", "mask_1.png", "s/2.png", "s/mask_2.png"], {"1.png": "mask_1.png", "s/2.png": "s/mask_2.png"}),
        (["1.png", "1_mask.png", "11.png", "11_mask.png"], {"1.png": "1_mask.png", "11.png": "11_mask.png"}),
    ],
)
def test_pictures_and_masks_in_one_folder(tmp_path, names, expected):
    touch(tmp_path, *names)
    assert pairs(tmp_path, ".", ".") == expected


def test_a_picture_is_never_its_own_mask(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    with pytest.raises(FullconvError, match="names do not distinguish them"):
        pairs(tmp_path, ".", ".")
    (tmp_path / "data.yaml").write_text("names: [x, y]\ntrain: t.txt\n")
    (tmp_path / "t.txt").write_text("a.png a.png\n")
    with pytest.raises(FullconvError, match="listed as its own mask"):
        open_dataset(tmp_path / "data.yaml")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@given(stems=st.sets(st.text("ab1_-", min_size=1, max_size=4), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_no_name_ever_makes_a_picture_its_own_mask(tmp_path_factory, suffix, stems):
    root = tmp_path_factory.mktemp("p")
    touch(root, *(f"{stem}{suffix}" for stem in stems), *(f"{stem}_mask.png" for stem in stems))
    try:
        found = pairs(root, ".", ".")
    except FullconvError:
        return
    assert all(picture != mask for picture, mask in found.items())


def test_masks_in_a_folder_of_the_images(tmp_path):
    touch(tmp_path, "a.jpg", "masks/a.png", "s/b.jpg", "masks/s/b.png")
    assert pairs(tmp_path, ".") == {"a.jpg": "masks/a.png", "s/b.jpg": "masks/s/b.png"}


def test_hidden_files_and_raster_companions_are_not_pictures(tmp_path):
    touch(tmp_path, "images/a.tif", "images/._a.tif", "images/a.tif.aux.xml", "images/a.tif.ovr", "images/a.tif.msk")
    touch(tmp_path, "masks/a.tif", "masks/._a.tif", "masks/a.tif.aux.xml")
    assert pairs(tmp_path) == {"images/a.tif": "masks/a.tif"}


def test_hidden_folders_are_not_data(tmp_path):
    touch(tmp_path, "images/a.jpg", "masks/a.png", "images/.ipynb_checkpoints/a-checkpoint.jpg", "masks/__MACOSX/b.png")
    assert pairs(tmp_path) == {"images/a.jpg": "masks/a.png"}


def test_linked_folders_are_followed_and_circular_links_end(tmp_path):
    touch(tmp_path, "disk/images/a.jpg", "disk/masks/a.png", "images/s/b.jpg", "masks/s/b.png")
    for kind in ("images", "masks"):
        (tmp_path / kind / "t").symlink_to(tmp_path / "disk" / kind)
        (tmp_path / kind / "loop").symlink_to(tmp_path / kind)
    assert pairs(tmp_path) == {"images/s/b.jpg": "masks/s/b.png", "images/t/a.jpg": "masks/t/a.png"}


def test_rasters_of_geojson(tmp_path):
    """Not their companions; and in a linked folder as well."""
    for name in ("images/a.tif", "disk/b.tiff"):
        save(tmp_path / name, PHOTO)
    for name in ("a.tif.aux.xml", "a.tif.ovr", "a.tif.msk", "._a.tif"):
        touch(tmp_path / "images", name)
    (tmp_path / "images" / "s").symlink_to(tmp_path / "disk")
    for name in ("labels/a.geojson", "labels/s/b.geojson"):
        write(tmp_path / name, {"type": "FeatureCollection", "features": []})
    (tmp_path / "data.yaml").write_text("names: [background, roof]\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    assert dataset.layout == "geojson"
    assert [sample.name for sample in dataset.split("train")] == ["a", "s/b"]


def test_roboflow_and_the_yaml_a_user_would_try(tmp_path):
    for split in ("train", "valid"):
        for name in ("a", "b"):
            save(tmp_path / split / f"{name}.jpg", PHOTO)
            save(tmp_path / split / f"{name}_mask.png", rows(0, 3, 255))
        write(tmp_path / split / "_classes.csv", "Pixel Value, Class\n0, background\n3, roof\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.layout, dataset.classes.names) == ("roboflow", ("background", "roof"))
    (tmp_path / "own.yaml").write_text(
        "names: [{name: x, labels: [0]}, {name: y, labels: [3]}]\nval: {images: valid, masks: valid}\n"
    )
    for data in (".", "own.yaml"):
        opened = open_dataset(tmp_path / data)
        assert opened.splits.keys() == {"train", "val"}
        for samples in opened.splits.values():
            assert [sample.name for sample in samples] == ["a", "b"]
            assert [sample.read_label_map()[0, :3].tolist() for sample in samples] == [[0, 1, 255]] * 2
    write(tmp_path / "valid" / "_classes.csv", "Pixel Value, Class\n0, background\n3, road\n")
    with pytest.raises(FullconvError, match=r"the _classes.csv of its folders differ"):
        open_dataset(tmp_path)


def test_a_list_may_contain_names_with_spaces(tmp_path):
    save(tmp_path / "my photo.png", PHOTO)
    Image.fromarray(np.ones((6, 8), np.uint8)).save(tmp_path / "its mask.png")
    (tmp_path / "t.txt").write_text("my photo.png\tits mask.png\n")
    (tmp_path / "data.yaml").write_text("names: [x, y]\ntrain: t.txt\n")
    assert open_dataset(tmp_path / "data.yaml").split("train")[0].read()[1].all()
