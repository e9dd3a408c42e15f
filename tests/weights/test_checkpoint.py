"""The state of a run on disk."""

import pickle

import torch

from fullconv.weights.checkpoint import load_state, save_state


def test_a_state_that_was_read_from_a_file_gives_the_same_bytes(tmp_path):
    entry = {"epoch": 1, "iou": {"class of a name": 0.5}}
    groups = [{"lr": 0.1, "betas": (0.9, 0.99)}]
    again = pickle.loads(pickle.dumps(entry))  # equal strings, other objects
    for name, history in (("straight", [entry, entry | {"epoch": 2}]), ("resumed", [again, entry | {"epoch": 2}])):
        save_state(tmp_path / name, {"history": history, "optimiser": {"param_groups": groups}, "a": torch.ones(3)})
    assert (tmp_path / "straight").read_bytes() == (tmp_path / "resumed").read_bytes()
    assert load_state(tmp_path / "resumed")["history"][0] == entry
