"""Workers that die, simulated by a worker without a process."""

import time

import pytest

from fullconv.errors import FullconvError
from fullconv.serving.messages import Answer, Task
from fullconv.serving.refusal import Refusal
from fullconv.serving.workers import TRIES, Worker

TASK, ANSWER = Task("photos", b""), Answer("image/png", b"", {})


class Dying(Worker):
    """Gives prepared replies, one after another. If `starts` is False, the processes that replace it do not start."""

    def __init__(self, said, starts=True):
        self.said, self.starts, self.renewed = iter(said), starts, 0

    def _exchange(self, task, seconds):
        return next(self.said)

    def renew(self):
        self.renewed += 1
        if not self.starts:
            raise FullconvError("a worker process ended before it was ready")


@pytest.mark.parametrize("starts", [True, False])
def test_a_picture_is_tried_again_if_its_worker_or_the_next_one_dies(starts):
    worker = Dying([EOFError(), EOFError(), ANSWER], starts)
    assert worker.ask(TASK, time.monotonic() + 60) == ANSWER
    assert worker.renewed == 2


def test_a_picture_that_kills_every_worker_is_refused():
    with pytest.raises(Refusal, match="died"):
        Dying([EOFError()] * TRIES).ask(TASK, time.monotonic() + 60)


def test_a_worker_that_takes_too_long_is_replaced():
    worker = Dying([TimeoutError()], starts=False)
    with pytest.raises(Refusal, match="took too long") as refused:
        worker.ask(TASK, time.monotonic() + 60)
    assert "Retry-After" not in refused.value.headers  # the page would send the picture again
    assert worker.renewed == 1
