"""Classes shown on a photo: bright colours laid over it, an outline that shows on any ground, a legend."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fullconv.classes import Classes, Colour
from fullconv.strips import strips

WHITE, BLACK = 255, 0
LINE = 1000  # an outline of two pixels suits a picture of so many; larger ones get wider outlines
LEAST, LETTER = 160, 30  # pixels of a side below which there is no legend; a letter is so small a share of the side
GREY = 0.1  # saturation below which a colour has no hue to speak of
DISTANCES = (110, 80, 50, 25, 0)  # between two colours, in levels: as far as can be had
STRENGTHS = (1.0, 0.5, 0.75)  # saturations
TURNS, GOLDEN = 34, 0.618034  # of the hue, which so never comes back to where it was
SHADE = (0, 0, 0, 150)  # behind the legend, half transparent


@cache
def colours(classes: Classes) -> tuple[Colour, ...]:
    """A colour for each class: its own hue at full strength. VOC's maroon and navy would not be seen on fur or shade.

    Where that is too near to the colour of an earlier class (VOC's cat, chair and aeroplane are all dark reds), the
    hue is turned on. Black stays black.
    """
    found: list[Colour] = []
    for colour in classes.colours:
        found.append(next(one for one in _candidates(colour, found)))
    return tuple(found)


def _candidates(colour: Colour, taken: Sequence[Colour]) -> Iterator[Colour]:
    """Those far enough from what is taken, the best first; then, where there are many classes, nearer ones."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    if value == 0:
        yield colour
    own = max(saturation, 0.55) if saturation > GREY else saturation
    for apart, strength, turn in product(DISTANCES, (own, *STRENGTHS), range(TURNS)):
        parts = colorsys.hsv_to_rgb((hue + turn * GOLDEN) % 1, strength, 1.0)
        candidate = round(255 * parts[0]), round(255 * parts[1]), round(255 * parts[2])
        if all(_distance(candidate, other) >= apart for other in taken):
            yield candidate


def _distance(a: Colour, b: Colour) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5


@cache
def palette(classes: Classes) -> NDArray[np.uint8]:
    """(256, 3), not to be written to: the colour of every value that a label map may hold."""
    table = classes.palette()
    table[: len(classes)] = colours(classes)
    table.setflags(write=False)
    return table


def painted(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    classes: Classes,
    opacity: float,
    outlined: bool,
    legend: Sequence[str] = (),
) -> Image.Image:
    """The photo (H, W, 3) with each class's colour laid over it; a first class called background stays as it is.
    `legend`: classes that are named in a corner."""
    whole = Image.new("RGB", (label_map.shape[1], label_map.shape[0]))
    edge = outline(label_map) if outlined else None
    for rows in strips(label_map.shape):
        kept = label_map[rows] == 0 if classes.has_background else np.zeros(label_map[rows].shape, bool)
        strip = tinted(image[rows], label_map[rows], kept, classes, opacity)
        if edge is not None:
            strip.paste((WHITE,) * 3, mask=Image.fromarray(edge[rows] & ~kept))
            strip.paste((BLACK,) * 3, mask=Image.fromarray(edge[rows] & kept))
        whole.paste(strip, (0, rows.start))
    add_legend(whole, legend, classes)
    return whole


def tinted(
    image: NDArray[np.uint8], label_map: NDArray[np.uint8], kept: NDArray[np.bool_], classes: Classes, opacity: float
) -> Image.Image:
    """The same without outlines; the pixels `kept` (H, W) stay as they are."""
    photo, tint = Image.fromarray(image), Image.fromarray(label_map, "P")
    tint.putpalette(palette(classes).tobytes())
    blended = Image.blend(photo, tint.convert("RGB"), opacity)
    blended.paste(photo, mask=Image.fromarray(kept))
    return blended


def outline(label_map: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W): the pixels on both sides of every border between classes."""
    step = max(1, max(label_map.shape) // LINE)
    small = label_map[::step, ::step]
    edge = np.zeros(small.shape, bool)
    across, down = small[:, 1:] != small[:, :-1], small[1:] != small[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    height, width = label_map.shape
    return edge if step == 1 else edge.repeat(step, 0).repeat(step, 1)[:height, :width]


def add_legend(picture: Image.Image, names: Sequence[str], classes: Classes) -> None:
    """Names and colours in the lower left corner, where there is room for them."""
    if not names or min(picture.size) < LEAST:
        return
    letter = max(11, min(picture.size) // LETTER)
    font, row = ImageFont.load_default(letter), round(1.5 * letter)
    width = row + letter // 2 + round(max(font.getlength(name) for name in names))
    if width > picture.width // 2 or row * len(names) > picture.height // 2:
        return
    top = picture.height - row * len(names)
    draw = ImageDraw.Draw(picture, "RGBA")
    bright = dict(zip(classes.names, colours(classes), strict=True))
    draw.rectangle((0, top, width, picture.height), fill=SHADE)
    for number, name in enumerate(names):
        y = top + number * row
        box = letter // 4, y + letter // 4, letter + letter // 4, y + letter + letter // 4
        draw.rectangle(box, fill=bright[name])
        draw.text((row, y + row // 2), name, fill=(WHITE,) * 3, font=font, anchor="lm")
