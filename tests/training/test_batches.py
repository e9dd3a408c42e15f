import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_run import TINY

from fullconv.data.description import describe
from fullconv.training.batches import load_epoch, parts_of, shares_of
from fullconv.training.recipe import Recipe
from fullconv.training.transforms import NOTHING, Epoch

CPU = torch.device("cpu")


@given(st.integers(0, 50), st.integers(1, 9), st.integers(1, 5))
def test_every_picture_is_seen_once_and_all_processes_keep_step(pictures, batch_size, count):
    by_rank = [shares_of(pictures, batch_size, rank, count) for rank in range(count)]
    assert len({tuple(map(len, shares)) for shares in by_rank}) == 1
    for i, together in enumerate(zip(*by_rank, strict=True)):
        seen = sorted(position for share in together for position in share if position != NOTHING)
        assert seen == list(range(i * batch_size, min((i + 1) * batch_size, pictures)))


@given(st.integers(1, 20), st.integers(1, 20))
def test_parts_are_no_more_than_asked_and_hold_everything(pictures, count):
    given_pictures = [(torch.full((3, 2, 2), i), torch.full((2, 2), i)) for i in range(pictures)]
    parts = parts_of(given_pictures, count)
    assert len(parts) <= count
    assert torch.cat([images[:, 0, 0, 0] for images, _ in parts]).tolist() == list(range(pictures))
    assert max(len(images) for images, _ in parts) == -(-pictures // count)


@pytest.fixture
def samples(disc_data):
    return describe(disc_data).mapped().split("train")


def test_nothing_is_a_picture_all_void(samples):
    epoch = Epoch(samples, Recipe(**TINY), 0)
    image, labels = epoch[NOTHING]
    assert (image.shape, labels.unique().tolist()) == ((3, 64, 64), [255])


def test_whoever_makes_the_random_changes_makes_the_same(samples):
    """A GPU gets what workers read, and draws what they would have drawn; here another CPU tensor stands for it."""
    recipe = Recipe(**{**TINY, "colour": 0.5})
    for augments in (True, False):
        epoch = Epoch(samples, recipe, 1)
        epoch.augments = augments
        read = [epoch[i] for i in range(4)]
        changed = read if augments else [epoch.change(*picture, device=CPU) for picture in read]
        if augments:
            expected = changed
    for ours, theirs in zip(changed, expected, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_whole_pictures_come_one_at_a_time_at_their_own_size(samples):
    recipe = Recipe(**{**TINY, "crop_size": 0, "batch_size": 3, "accumulate": 3, "scale": (1.0, 1.0)})
    batches = list(load_epoch(samples, recipe, 0, torch.ones(len(samples)), CPU))
    assert [len(parts) for parts in batches] == [3, 3, 3, 3, 3, 1]
    assert {tuple(images.shape) for parts in batches for images, _ in parts} == {(1, 3, 64, 80)}
