"""The largest batch that fits, found by trial."""

import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from fullconv.training import batch_size
from fullconv.training.batch_size import LARGEST, SMALLEST, largest
from fullconv.training.length import fitted
from fullconv.training.recipe import Recipe


@given(st.integers(0, 600))
def test_the_largest_power_of_two_that_fits(most):
    found = largest(lambda batch: batch <= most)
    assert found == max([2**n for n in range(1, 9) if 2**n <= most], default=0)
    assert found in (0, *range(SMALLEST, LARGEST + 1))


def test_nothing_is_tried_beyond_one_that_does_not_fit():
    tried = []
    largest(lambda batch: tried.append(batch) or batch < 8)
    assert tried == [2, 4, 8]


def test_a_step_that_runs_out_of_memory_does_not_fit(monkeypatch):
    def short(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(batch_size, "two_steps", short)
    for name in ("reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    assert not batch_size.fits(None, None, Recipe(), None, 4)


@pytest.mark.parametrize(("reserved", "right"), [(80, True), (95, False)])
def test_some_memory_stays_free(monkeypatch, reserved, right):
    monkeypatch.setattr(batch_size, "two_steps", lambda *_: None)
    for name in ("reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: reserved)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (0, 100))
    assert batch_size.fits(None, None, Recipe(), None, 4) is right


def test_on_a_cpu_the_number_of_pictures_decides_and_never_the_memory():
    for pictures in (20, 100, 5000):
        asked = fitted(Recipe(batch_size=0), ("batch_size",), pictures, (300, 300))
        assert asked == fitted(Recipe(), (), pictures, (300, 300))


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_wrong_batch_size_is_refused(text):
    result = CliRunner().invoke(fullconv, ["train", "data", "--batch-size", text])
    assert result.exit_code == 2
    assert f"{text}: give a number of pictures, 1 or more, or auto" in result.output


def test_whole_pictures_have_no_largest_batch():
    with pytest.raises(FullconvError, match="batch_size must be 1 or more where crop_size is 0"):
        Recipe(batch_size=0, crop_size=0)
