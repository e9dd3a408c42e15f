"""The pictures of a run: what stands in them, and that they are legible at both ends of what comes."""

import numpy as np
import pytest
from PIL import Image

from fullconv.figures.confusion import draw_confusion, row_shares
from fullconv.figures.curves import draw_curves

HISTORY = [
    {"epoch": 1, "loss": 1.5, "lr": 1e-3, "mean_iou": 0.2, "boundary_iou": 0.1, "pixel_accuracy": 0.7},
    {"epoch": 2, "loss": 0.8, "lr": 1e-4},
    {"epoch": 3, "loss": 0.5, "lr": 1e-7, "mean_iou": 0.4, "boundary_iou": None, "pixel_accuracy": 0.9},
]


def words(canvas):
    drawn = [text.get_text() for text in canvas.axes.texts]
    return [text for text in drawn if text]


def test_shares_are_of_the_row_and_absent_classes_have_none():
    shares = row_shares(np.array([[3, 1], [0, 0]]))
    assert shares[0].tolist() == [0.75, 0.25]
    assert np.isnan(shares[1]).all()


def test_a_matrix_says_percent_of_the_truth():
    drawn = words(draw_confusion([[998, 2, 0], [1, 1, 0], [0, 0, 0]], ["background", "cat", "dog"], "val"))
    assert drawn[:2] == ["val", "rows: truth, columns: prediction; percent of the row"]
    assert [drawn.count(name) for name in ("background", "cat", "dog")] == [2, 2, 2]
    assert [text for text in drawn if text[-1].isdigit()] == ["100", "<1", "50", "50"]


@pytest.mark.parametrize("classes", [1, 2, 21, 150])
def test_a_matrix_of_any_size_fits_its_picture(classes, tmp_path):
    names = [f"class {i}" for i in range(classes)]
    canvas = draw_confusion(np.eye(classes, dtype=np.int64), names, "a rather long title of a run on val")
    path = canvas.save(tmp_path / "matrix.png")
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"))
        assert max(picture.size) < 1800
    frame = np.concatenate([grey[:4].ravel(), grey[-4:].ravel(), grey[:, :4].ravel(), grey[:, -4:].ravel()])
    assert (frame > 250).all()  # nothing is cut off
    assert grey.min() < 60


def test_a_run_has_a_panel_for_each_kind_of_number():
    canvas = draw_curves(HISTORY, "runs/first")
    assert len(canvas.figure.axes) == 1 + 3
    drawn = words(canvas)
    for expected in (
        "training loss",
        "last 0.5",
        "mean IoU",
        "best 0.400, epoch 3",
        "best 0.100, epoch 1",
        "last 1e-07",
    ):
        assert expected in drawn
    curves = [line.get_xydata().tolist() for axes in canvas.figure.axes[1:] for line in axes.lines]
    assert curves[1] == [[1, 0.2], [3, 0.4]]  # epochs that were not evaluated are left out


def test_a_run_without_validation_has_no_panel_for_it():
    canvas = draw_curves([{"epoch": 1, "loss": 2.0, "lr": 1e-10}], "one")
    assert len(canvas.figure.axes) == 1 + 2


def test_the_same_run_is_the_same_file(tmp_path):
    first, second = (draw_curves(HISTORY, "run").save(tmp_path / f"{i}.png").read_bytes() for i in (1, 2))
    assert first == second
