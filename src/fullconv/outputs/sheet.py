"""Many pictures and their labels on one sheet, with the classes' colours below."""

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
from fullconv.files import write_whole

COLUMNS = 3
BOX = (230, 172)  # width and height that a picture is fitted into, pixels
MARGIN, LINE = 12, 18
PAPER, INK, ALARM = (255, 255, 255), (40, 40, 40), (190, 30, 30)
FORMATS = (".png", ".jpg", ".jpeg")


class Pair(Protocol):
    """What is shown side by side: HxWx3 uint8 both, and what stands above."""

    @property
    def photo(self) -> NDArray[np.uint8]: ...
    @property
    def labels(self) -> NDArray[np.uint8]: ...
    @property
    def name(self) -> str: ...
    @property
    def remark(self) -> str: ...


def check_format(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise FullconvError(f"{path}: a sheet is written as {' or '.join(FORMATS)}; change the file's ending")


def write_sheet(pairs: Sequence[Pair], classes: Classes, path: Path) -> Path:
    check_format(path)
    return write_whole(path, lambda hidden: draw_sheet(pairs, classes).save(hidden))


def draw_sheet(pairs: Sequence[Pair], classes: Classes) -> Image.Image:
    """Photo and labels of each pair side by side, three pairs a row; names above, remarks in red."""
    rows = -(-len(pairs) // COLUMNS)
    cell = (2 * BOX[0] + 2 * MARGIN, BOX[1] + LINE + MARGIN)
    entries = list(_legend_places(classes, COLUMNS * cell[0]))
    height = rows * cell[1] + entries[-1][1] + LINE + 2 * MARGIN
    sheet = Image.new("RGB", (COLUMNS * cell[0] + MARGIN, height), PAPER)
    for i, pair in enumerate(pairs):
        _draw_pair(sheet, pair, (MARGIN + i % COLUMNS * cell[0], MARGIN + i // COLUMNS * cell[1]))
    _draw_legend(sheet, entries, rows * cell[1] + MARGIN)
    return sheet


def _draw_pair(sheet: Image.Image, pair: Pair, corner: tuple[int, int]) -> None:
    x, y = corner
    text = f"{pair.remark}: {pair.name}" if pair.remark else pair.name
    _write(sheet, corner, _shortened(text, 2 * BOX[0]), ALARM if pair.remark else INK)
    for array in (pair.photo, pair.labels):
        picture = _fitted(Image.fromarray(array))
        sheet.paste(picture, (x, y + LINE))
        x += picture.width + MARGIN // 2


def _fitted(picture: Image.Image) -> Image.Image:
    """As large as BOX allows; small pictures show their pixels."""
    small = picture.width < BOX[0] and picture.height < BOX[1]
    return ImageOps.contain(picture, BOX, Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC)


def _legend_places(classes: Classes, width: int) -> Iterator[tuple[int, int, str, Colour]]:
    """(x, y, name, colour) of each class and of void, from the legend's corner on."""
    x, y = MARGIN, 0
    for name, colour in [*zip(classes.names, classes.colours, strict=True), ("void", voc_colour(classes.void))]:
        needed = LINE + _length(name) + 2 * MARGIN
        if x + needed > width and x > MARGIN:
            x, y = MARGIN, y + LINE
        yield x, y, name, colour
        x += needed


def _draw_legend(sheet: Image.Image, entries: Sequence[tuple[int, int, str, Colour]], top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    for x, y, name, colour in entries:
        draw.rectangle((x, top + y + 2, x + 12, top + y + 14), fill=colour, outline=INK)
        _write(sheet, (x + LINE, top + y), name, INK)


def _write(sheet: Image.Image, corner: tuple[int, int], text: str, colour: Colour) -> None:
    ImageDraw.Draw(sheet).text(corner, text, fill=colour, font=_font())


def _shortened(text: str, width: int) -> str:
    """The text, without its middle where it is longer than `width` pixels."""
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
