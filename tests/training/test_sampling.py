from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fullconv.training.sampling import Sampling, draw, epoch_length, repeat_factors


def test_rare_classes_ask_for_more_as_in_lvis():
    present = np.zeros((100, 3), bool)
    present[:, 0] = True
    present[:25, 1] = True
    present[:4, 2] = True
    factors = repeat_factors(present, balance=0.36)
    assert factors[:4].tolist() == pytest.approx([3.0] * 4)  # sqrt(0.36 / 0.04)
    assert factors[4:25].tolist() == pytest.approx([1.2] * 21)  # sqrt(0.36 / 0.25)
    assert (factors[25:] == 1).all()


def test_void_pictures_and_absent_classes_are_allowed():
    assert repeat_factors(np.array([[False, False], [True, False]]), 0.3).tolist() == [1.0, 1.0]


@given(st.lists(st.floats(1, 4), min_size=1, max_size=40), st.integers(0, 1000))
def test_each_sample_is_drawn_floor_or_ceil_of_its_factor(factors, seed):
    values = torch.tensor(factors, dtype=torch.float64)
    order = draw(values, torch.Generator().manual_seed(seed))
    counts = Counter(order)
    assert len(order) == epoch_length(values)
    short = sum(max(0, int(factor) - counts[i]) for i, factor in enumerate(factors))
    assert short <= 1  # the one that may be cut so that every epoch has one length
    assert all(counts[i] <= int(np.ceil(factor)) for i, factor in enumerate(factors))


@given(st.integers(1, 300), st.integers(0, 1000))
def test_without_balance_every_sample_is_drawn_once(n, seed):
    assert sorted(draw(torch.ones(n), torch.Generator().manual_seed(seed))) == list(range(n))


@given(st.integers(1, 30), st.integers(1, 60), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 100))
def test_unlabelled_pictures_take_turns_over_the_epochs(labelled, unlabelled, share, seed):
    sampling = Sampling(torch.ones(labelled), torch.ones(unlabelled), share)
    shown = Counter()
    for epoch in range(4):
        order = sampling.order(seed, epoch)
        assert len(order) == sampling.length
        assert sorted(index for index in order if index < labelled) == list(range(labelled))
        shown.update(index for index in order if index >= labelled)
    assert abs((sampling.length - labelled) / sampling.length - share) <= 0.5 / sampling.length + 1e-9
    counts = [shown[labelled + i] for i in range(unlabelled)]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == 4 * sampling.unlabelled_count


def test_the_order_depends_only_on_seed_and_epoch():
    sampling = Sampling(torch.ones(9), torch.tensor([2.0, 1.0, 1.5]), 0.5)
    assert sampling.order(1, 2) == sampling.order(1, 2)
    assert len({tuple(sampling.order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
