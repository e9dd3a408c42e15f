"""Draws many pictures and their labels on one sheet, with the class colours below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fullconv.classes import Classes, Colour, voc_colour
from fullconv.errors import FullconvError
from fullconv.files import write_alone

WIDEST = 6  # pictures side by side
BOX = (230, 172)  # width and height that a picture is fitted into, pixels
MARGIN, LINE = 12, 18
PAPER, INK, ALARM = (255, 255, 255), (40, 40, 40), (190, 30, 30)
FORMATS = (".png", ".jpg", ".jpeg")


class Entry(Protocol):
    """The pictures to show side by side, HxWx3 uint8 each (a photo and its labels), and the text above them."""

    @property
    def pictures(self) -> Sequence[NDArray[np.uint8]]: ...
    @property
    def name(self) -> str: ...
    @property
    def remark(self) -> str: ...


def check_format(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise FullconvError(f"{path}: a sheet can be written as {' or '.join(FORMATS)}; change the file name")


def write_sheet(entries: Sequence[Entry], classes: Classes, path: Path) -> Path:
    check_format(path)
    return write_alone(path, lambda hidden: draw_sheet(entries, classes).save(hidden))


def draw_sheet(entries: Sequence[Entry], classes: Classes) -> Image.Image:
    """Draws the pictures of each entry side by side, at most six per row: names above, remarks in red, classes
    below."""
    each = max((len(entry.pictures) for entry in entries), default=1)
    columns = max(1, WIDEST // each)
    rows = -(-len(entries) // columns)
    cell = (each * BOX[0] + (each - 1) * MARGIN // 2 + MARGIN, BOX[1] + LINE + MARGIN)
    places = list(_legend_places(classes, columns * cell[0]))
    height = rows * cell[1] + places[-1][1] + LINE + 2 * MARGIN
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, height), PAPER)
    for i, entry in enumerate(entries):
        _draw_entry(sheet, entry, (MARGIN + i % columns * cell[0], MARGIN + i // columns * cell[1]))
    _draw_legend(sheet, places, rows * cell[1] + MARGIN)
    return sheet


def _draw_entry(sheet: Image.Image, entry: Entry, corner: tuple[int, int]) -> None:
    x, y = corner
    text = f"{entry.remark}: {entry.name}" if entry.remark else entry.name
    _write(sheet, corner, _shortened(text, len(entry.pictures) * BOX[0]), ALARM if entry.remark else INK)
    for array in entry.pictures:
        picture = _fitted(Image.fromarray(array))
        sheet.paste(picture, (x, y + LINE))
        x += picture.width + MARGIN // 2


def _fitted(picture: Image.Image) -> Image.Image:
    """Returns the picture as large as BOX allows. Small pictures are enlarged with visible pixels."""
    small = picture.width < BOX[0] and picture.height < BOX[1]
    return ImageOps.contain(picture, BOX, Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC)


def _legend_places(classes: Classes, width: int) -> Iterator[tuple[int, int, str, Colour]]:
    """(x, y, name, colour) of each class and of void, relative to the corner of the legend."""
    x, y = MARGIN, 0
    for name, colour in [*zip(classes.names, classes.colours, strict=True), ("void", voc_colour(classes.void))]:
        needed = LINE + _length(name) + 2 * MARGIN
        if x + needed > width and x > MARGIN:
            x, y = MARGIN, y + LINE
        yield x, y, name, colour
        x += needed


def _draw_legend(sheet: Image.Image, places: Sequence[tuple[int, int, str, Colour]], top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    for x, y, name, colour in places:
        draw.rectangle((x, top + y + 2, x + 12, top + y + 14), fill=colour, outline=INK)
        _write(sheet, (x + LINE, top + y), name, INK)


def _write(sheet: Image.Image, corner: tuple[int, int], text: str, colour: Colour) -> None:
    ImageDraw.Draw(sheet).text(corner, text, fill=colour, font=_font())


def _shortened(text: str, width: int) -> str:
    """Returns the text, with its middle removed if it is longer than `width` pixels."""
    short, kept = text, len(text)
    while kept > 2 and _length(short) > width:
        kept -= 2
        short = f"{text[: kept // 2]}…{text[-(kept // 2) :]}"
    return short


def _length(text: str) -> int:
    return round(_font().getlength(text))


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(13)
