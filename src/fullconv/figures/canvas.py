"""A drawing surface measured in pixels from its top left corner, written as SVG or PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.errors import UnknownValue, missing_extra
from fullconv.files import write_alone

INK, MUTED, RULE, PAPER = "#1f2328", "#6a737d", "#b4bcc4", "#ffffff"
DPI = 100
# Text stays text, so that it can be searched and read aloud. Pictures stay separate, each with its own pixels.
STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "fullconv", "image.composite_image": False}
FLAT = 24  # colours of a PNG's palette that are kept exactly
FORMATS = (".svg", ".png")


def check_format(path: Path) -> Path:
    """Returns the path if a picture can be written there. Call it before minutes of work."""
    if path.suffix.lower() not in FORMATS:
        raise UnknownValue(f"{path}: figures can be written as {' or '.join(FORMATS)}; change the file name")
    return path


class Canvas:
    """`width` x `height` pixels of white. Positions and lengths are pixels, y grows downwards."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            raise missing_extra("matplotlib", "figures") from None
        self.figure: Any = Figure((width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        self.axes: Any = self.figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
        self.axes.axis("off")

    def picture(self, image: NDArray[Any], x: float, y: float, width: float, height: float | None = None) -> float:
        """Draws an HxWx3 (or x4) uint8 image, `width` wide, with its own proportions unless `height` is given.

        Returns its height. Small images keep visible pixels, large ones are reduced smoothly.
        """
        tall = width * image.shape[0] / image.shape[1] if height is None else height
        self.axes.imshow(
            reduced(image, round(width), round(tall)), extent=(x, x + width, y + tall, y),
            interpolation="nearest", aspect="auto", zorder=2,
        )  # fmt: skip
        return tall

    def text(
        self, x: float, y: float, words: str, size: float = 13, align: str = "left", colour: str = INK,
        bold: bool = False,
    ) -> None:  # fmt: skip
        """Draws one line, `size` pixels high, with its top at `y`."""
        self.axes.text(
            x, y + 0.8 * size, words, fontsize=size * 72 / DPI, ha=align, va="baseline", color=colour, zorder=5,
            fontweight="bold" if bold else "normal", parse_math=False,
        )  # fmt: skip

    def slanted_text(self, x: float, y: float, words: str, size: float = 13) -> None:
        """Draws one line that rises from (x, y) to the right, for names above narrow columns."""
        self.axes.text(
            x, y, words, fontsize=size * 72 / DPI, rotation=40, rotation_mode="anchor", ha="left", va="baseline",
            color=INK, zorder=5, parse_math=False,
        )  # fmt: skip

    def chart(self, x: float, y: float, width: float, height: float) -> Any:
        """Returns matplotlib's axes in that box, for curves. matplotlib chooses the ticks and their labels."""
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=MUTED, labelsize=12 * 72 / DPI)
        return axes

    def box(
        self, x: float, y: float, width: float, height: float, fill: str = "none", edge: str = RULE, line: float = 1
    ) -> None:
        xs, ys = (x, x + width, x + width, x), (y, y, y + height, y + height)
        self.axes.fill(xs, ys, facecolor=fill, edgecolor=edge, linewidth=line * 72 / DPI, zorder=3, joinstyle="miter")

    def shade(self, x: float, y: float, width: float, height: float, colour: str, opacity: float) -> None:
        """Draws a transparent box of one colour without an edge."""
        xs, ys = (x, x + width, x + width, x), (y, y, y + height, y + height)
        self.axes.fill(xs, ys, facecolor=colour, edgecolor="none", alpha=opacity, zorder=3)

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str = RULE, line: float = 1) -> None:
        self.axes.plot(xs, ys, color=colour, linewidth=line * 72 / DPI, zorder=3, solid_capstyle="butt")

    def arrow(self, xs: Sequence[float], ys: Sequence[float], colour: str = MUTED) -> None:
        """Draws a line through the points, with a head at the last."""
        self.line(xs, ys, colour, 1.5)
        style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        self.axes.annotate("", (xs[-1], ys[-1]), (xs[-2], ys[-2]), arrowprops=style, zorder=4)

    def save(self, path: Path) -> Path:
        """Writes the drawing; the same drawing gives the same bytes."""
        check_format(path)
        return write_alone(path, self._svg if path.suffix.lower() == ".svg" else self._png)

    def _svg(self, path: Path) -> None:
        from matplotlib import rc_context

        with rc_context(STYLE):
            self.figure.savefig(path, format="svg", metadata={"Date": None})

    def picture_of_it(self) -> Image.Image:
        """Returns the drawing with a palette of 256 colours: photos on white then take half the bytes."""
        pixels = io.BytesIO()
        self.figure.savefig(pixels, format="png", dpi=DPI)
        with Image.open(pixels) as picture:
            colours = picture.convert("RGB")
        return with_palette(colours)

    def _png(self, path: Path) -> None:
        self.picture_of_it().save(path, optimize=True)


def with_palette(picture: Image.Image) -> Image.Image:
    """Returns the RGB picture in 256 colours: flat areas (paper, ink, classes) exact, the rest dithered."""
    packed = np.asarray(picture, np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    values, counts = np.unique(packed, return_counts=True)
    flat = values[np.argsort(-counts, kind="stable")[:FLAT]].tolist()
    palette = Image.new("P", (1, 1))
    others = picture.quantize(256 - len(flat), Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette.putpalette([channel for value in flat for channel in value.to_bytes(3, "big")] + others)
    indices = np.array(picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG))
    for index, value in enumerate(flat):
        indices[packed == value] = index
    exact = Image.fromarray(indices)
    exact.putpalette(palette.getpalette() or [])
    return exact


def reduced(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Returns the image at `width` x `height` if it is larger. Smaller ones are enlarged in whole pixels by the
    viewer."""
    if image.shape[1] <= width or image.shape[0] <= height:
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def shades(values: NDArray[Any], low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """(H, W) numbers → (H, W, 3) colours, dark blue for `low` (default: the smallest) to yellow for `high` (the
    largest)."""
    from matplotlib import colormaps

    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values, dtype=float)
    coloured: NDArray[np.uint8] = colormaps["viridis"](scaled, bytes=True)[..., :3]
    return coloured
