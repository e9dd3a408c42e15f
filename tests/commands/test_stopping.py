"""Signals to a command: it stops soon, prints one line, has the exit code of shells, and --resume continues."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

FULLCONV = [sys.executable, "-m", "fullconv"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")


def started(*arguments, folder):
    return subprocess.Popen(
        [*FULLCONV, *map(str, arguments)], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  ignored in a shell's background
    )  # fmt: skip


def wait_for(pattern, folder, seconds=60):
    end = time.monotonic() + seconds
    while not list(folder.glob(pattern)):
        assert time.monotonic() < end, f"no {pattern}"
        time.sleep(0.05)


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "photos" / "0.png")
    for i in range(1, 400):
        os.link(tmp_path / "photos" / "0.png", tmp_path / "photos" / f"{i}.png")
    return tmp_path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_predict_stops_soon_and_can_be_resumed(number, code, photos):
    process = started("predict", "photos", "--save", "labels", "--out", "out", folder=photos)
    wait_for("out/*_labels.png", photos)
    begun = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert process.returncode == code, err
    assert err.splitlines() == ["stopped; finished results are kept; continue with --resume"]
    done = len(list(photos.glob("out/*_labels.png")))
    assert 0 < done < 400
    assert not list(photos.glob("out/.*.part*"))


def test_a_raster_stops_before_its_last_window(tmp_path):
    pytest.importorskip("rasterio")
    from tests.prediction.scenes import write_scene

    write_scene(tmp_path / "scene.tif", np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8))
    process = started("predict", "scene.tif", "--tile", "256", "--save", "labels", "--out", "out", folder=tmp_path)
    wait_for("out/.*/**/*", tmp_path)
    time.sleep(1)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.count("\n")) == (143, 1), err
    assert time.monotonic() - begun < 10
    assert not list(tmp_path.glob("out/*_labels.tif"))


def test_training_stops_with_its_workers(disc_data, tmp_path):
    pytest.importorskip("torch")
    small = ("--epochs", 500, "--workers", 2, "--trunk", "test_resnet", "--arch", "fcn32s", "--track", "none")
    process = started("train", disc_data, *small, "--out", "out", folder=tmp_path)
    wait_for("out/log.jsonl", tmp_path, 120)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    assert err.rstrip().splitlines()[-1] == "stopped; finished results are kept; continue with --resume out"
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(disc_data) not in listed


def test_a_signal_that_a_library_turns_into_an_error_is_not_reported_as_one():
    """An import of a C extension, for example, fails with "initialization failed" then."""
    code = """
import os, signal, time, click
from fullconv.commands.stopping import stoppable

@click.command()
@click.pass_context
def command(context):
    with stoppable(context):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(20)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

command()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 143
    assert done.stderr == "stopped; finished results are kept; run the command again\n"
