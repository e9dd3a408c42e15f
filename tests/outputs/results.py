"""Results of any shape for the writers."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fullconv.classes import Classes
from fullconv.segmentation import Segmentation

CLASSES = Classes.named(["background", "traffic light/red", "größe"])
VOID = CLASSES.void


def result_of(label_map, classes=CLASSES, **others):
    label_map = np.array(label_map, np.uint8)
    return Segmentation(np.full((*label_map.shape, 3), 100, np.uint8), label_map, classes, **others)


def label_maps(values=(0, 1, 2), side=9):
    sizes = st.tuples(st.integers(1, side), st.integers(1, side))
    return arrays(np.uint8, sizes, elements=st.sampled_from(values))
