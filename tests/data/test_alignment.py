"""Masks that are all shifted alike are found by the edges of their pictures, and no others are."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullconv.classes import VOID, Classes
from fullconv.data.alignment import PICTURES, align, chosen, edges_of, labels_of, shift_of
from fullconv.data.dataset import Sample
from fullconv.data.description import describe
from fullconv.data.doctor.examination import check
from fullconv.data.masks import identity_lookup
from fullconv.data.survey import survey

SIZE = (128, 160)  # height, width
COUNT = 12
NAMES = Classes.named(["background", "object"])


def discs(seed):
    """Two discs, each of a brightness of its own, under strong noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    image, mask = np.full(SIZE, 100.0), np.zeros(SIZE, np.uint8)
    for _ in range(2):
        inside = np.hypot(y - rng.uniform(30, 98), x - rng.uniform(30, 130)) < rng.uniform(12, 25)
        image[inside] = rng.choice([40, 170])
        mask[inside] = 1
    return noisy(image, rng), mask


def lines(seed):
    """A crooked dark line, two pixels wide."""
    rng = np.random.default_rng(seed)
    mask = Image.new("L", SIZE[::-1])
    points = [(x, float(rng.uniform(20, 108))) for x in range(0, 161, 20)]
    ImageDraw.Draw(mask).line(points, fill=1, width=2)
    mask = np.asarray(mask)
    return noisy(130 - 70.0 * mask, rng), mask


def noisy(grey, rng):
    return np.clip(grey[..., None] + rng.normal(0, 20, (*SIZE, 3)), 0, 255).astype(np.uint8)


def moved(array, down, right):
    """What comes in from the other side is the outermost row or column."""
    rows = np.clip(np.arange(SIZE[0]) - down, 0, SIZE[0] - 1)
    columns = np.clip(np.arange(SIZE[1]) - right, 0, SIZE[1] - 1)
    return array[np.ix_(rows, columns)]


def found_in(pairs):
    aligned = [align(edges_of(image), labels_of(mask), mask.shape[1]) for image, mask in pairs]
    return shift_of([each for each in aligned if each])


@pytest.mark.parametrize("draw", [discs, lines])
@pytest.mark.parametrize(("down", "right"), [(0, 8), (-8, 0), (6, -6), (0, -5)])
def test_shifted_masks_are_found(draw, down, right):
    shift = found_in((image, moved(mask, down, right)) for image, mask in map(draw, range(COUNT)))
    assert abs(shift.down - down) <= 1
    assert abs(shift.right - right) <= 1
    assert sum(shift.agreeing) > 0.8 * COUNT


@pytest.mark.parametrize("draw", [discs, lines])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (0, 8), (-8, 0), (6, -6), (12, 12)])
def test_pictures_shifted_together_with_their_masks_are_not(draw, down, right):
    assert (
        found_in((moved(image, down, right), moved(mask, down, right)) for image, mask in map(draw, range(30))) is None
    )


@pytest.mark.parametrize("seed", range(20))
def test_masks_of_other_pictures_are_not(seed):
    some = range(100 * seed, 100 * seed + COUNT)
    assert found_in((discs(i)[0], discs(i + 50)[1]) for i in some) is None


def test_masks_shifted_to_different_sides_are_not():
    moves = [(8, 0), (-8, 0), (0, 8), (0, -8)]
    assert found_in((discs(i)[0], moved(discs(i)[1], *moves[i % 4])) for i in range(COUNT)) is None


def grown(mask, by):
    padded = np.pad(mask, by)
    views = [padded[i : i + SIZE[0], j : j + SIZE[1]] for i in range(2 * by + 1) for j in range(2 * by + 1)]
    return np.max(views, axis=0)


def test_outlines_drawn_at_some_distance_are_not():
    assert found_in((image, grown(mask, 4)) for image, mask in map(discs, range(COUNT))) is None


def with_outline(mask, value):
    """The pixels within four of a border have this value."""
    near = grown(mask, 4) != 1 - grown(1 - mask, 4)
    return np.where(near, np.uint8(value), mask)


def test_outlines_that_are_a_class_are_not():
    assert found_in((image, with_outline(mask, 2)) for image, mask in map(discs, range(COUNT))) is None


def test_void_along_borders_hides_nothing():
    pairs = [(image, with_outline(mask, VOID)) for image, mask in map(discs, range(COUNT))]
    assert found_in(pairs) is None
    shift = found_in((image, moved(mask, 0, 8)) for image, mask in pairs)
    assert abs(shift.right - 8) <= 1


def test_the_shift_is_given_in_pixels_of_the_full_size():
    def larger(array):
        return np.kron(array, np.ones((4, 4, 1)[: array.ndim], np.uint8))

    shift = found_in((larger(image), larger(moved(mask, 8, -4))) for image, mask in map(discs, range(COUNT)))
    assert abs(shift.down - 32) <= 4
    assert abs(shift.right + 16) <= 4


@pytest.mark.parametrize("kind", ["few pictures", "no borders", "tiny"])
def test_too_little_says_nothing(kind):
    pairs = [(image, moved(mask, 0, 8)) for image, mask in map(discs, range(7 if kind == "few pictures" else COUNT))]
    if kind == "no borders":
        pairs = [(image, np.zeros_like(mask)) for image, mask in pairs]
    if kind == "tiny":
        pairs = [(image[:40, :40], mask[:40, :40]) for image, mask in pairs]
    assert found_in(pairs) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -3.4e38])
def test_pixels_without_data_do_no_harm(value):
    def deep(image):
        values = image.astype(np.float32)
        values[:20, :20] = value
        return values

    pairs = [(deep(image), moved(mask, 0, 8)) for image, mask in map(discs, range(COUNT))]
    assert all(np.isfinite(edges_of(image)).all() for image, _ in pairs)
    assert abs(found_in(pairs).right - 8) <= 1


def save(folder, pairs):
    for i, pair in enumerate(pairs):
        for kind, array in zip(("images", "masks"), pair, strict=True):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(array).save(folder / kind / f"{i:02}.png")
    (folder / "data.yaml").write_text("path: .\nnames: [background, object]\n")
    return folder


def samples(folder):
    pairs = zip(sorted((folder / "images").iterdir()), sorted((folder / "masks").iterdir()), strict=True)
    return [Sample(image.stem, image, mask, identity_lookup(NAMES)) for image, mask in pairs]


def test_check_and_train_say_the_same(tmp_path):
    save(tmp_path, ((image, moved(mask, 3, -8)) for image, mask in map(discs, range(COUNT))))
    (finding,) = [finding for finding in check(tmp_path).findings if finding.kind == "masks-shifted"]
    words = "the masks look shifted by about 8 pixels to the left and 3 down against their pictures"
    assert (finding.severity, finding.text) == ("warning", f"{words} (12 of 12 pictures compared show it)")
    assert len(finding.cases) == COUNT
    assert finding.remedy.startswith("look at them with fullconv check")
    assert survey(samples(tmp_path), NAMES).shift.text == finding.text


def test_correct_masks_are_no_finding(tmp_path):
    save(tmp_path, map(discs, range(COUNT)))
    assert "masks-shifted" not in {finding.kind for finding in check(tmp_path).findings}
    assert survey(samples(tmp_path), NAMES).shift is None


def test_few_of_many_pictures_are_compared():
    many = [Sample(str(i), f"{i}.jpg", f"{i}.png", identity_lookup(NAMES)) for i in range(1000)]
    assert len(chosen(many)) == PICTURES
    assert chosen(many) == chosen(many)
    assert len(chosen(many[:5])) == 5


SETS = ["aerial-buildings", "camvid", "cracks", "nuclei", "oxford-pets", "photos-labelled", "voc-animals"]


@pytest.mark.parametrize("name", SETS)
def test_real_masks_are_found_only_if_they_are_shifted(real_data, name):
    splits = describe(real_data(name)).mapped().splits
    some = [sample for members in splits.values() for sample in members][::3][:30]
    read = [(edges_of(image), label_map) for image, label_map in (sample.read() for sample in some)]
    for down, right in ((0, 0), (0, 8), (-8, 0)):
        masks = [np.roll(label_map, (down, right), (0, 1)) for _, label_map in read]
        aligned = [align(edges, labels_of(mask), mask.shape[1]) for (edges, _), mask in zip(read, masks, strict=True)]
        shift = shift_of([each for each in aligned if each])
        assert (shift is not None) == bool(down or right)
