"""What would be lost by reduction to 512 pixels."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.classes import Classes
from fullconv.data.thinness import lost_classes, runs

TWO = Classes.named(["ground", "road"])


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)))
@settings(deadline=None)
def test_runs_are_those_of_each_row(label_map):
    found = runs(label_map)
    for row, counted in zip(label_map, found, strict=True):
        for x, label in enumerate(row):
            start = stop = x
            while start and row[start - 1] == label:
                start -= 1
            while stop < len(row) and row[stop] == label:
                stop += 1
            assert counted[x] == stop - start


def test_a_line_two_pixels_wide_is_lost_and_a_disc_is_not():
    line, disc = np.zeros((1200, 2000), np.uint8), np.zeros((1200, 2000), np.uint8)
    for x in range(1000):
        line[x : x + 2, x] = 1  # whatever its direction
    y, x = np.mgrid[:1200, :2000]
    disc[(y - 600) ** 2 + (x - 900) ** 2 < 200**2] = 1
    assert lost_classes(line, TWO) == ({0, 1}, {1})
    assert lost_classes(disc, TWO) == ({0, 1}, set())


def test_unreduced_and_void_areas_lose_nothing():
    small = np.zeros((512, 300), np.uint8)
    small[:, 7] = 1
    assert lost_classes(small, TWO) == (set(), set())
    bordered = np.zeros((900, 1500), np.uint8)
    bordered[400:403] = 255
    assert lost_classes(bordered, TWO) == ({0}, set())
