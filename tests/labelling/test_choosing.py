"""Which pictures are chosen to be labelled next."""

from pathlib import Path

import numpy as np
import pytest

from fullconv.data.dataset import UnlabelledPicture
from fullconv.labelling.choosing import by_diversity, by_uncertainty
from fullconv.labelling.looks import Look, cells, doubt

RANDOM = np.random.default_rng(0)


def look(name, doubt=0.0, features=(0.0,), thumbnail=None):
    thumbnail = RANDOM.integers(0, 255, 18 * 16, np.uint8).tobytes() if thumbnail is None else thumbnail
    return Look(UnlabelledPicture(Path(name)), doubt, np.array(features, np.float32), thumbnail)


def names(looks):
    return [look.picture.name for look in looks]


def test_the_least_certain_come_first():
    looks = [look("a", 0.1), look("b", 0.5), look("c", 0.3)]
    assert names(by_uncertainty(looks, [], 2)) == ["b", "c"]


def test_only_one_of_the_pictures_that_look_the_same_is_chosen():
    first, second = look("a", 0.9), look("c", 0.5)
    looks = [first, look("b", 0.8, thumbnail=first.thumbnail), second]
    assert names(by_uncertainty(looks, [], 3)) == ["a", "c"]
    assert names(by_uncertainty(looks, [look("labelled", thumbnail=first.thumbnail)], 3)) == ["c"]


def test_diversity_chooses_the_farthest_from_labelled_and_chosen_pictures():
    looks = [look(name, features=[x]) for name, x in (("near", 1), ("far", 9), ("farther", 10), ("middle", 5))]
    assert names(by_diversity(looks, [look("labelled", features=[0])], 2)) == ["farther", "middle"]


def test_without_labelled_pictures_diversity_starts_in_the_middle_and_repeats_none():
    looks = [look(name, features=[x]) for name, x in (("left", 0), ("middle", 5), ("right", 10.5))]
    assert names(by_diversity(looks, [], 9)) == ["middle", "right", "left"]
    same = [look("a"), look("b")]
    assert sorted(names(by_diversity(same, [], 2))) == ["a", "b"]


def test_doubt_depends_on_the_margin_between_the_two_best_classes():
    chances = np.zeros((3, 1, 2), np.float32)
    chances[:, 0, 0], chances[:, 0, 1] = (1, 0, 0), (0.4, 0.2, 0.4)
    assert doubt(chances) == pytest.approx((0 + 1) / 2)
    assert doubt(np.ones((1, 2, 2), np.float32)) == 0


def test_cells_are_the_means_of_the_parts():
    plane = np.repeat(np.repeat(np.arange(16, dtype=np.float32).reshape(4, 4), 5, 0), 3, 1)
    assert cells(plane) == pytest.approx(np.arange(16))
