"""Overlays show what was found, on any ground, and change nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from fullconv.classes import VOC_NAMES, Classes
from fullconv.overlay import add_legend, colours, outline, painted

CLASSES = Classes.named(["background", "cat", "dog"])


def square(size, at, side):
    label_map = np.zeros((size, size), np.uint8)
    label_map[at : at + side, at : at + side] = 1
    return label_map


@pytest.mark.parametrize("count", [2, 7, 21, 60])
def test_colours_are_bright_and_apart(count):
    classes = Classes.named([*VOC_NAMES, *map(str, range(40))][:count])
    found = colours(classes)
    assert found[0] == (0, 0, 0)
    assert all(max(colour) == 255 for colour in found[1:])
    apart = [np.linalg.norm(np.subtract(a, b)) for i, a in enumerate(found[1:]) for b in found[1:][:i]]
    assert min(apart, default=255) >= (50 if count <= 21 else 25)
    assert found == colours(Classes.named(list(classes.names)))


def test_a_class_keeps_the_hue_that_it_was_given():
    given_colours = [(0, 0, 0), (90, 0, 0), (0, 70, 0), (10, 10, 120)]
    classes = Classes.named(["background", "roof", "grass", "water"], given_colours)
    assert colours(classes) == ((0, 0, 0), (255, 0, 0), (0, 255, 0), (21, 21, 255))


@pytest.mark.parametrize("ground", [0, 90, 255])
def test_an_object_is_visible_on_any_background(ground):
    """On black, grey and white photos alike: the border differs from what is beside it by a good deal somewhere."""
    image = np.full((64, 64, 3), ground, np.uint8)
    seen = np.array(painted(image, square(64, 20, 20), CLASSES, 0.5, outlined=True)).astype(int)
    inside, beside = seen[30, 20], seen[30, 19]
    assert inside.tolist() == [255] * 3
    assert beside.tolist() == [0] * 3
    assert seen[5, 5].tolist() == [ground] * 3  # background stays
    tinted = seen[30, 30]
    assert np.abs(tinted - ground).max() >= 60


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 2)))
def test_the_outline_is_what_has_a_neighbour_of_another_class(label_map):
    height, width = label_map.shape
    expected = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
            inside = [(j, i) for j, i in near if 0 <= j < height and 0 <= i < width]
            expected[y, x] = any(label_map[place] != label_map[y, x] for place in inside)
    assert (outline(label_map) == expected).all()


def test_large_pictures_have_wider_outlines_of_their_own_size():
    label_map = square(3001, 1000, 1000)
    edge = outline(label_map)
    assert edge.shape == label_map.shape
    row = np.flatnonzero(edge[1500])
    assert 4 <= np.count_nonzero(row < 1500) <= 8


def test_a_legend_names_what_is_there_and_stays_in_its_corner():
    picture = Image.new("RGB", (400, 300), "white")
    add_legend(picture, ["cat", "dog"], CLASSES)
    changed = np.array(picture).min(2) < 255
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (rows.max(), columns.min()) == (299, 0)
    assert rows.min() > 200
    assert columns.max() < 150
    shown = {colour for _, colour in picture.getcolors(400 * 300)}
    assert set(colours(CLASSES)[1:]) <= shown


@pytest.mark.parametrize(("size", "names"), [((100, 300), ["cat"]), ((400, 300), []), ((300, 300), ["x" * 200])])
def test_without_room_or_classes_there_is_no_legend(size, names):
    picture = Image.new("RGB", size, "white")
    add_legend(picture, names, Classes.named(["background", "cat", "x" * 200]))
    assert picture.getcolors() == [(size[0] * size[1], (255, 255, 255))]
