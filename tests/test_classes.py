import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fullconv.classes import VOC_NAMES, Classes, voc_colour
from fullconv.errors import FullconvError


def test_voc_colours_are_the_devkits():
    assert [voc_colour(i) for i in (0, 1, 8, 12, 15, 20, 255)] == [
        (0, 0, 0), (128, 0, 0), (64, 0, 0), (64, 0, 128), (192, 128, 128), (0, 64, 128), (224, 224, 192),
    ]  # fmt: skip
    assert len({voc_colour(i) for i in range(256)}) == 256


def test_a_voc_name_keeps_its_colour_wherever_it_stands():
    classes = Classes.named(["background", "giraffe", "dog"])
    assert classes.colours[2] == voc_colour(VOC_NAMES.index("dog"))
    assert len(set(classes.colours)) == 3


@given(st.lists(st.sampled_from(VOC_NAMES), min_size=1, unique=True), st.data())
def test_lookup_sends_each_class_to_its_own_name(wanted, data):
    source, target = Classes.named(VOC_NAMES), Classes.named(wanted)
    mapping = {name: data.draw(st.sampled_from([*wanted, "void"])) for name in VOC_NAMES if name not in wanted}
    table = target.lookup_from(source, mapping)
    for value, name in enumerate(VOC_NAMES):
        expected = mapping.get(name, name)
        assert table[value] == (255 if expected == "void" else wanted.index(expected))
    assert (table[21:] == 255).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Classes.named(["a", "a"]), "twice"),
        (
            lambda: Classes.named(["a", "b", "c"], [(1, 2, 3), (4, 5, 6), (1, 2, 3)]),
            r"'a' and 'c' share .* \[1, 2, 3\]",
        ),
        (lambda: Classes.named([]), "0 classes"),
        (lambda: Classes.named([str(i) for i in range(256)]), "256 classes"),
        (lambda: Classes.named(["a", "b"], [(0, 0, 0)]), "1 colour"),
        (lambda: Classes.named(["a"]).index("b"), "no class 'b'"),
        (lambda: Classes.named(["a"]).lookup_from(Classes.named(["a", "b"])), "label_mapping"),
    ],
)
def test_wrong_classes_say_what_to_do(make, message):
    with pytest.raises(FullconvError, match=message):
        make()


@pytest.mark.parametrize(
    ("data", "model", "example"),
    [
        ("background building", "background object", "{building: object}"),  # renamed
        ("sky house road", "sky building road", "{house: building}"),
        ("building", "object", "{building: object}"),
        ("background Cat", "background bird cat", "{Cat: cat}"),  # alike
        ("background roof", "background pond road", "{roof: pond}"),  # any class, never background
        ("background roof", "road background", "{roof: road}"),  # not at the same index
    ],
)
def test_an_unknown_class_comes_with_a_mapping_that_makes_sense(data, model, example):
    source, target = Classes.named(data.split()), Classes.named(model.split())
    with pytest.raises(FullconvError, match="is not a class of the model") as error:
        target.lookup_from(source)
    assert f"label_mapping: {example}" in str(error.value)
    assert "\n" not in str(error.value)


def test_palette_has_void_and_every_class():
    classes = Classes.named(["x", "y"], [(1, 2, 3), (4, 5, 6)])
    palette = classes.palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert palette[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert palette[255].tolist() == [224, 224, 192]
