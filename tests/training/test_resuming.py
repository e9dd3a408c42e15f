"""States of runs that strangers made, or a bad disk: one line, and nothing of theirs is run."""

import os
import re
import shutil

import pytest
import torch

from fullconv.errors import FullconvError
from fullconv.training import finishing
from tests.training.test_run import run


@pytest.fixture(scope="module", autouse=True)
def no_export():
    """Export and pictures take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "write_card_and_graph", lambda folder: folder)
        patch.setattr(finishing, "illustrate", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def trained(disc_data, tmp_path_factory, no_export):
    """A run of one epoch."""
    out = tmp_path_factory.mktemp("trained")
    run(disc_data, out, epochs=1)
    return out


class Code:
    """What a pickle can run when it is opened."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def parameter(state):
    """The optimiser's numbers of a kernel."""
    return next(one for one in state["optimiser"]["state"].values() if one["exp_avg"].ndim == 4)


def larger(state):
    parameter(state)["exp_avg"] = torch.zeros(7, 7)


CHANGES = {
    "no history": lambda state: state.pop("history"),
    "a history of numbers": lambda state: state.update(history=[1, 2]),
    "epochs that are not counted": lambda state: state["history"][0].update(epoch="first"),
    "no model": lambda state: state.pop("model"),
    "a model that is none": lambda state: state.update(model=3),
    "another model": lambda state: state["model"].update(more=torch.zeros(3)),
    "a parameter of another shape": lambda state: state["model"].update(
        dict.fromkeys(list(state["model"])[:1], torch.zeros(1))
    ),
    "no average": lambda state: state.pop("average"),
    "an optimiser that is none": lambda state: state.update(optimiser=[]),
    "a moment of another shape": larger,
    "an optimiser without a moment": lambda state: parameter(state).pop("exp_avg"),
    "a step of many numbers": lambda state: parameter(state).update(step=torch.ones(3)),
    "a rate in words": lambda state: state["optimiser"]["param_groups"][0].update(lr="fast"),
    "a schedule that is none": lambda state: state.update(schedule=5),
    "a schedule that replaces its own functions": lambda state: state["schedule"].update(step=1),
    "a schedule of words": lambda state: state["schedule"].update(last_epoch="ten"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_that_does_not_fit_gives_a_one_line_error(change, trained, disc_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    CHANGES[change](state)
    torch.save(state, tmp_path / "run" / "last.pt")
    refused(disc_data, tmp_path / "run", "cannot be read as the state of this run")


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\3\4", b"\x80\4K\1."])
def test_a_file_that_is_not_a_state_gives_a_one_line_error(content, trained, disc_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "last.pt").write_bytes(content)
    refused(disc_data, tmp_path / "run", "cannot be read as the state of a run")


def test_a_state_that_would_run_code_is_not_opened(trained, disc_data, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    torch.save({**state, "more": Code(tmp_path / "made")}, tmp_path / "run" / "last.pt")
    refused(disc_data, tmp_path / "run", "it is damaged, or contains more than tensors and numbers")
    assert not (tmp_path / "made").exists()


def refused(data, folder, why):
    with pytest.raises(FullconvError, match=re.escape(why)) as error:
        run(data, folder, epochs=1, resume=True)
    assert "\n" not in str(error.value)
    assert "last.pt" in str(error.value)
    assert "weights_only" not in str(error.value)
