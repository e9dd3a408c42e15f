"""Each class has a file of its own, on every system."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fullconv.classes import Classes
from fullconv.outputs.class_names import RESERVED, file_names
from tests.outputs.results import result_of

NAMES = st.one_of(
    st.text(min_size=1, max_size=6),
    st.from_regex(r"[aAß ./-]{1,3}(-[0-3])?", fullmatch=True),
    st.sampled_from(["labels", "Labels", "labels-1", "overlay", "scores", "🌲", "🌊", "x" * 300, "x" * 301]),
)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=8))
def test_class_file_names_are_unique(names):
    found = file_names(tuple(names))
    keys = {unicodedata.normalize("NFC", name.casefold()) for name in found}
    assert len(keys) == len(found) == len(names)
    assert not keys & RESERVED
    for name in found:
        assert name
        assert not set(name) & set('/\\:*?"<>| \0\n')
        assert len(name.encode()) < 130


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["background", "road/wet", "road wet"], ["background", "road-wet-1", "road-wet-2"]),
        (["🌲", "🌊", "sky"], ["class-0", "class-1", "sky"]),
        (["🌲", "sky"], ["class", "sky"]),
        (["labels", "overlay", "score"], ["labels-0", "overlay-1", "score"]),
        (["cat", "cat_cutout", "cat/cutout"], ["cat", "cat_cutout-1", "cat-cutout"]),
        (["background", "car", "Car"], ["background", "car-1", "Car-2"]),
        (["a", "A", "a-0", "A-0-0"], ["a-0-0-0", "A-1", "a-0", "A-0-0"]),
        (["a b", "a/b", "a-b-1"], ["a-b-0", "a-b-1-1", "a-b-1"]),
        (["背景", "道路", "建筑"], ["背景", "道路", "建筑"]),
        (["größe", unicodedata.normalize("NFD", "größe")], ["größe-0", "größe-1"]),
    ],
)
def test_equal_names_are_distinguished_by_a_number(names, expected):
    assert list(file_names(tuple(names))) == expected


@pytest.mark.parametrize("names", [["labels", "Overlay"], ["a/b", "a b"], ["car", "CAR"]])
def test_each_file_holds_its_own_class(tmp_path, names):
    classes = Classes.named(["background", *names])
    result = result_of([[0, 1, 2, 2]], classes)
    labels, *masks, _ = result.save(tmp_path, "dog", ["labels", "masks", "overlay"])
    assert np.array(Image.open(labels)).tolist() == [[0, 1, 2, 2]]
    for name, path in zip(result.shares, masks, strict=True):
        assert np.array_equal(np.array(Image.open(path)) == 255, result.mask(name))
