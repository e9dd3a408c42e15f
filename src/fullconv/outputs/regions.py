"""Finds the connected regions of a label map, each outlined exactly along pixel borders, with its holes.

Every side of a pixel where the value changes is an edge, walked clockwise as seen in the picture. The next edge depends
only on the two pixels ahead, so the successors of all edges are found at once; rings are the cycles. Pixels that only
touch at a corner are not connected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
TOP, BOTTOM = 0, 2  # the sides of a pixel are top, right, bottom, left, in walking order
STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])  # x, y along each side
SIDEWAYS = np.array([0, 1, 0, -1])  # x from a pixel to its neighbour across each side
ENDS = np.array([(1, 0), (1, 1), (0, 1), (0, 0)])  # x, y of each side's end, from the pixel's upper left corner


@dataclass(frozen=True)
class Ring:
    """A closed walk of N edges, each a side (`sides`, N) of a pixel of the region (`pixels`, (N, 2): x, y).

    `turns` after each edge: 1 continues around the same pixel, 0 goes straight to the next, -1 to the pixel diagonally
    ahead.
    """

    pixels: Numbers
    sides: Numbers
    turns: Numbers

    def points(self) -> Numbers:
        """(N, 2): x, y of all pixel corners on the walk. (0, 0) is the upper left corner of the first pixel."""
        return self.pixels + ENDS[self.sides]

    def corners(self) -> Numbers:
        """(M, 2): the corners where the walk turns."""
        return self.points()[self.turns != 0]

    @property
    def area(self) -> int:
        """The area in pixels, negative around a hole."""
        return int((self.points()[:, 0] * STEPS[self.sides, 1]).sum())


@dataclass(frozen=True)
class Region:
    """Connected pixels of one value."""

    value: int
    outline: Ring
    holes: list[Ring] = field(default_factory=list)

    @property
    def area(self) -> int:
        """The area in pixels."""
        return self.outline.area + sum(hole.area for hole in self.holes)


def regions(label_map: NDArray[np.integer]) -> list[Region]:
    """Returns all regions of a label map (H, W), in the order of their first pixels, row by row."""
    found: list[Region] = []
    owners: list[Region] = []  # of each ring; rings are in the order of their first top side, so owners come first
    rings = trace(label_map)
    above = RingsAbove(rings)
    for ring in rings:
        if ring.area > 0:
            x, y = ring.pixels[0]
            found.append(Region(int(label_map[y, x]), ring))
            owners.append(found[-1])
        else:
            owners.append(owners[above(ring)])
            owners[-1].holes.append(ring)
    return found


def trace(label_map: NDArray[np.integer]) -> list[Ring]:
    """Returns the rings around all regions and holes, in the order of their first top side, row by row."""
    framed = np.pad(label_map.astype(np.int16), 1, constant_values=-1)
    edges = _edges(framed)
    following, turns = _successors(framed, edges)
    sides, places = np.divmod(edges, framed.size)
    pixels = np.stack([places % framed.shape[1], places // framed.shape[1]], axis=1) - 1
    return [Ring(pixels[walk], sides[walk], turns[walk]) for walk in _cycles(following)]


class RingsAbove:
    """Finds the next ring of a hole's region above the hole: the region's outline, or another of its holes."""

    def __init__(self, rings: list[Ring]) -> None:
        tops = [ring.pixels[ring.sides == TOP] for ring in rings]
        self.height = 1 + max(int(pixels[:, 1].max()) for pixels in tops)
        places = self._downwards(np.concatenate(tops))
        order = np.argsort(places)
        self.places, self.rings = places[order], np.repeat(np.arange(len(rings)), list(map(len, tops)))[order]

    def __call__(self, hole: Ring) -> int:
        over = hole.pixels[hole.sides == BOTTOM]
        highest = over[over[:, 1].argmin()]
        return int(self.rings[np.searchsorted(self.places, self._downwards(highest), side="right") - 1])

    def _downwards(self, pixels: Numbers) -> Numbers:
        """Returns numbers that count pixels column by column."""
        return pixels[..., 0] * self.height + pixels[..., 1]


def _edges(framed: NDArray[np.int16]) -> Numbers:
    """Returns side * size + place of every edge, sorted. The frame of -1 has none."""
    values = framed.ravel()
    beyond = -np.roll(_steps(framed), -1)  # the pixel across a side is the one that a left turn would reach
    found = [np.flatnonzero((values >= 0) & (values != np.roll(values, -step))) for step in beyond]
    return np.concatenate([side * values.size + places for side, places in enumerate(found)])


def _successors(framed: NDArray[np.int16], edges: Numbers) -> tuple[Numbers, Numbers]:
    """Returns, for each edge, the index of the next edge, and the turn between them."""
    values, steps = framed.ravel(), _steps(framed)
    sides, places = np.divmod(edges, values.size)
    ahead = places + steps[sides]
    diagonal = ahead - steps[(sides + 1) % 4]

    def after(turns: Numbers) -> Numbers:
        found = np.choose(turns + 1, [diagonal, ahead, places])
        return np.searchsorted(edges, (sides + turns) % 4 * values.size + found)

    over = values[diagonal] == values[places]
    turns = np.where(values[ahead] == values[places], np.where(over, -1, 0), 1)
    crossing = over & (turns == 1)
    # Pixels of one value that only touch at a corner may belong to two regions, so the walk stays with its own. If they
    # turn out to belong to one region, it crosses: a ring that meets itself there is two, an outer one and a hole.
    ring = _ring_numbers(after(turns))
    across = after(np.where(crossing, -1, turns))
    turns[crossing & (ring == ring[across])] = -1
    return after(turns), turns


def _ring_numbers(following: Numbers) -> Numbers:
    numbers = np.empty_like(following)
    for number, walk in enumerate(_cycles(following)):
        numbers[walk] = number
    return numbers


def _cycles(following: Numbers) -> Iterator[list[int]]:
    """Yields the cycles of a permutation, each from its first member, in the order of these."""
    after, met = following.tolist(), bytearray(len(following))
    for first in range(len(after)):
        walk, here = [], first
        while not met[here]:
            met[here] = 1
            walk.append(here)
            here = after[here]
        if walk:
            yield walk


def _steps(framed: NDArray[np.int16]) -> Numbers:
    """Returns the step in the flat array from a place to the next along each side."""
    return STEPS @ np.array([1, framed.shape[1]])
