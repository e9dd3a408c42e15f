"""What a terminal shows while folders, rasters and videos are predicted."""

import os
import pty
import re
import subprocess

import pytest
from PIL import Image

from tests.commands.shell import COMMAND, OK
from tests.conftest import EXAMPLES
from tests.prediction.scenes import blobs, save_bright_model, write_scene

TIME_LEFT = re.compile(r"\d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_bright_model(tmp_path_factory.mktemp("bright"))


def seen(*arguments):
    """Returns what the command shows on a terminal while its results go to a file."""
    terminal, end = pty.openpty()
    command = [*COMMAND, "predict", *map(str, arguments), "--engine", "onnxruntime"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=end) as process:
        os.close(end)
        shown = b""
        while part := read(terminal):
            shown += part
    os.close(terminal)
    assert process.returncode == OK, shown
    return shown.decode()


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end was closed
        return b""


def steps(shown):
    """Returns the percentages that were shown."""
    return [int(share) for share in re.findall(r"(\d+)%", shown)]


# A bar shows the time left after one second, so each test has more work than that.
def test_a_bar_counts_the_photos_of_a_folder(model, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(120):
        Image.open(EXAMPLES / "chelsea.jpg").resize((400, 300)).save(photos / f"{number}.jpg")
    shown = seen(photos, "--model", model, "--out", tmp_path / "out")
    assert steps(shown)[-1] == 100
    assert steps(shown) == sorted(steps(shown))
    assert TIME_LEFT.search(shown)


def test_a_bar_counts_the_windows_of_a_raster(model, tmp_path):
    pytest.importorskip("rasterio")
    scene = write_scene(tmp_path / "north.tif", blobs(1400, 1800, cell=40))
    shown = seen(scene, "--model", model, "--tile", 64, "--out", tmp_path / "out")
    assert "north.tif" in shown
    assert steps(shown)[-1] == 100
    assert TIME_LEFT.search(shown)


def test_a_bar_counts_the_frames_of_a_video(model, tmp_path):
    pytest.importorskip("av")
    from tests.jobs.clips import write_clip

    clip = write_clip(tmp_path / "clip.mp4", frames=120, size=(320, 240))
    shown = seen(clip, "--model", model, "--out", tmp_path / "out")
    assert "clip.mp4" in shown
    assert "120/120" in shown
    assert TIME_LEFT.search(shown)
