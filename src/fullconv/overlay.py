"""Draws classes on a photo: bright colours, outlines that are visible on any background, a legend."""

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
LINE = 1000  # side in pixels of a picture with outlines of two pixels; larger ones get wider outlines
SMALLEST_SIDE, LETTER = 160, 30  # pixels per side below which there is no legend; letters per side
GREY = 0.1  # saturation below which a colour has no visible hue
DISTANCES = (110, 80, 50, 25, 0)  # required between two colours, in levels, tried in this order
STRENGTHS = (1.0, 0.5, 0.75)  # saturations
ROTATIONS, GOLDEN = 34, 0.618034  # of the hue; multiples of the golden ratio never repeat
BACKGROUND = (0, 0, 0, 150)  # of the legend, half transparent


@cache
def colours(classes: Classes) -> tuple[Colour, ...]:
    """Returns a colour for each class: its own hue at full strength. VOC's maroon and navy would not be visible on fur
    or in shade.

    If a colour is too close to that of an earlier class (VOC's cat, chair and aeroplane are all dark reds), its hue is
    rotated. Black stays black.
    """
    found: list[Colour] = []
    for colour in classes.colours:
        found.append(next(one for one in _candidates(colour, found)))
    return tuple(found)


def _candidates(colour: Colour, taken: Sequence[Colour]) -> Iterator[Colour]:
    """Yields colours that differ enough from those taken, the best first; with many classes, then also closer ones."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    if value == 0:
        yield colour
    own = max(saturation, 0.55) if saturation > GREY else saturation
    for apart, strength, rotation in product(DISTANCES, (own, *STRENGTHS), range(ROTATIONS)):
        parts = colorsys.hsv_to_rgb((hue + rotation * GOLDEN) % 1, strength, 1.0)
        candidate = round(255 * parts[0]), round(255 * parts[1]), round(255 * parts[2])
        if all(_distance(candidate, other) >= apart for other in taken):
            yield candidate


def _distance(a: Colour, b: Colour) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5


@cache
def palette(classes: Classes) -> NDArray[np.uint8]:
    """Returns a read-only table (256, 3): the colour of every value in a label map."""
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
    """Returns the photo (H, W, 3) with the class colours over it. A first class named background stays as it is.
    `legend`: classes to name in a corner."""
    whole = Image.new("RGB", (label_map.shape[1], label_map.shape[0]))
    edge = outline(label_map) if outlined else None
    for rows in strips(label_map.shape):
        background = label_map[rows] == 0 if classes.has_background else np.zeros(label_map[rows].shape, bool)
        strip = tint_image(image[rows], label_map[rows], background, classes, opacity)
        if edge is not None:
            strip.paste((WHITE,) * 3, mask=Image.fromarray(edge[rows] & ~background))
            strip.paste((BLACK,) * 3, mask=Image.fromarray(edge[rows] & background))
        whole.paste(strip, (0, rows.start))
    add_legend(whole, legend, classes)
    return whole


def tint_image(
    image: NDArray[np.uint8],
    label_map: NDArray[np.uint8],
    background: NDArray[np.bool_],
    classes: Classes,
    opacity: float,
) -> Image.Image:
    """Returns the same without outlines. Pixels in `background` (H, W) stay as they are."""
    photo, tint = Image.fromarray(image), Image.fromarray(label_map, "P")
    tint.putpalette(palette(classes).tobytes())
    blended = Image.blend(photo, tint.convert("RGB"), opacity)
    blended.paste(photo, mask=Image.fromarray(background))
    return blended


def outline(label_map: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Returns (H, W): the pixels on both sides of every border between classes."""
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
    """Draws names and colours in the lower left corner, if there is room for them."""
    if not names or min(picture.size) < SMALLEST_SIDE:
        return
    letter = max(11, min(picture.size) // LETTER)
    font, row = ImageFont.load_default(letter), round(1.5 * letter)
    width = row + letter // 2 + round(max(font.getlength(name) for name in names))
    if width > picture.width // 2 or row * len(names) > picture.height // 2:
        return
    top = picture.height - row * len(names)
    draw = ImageDraw.Draw(picture, "RGBA")
    bright = dict(zip(classes.names, colours(classes), strict=True))
    draw.rectangle((0, top, width, picture.height), fill=BACKGROUND)
    for number, name in enumerate(names):
        y = top + number * row
        box = letter // 4, y + letter // 4, letter + letter // 4, y + letter + letter // 4
        draw.rectangle(box, fill=bright[name])
        draw.text((row, y + row // 2), name, fill=(WHITE,) * 3, font=font, anchor="lm")
