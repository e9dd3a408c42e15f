"""Divides a picture into tiles whose labels are the same as those of the whole picture.

A fully convolutional network gives the same result at every place, as long as its coarsest grid falls on the same
pixels and it sees everything that the result depends on. Tiles therefore start at multiples of the coarsest stride.
They are read with a halo of half the receptive field, and the results in the halo are dropped. All tiles of a picture
have the same size, so that the network is compiled once: tiles at the edges reach further inwards instead of being
smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, UnknownValue, argument
from fullconv.models.config import COARSEST, ModelConfig

DEFAULT_HALO = 128  # pixels; docs/performance.md says how many labels differ
LARGEST = 2**25  # the most pixels of an automatic tile with its halo, however much memory there is
SMALLEST = 768**2  # the fewest pixels of an automatic tile, if possible, because small tiles take longer per pixel
WORTHWHILE = 1.25  # automatic tiles together may read this many times the picture's pixels, so that each can be small

BLENDED = 2**28  # bytes of scores that are blended at once
PATCH = 512  # side of a blended patch in pixels, if the model has no `longest_side`

AT_ONCE = 2**20  # the most pixels of a picture that is processed at once if the model has no `longest_side`

Halo = tuple[int, int]  # pixels read before a tile and after it, along both axes
Numbers = NDArray[np.int64]
TileChoice = int | str | None  # the user's choice: a side in pixels, or "auto"


@dataclass(frozen=True)
class Span:
    """A tile along one axis. Pixels `read_from` to `read_to` are read, and `start` to `stop` are kept.

    `read_to` may lie beyond the end of the picture, at the next multiple of the coarsest stride.
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
        """The position of the kept pixels in those read."""
        return slice(self.start - self.read_from, self.stop - self.read_from)

    @property
    def placing(self) -> slice:
        """The position of the kept pixels in the picture."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Tile:
    """A tile: the rows and columns that are read and kept."""

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
    """Tiles that cover a picture of `size` (height, width) without overlap.

    `patch`: if scores are blended, the side of the patches in pixels. `side`: if the picture is processed at once, the
    length that its longer side is resized to, or 0 to keep its size. None if it is processed in tiles.
    """

    size: tuple[int, int]
    tiles: list[Tile]
    patch: int | None = None
    side: int | None = None

    @property
    def at_once(self) -> bool:
        """Whether the picture is processed at once, not in tiles."""
        return self.side is not None

    @property
    def reduced_to(self) -> int | None:
        """Pixels of the longer side after the picture is reduced, or None if it is not reduced."""
        return self.side if self.side and max(self.size) > self.side else None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Tiling:
        """Creates a tiling from the result of `dataclasses.asdict`."""
        tiles = [Tile(Span(**tile["rows"]), Span(**tile["columns"])) for tile in values["tiles"]]
        return cls((values["size"][0], values["size"][1]), tiles, values["patch"], values["side"])


def whole(size: tuple[int, int], side: int | None) -> Tiling:
    """Returns the tiling for a picture that is processed at once. `side`: the length that its longer side is resized
    to, None to keep its size."""
    rows, columns = (Span(0, length, 0, length) for length in size)
    return Tiling(size, [Tile(rows, columns)], side=side or 0)


def plan(
    config: ModelConfig,
    size: tuple[int, int],
    tile: TileChoice,
    halo: str | int | None,
    room: Callable[[], int],
    keeps_scale: bool = False,
) -> Tiling:
    """Decides how a picture of `size` (height, width) is processed.

    It is processed in tiles if the user asks for them with `tile`. If the model has a `longest_side`, it is processed
    at once, at a size that the model knows. Otherwise it keeps its scale, and is processed in tiles if it is large or
    `keeps_scale` is set (a raster). `room` returns how many pixels the engine can process at once.

    Raises FullconvError for an impossible tile or halo.
    """
    longest_side = config.longest_side_of(keeps_scale)
    large = size[0] * size[1] > AT_ONCE and longest_side is None
    if tile is None and not large and (longest_side or not keeps_scale):
        check_halo(tile, halo)
        return whole(size, config.side_for(size, keeps_scale))
    return tiled(config, size, tile, halo, room)


def tiled(
    config: ModelConfig, size: tuple[int, int], tile: TileChoice, halo: str | int | None, room: Callable[[], int]
) -> Tiling:
    """Returns a tiling with tiles of the side `tile`, or of automatic size."""
    height, width = size
    side = side_of(tile)
    if blends(config, halo):
        patch = _up(
            max(side or config.longest_side or PATCH, 2 * COARSEST)
        )  # smaller patches could not overlap by half
        kept = max(_up(int((BLENDED / 4 / len(config.classes)) ** 0.5)), patch)
        return Tiling(size, tiles_of(height, width, (kept, kept), (0, 0)), patch)
    margins = halo_of(config, halo)
    reading = automatic(height, width, margins, room()) if side is None else fixed(side, margins)
    return Tiling(size, tiles_of(height, width, reading, margins))


def blends(config: ModelConfig, halo: str | int | None) -> bool:
    """Whether tiles are blended: the network has global context, and the user gave no halo."""
    return halo is None and config.window is None


def tiles_of(height: int, width: int, reading: tuple[int, int], halo: Halo) -> list[Tile]:
    """Returns tiles that cover a picture without overlap, row by row. `reading`: the rows and columns that each tile
    reads, as multiples of 32."""
    return [Tile(*pair) for pair in product(spans(height, reading[0], halo), spans(width, reading[1], halo))]


def spans(length: int, reading: int, halo: Halo) -> list[Span]:
    """Returns the fewest spans that cover `length`, evenly spaced. The border between two spans lies in the middle of
    the pixels that both could keep."""
    end = _up(length)
    if reading >= end:
        return [Span(0, length, 0, end)]
    count = 1 + -(-(end - reading) // (reading - _up(sum(halo))))
    starts = [i * ((end - reading) // COARSEST) // (count - 1) * COARSEST for i in range(count)]
    borders = [(before + reading - halo[1] + after + halo[0]) // 2 for before, after in pairwise(starts)]
    kept = zip([0, *borders], [*borders, length], starts, strict=True)
    return [Span(start, stop, read_from, read_from + reading) for start, stop, read_from in kept]


def fixed(side: int, halo: Halo) -> tuple[int, int]:
    """Returns the (rows, columns) that tiles of `side` pixels read. Raises FullconvError if `side` is not a multiple of
    32."""
    if side < COARSEST or side % COARSEST:
        raise UnknownValue(
            f"{argument('tile', side)}: tiles must start on the network's coarsest grid; "
            f"choose a multiple of {COARSEST}, or auto"
        )
    return side + _up(sum(halo)), side + _up(sum(halo))


def automatic(height: int, width: int, halo: Halo, pixels: int) -> tuple[int, int]:
    """Returns the (rows, columns) that automatic tiles of at most `pixels` read. These are the smallest tiles that
    together read at most 1.25 times the pixels of the picture. If there are none, it is the size with which the least
    is read."""
    (rows, row_counts), (columns, column_counts) = _choices(height, halo), _choices(width, halo)
    sizes, counts = np.multiply.outer(rows, columns), np.multiply.outer(row_counts, column_counts)
    total = sizes * counts
    fitting = sizes <= max(min(pixels, LARGEST), sizes.min())
    cheap = fitting & (total <= WORTHWHILE * _up(height) * _up(width)) & (sizes >= min(SMALLEST, sizes.max()))
    best = np.argmin(np.where(cheap, sizes, np.inf) if cheap.any() else np.where(fitting, total, np.inf))
    row, column = np.unravel_index(best, sizes.shape)
    return int(rows[row]), int(columns[column])


def halo_of(config: ModelConfig, halo: str | int | None) -> Halo:
    """Returns the pixels to read before and after a tile. `halo`: a number for both, "exact" for half the receptive
    field, or None for the default.

    Raises FullconvError if `halo` is something else, or "exact" for a network with global context.
    """
    exact = exact_halo(config)
    if halo is None:
        before, after = exact or (DEFAULT_HALO, DEFAULT_HALO)
        return min(DEFAULT_HALO, before), min(DEFAULT_HALO, after)
    if halo == "exact":
        if exact is None:
            raise FullconvError(
                f"{argument('halo', halo)}: {config.name} sees the whole picture at once; give a number of pixels, "
                f"or remove {argument('halo')} to blend the tiles"
            )
        return exact
    if not str(halo).isdigit():
        raise UnknownValue(f"{argument('halo', halo)}: give a number of pixels, or exact")
    return int(halo), int(halo)


def exact_halo(config: ModelConfig) -> Halo | None:
    """Returns how many pixels before and after a pixel its scores depend on, or None if unknown or unlimited."""
    return (max(-config.window[0], 0), max(config.window[1], 0)) if config.window else None


def check_tiling(config: ModelConfig, tile: TileChoice, halo: str | int | None) -> None:
    """Raises FullconvError for an impossible tile or halo, before any picture is read."""
    side = side_of(tile)
    fixed(COARSEST if side is None else side, halo_of(config, halo))


def check_halo(tile: TileChoice, halo: str | int | None) -> None:
    """Raises FullconvError for a halo without tiles. Photos are processed in tiles only if the user asks for it."""
    if halo is not None and tile is None:
        raise FullconvError(
            f"{argument('halo', halo)}: photos are processed in tiles only on request; "
            f"add {argument('tile', 'auto')}, or remove {argument('halo')}"
        )


def side_of(tile: TileChoice) -> int | None:
    """Returns the side in pixels, or None for "auto" or None. Raises FullconvError for anything else."""
    if tile in (None, "auto"):
        return None
    if not str(tile).isdigit():
        raise UnknownValue(f"{argument('tile', tile)}: give a side in pixels, a multiple of {COARSEST}, or auto")
    return int(str(tile))


def _choices(length: int, halo: Halo) -> tuple[Numbers, Numbers]:
    """Returns (pixels read by each tile, number of tiles) along one axis: for each possible number of tiles, the
    smallest size that is sufficient."""
    end, overlap = _up(length), _up(sum(halo))
    counts = np.arange(1, max(end // COARSEST, 1) + 1)
    reading = -(-(end + (counts - 1) * overlap) // (counts * COARSEST)) * COARSEST
    return reading, counts


def _up(pixels: int) -> int:
    """Rounds up to a multiple of the coarsest stride."""
    return -(-pixels // COARSEST) * COARSEST
