"""A picture in tiles whose labels are those of the whole picture.

A fully convolutional network answers alike wherever it stands, as long as its coarsest grid falls on the same pixels
and it sees everything that an answer depends on. So tiles start at multiples of the coarsest stride and are read with
a halo of half the receptive field, of which nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from fullconv.errors import FullconvError
from fullconv.models.config import COARSEST, ModelConfig

DEFAULT_HALO = 128  # pixels; docs/performance.md says what it costs in agreement


@dataclass(frozen=True)
class Span:
    """Along one axis: pixels `start` to `stop` are kept of those read, `read_from` to `read_to`."""

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
class Tile:
    rows: Span
    columns: Span


def tiles(height: int, width: int, side: int, halo: int) -> Iterator[Tile]:
    """Tiles that cover a picture once, row by row. Raises FullconvError for a side that is no multiple of 32."""
    if side < COARSEST or side % COARSEST:
        raise FullconvError(
            f"--tile {side}: tiles start on the network's coarsest grid; choose a multiple of {COARSEST}"
        )
    halo = -(-halo // COARSEST) * COARSEST
    yield from (Tile(*pair) for pair in product(_spans(height, side, halo), _spans(width, side, halo)))


def halo_of(config: ModelConfig, halo: str | int | None) -> int:
    """Pixels around a tile: a number, "exact" for half the receptive field, None for the default.

    Raises FullconvError where exactness is asked of a network that sees the whole picture at once.
    """
    if halo is None:
        return min(DEFAULT_HALO, exact_halo(config) or DEFAULT_HALO)
    if halo == "exact":
        exact = exact_halo(config)
        if exact is None:
            raise FullconvError(
                f"--halo exact: {config.name} looks at the whole picture at once; give a number of pixels"
            )
        return exact
    if not str(halo).isdigit():
        raise FullconvError(f"--halo {halo}: give a number of pixels, or exact")
    return int(halo)


def check_tiling(config: ModelConfig, tile: int | None, halo: str | int | None) -> None:
    """Raises FullconvError for a tile or halo that cannot be, before any picture is read."""
    if halo is not None and tile is None:
        raise FullconvError("--halo: goes with --tile N, the side of the tiles in pixels")
    halo_of(config, halo)
    if tile is not None:
        next(tiles(1, 1, tile, 0))


def exact_halo(config: ModelConfig) -> int | None:
    """How far from a pixel its scores may still depend on the picture; None: unknown, or all of it."""
    return max(-config.window[0], config.window[1]) if config.window else None


def _spans(length: int, side: int, halo: int) -> list[Span]:
    starts = range(0, length, side)
    return [Span(s, min(s + side, length), max(s - halo, 0), min(s + side + halo, length)) for s in starts]
