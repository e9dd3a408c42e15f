"""A picture in tiles whose labels are those of the whole picture.

A fully convolutional network answers alike wherever it stands, as long as its coarsest grid falls on the same pixels
and it sees everything that an answer depends on. So tiles start at multiples of the coarsest stride and are read with
a halo of half the receptive field, of which nothing is kept. All tiles of a picture have one size, so that a network is
compiled once: those at the edges reach further inwards instead of being smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, argument
from fullconv.models.config import COARSEST, ModelConfig

DEFAULT_HALO = 128  # pixels; docs/performance.md says what it costs in agreement
LARGEST = 2**25  # pixels of an automatic tile with its halo, whatever memory there is
SMALLEST = 768**2  # pixels of one, where memory allows and the picture has them: smaller calls cost more a pixel
WORTHWHILE = 1.25  # times the picture's pixels: an automatic tile is no larger than it takes to read no more than that

BLENDED = 2**28  # bytes of scores that are blended at once
PATCH = 512  # pixels a side of a blended patch, where the model does not say which size of picture it knows

AT_ONCE = 2**20  # pixels of a picture that is seen whole where nobody asks for tiles

Halo = tuple[int, int]  # pixels read before a tile and after it, along either axis
Numbers = NDArray[np.int64]
Tile = int | str | None  # what the user says: a side in pixels, or "auto"


@dataclass(frozen=True)
class Span:
    """Along one axis: pixels `start` to `stop` are kept of those read, `read_from` to `read_to`.

    Reading may go past the picture's end, to the next multiple of the coarsest stride.
    """

    start: int
    stop: int
    read_from: int
    read_to: int

    @property
    def reading(self) -> slice:
        return slice(self.read_from, self.read_to)

    @property
    def keeping(self) -> slice:
        """Where the kept pixels lie in what was read."""
        return slice(self.start - self.read_from, self.stop - self.read_from)

    @property
    def placing(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Window:
    """A tile: what is kept and read of rows and columns."""

    rows: Span
    columns: Span

    @property
    def reading(self) -> tuple[slice, slice]:
        return self.rows.reading, self.columns.reading

    @property
    def keeping(self) -> tuple[slice, slice]:
        return self.rows.keeping, self.columns.keeping

    @property
    def placing(self) -> tuple[slice, slice]:
        return self.rows.placing, self.columns.placing


@dataclass(frozen=True)
class Tiling:
    """Windows that cover a picture of `size` (height, width) once; `patch`: the side of the patches that make their
    scores, where they are blended. `longest_side`: what the picture is reduced to, being seen at once; 0: not at all.
    """

    size: tuple[int, int]
    windows: list[Window]
    patch: int | None = None
    longest_side: int | None = None

    @property
    def at_once(self) -> bool:
        """Whether the picture is seen whole, without a tile's borders."""
        return self.longest_side is not None

    @property
    def reduced_to(self) -> int | None:
        """Pixels of the longer side, where the picture is seen smaller than it is."""
        return self.longest_side if self.longest_side and max(self.size) > self.longest_side else None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Tiling:
        """From what dataclasses.asdict made of one."""
        windows = [Window(Span(**window["rows"]), Span(**window["columns"])) for window in values["windows"]]
        return cls((values["size"][0], values["size"][1]), windows, values["patch"], values["longest_side"])


def whole(size: tuple[int, int], longest_side: int | None) -> Tiling:
    """The picture at once, reduced to `longest_side` where its own is longer."""
    rows, columns = (Span(0, length, 0, length) for length in size)
    return Tiling(size, [Window(rows, columns)], longest_side=longest_side or 0)


def plan(
    config: ModelConfig,
    size: tuple[int, int],
    tile: Tile,
    halo: str | int | None,
    room: Callable[[], int],
    keeps_scale: bool = False,
) -> Tiling:
    """How a picture of (height, width) is seen: in tiles where that is asked for, else at once, reduced to the size
    that the model knows; at its own scale, in tiles where it has one, or is large and the model knows no size. `room`
    tells how many pixels the engine may see at once."""
    longest_side = config.longest_side_of(keeps_scale)
    large = size[0] * size[1] > AT_ONCE and longest_side is None
    if tile is None and not large and (longest_side or not keeps_scale):
        check_halo(tile, halo)
        return whole(size, longest_side)
    return tiled(config, size, tile, halo, room)


def tiled(
    config: ModelConfig, size: tuple[int, int], tile: Tile, halo: str | int | None, room: Callable[[], int]
) -> Tiling:
    """The same in tiles: of a side, or as large as is worthwhile."""
    height, width = size
    side = side_of(tile)
    if blends(config, halo):
        patch = _up(max(side or config.longest_side or PATCH, 2 * COARSEST))  # at least two make an overlap
        kept = max(_up(int((BLENDED / 4 / len(config.classes)) ** 0.5)), patch)
        return Tiling(size, tiles(height, width, (kept, kept), (0, 0)), patch)
    margins = halo_of(config, halo)
    reading = automatic(height, width, margins, room()) if side is None else fixed(side, margins)
    return Tiling(size, tiles(height, width, reading, margins))


def blends(config: ModelConfig, halo: str | int | None) -> bool:
    """Whether tiles are blended: what the network sees has no bounds, and no halo was asked for."""
    return halo is None and config.window is None


def tiles(height: int, width: int, reading: tuple[int, int], halo: Halo) -> list[Window]:
    """Tiles that cover a picture once, row by row, each reading so many rows and columns (multiples of 32)."""
    return [Window(*pair) for pair in product(spans(height, reading[0], halo), spans(width, reading[1], halo))]


def spans(length: int, reading: int, halo: Halo) -> list[Span]:
    """As few spans as cover `length`, evenly; borders lie in the middle of what two neighbours know."""
    end = _up(length)
    if reading >= end:
        return [Span(0, length, 0, end)]
    count = 1 + -(-(end - reading) // (reading - _up(sum(halo))))
    starts = [i * ((end - reading) // COARSEST) // (count - 1) * COARSEST for i in range(count)]
    borders = [(before + reading - halo[1] + after + halo[0]) // 2 for before, after in pairwise(starts)]
    kept = zip([0, *borders], [*borders, length], starts, strict=True)
    return [Span(start, stop, read_from, read_from + reading) for start, stop, read_from in kept]


def fixed(side: int, halo: Halo) -> tuple[int, int]:
    """(rows, columns) read where tiles of `side` pixels are asked for. Raises FullconvError where it is no multiple of
    32."""
    if side < COARSEST or side % COARSEST:
        raise FullconvError(
            f"{argument('tile', side)}: tiles must start on the network's coarsest grid; "
            f"choose a multiple of {COARSEST}, or auto"
        )
    return side + _up(sum(halo)), side + _up(sum(halo))


def automatic(height: int, width: int, halo: Halo, pixels: int) -> tuple[int, int]:
    """(rows, columns) that tiles of at most `pixels` should read: the smallest that read a quarter more than the
    picture has, else those that read least."""
    (rows, row_counts), (columns, column_counts) = _choices(height, halo), _choices(width, halo)
    sizes, counts = np.multiply.outer(rows, columns), np.multiply.outer(row_counts, column_counts)
    total = sizes * counts
    fitting = sizes <= max(min(pixels, LARGEST), sizes.min())
    cheap = fitting & (total <= WORTHWHILE * _up(height) * _up(width)) & (sizes >= min(SMALLEST, sizes.max()))
    best = np.argmin(np.where(cheap, sizes, np.inf) if cheap.any() else np.where(fitting, total, np.inf))
    row, column = np.unravel_index(best, sizes.shape)
    return int(rows[row]), int(columns[column])


def halo_of(config: ModelConfig, halo: str | int | None) -> Halo:
    """Pixels before and after a tile: a number for both, "exact" for half the receptive field, None for the default.

    Raises FullconvError where exactness is asked of a network that sees the whole picture at once.
    """
    exact = exact_halo(config)
    if halo is None:
        before, after = exact or (DEFAULT_HALO, DEFAULT_HALO)
        return min(DEFAULT_HALO, before), min(DEFAULT_HALO, after)
    if halo == "exact":
        if exact is None:
            raise FullconvError(
                f"{argument('halo', halo)}: {config.name} looks at the whole picture at once; give a number of pixels, "
                f"or remove {argument('halo')} to blend the tiles"
            )
        return exact
    if not str(halo).isdigit():
        raise FullconvError(f"{argument('halo', halo)}: give a number of pixels, or exact")
    return int(halo), int(halo)


def exact_halo(config: ModelConfig) -> Halo | None:
    """How far before and after a pixel its scores may still depend on the picture; None: unknown, or all of it."""
    return (max(-config.window[0], 0), max(config.window[1], 0)) if config.window else None


def check_tiling(config: ModelConfig, tile: Tile, halo: str | int | None) -> None:
    """Raises FullconvError for a tile or halo that cannot be, before any picture is read."""
    side = side_of(tile)
    fixed(COARSEST if side is None else side, halo_of(config, halo))


def check_halo(tile: Tile, halo: str | int | None) -> None:
    """Raises FullconvError for a halo around no tiles: photos are seen at once, and reduced, unless tiles are asked
    for."""
    if halo is not None and tile is None:
        raise FullconvError(
            f"{argument('halo', halo)}: photos are processed in tiles only on request; "
            f"add {argument('tile', 'auto')}, or remove {argument('halo')}"
        )


def side_of(tile: Tile) -> int | None:
    """The side that is named; None for auto. Raises FullconvError for what is neither."""
    if tile in (None, "auto"):
        return None
    if not str(tile).isdigit():
        raise FullconvError(f"{argument('tile', tile)}: give a side in pixels, a multiple of {COARSEST}, or auto")
    return int(str(tile))


def _choices(length: int, halo: Halo) -> tuple[Numbers, Numbers]:
    """(pixels read, number of tiles): for each number of tiles along an axis, the least that they may read."""
    end, overlap = _up(length), _up(sum(halo))
    counts = np.arange(1, max(end // COARSEST, 1) + 1)
    reading = -(-(end + (counts - 1) * overlap) // (counts * COARSEST)) * COARSEST
    return reading, counts


def _up(pixels: int) -> int:
    return -(-pixels // COARSEST) * COARSEST
