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
from fullconv.errors import UnknownValue
from fullconv.files import write_alone
from fullconv.overlay import colours

WIDEST = 6  # pictures side by side
BOX = (230, 172)  # width and height that a picture is fitted into, pixels
MARGIN, LINE = 12, 18
STEP = BOX[0] + MARGIN // 2  # from one picture of an entry to the next, however narrow they are
PAPER, INK, ALARM = (255, 255, 255), (40, 40, 40), (190, 30, 30)
FORMATS = (".png", ".jpg", ".jpeg")


class Entry(Protocol):
    """The pictures to show side by side, HxWx3 uint8 each (a photo and its labels), the text above them, and whether
    there is void in the labels."""

    @property
    def pictures(self) -> Sequence[NDArray[np.uint8]]: ...
    @property
    def name(self) -> str: ...
    @property
    def remark(self) -> str: ...
    @property
    def has_void(self) -> bool: ...


def check_format(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise UnknownValue(f"{path}: a sheet can be written as {' or '.join(FORMATS)}; change the file name")


def write_sheet(
    entries: Sequence[Entry], classes: Classes, path: Path, kinds: Sequence[str] = (), bright: bool = False
) -> Path:
    check_format(path)
    return write_alone(path, lambda hidden: draw_sheet(entries, classes, kinds, bright).save(hidden))


def draw_sheet(
    entries: Sequence[Entry], classes: Classes, kinds: Sequence[str] = (), bright: bool = False
) -> Image.Image:
    """Draws the pictures of each entry side by side, at most six per row: names above, remarks in red, classes below.

    `kinds`: what the pictures of every entry are, written above the columns. `bright`: whether the pictures show the
    colours of overlays.
    """
    each = max((len(entry.pictures) for entry in entries), default=1)
    columns = max(1, WIDEST // each)
    rows = -(-len(entries) // columns)
    cell = (each * BOX[0] + (each - 1) * MARGIN // 2 + MARGIN, BOX[1] + LINE + MARGIN)
    top = MARGIN + (LINE if kinds else 0)
    keys = _keys(classes, any(entry.has_void for entry in entries), bright)
    places = list(_legend_places(keys, columns * cell[0]))
    height = top + rows * cell[1] + places[-1][1] + LINE + MARGIN
    sheet = Image.new("RGB", (columns * cell[0] + MARGIN, height), PAPER)
    for column in range(min(columns, len(entries))):
        _draw_heads(sheet, kinds, MARGIN + column * cell[0])
    for i, entry in enumerate(entries):
        _draw_entry(sheet, entry, (MARGIN + i % columns * cell[0], top + i // columns * cell[1]))
    _draw_legend(sheet, places, top + rows * cell[1])
    return sheet


def _draw_heads(sheet: Image.Image, kinds: Sequence[str], x: int) -> None:
    """Writes what the pictures of each entry are above the first row."""
    for number, kind in enumerate(kinds):
        _write(sheet, (x + number * STEP, MARGIN), kind, INK)


def _draw_entry(sheet: Image.Image, entry: Entry, corner: tuple[int, int]) -> None:
    x, y = corner
    text = f"{entry.remark}: {entry.name}" if entry.remark else entry.name
    _write(sheet, corner, _shortened(text, len(entry.pictures) * BOX[0]), ALARM if entry.remark else INK)
    for array in entry.pictures:
        sheet.paste(_fitted(Image.fromarray(array)), (x, y + LINE))
        x += STEP


def _fitted(picture: Image.Image) -> Image.Image:
    """Returns the picture as large as BOX allows. Small pictures are enlarged with visible pixels."""
    small = picture.width < BOX[0] and picture.height < BOX[1]
    return ImageOps.contain(picture, BOX, Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC)


def _keys(classes: Classes, has_void: bool, bright: bool) -> list[tuple[str, Colour]]:
    void = [("void", voc_colour(classes.void))] if has_void else []
    return [*zip(classes.names, colours(classes) if bright else classes.colours, strict=True), *void]


def _legend_places(keys: Sequence[tuple[str, Colour]], width: int) -> Iterator[tuple[int, int, str, Colour]]:
    """(x, y, name, colour) of each class, relative to the corner of the legend."""
    x, y = MARGIN, 0
    for name, colour in keys:
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
