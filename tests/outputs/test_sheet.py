"""Where what is drawn on a sheet lies."""

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.outputs.sheet import ALARM, BOX, INK, LINE, MARGIN, PAPER, draw_sheet, write_sheet
from fullconv.overlay import colours as bright_colours

CLASSES = Classes.named(["ground", "roof"])
RED, BLUE = (250, 0, 0), (0, 0, 250)
CELL = 2 * BOX[0] + MARGIN // 2 + MARGIN, BOX[1] + LINE + MARGIN  # of a photo and its labels


@dataclass(frozen=True)
class Pair:
    pictures: tuple[np.ndarray, ...]
    name: str = "a.jpg"
    remark: str = ""
    has_void: bool = False


def plain(colour, size=BOX):
    return np.full((size[1], size[0], 3), colour, np.uint8)


def pairs(count, **others):
    return [Pair((plain(RED), plain(BLUE)), **others)] * count


def colours(sheet, left, top, width, height):
    return {tuple(colour) for colour in np.array(sheet)[top : top + height, left : left + width].reshape(-1, 3)}


def test_pairs_lie_three_a_row_with_their_names_above():
    sheet = draw_sheet(pairs(4), CLASSES)
    assert sheet.width == 3 * CELL[0] + MARGIN
    assert sheet.height == 2 * CELL[1] + LINE + 2 * MARGIN
    for column, row in ((0, 0), (1, 0), (2, 0), (0, 1)):
        x, y = MARGIN + column * CELL[0], MARGIN + row * CELL[1]
        assert INK in colours(sheet, x, y, 60, LINE)
        assert colours(sheet, x, y + LINE, *BOX) == {RED}
        assert colours(sheet, x + BOX[0], y + LINE, MARGIN // 2, BOX[1]) == {PAPER}
        assert colours(sheet, x + BOX[0] + MARGIN // 2, y + LINE, *BOX) == {BLUE}
    assert colours(sheet, MARGIN + CELL[0], MARGIN + CELL[1], 2 * CELL[0], CELL[1]) == {PAPER}


@pytest.mark.parametrize(("each", "columns"), [(1, 6), (2, 3), (3, 2), (4, 1), (8, 1)])
def test_six_pictures_side_by_side(each, columns):
    sheet = draw_sheet([Pair((plain(RED),) * each)] * columns, CLASSES)
    assert sheet.width == columns * (each * BOX[0] + (each - 1) * MARGIN // 2 + MARGIN) + MARGIN
    assert sheet.height == CELL[1] + LINE + 2 * MARGIN


def test_a_remark_is_red_and_precedes_the_name():
    plainly, remarked = (draw_sheet(pairs(1, remark=remark), CLASSES) for remark in ("", "odd"))
    head = (MARGIN, MARGIN, 2 * BOX[0], LINE)
    assert ALARM in colours(remarked, *head)
    assert INK not in colours(remarked, *head)
    assert ALARM not in colours(plainly, *head)

    def width(sheet):
        return np.flatnonzero((np.array(sheet)[MARGIN : MARGIN + LINE] != 255).any((0, 2))).max()

    assert width(remarked) > width(plainly) + 15


def test_long_names_lose_their_middle():
    sheet = draw_sheet(pairs(1, name="x" * 500), CLASSES)
    head = np.array(sheet)[MARGIN : MARGIN + LINE]
    used = np.flatnonzero((head != 255).any((0, 2)))
    assert abs(used.min() - MARGIN) < 3
    assert 2 * BOX[0] - 20 < used.max() - MARGIN <= 2 * BOX[0]


def test_pictures_are_fitted_into_their_box():
    """Small ones show their pixels; large ones are smoothed; neither changes its shape."""
    small = np.zeros((2, 2, 3), np.uint8)
    small[:, 1] = RED
    sheet = draw_sheet([Pair((small,)), Pair((plain(RED, (BOX[0] * 2, BOX[1])),))], CLASSES)
    assert colours(sheet, MARGIN, MARGIN + LINE, BOX[1], BOX[1]) == {(0, 0, 0), RED}
    assert colours(sheet, MARGIN + BOX[1], MARGIN + LINE, BOX[0] - BOX[1], BOX[1]) == {PAPER}
    x = 2 * MARGIN + BOX[0]
    assert colours(sheet, x, MARGIN + LINE, BOX[0], BOX[1] // 2) == {RED}
    assert colours(sheet, x, MARGIN + LINE + BOX[1] // 2, BOX[0], BOX[1] // 2) == {PAPER}
    lines = plain(RED)
    lines = np.repeat(lines, 4, 0)
    lines[::2] = BLUE
    shrunk = draw_sheet([Pair((lines,))], CLASSES)
    assert not {RED, BLUE} & colours(shrunk, MARGIN + 95, MARGIN + LINE + 5, 20, BOX[1] - 10)


def test_the_kinds_of_pictures_are_written_above_the_columns():
    plainly, headed = draw_sheet(pairs(4), CLASSES), draw_sheet(pairs(4), CLASSES, ("photo", "truth"))
    assert headed.size == (plainly.width, plainly.height + LINE)
    for x in (0, BOX[0] + MARGIN // 2, CELL[0], 2 * CELL[0] + BOX[0] + MARGIN // 2):
        assert INK in colours(headed, MARGIN + x, MARGIN, 40, LINE)
    below = (0, MARGIN + LINE, headed.width, headed.height)
    assert headed.crop(below).tobytes() == plainly.crop((0, MARGIN, plainly.width, plainly.height)).tobytes()


def test_narrow_pictures_stand_below_their_heading():
    sheet = draw_sheet([Pair((plain(RED, (20, 172)), plain(BLUE, (20, 172))))], CLASSES, ("photo", "truth"))
    x = MARGIN + BOX[0] + MARGIN // 2
    assert colours(sheet, x, MARGIN + 2 * LINE, 20, 100) == {BLUE}


def test_the_legend_of_overlays_has_their_colours():
    dull = Classes(("cat", "sky"), ((128, 0, 0), (0, 0, 128)))
    sheet = draw_sheet(pairs(1), dull, bright=True)
    legend = {tuple(pixel) for pixel in np.array(sheet)[CELL[1] + MARGIN :].reshape(-1, 3)}
    assert set(bright_colours(dull)) <= legend
    assert not set(dull.colours) & legend


@pytest.mark.parametrize("has_void", [True, False])
def test_the_legend_names_all_classes_and_void_if_there_is_any(has_void):
    sheet = draw_sheet([*pairs(1), *pairs(1, has_void=has_void)], CLASSES)
    top = CELL[1] + MARGIN
    legend = np.array(sheet)[top : top + LINE]
    starts = [
        x for x in range(sheet.width - 13) if (legend[2:15, x] == INK).all() and (legend[2, x : x + 13] == INK).all()
    ]
    assert [tuple(legend[8, x + 6]) for x in starts] == [*CLASSES.colours, *[(224, 224, 192)] * has_void]
    assert starts[0] == MARGIN
    assert all(INK in colours(sheet, x + LINE, top, 12, LINE) for x in starts)
    assert starts[1] - starts[0] > LINE + 2 * MARGIN


def test_many_classes_take_several_lines():
    many = Classes.named([f"class number {i}" for i in range(30)])
    one, several = draw_sheet(pairs(3), CLASSES), draw_sheet(pairs(3), many)
    assert several.width == one.width
    rows = (several.height - one.height) // LINE
    assert (several.height - one.height) % LINE == 0
    assert 2 <= rows <= 4
    right = np.array(several)[CELL[1] + MARGIN :, -MARGIN:]
    assert (right == 255).all()  # none reaches beyond the sheet


def test_it_is_written_whole_as_png_or_jpeg(tmp_path):
    for name in ("a.png", "b.JPG"):
        path = write_sheet(pairs(1), CLASSES, tmp_path / name)
        assert Image.open(path).size == draw_sheet(pairs(1), CLASSES).size
    with pytest.raises(FullconvError, match=r"c\.gif: a sheet can be written as \.png or \.jpg"):
        write_sheet(pairs(1), CLASSES, tmp_path / "c.gif")
    assert len(list(tmp_path.iterdir())) == 2
