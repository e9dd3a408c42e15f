"""What a data YAML may say about classes and mask values, in every tool's way."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from tests.data import trees
from tests.data.trees import PHOTO, rows, save

RED, BLUE = [128, 0, 0], [0, 0, 128]
VALUES = rows(0, 7, 8, 255)


@pytest.fixture
def opened(tmp_path):
    """Text of a YAML, and a mask → (classes, label map) of a folder with that mask."""

    def build(text, mask=VALUES, palette=False):
        save(tmp_path / "images" / "x.png", PHOTO)
        save(tmp_path / "masks" / "x.png", mask, palette)
        (tmp_path / "data.yaml").write_text(text)
        dataset = open_dataset(tmp_path / "data.yaml")
        return dataset.classes, dataset.split("train")[0].read_label_map()[0, :4].tolist()

    return build


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("[no, yes, on]", ["no", "yes", "on"]),
        ("{0: no, 1: yes, 2: on}", ["no", "yes", "on"]),
        ("[off, true, y]", ["off", "true", "y"]),
        ("[null, ~, 1e3]", ["null", "~", "1e3"]),
        ("[2024-05-01, 1_000, 007]", ["2024-05-01", "1_000", "007"]),
        ("[{name: no, labels: [0]}, {name: '1', labels: [7]}]", ["no", "1"]),
    ],
)
def test_names_are_read_literally(opened, names, expected):
    assert list(opened(f"names: {names}", rows(0))[0].names) == expected


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("names: [background, on, roof]\nlabel_mapping: {on: roof}", ["background", "roof"], [0, 1, 1, 255]),
        ("names: [background, yes, roof]\nlabel_mapping: {yes: void}", ["background", "roof"], [0, 255, 1, 255]),
        ("names: [no, road, roof]\nlabel_mapping: {no: ignore}", ["road", "roof"], [255, 0, 1, 255]),
        ("names: [no, off]\nlabel_mapping: {2: off}", ["no", "off"], [0, 1, 1, 255]),
        ("names: [off, on, yes]\nlabel_mapping: {yes: no, on: no}\nclasses: [off, no]", ["off", "no"], [0, 1, 1, 255]),
    ],
)
def test_yaml_keywords_are_mapped_like_other_names(opened, text, names, expected):
    classes, row = opened(text, rows(0, 1, 2, 255))
    assert (list(classes.names), row) == (names, expected)


def coloured(*colours):
    return np.array([[*colours, *[colours[-1]] * (8 - len(colours))]] * 6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [a, b, c]\nlabel_mapping: {7: 1, 8: 2}", [0, 1, 2, 255]),
        ("names: {0: a, 1: b, 2: c}\nlabel_mapping: {-1: ignore_label, 0: ignore_label, 7: 1, 8: 2}", [255, 1, 2, 255]),
        ("names: [a, b, c]\nlabel_mapping: {7: b, 8: void}", [0, 1, 255, 255]),
        ("names: {0: {name: a, labels: [0]}, 1: {name: b, labels: [7, 8]}}", [0, 1, 1, 255]),
        ("names: [{name: a, labels: [0, 7]}, {name: b, labels: [8]}]", [0, 0, 1, 255]),
        ("names: [{name: a, labels: [0, 7]}, {name: b, labels: [8, 255]}]", [0, 0, 1, 1]),
        ("names: {0: {name: a}, 7: {name: b}, 8: {name: c}}", [0, 1, 2, 255]),
        ("names: [a, b, c, d, e, f, g, h]\nreduce_zero_label: true", [255, 6, 7, 255]),
        ("names: [{name: a, labels: [0]}, {name: b, labels: [7]}, {name: c, labels: [8]}]\n"
         "label_mapping: {c: b}", [0, 1, 1, 255]),
        ("names: {'0': a, '1': b}\nlabel_mapping: {'7': 1, '8': void}", [0, 1, 255, 255]),
        ("names: [a, b, c, d, e, f, g, h]\nreduce_zero_label: true\nlabel_mapping: {8: a}", [255, 6, 0, 255]),
    ],
)  # fmt: skip
def test_values(opened, text, expected):
    assert opened(text)[1] == expected


@pytest.mark.parametrize(
    "names",
    [
        "names: {[128, 0, 0]: a, [0, 0, 128]: b}",
        'names: {"128, 0, 0": a, "0,0,128": b}',
        "names: [{name: a, labels: [[128, 0, 0]]}, {name: b, labels: [[0, 0, 128], [1, 1, 1]]}]",
        "names: [a, b]\ncolours: [[128, 0, 0], [0, 0, 128]]",
    ],
)
def test_colours(opened, names):
    classes, row = opened(names, coloured(BLUE, RED, BLUE, [224, 224, 192]))
    assert row == [1, 0, 1, 255]
    assert classes.colours == ((128, 0, 0), (0, 0, 128))


def test_two_colours_of_one_class(opened):
    classes, row = opened("names: {[128, 0, 0]: a, [0, 0, 128]: b, [9, 9, 9]: a}", coloured(RED, BLUE, [9, 9, 9]))
    assert (classes.names, row[:3]) == (("a", "b"), [0, 1, 0])


def test_a_palette_mask_with_colours_keeps_its_values(opened):
    text = "names: [a, b]\ncolours: [[1, 1, 1], [2, 2, 2]]"
    assert opened(text, rows(0, 1, 255), palette=True)[1] == [0, 1, 255, 255]


@pytest.mark.parametrize(
    ("text", "mask", "message"),
    [
        ("names: [a, b]", VALUES, r"values \[7, 8\] belong to no class"),
        ("names: {0: a, 255: b}", VALUES, "without gaps, or give mask values"),
        ("names: {[128, 0, 0]: a}", coloured(RED, BLUE), r"colour \[0, 0, 128\] does not belong to a class \(42"),
        ("names: {[128, 0]: a}", VALUES, "is not a colour"),
        ("names: {[128, 0, 0]: a, 1: b}", VALUES, "mixed"),
        ("names: [{name: a, labels: [0, 300]}]", VALUES, "'300' is not a mask value"),
        ("names: [{name: a, labels: [0]}, {name: b, labels: [0]}]", VALUES, "one is used for two classes"),
        ("names: [{nam: a}]", VALUES, "should read"),
        ("names: roof", VALUES, "write a list of names"),
        ("names: [a]\nlabel_mapping: {7: 4}", VALUES, "'4' is not a class; give 0 to 0"),
        ("label_mapping: {7: 0}", VALUES, "add `names"),
        ("names: [a]", np.full((6, 8), 300, np.uint16), "values range from 300 to 300"),
        ("names: [a, a, c]", VALUES, "class 'a' is named twice; if several values belong to one class, write"),
        ("names: {0: a, 0: b}", VALUES, "'0' is given twice"),
        ("names: ['', ' ', c]", VALUES, "'' is not a name"),
        ("names: []", VALUES, "the list is empty"),
        ("names: {0.0: a}", VALUES, "'0.0' is not a mask value"),
        ("names: [a, b]\ncolours: 5", VALUES, "colours: '5'; give a list"),
        ("names: [a, b]\ncolours: [black, red]", VALUES, "colours: 'black' is not a colour"),
        ("names: [a, b]\ncolours: [[1, 1, 1], [1, 1, 1]]", VALUES, "is used for two classes"),
        ("names: [a, b]\nclasses: a", VALUES, "classes must be a list of names"),
        ("names: [a, b]\nlabel_mapping: [a]", VALUES, "label_mapping must be a mapping"),
        ("names: [a, b]\nreduce_zero_label: maybe", VALUES, "reduce_zero_label must be true or false"),
        ("names: [a, b]\nlabel_mapping: {c: a}", VALUES, "the data has no class 'c'; choose from a, b"),
        ("names: [a, Bee]\nlabel_mapping: {bee: a}", VALUES, "no class 'bee'; did you mean Bee"),
        ("names: [a, bee]\nlabel_mapping: {a: beee}", VALUES, "no class 'beee' to map to; did you mean bee"),
        ("names: [a, b]\nlabel_mapping: {2.0: a}", VALUES, "no class '2.0'"),
        ("names: [a, b]\nlabel_mapping: {300: a}", VALUES, "300 is not a mask value"),
        ("names: {[1, 0, 0]: a}\nlabel_mapping: {7: a}", VALUES, "mask values have no meaning"),
        ("names: {[1, 0, 0]: a}\nreduce_zero_label: true", VALUES, "mask values have no meaning"),
        ("names: [{name: a, labels: [1]}]\nreduce_zero_label: true", VALUES, "already gives mask values"),
        ("names: [a, b]\nboxes: region", VALUES, "boxes only applies to the layout coco"),
    ],
)
def test_mistakes_are_reported(opened, text, mask, message):
    with pytest.raises(FullconvError, match=message) as error:
        opened(text, mask)
    assert "\n" not in str(error.value)


def test_16_bit_masks_of_small_values(opened):
    assert opened("names: [a, b]", rows(0, 1, 255).astype(np.uint16))[1] == [0, 1, 255, 255]


def test_other_names_for_a_known_layout(tmp_path):
    trees.cityscapes(tmp_path / "cs")
    (tmp_path / "data.yaml").write_text(f"path: cs\nnames: [{', '.join(f'n{i}' for i in range(19))}]\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    assert dataset.classes.names[18] == "n18"
    assert dataset.split("train")[0].read_label_map()[0, :3].tolist() == [0, 18, 255]


@pytest.mark.parametrize("line", ["inputs: hha", "sbd: ../sbd"])
def test_a_key_of_another_layout_is_refused(opened, line):
    with pytest.raises(FullconvError, match="but this is pairs; remove it"):
        opened(f"names: [a, b]\n{line}")


def test_inputs_of_nyud(tmp_path):
    trees.nyud(tmp_path / "nyud")
    for inputs, channels in (("color", 3), ("hha", 3), ("color-d", 4), ("color-hha", 6)):
        (tmp_path / "data.yaml").write_text(f"path: nyud\ninputs: {inputs}\n")
        image = open_dataset(tmp_path / "data.yaml").split("train")[0].read_image()
        assert image.shape == (6, 8, channels)
        if inputs == "color-d":
            assert image[..., 3] == pytest.approx(np.log(2550))
            assert (image[..., :3] == PHOTO).all()
    (tmp_path / "data.yaml").write_text("path: nyud\ninputs: colour\n")
    with pytest.raises(FullconvError, match="choose from color, hha"):
        open_dataset(tmp_path / "data.yaml")


@pytest.mark.parametrize(
    ("lines", "names", "expected"),
    [
        ("label_mapping: {c: b, rest: a}", ["a"], None),
        ("label_mapping: {b: b, rest: a}", ["a", "b"], [0, 1, 0, 255]),
        ("classes: [a, c]\nlabel_mapping: {rest: a}", ["a", "c"], [0, 0, 1, 255]),
        ("classes: [c]\nlabel_mapping: {rest: void}", ["c"], [255, 255, 0, 255]),
        ("label_mapping: {c: void, rest: a}", ["a"], [0, 0, 255, 255]),
    ],
)
def test_the_rest(opened, lines, names, expected):
    text = f"names: [{{name: a, labels: [0]}}, {{name: b, labels: [7]}}, {{name: c, labels: [8]}}]\n{lines}"
    if expected is None:
        with pytest.raises(FullconvError, match="no class 'b' to map to"):
            opened(text)
    else:
        classes, labels = opened(text)
        assert (list(classes.names), labels) == (names, expected)


@pytest.mark.parametrize("key", ["path", "masks_dir", "train", "val", "names", "classes", "label_mapping", "colours"])
def test_a_key_without_a_value_counts_as_missing(opened, key):
    lines = {"names": "names: [a, b]", key: f"{key}:"} if key != "names" else {"names": "names: ~"}
    if key == "names":
        with pytest.raises(FullconvError, match="class names are missing"):
            opened(lines["names"])
    else:
        assert opened("\n".join(lines.values()), rows(0, 1, 255))[1] == [0, 1, 255, 255]


@pytest.mark.parametrize("text", ["names: {[0, 0, 0]: a, [1, 1, 1]: b}", "names: [a, b]\nlabel_mapping: {7: 0}"])
def test_a_layout_with_values_of_its_own_refuses_others(tmp_path, text):
    trees.siftflow(tmp_path / "sift")
    (tmp_path / "data.yaml").write_text(f"path: sift\n{text}\n")
    with pytest.raises(FullconvError, match="says itself what mask values mean"):
        open_dataset(tmp_path / "data.yaml")


def test_colours_of_a_voc_devkit(tmp_path):
    """By the palette's colours, not by the indices, which may be in any order."""
    trees.voc(tmp_path / "voc")
    for name, palette in (("a", [0, 0, 0, 9, 9, 9]), ("b", [9, 9, 9, 0, 0, 0])):
        picture = Image.fromarray(rows(0, 1).astype(np.uint8), "P")
        picture.putpalette(palette)
        picture.save(tmp_path / "voc" / "SegmentationClass" / f"{name}.png")
    (tmp_path / "data.yaml").write_text("path: voc\nnames: {[0, 0, 0]: sky, [9, 9, 9]: kite}\n")
    dataset = open_dataset(tmp_path / "data.yaml")
    rows_read = [dataset.split(split)[0].read_label_map()[0, :2].tolist() for split in ("train", "val")]
    assert rows_read == [[0, 1], [1, 0]]
