import logging

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The nets here are so small that threads would wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def said(caplog):
    """What training says, in `text`."""
    caplog.set_level(logging.INFO, logger="fullconv")
    return caplog
