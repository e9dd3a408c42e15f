"""A process that was forked after a model was loaded raises an error, and never waits forever."""

import subprocess
import sys

import pytest

CODE = """
import multiprocessing, sys
import numpy as np
import fullconv
engine, first, then = sys.argv[1:]
image = np.zeros((64, 64, 3), np.uint8)
model = fullconv.load("photos", engine=engine) if first != "nothing" else None
if first == "predicted":
    model.predict(image)

def work():
    try:
        mine = fullconv.load("photos", engine=engine) if then == "load" else model
        print("label map", mine.predict(image).label_map.shape, flush=True)
    except fullconv.FullconvError as error:
        print(error, flush=True)

process = multiprocessing.get_context("fork").Process(target=work)
process.start()
process.join(100)
if process.exitcode is None:
    process.kill()
    print("hangs")
if first != "nothing":
    print("parent", model.predict(image).label_map.shape)
"""
REFUSED = (
    "a model was loaded before this process was forked, and cannot be used here; load models only in the processes "
    'that use them, or start these processes with multiprocessing.get_context("spawn")'
)
NEEDS = {"openvino": "openvino", "onnxruntime": "onnxruntime", "torch": "torch"}


def forked(*arguments):
    """Returns the lines that the child prints, then those of the parent."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, *arguments], capture_output=True, text=True, check=True,
        timeout=300,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.parametrize("engine", NEEDS)
@pytest.mark.parametrize(("first", "then"), [("loaded", "predict"), ("predicted", "predict"), ("predicted", "load")])
def test_a_model_of_the_parent_gives_a_one_line_error(engine, first, then):
    pytest.importorskip(NEEDS[engine])
    assert forked(engine, first, then) == [REFUSED, "parent (64, 64)"]


def test_a_child_can_load_a_model_if_the_parent_has_none():
    assert forked("openvino", "nothing", "load") == ["label map (64, 64)"]
