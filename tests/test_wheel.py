"""The wheel holds all that a prediction needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MEGABYTES = 40  # more, and something got in that nobody needs to predict


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from what git tracks. Needs the build backend, from an index or at hand."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if not tracked:
        pytest.skip("no checkout")
    for name in tracked.splitlines():
        if (ROOT / name).is_file():
            (folder / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "copy" / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", folder, folder / "copy"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if "hatchling" in done.stderr and done.returncode:
        pytest.skip("no hatchling to build with")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_predicts_on_its_own(wheel, tmp_path):
    """Unpacked into an empty folder and run from there; the dependencies are this environment's."""
    assert wheel.stat().st_size < MEGABYTES * 2**20
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "photo.jpg").write_bytes((ROOT / "examples" / "chelsea.jpg").read_bytes())
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}

    def run(*arguments):
        command = [sys.executable, "-m", "fullconv", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path / "work", env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "photos" in run("models")
    assert "cat" in run("predict", "photo.jpg", "--out", "masks")
    assert (tmp_path / "work" / "masks" / "photo_cat.png").is_file()
