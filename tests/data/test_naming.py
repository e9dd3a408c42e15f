"""What a data YAML may say about classes and mask values, in every tool's way."""

import numpy as np
import pytest
import trees
from trees import PHOTO, rows, save

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError

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
        ("names: {0: a, 255: b}", VALUES, "without a gap, or give mask values"),
        ("names: {[128, 0, 0]: a}", coloured(RED, BLUE), r"colour \[0, 0, 128\] belongs to no class \(42 pixels"),
        ("names: {[128, 0]: a}", VALUES, "is no colour"),
        ("names: {[128, 0, 0]: a, 1: b}", VALUES, "mixed"),
        ("names: [{name: a, labels: [0, 300]}]", VALUES, "300 is no mask value"),
        ("names: [{name: a, labels: [0]}, {name: b, labels: [0]}]", VALUES, "one stands for two classes"),
        ("names: [{nam: a}]", VALUES, "should read"),
        ("names: roof", VALUES, "write a list of names"),
        ("names: [a]\nlabel_mapping: {7: 4}", VALUES, "4 is no class; give 0 to 0"),
        ("label_mapping: {7: 0}", VALUES, "add `names"),
        ("names: [a]", np.full((6, 8), 300, np.uint16), "values 300 to 300"),
    ],
)
def test_what_is_wrong_is_said(opened, text, mask, message):
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
def test_a_key_of_another_layout_is_a_mistake(opened, line):
    with pytest.raises(FullconvError, match="and this is pairs; remove it"):
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
    with pytest.raises(FullconvError, match="choose among color, hha"):
        open_dataset(tmp_path / "data.yaml")
