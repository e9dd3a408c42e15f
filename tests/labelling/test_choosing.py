"""Which pictures are chosen to be labelled next."""

from pathlib import Path

import numpy as np
import pytest

from fullconv.data.dataset import UnlabelledPicture
from fullconv.labelling.assessment import Assessment, cells, doubt
from fullconv.labelling.choosing import by_diversity, by_uncertainty

RANDOM = np.random.default_rng(0)


def assessment(name, doubt=0.0, features=(0.0,), thumbnail=None):
    thumbnail = RANDOM.integers(0, 255, 18 * 16, np.uint8).tobytes() if thumbnail is None else thumbnail
    return Assessment(UnlabelledPicture(Path(name)), doubt, np.array(features, np.float32), thumbnail)


def names(assessments):
    return [one.picture.name for one in assessments]


def test_the_least_certain_come_first():
    assessments = [assessment("a", 0.1), assessment("b", 0.5), assessment("c", 0.3)]
    assert names(by_uncertainty(assessments, [], 2)) == ["b", "c"]


def test_only_one_of_the_pictures_that_look_the_same_is_chosen():
    first, second = assessment("a", 0.9), assessment("c", 0.5)
    assessments = [first, assessment("b", 0.8, thumbnail=first.thumbnail), second]
    assert names(by_uncertainty(assessments, [], 3)) == ["a", "c"]
    assert names(by_uncertainty(assessments, [assessment("labelled", thumbnail=first.thumbnail)], 3)) == ["c"]


def test_diversity_chooses_the_farthest_from_labelled_and_chosen_pictures():
    assessments = [
        assessment(name, features=[x]) for name, x in (("near", 1), ("far", 9), ("farther", 10), ("middle", 5))
    ]
    assert names(by_diversity(assessments, [assessment("labelled", features=[0])], 2)) == ["farther", "middle"]


def test_diversity_chooses_no_picture_that_looks_like_a_labelled_one_or_like_another():
    labelled = assessment("labelled", features=[0])
    first = assessment("a", features=[1])
    alike = [assessment("copy", features=[9], thumbnail=labelled.thumbnail), first]
    alike += [assessment("b", features=[5]), assessment("c", features=[8], thumbnail=first.thumbnail)]
    assert names(by_diversity(alike, [labelled], 4)) == ["b", "a"]
    assert by_diversity(alike[:1], [labelled], 4) == []


def test_without_labelled_pictures_diversity_starts_in_the_middle_and_repeats_none():
    assessments = [assessment(name, features=[x]) for name, x in (("left", 0), ("middle", 5), ("right", 10.5))]
    assert names(by_diversity(assessments, [], 9)) == ["middle", "right", "left"]
    same = [assessment("a"), assessment("b")]
    assert sorted(names(by_diversity(same, [], 2))) == ["a", "b"]


def test_doubt_depends_on_the_margin_between_the_two_best_classes():
    chances = np.zeros((3, 1, 2), np.float32)
    chances[:, 0, 0], chances[:, 0, 1] = (1, 0, 0), (0.4, 0.2, 0.4)
    assert doubt(chances) == pytest.approx((0 + 1) / 2)
    assert doubt(np.ones((1, 2, 2), np.float32)) == 0


def test_cells_are_the_means_of_the_parts():
    plane = np.repeat(np.repeat(np.arange(16, dtype=np.float32).reshape(4, 4), 5, 0), 3, 1)
    assert cells(plane) == pytest.approx(np.arange(16))
