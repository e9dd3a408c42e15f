"""The time of a picture, without that of getting a network ready."""

import shutil
import time
from threading import Thread

from fullconv.jobs.images import run
from fullconv.jobs.job import Wanted
from fullconv.jobs.plan import plan
from fullconv.prediction.engines.openvino import OpenVINO
from fullconv.prediction.getting_ready import SPENT, getting_ready
from fullconv.prediction.predictor import load
from tests.conftest import EXAMPLES

LONG = 4.0  # seconds, far more than the picture takes


def test_compiling_a_network_is_not_time_of_a_picture(tmp_path, monkeypatch):
    """Two pictures of one size start together: one thread compiles, the other waits for it."""
    compile_network = OpenVINO._compile

    def compile_slowly(engine, key):
        time.sleep(LONG)
        return compile_network(engine, key)

    monkeypatch.setattr(OpenVINO, "_compile", compile_slowly)
    monkeypatch.setenv("FULLCONV_CACHE", str(tmp_path / "cache"))
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(EXAMPLES / "chelsea.jpg", tmp_path / name)
    jobs = plan([str(tmp_path / "*.jpg")], tmp_path / "out")
    start = time.perf_counter()
    outcomes = list(run(load("photos", engine="openvino"), jobs, Wanted(("labels",)), threads=2))
    assert time.perf_counter() - start > LONG
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert all(0 < outcome.seconds < LONG for outcome in outcomes)


def get_ready():
    with getting_ready():
        time.sleep(1)


def test_only_the_own_thread_counts():
    before = SPENT.seconds
    other = Thread(target=get_ready)
    other.start()
    other.join()
    assert SPENT.seconds == before
    get_ready()
    assert SPENT.seconds >= before + 1
