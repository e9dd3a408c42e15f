"""The contract of every layout: recognised from its tree alone, splits, classes, pictures and label maps."""

import pickle
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import VOC_NAMES, Classes
from fullconv.data.description import open_dataset
from fullconv.data.doctor.examination import check
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import sbd, voc
from fullconv.data.recognition import LAYOUTS, find_layout, recognise
from fullconv.errors import FullconvError
from tests.data import trees
from tests.data.trees import PHOTO, SIZE, rows, save, write

AB = Classes.named(["a", "b"])
# layout → its tree, its splits, some of its classes by index, the first values of a row of a label map
CASES = {
    "voc": (trees.voc, {"train": 1, "val": 1}, {8: "cat", 20: "tvmonitor"}, [0, 8, 255, 0]),
    "sbd": (trees.sbd, {"train": 1, "val": 1}, {8: "cat"}, [0, 8, 20]),
    "camvid": (trees.camvid, {"train": 1, "val": 1}, {0: "sky", 10: "cyclist"}, [0, 10, 255]),
    "cityscapes": (trees.cityscapes, {"train": 1, "val": 1}, {0: "road", 18: "bicycle"}, [0, 18, 255, 255]),
    "cityscapes-train-ids": (
        partial(trees.cityscapes, kind="labelTrainIds", values=(0, 18, 255)), {"train": 1, "val": 1}, {13: "car"},
        [0, 18, 255],
    ),
    "ade20k": (trees.ade20k, {"train": 1, "val": 1}, {0: "wall", 1: "building", 2: "sky"}, [255, 0, 2]),
    "pets": (trees.pets, {"train": 1, "test": 1}, {0: "background", 1: "cat", 2: "dog"}, [0, 1, 255]),
    "coco": (trees.coco, {"train": 1, "val": 1}, {0: "background", 1: "cat", 2: "dog"}, [0, 0, 0, 0, 0, 0, 0, 255]),
    "coco-panoptic": (trees.coco_panoptic, {"train": 1, "val": 1}, {0: "person", 1: "tree-merged"}, [255, 0, 1]),
    "labelme": (trees.labelme, {"train": 2}, {0: "background", 1: "cat", 2: "dog"}, [0, 2, 2, 1, 0, 0, 255, 255]),
    "yolo": (trees.yolo, {"train": 1, "val": 1}, {0: "background", 1: "cat", 2: "dog"}, [0, 2, 2, 0, 1, 1, 0, 255]),
    "yolo-of-label-studio": (trees.yolo_of_label_studio, {"train": 1}, {2: "dog"}, [0, 2, 2, 0, 1, 1, 0, 255]),
    "nnunet": (trees.nnunet, {"train": 2}, {0: "background", 1: "cell"}, [0, 1, 255]),
    "nyud": (trees.nyud, {"train": 1, "test": 1}, {0: "wall", 39: "otherprop"}, [255, 0, 39]),
    "siftflow": (trees.siftflow, {"train": 1, "test": 1}, {0: "awning", 32: "window"}, [255, 0, 32]),
    "pascal_context": (
        trees.pascal_context, {"train": 1, "val": 1}, {0: "background", 1: "diningtable", 2: "bedcloth", 3: "wood"},
        [0, 1, 2, 3],
    ),
    "roboflow": (trees.roboflow, {"train": 1, "val": 1}, {0: "background", 1: "roof"}, [0, 1, 255]),
    "pairs": (trees.pairs, {"train": 1, "val": 1}, {0: "a", 1: "b"}, [0, 1, 255]),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    build, *expected = CASES[request.param]
    build(tmp_path)
    return (request.param, tmp_path, *expected)


def read(root):
    found = recognise(root)
    return found.layout.read(root, LayoutOptions(AB if found.name == "pairs" else None))


def test_the_mark_at_the_start_of_text_files_is_no_text(case):
    """Tools on Windows begin UTF-8 files with it."""
    _, root, *_ = case
    plain = read(root)
    for path in root.rglob("*"):
        if path.suffix in (".txt", ".json", ".yaml", ".csv"):
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    marked = read(root)
    assert marked.classes == plain.classes
    for split, samples in plain.splits.items():
        assert [sample.files for sample in marked.split(split)] == [sample.files for sample in samples]
        assert (marked.split(split)[0].read_label_map() == samples[0].read_label_map()).all()


def complaint(root):
    """What reading every label map of the folder says, if anything."""
    try:
        everything = [s.read_label_maps() for samples in read(root).splits.values() for s in samples]
    except FullconvError as error:
        return str(error)
    assert all(label_map.shape == SIZE for maps in everything for label_map in maps.values())
    return ""


class TestEveryLayout:
    def test_only_one_layout_recognises_each_tree(self, case):
        name, root, *_ = case
        claims = [layout.__name__.rpartition(".")[2] for layout in LAYOUTS if layout.recognises(root)]
        assert claims[0] == name.partition("-")[0]
        assert set(claims[1:]) <= {"pairs", "one_folder"}  # which go by the names of folders and files alone
        assert str(recognise(root)).startswith(f"layout {name.partition('-')[0]}, recognised by ")
        assert "\n" not in str(recognise(root))

    def test_has_its_splits_and_classes(self, case):
        name, root, splits, classes, _ = case
        dataset = read(root)
        assert (dataset.root, dataset.layout) == (root, name.partition("-")[0])
        assert {split: len(samples) for split, samples in dataset.splits.items()} == splits
        assert {index: dataset.classes.names[index] for index in classes} == classes

    def test_gives_pictures_and_label_maps(self, case):
        _, root, _, _, row = case
        for samples in read(root).splits.values():
            for sample in samples:
                image, label_map = sample.read()
                assert image.shape[:2] == label_map.shape == sample.read_mask_values().shape == SIZE
                assert label_map.dtype == np.uint8
                assert sample.label_path.is_file()
        assert next(iter(read(root).splits.values()))[0].read_label_map()[0].tolist()[: len(row)] == row

    def test_travels_to_other_processes(self, case):
        sample = read(case[1]).split("train")[0]
        again = pickle.loads(pickle.dumps(sample))
        assert (again.read_label_map() == sample.read_label_map()).all()

    def test_maps_to_other_classes(self, case):
        dataset = read(case[1])
        one = dataset.mapped_to(Classes.named(["thing"]), dict.fromkeys(dataset.classes.names, "thing"))
        label_map = one.split("train")[0].read_label_map()
        assert set(np.unique(label_map)) <= {0, 255}

    def test_a_damaged_file_gives_a_one_line_error(self, case):
        """Every file of the tree in turn: emptied, cut in half, or overwritten with something else."""
        root = case[1]
        for path in [path for path in root.rglob("*") if path.is_file()]:
            whole = path.read_bytes()
            for damaged in (
                b"",
                whole[: len(whole) // 2],
                b"\x89\xff garbage",
                b"{}",
                b'{"shapes": 1, "images": [{}]}',
            ):
                path.write_bytes(damaged)
                assert "\n" not in complaint(root), path
            path.write_bytes(whole)

    def test_names_a_missing_mask(self, case):
        sample = read(case[1]).split("train")[0]
        if case[0] != "coco":  # there one file holds all masks
            sample.label_path.unlink()
            with pytest.raises(FullconvError, match=r"[nN]o such") as error:
                sample.read_label_map()
            assert "\n" not in str(error.value)


def test_an_empty_folder_has_no_layout(tmp_path):
    assert find_layout(tmp_path) is None
    with pytest.raises(FullconvError, match=r"no pictures found; put masks in masks/ .*cityscapes, .*coco"):
        recognise(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["images/a.png", "images/b.png"], "no masks found next to the pictures in images;"),
        (["a.png", "b.png"], "no masks found next to the pictures;"),
        (["left/a.png", "right/a.png"], "layout not recognised, pictures are in left, right;"),
    ],
)
def test_pictures_without_masks_have_their_own_error(tmp_path, files, message):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    with pytest.raises(FullconvError, match=message):
        recognise(tmp_path)


def test_outlines_of_another_format_have_a_command(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.tif")
    (tmp_path / "labels" / "a.gpkg").touch()
    with pytest.raises(FullconvError, match=r"labels/a\.gpkg as GeoJSON: ogr2ogr .*a\.geojson .*a\.gpkg"):
        recognise(tmp_path)


def test_a_data_set_in_a_subfolder_is_suggested(tmp_path):
    trees.voc(tmp_path / "VOCdevkit" / "VOC2012")
    with pytest.raises(FullconvError, match=r"VOC2012 inside it is voc; give .*VOC2012"):
        recognise(tmp_path)


def test_without_scipy_the_extra_is_named(tmp_path, monkeypatch):
    trees.nyud(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(FullconvError, match=r"pip install 'fullconv\[data\]'"):
        read(tmp_path).split("train")[0].read_label_map()


def test_cats_and_dogs_or_pets(tmp_path):
    trees.pets(tmp_path)
    layout = recognise(tmp_path).layout
    assert [layout.read(tmp_path, LayoutOptions()).split(s)[0].read_label_map()[0, 1] for s in ("train", "test")] == [
        1,
        2,
    ]
    pets = layout.read(tmp_path, LayoutOptions(Classes.named(["background", "pet"])))
    assert [pets.split(s)[0].read_label_map()[0, 1] for s in ("train", "test")] == [1, 1]


def test_small_things_stay_on_top_in_coco(tmp_path):
    trees.coco(tmp_path)
    label_map = read(tmp_path).split("train")[0].read_label_map()
    expected = np.zeros(SIZE, int)
    expected[1:5, 1:5] = 1
    expected[2:4, 2:4] = 2
    expected[:, 7] = 255
    assert label_map.tolist() == expected.tolist()


def test_channels_of_nnunet_are_stacked(tmp_path):
    trees.nnunet(tmp_path)
    assert (read(tmp_path).split("train")[0].read_image() == PHOTO[..., :2]).all()


def test_sift_flow_has_two_heads(tmp_path):
    trees.siftflow(tmp_path)
    dataset = read(tmp_path)
    maps = dataset.split("train")[0].read_label_maps()
    assert {head: label_map[0, :3].tolist() for head, label_map in maps.items()} == {
        "sem": [255, 0, 32],
        "geo": [255, 0, 2],
    }
    assert dataset.further["geo"].names == ("sky", "horizontal", "vertical")


def of_cvat(
    root, labels="# label:color_rgb:parts:actions\r\nbackground:0,0,0::\r\nroof:250,50,83::\r\ncar:9,90,9::\r\n"
):
    """Segmentation mask 1.1 of CVAT: colours of the project's own."""
    colours = np.array([[0, 0, 0], [9, 90, 9], [250, 50, 83]], np.uint8)
    save(root / "JPEGImages" / "day 1" / "a.png", PHOTO)
    save(root / "SegmentationClass" / "day 1" / "a.png", colours[rows(0, 1, 2)])
    write(root / "ImageSets" / "Segmentation" / "default.txt", "day 1/a\n")
    write(root / "labelmap.txt", labels)
    return root


def test_written_mask_values_count_in_a_layout_with_values_of_its_own(tmp_path):
    trees.ade20k(tmp_path)
    write(
        tmp_path / "data.yaml", "names: [{name: a, labels: [0]}, {name: b, labels: [1]}, {name: c, labels: [2, 3]}]\n"
    )
    assert open_dataset(tmp_path).split("train")[0].read()[1][0, :3].tolist() == [0, 1, 2]


def test_a_missing_table_of_ade20k_says_what_the_values_mean(tmp_path):
    trees.ade20k(tmp_path)
    (tmp_path / "objectInfo150.txt").unlink()
    report = check(tmp_path)
    assert "value 1 has the first name and 0 is void" in report.findings[0].remedy
    assert "no-names" not in {finding.kind for finding in report.findings}  # train would not assume them


def test_a_split_without_pictures_is_called_so(tmp_path):
    trees.roboflow(tmp_path)
    write(tmp_path / "test" / "_classes.csv", (tmp_path / "train" / "_classes.csv").read_text())
    with pytest.raises(FullconvError, match=r"test: no pictures in it; add some, or remove the folder"):
        open_dataset(tmp_path)


def test_labels_and_colours_of_cvat(tmp_path):
    dataset = open_dataset(of_cvat(tmp_path))
    assert dataset.classes.names == ("background", "roof", "car")
    assert dataset.classes.colours[1] == (250, 50, 83)
    assert dataset.split("default")[0].read()[1][0, :3].tolist() == [0, 2, 1]


def test_names_rename_the_labels_of_cvat(tmp_path):
    of_cvat(tmp_path)
    write(tmp_path / "data.yaml", "names: [nothing, house, vehicle]\ntrain: [default]\n")
    assert open_dataset(tmp_path).split("train")[0].read()[1][0, :3].tolist() == [0, 2, 1]
    write(tmp_path / "data.yaml", "names: [nothing, house]\n")
    with pytest.raises(FullconvError, match=r"labelmap.txt: 2 names for 3 labels; remove `names`"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ("background:0,0,0::\ncar\n", "'car' should read name:red,green,blue::"),
        ("background:0,0,0::\ncar:0,0,0::\n", "every label needs a colour of its own"),
        ("background:0,0,0::\ncar:0,0,256::\n", "from 0 to 255"),
        ("# nothing\n", "every label needs a colour"),
    ],
)
def test_a_damaged_labelmap_is_reported(tmp_path, labels, why):
    with pytest.raises(FullconvError, match=rf"labelmap\.txt: .*{why}"):
        open_dataset(of_cvat(tmp_path, labels))


@pytest.mark.parametrize("ending", ["png", "jpeg", "JPG"])
def test_photos_of_a_devkit_may_have_any_format(tmp_path, ending):
    trees.voc(tmp_path)
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    save(tmp_path / "JPEGImages" / f"a.{ending}", PHOTO)
    assert open_dataset(tmp_path).split("train")[0].read()[0].shape == PHOTO.shape


def test_void_borders_of_voc_and_none_in_sbd(tmp_path):
    """The devkit and SBD beside it: VOC's border stays void, SBD's masks have none, and no photo is in both sets."""
    trees.voc(tmp_path / "VOC2011")
    trees.sbd(tmp_path / "sbd")
    lists = tmp_path / "VOC2011" / "ImageSets" / "Segmentation"
    (lists / "val.txt").write_text("b\na\n")
    dataset = voc.read(tmp_path / "VOC2011", LayoutOptions(sbd=tmp_path / "sbd"))
    assert [s.name for s in dataset.split("seg11valid")] == ["b"]
    assert [s.name for s in dataset.split("sbd_train")] == ["a"]
    assert 255 in dataset.split("seg11valid")[0].read_label_map()
    assert 255 not in dataset.split("sbd_train")[0].read_label_map()
    assert dataset.classes.names == VOC_NAMES


def test_seg11valid_has_736_names():
    """Lists as large as VOC 2011's val (1112) and SBD's train (8498), of which they share 376."""
    rng = np.random.default_rng(0)
    names = [f"20{year:02}_{number:06}" for year in range(7, 12) for number in range(6000)]
    names = rng.permutation(names).tolist()
    val, others = names[:1112], names[1112:]
    train = rng.permutation(val[:376] + others[: 8498 - 376]).tolist()
    valid = sbd.seg11valid(val, train)
    assert len(valid) == 736
    assert valid == [name for name in val if name in set(val[376:])]
    assert not set(valid) & set(train)
