"""Items of any weight and duration are all processed, in order, within the memory budget."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from fullconv.prediction.flow import in_order

WEIGHTS = st.lists(st.tuples(st.integers(0, 130), st.integers(0, 3)), max_size=30)


class Scale:
    """Adds up the weights of the items in progress, and keeps the largest sum."""

    def __init__(self):
        self.lock, self.held, self.peak = threading.Lock(), 0, 0

    def add(self, weight):
        with self.lock:
            self.held += weight
            self.peak = max(self.peak, self.held)


@settings(deadline=None, max_examples=60)
@given(WEIGHTS, st.integers(1, 100), st.integers(1, 8))
def test_the_budget_and_the_order_are_kept(things, most, at_once):
    scale, refused, begun = Scale(), [], []

    def work(thing, need):
        time.sleep(thing[1] / 2000)
        return thing

    def begin(thing, need):
        begun.append(thing)
        scale.add(need) if need <= most else refused.append(thing)
        return pool.submit(work, thing, need)

    found = []
    with ThreadPoolExecutor(4) as pool:
        for thing, future in in_order(((thing, thing[0]) for thing in things), begin, most, at_once):
            found.append(future.result(timeout=20))
            assert len(begun) - len(found) < at_once + 1
            assert thing == found[-1]
            scale.add(-thing[0] if thing[0] <= most else 0)
    assert found == things
    assert scale.peak <= most
    assert scale.held == 0
    assert refused == [thing for thing in things if thing[0] > most]


def test_a_result_keeps_its_memory_until_it_is_consumed():
    begun = []

    def begin(thing, need):
        begun.append(thing)
        return pool.submit(lambda: thing)

    with ThreadPoolExecutor(2) as pool:
        flow = in_order(((thing, 40) for thing in range(10)), begin, 100, 8)
        next(flow)
        time.sleep(0.05)
        assert begun == [0, 1]
        next(flow)
        assert begun == [0, 1, 2]
        flow.close()


def test_items_that_fit_together_run_together():
    meeting = threading.Barrier(3, timeout=20)
    with ThreadPoolExecutor(3) as pool:
        flow = in_order(((thing, 30) for thing in range(3)), lambda thing, need: pool.submit(meeting.wait), 100, 8)
        assert sorted(future.result() for _, future in flow) == [0, 1, 2]
