"""labelme's shapes, those of today's other tools too, and fields that they leave out."""

import numpy as np
import pytest
from PIL import Image

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from tests.data.trees import write

HEIGHT, WIDTH = 85, 128
QUAD = [[10, 10], [50, 10], [50, 40], [10, 40]]


@pytest.fixture
def opened(tmp_path):
    """Shapes → (classes, pixels that are no background)."""

    def build(*shapes, **more):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "a.png")
        content = {"shapes": [{"label": "roof"} | shape for shape in shapes], "imagePath": "a.png"}
        write(tmp_path / "a.json", {**content, "imageHeight": HEIGHT, "imageWidth": WIDTH, **more})
        dataset = open_dataset(tmp_path)
        return dataset.classes.names, dataset.split("train")[0].read()[1]

    return build


def disc(x, y, radius=5):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


@pytest.mark.parametrize("kind", ["polygon", "rectangle", "rotation", "oriented_rectangle", "quadrilateral", None])
def test_four_corners(opened, kind):
    _, labels = opened({"shape_type": kind, "points": QUAD})
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[10:41, 10:51] = 1
    assert (labels == expected).all()


def test_a_rotated_rectangle_is_drawn(opened):
    _, labels = opened({"shape_type": "rotation", "points": [[30, 5], [55, 30], [30, 55], [5, 30]], "direction": 0.78})
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    assert (labels == (abs(columns - 30) + abs(rows - 30) <= 25)).all()


def test_several_points(opened):
    _, labels = opened({"shape_type": "points", "points": [[20, 20], [40, 40]]})
    assert ((labels == 1) == (disc(20, 20) | disc(40, 40))).mean() > 0.99


def test_corners_slightly_outside_are_clipped(opened):
    _, labels = opened({"points": [[-20, -10], [60, -10], [60, 40], [-20, 40]]})
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[:41, :61] = 1
    assert (labels == expected).all()


@pytest.mark.parametrize("name", ["..\\photos\\a.png", "C:\\data\\a.png", "/data/a.png", "a.png"])
def test_a_picture_from_another_machine_is_found_beside_the_file(opened, name):
    assert opened({"points": QUAD}, imagePath=name)[1].sum() == 31 * 41


@pytest.mark.parametrize("size", [{"imageHeight": None, "imageWidth": None}, {"imageHeight": 0}])
def test_a_missing_size_is_taken_from_the_picture(opened, size):
    assert opened({"points": QUAD}, **size)[1].sum() == 31 * 41


def test_spaces_around_labels_are_ignored(opened):
    names, labels = opened(
        {"label": "roof ", "points": QUAD}, {"label": 1, "points": [[p[0] + 60, p[1]] for p in QUAD]}
    )
    assert names == ("background", "1", "roof")
    assert [int((labels == i).sum()) for i in (1, 2)] == [31 * 41] * 2


@pytest.mark.parametrize("listed", [False, True])
def test_void_is_no_class(opened, tmp_path, listed):
    if listed:
        write(tmp_path / "labels.txt", "__ignore__\nvoid\nroof\n")
    names, labels = opened({"points": QUAD}, {"label": "void", "points": [[p[0] + 60, p[1]] for p in QUAD]})
    assert names == ("background", "roof")
    assert [int((labels == value).sum()) for value in (1, 255)] == [31 * 41] * 2


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"points": QUAD[:2]}, "number of points of a polygon: 2"),
        ({"points": []}, "number of points of a polygon: 0"),
        ({"points": [[10, 10], [1e12, 60], [60, 1e12]]}, "far outside the picture"),
        ({"points": [[10, 10], [float("nan"), 60], [60, 10]]}, "or not a number"),
        ({"points": QUAD[:3], "shape_type": "circle"}, "number of points of a circle: 3"),
        ({"points": QUAD[:3], "shape_type": "rectangle"}, "number of points of a rectangle: 3"),
        ({"points": QUAD, "shape_type": "spline"}, "unknown shape spline"),
        ({"points": QUAD, "label": None}, "it has no label"),
        ({"points": QUAD, "label": " "}, "it has no label"),
        ({"points": None}, "cannot be read"),
    ],
)
def test_shapes_that_cannot_be_drawn_are_reported(opened, shape, message):
    with pytest.raises(FullconvError, match=message) as error:
        opened(shape)
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_label_in_other_letters_is_called_so(opened, tmp_path):
    write(tmp_path / "labels.txt", "roof\nroad\n")
    shape = {"shape_type": "rectangle", "points": QUAD}
    with pytest.raises(FullconvError, match=r"label 'Roof' is not a class, but 'roof' is; add it to labels.txt"):
        opened(shape | {"label": "Roof"})
    with pytest.raises(FullconvError, match=r"label 'pool' is not a class; add it to labels.txt"):
        opened(shape | {"label": "pool"})
