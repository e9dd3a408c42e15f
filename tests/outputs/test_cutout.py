"""Cut-outs: where the mask is, soft along the edge, clean of the background."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.outputs.cutout import cut_out, grown, parse_background, shrunk, without_islands
from fullconv.segmentation import Segmentation

CLASSES = Classes.named(["background", "dog", "cat"])
RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.fixture
def result():
    """A red dog before a blue ground, one pixel of which is mixed along the edge."""
    label_map = np.zeros((60, 80), np.uint8)
    label_map[10:50, 20:60] = 1
    image = np.where(label_map[..., None] == 1, RED, BLUE).astype(np.uint8)
    image[10:50, 20] = (100, 0, 100)
    return Segmentation(image, label_map, CLASSES)


def alpha(picture):
    return np.array(picture)[..., 3]


def test_inside_is_opaque_outside_is_transparent_between_is_soft(result):
    found = alpha(cut_out(result, ["dog"]))
    assert found[30, 40] == 255
    assert found[30, 5] == found[5, 70] == 0
    across = found[30, 14:28].astype(int)
    assert (np.diff(across) >= 0).all()
    assert len(set(across)) > 3


def test_the_half_of_it_is_the_mask(result):
    found = alpha(cut_out(result, ["dog"]))
    assert (found[result.mask("dog")] >= 127).all()
    assert (found[~result.mask("dog")] <= 128).all()


def test_where_the_scores_are_sure_the_edge_is_sharper(result):
    sure = np.stack([np.where(result.label_map == i, 50.0, 0.0) for i in range(3)]).astype(np.float32)
    soft, sharp = (alpha(cut_out(one, ["dog"])) for one in (result, replace(result, seen_scores=sure)))
    assert ((sharp > 0) & (sharp < 255)).sum() < ((soft > 0) & (soft < 255)).sum()
    assert np.array_equal(sharp == 255, result.mask("dog"))


def test_the_edge_loses_the_backgrounds_colour(result):
    cleaned = np.array(cut_out(result, ["dog"]))
    outside = cleaned[30, 18:20]  # shown a little, and blue in the photo
    assert (outside[:, 3] > 0).all()
    assert (outside[:, 0] > outside[:, 2]).all()


def test_islands_are_left_out_and_the_largest_region_stays():
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:80] = True
    mask[40:45, 40:45] = False
    kept = mask.copy()
    mask[2:4, 2:4] = True
    mask[42, 42] = True
    assert np.array_equal(without_islands(mask), kept)
    small = np.zeros((9, 9), bool)
    small[3, 3] = True
    assert np.array_equal(without_islands(small), small)


def test_backgrounds(result, tmp_path):
    assert cut_out(result, ["dog"], (255, 255, 255)).getpixel((2, 2)) == (255, 255, 255)
    assert cut_out(result, ["dog"], (255, 255, 255)).getpixel((40, 30)) == RED
    assert cut_out(result, ["dog"], "blur").mode == "RGB"
    Image.new("RGB", (500, 20), "green").save(tmp_path / "meadow.png")
    before = cut_out(result, ["dog"], parse_background(str(tmp_path / "meadow.png")))
    assert (before.size, before.getpixel((2, 2))) == ((80, 60), (0, 128, 0))


def test_a_background_by_its_name():
    assert parse_background("white") == parse_background("#FFffFF") == (255, 255, 255)
    with pytest.raises(FullconvError, match="--background sea: give white, black, blur"):
        parse_background("sea")


def test_files_are_named_by_class_and_asked_ones_are_always_written(result, tmp_path):
    assert [path.name for path in result.save(tmp_path, "a", ["cutout"])] == ["a_dog_cutout.png"]
    asked = replace(result, asked=("cat", "dog"))
    names = {path.name for path in asked.save(tmp_path, "b", ["cutout", "masks"])}
    assert names == {"b_cat_cutout.png", "b_dog_cutout.png", "b_cat.png", "b_dog.png"}
    assert not np.array(Image.open(tmp_path / "b_cat.png")).any()
    assert not alpha(Image.open(tmp_path / "b_cat_cutout.png")).any()


@pytest.mark.parametrize("reach", [1, 2, 3, 5, 7])
def test_growing_and_shrinking_reach_as_far_as_they_say(reach):
    mask = np.zeros((31, 33), bool)
    mask[15, 16] = True
    expected = np.zeros_like(mask)
    expected[15 - reach : 16 + reach, 16 - reach : 17 + reach] = True
    assert np.array_equal(grown(mask, reach), expected)
    assert np.array_equal(shrunk(expected, reach), mask)


def test_in_python(result):
    assert result.cutout("dog").shape == (60, 80, 4)
    assert result.cutout("cat", "dog")[30, 40, 3] == 255
    with pytest.raises(FullconvError, match="no class 'cow'"):
        result.cutout("cow")
