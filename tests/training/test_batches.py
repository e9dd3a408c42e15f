import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fullconv.data.description import describe
from fullconv.training.batches import load_epoch, parts_of, shares_of
from fullconv.training.epoch import NOTHING, paste_objects, without_labels
from fullconv.training.objective import MicroBatch
from fullconv.training.recipe import Recipe
from tests.training.test_run import TINY
from tests.training_pictures import epoch_of, pictures_of

CPU = torch.device("cpu")


@given(st.integers(0, 50), st.integers(1, 9), st.integers(1, 5))
def test_every_picture_is_seen_once_across_processes(pictures, batch_size, count):
    by_rank = [shares_of(pictures, batch_size, rank, count) for rank in range(count)]
    assert len({tuple(map(len, shares)) for shares in by_rank}) == 1
    for i, together in enumerate(zip(*by_rank, strict=True)):
        seen = sorted(position for share in together for position in share if position != NOTHING)
        assert seen == list(range(i * batch_size, min((i + 1) * batch_size, pictures)))


@given(st.integers(1, 20), st.integers(1, 20))
def test_parts_are_no_more_than_asked_and_hold_everything(pictures, count):
    given_pictures = [MicroBatch(torch.full((3, 2, 2), i), torch.full((2, 2), i)) for i in range(pictures)]
    parts = parts_of(given_pictures, count)
    assert len(parts) <= count
    assert torch.cat([part.images[:, 0, 0, 0] for part in parts]).tolist() == list(range(pictures))
    assert max(len(part.images) for part in parts) == -(-pictures // count)


@pytest.fixture
def samples(disc_data):
    return describe(disc_data).mapped().split("train")


def test_nothing_is_a_picture_all_void(samples):
    image, labels, _ = epoch_of(samples, Recipe(**TINY), 0)[NOTHING]
    assert (image.shape, labels.unique().tolist()) == ((3, 64, 64), [255])


def test_whoever_makes_the_random_changes_makes_the_same(samples):
    """A GPU gets what workers read, and draws what they would have drawn; here another CPU tensor stands for it."""
    recipe = Recipe(**{**TINY, "colour": 0.5})
    for augments in (True, False):
        epoch = epoch_of(samples, recipe, 1)
        epoch.augments = augments
        read = [epoch[i] for i in range(4)]
        changed = read if augments else [epoch.change(item, device=CPU) for item in read]
        if augments:
            expected = changed
    for ours, theirs in zip(changed, expected, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_whole_pictures_come_one_at_a_time_at_their_own_size(samples):
    recipe = Recipe(**{**TINY, "crop_size": 0, "batch_size": 3, "accumulate": 3, "scale": (1.0, 1.0)})
    batches = list(load_epoch(pictures_of(samples), recipe, 0, CPU))
    assert [len(parts) for parts in batches] == [3, 3, 3, 3, 3, 1]
    assert {tuple(images.shape) for parts in batches for images, *_ in parts} == {(1, 3, 64, 80)}


def test_objects_of_another_picture_are_pasted_with_their_labels(samples):
    """A disc is bright and its ground dark, wherever it comes from; with another's there is more of it."""
    shares = {}
    for copy_paste in (0.0, 1.0):
        recipe = Recipe(**{**TINY, "copy_paste": copy_paste, "colour": 0.0, "scale": (1.0, 1.0)})
        parts = [epoch_of(samples, recipe, 0)[i] for i in range(len(samples))]
        shares[copy_paste] = torch.stack([(part.labels == 1).float().mean() for part in parts]).mean()
        for image, labels, _ in parts:
            assert image.float().mean(0)[labels == 1].min() > 60
            assert image.float().mean(0)[labels == 0].max() < 80
    assert shares[1.0] > 1.3 * shares[0.0]


def test_the_teacher_sees_what_is_pasted():
    labels = torch.zeros(8, 8, dtype=torch.long)
    donor = torch.zeros(8, 8, dtype=torch.long)
    donor[:, 4:] = 2
    donor[0, 0] = 255
    here, there = (torch.full((3, 2, 2), value) for value in (0.1, 0.9))
    image = torch.zeros(3, 8, 8)
    part = paste_objects(MicroBatch(image, labels, here), MicroBatch(image + 5, donor, there))
    assert part.labels.tolist() == [[0] * 4 + [2] * 4] * 8
    assert part.images[0, 0].tolist() == [0.0] * 4 + [5.0] * 4
    assert part.taught[0].tolist() == [[pytest.approx(0.1), pytest.approx(0.9)]] * 2


def test_an_empty_batch_changes_nothing(samples):
    empty = without_labels(MicroBatch(torch.zeros(3, 4, 4), torch.ones(4, 4), torch.ones(2, 1, 1)))
    assert (empty.labels.unique().tolist(), empty.taught.sum()) == ([255], 0)
