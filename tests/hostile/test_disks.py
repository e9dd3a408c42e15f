"""Commands on a disk that is full, fills up or cannot be written to, and with a full folder for temporary files:
one line, exit code 1, and nothing under a final name but what is whole. With space again, it ends as if nothing had
been."""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from fullconv.serving.site import RUNTIME, RUNTIME_FILES
from tests.hostile.running import run
from tests.hostile.works import TINY, photos, training_data

pytestmark = pytest.mark.slow
DISK, PAGE, ROOM = "out-disk", 4096, "64m"
TIMED = ("predictions.jsonl", "manifest.json", "report.html", "a.json", "a.html")  # they tell times
WRITES = {
    "predict": ["predict", "photos", "--out", f"{DISK}/masks"],
    "predict --json": ["predict", "photos/00.png", "--out", "out-masks", "--json", f"{DISK}/a.json"],
    "check --json": ["check", "data.yaml", "--json", f"{DISK}/a.json"],
    "check --sheet": ["check", "data.yaml", "--sheet", f"{DISK}/a.png"],
    "evaluate --json": ["evaluate", "cats.yaml", "--json", f"{DISK}/a.json"],
    "evaluate --report": ["evaluate", "cats.yaml", "--report", f"{DISK}/a.html"],
    "evaluate --confusion": ["evaluate", "cats.yaml", "--confusion", f"{DISK}/a.png"],
    "label": ["label", "photos", "--count", "2", "--out", f"{DISK}/chosen"],
    "page": ["page", "--onnxruntime-web", "runtime", "--out", f"{DISK}/site"],
    "bench": ["bench", "--size", "64x64", "--engine", "openvino", "--precision", "fp32", "--json", f"{DISK}/a.json"],
    "explain": ["explain", "kernels", "photos/00.png", "--out", f"{DISK}/a.svg"],
    "explain to PNG": ["explain", "kernels", "photos/00.png", "--out", f"{DISK}/a.png"],
    "export": ["export", "photos", "--quiet", "--to", "openvino", "--out", f"{DISK}/model"],
    "convert": ["convert", "caffe", "net.caffemodel", "--net", "fcn-googlenet", "--no-onnx", "--out", f"{DISK}/model"],
}
NEEDS = {"explain": "torch", "explain to PNG": "torch", "convert": "torch"}


@dataclass(frozen=True)
class Disk:
    """A disk of its own at `place`."""

    place: Path

    def mount(self, size):
        self.place.mkdir(exist_ok=True)
        if not self._mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
            pytest.skip("nothing can be mounted here")

    def change(self, options):
        assert self._mount("-o", f"remount,{options}")

    def fill(self):
        (self.place / "filler").write_bytes(bytes(PAGE))

    def unmount(self):
        subprocess.run(["umount", self.place], check=True)

    def _mount(self, *options):
        return subprocess.run(["mount", *options, self.place], capture_output=True, check=False).returncode == 0

    def contents(self):
        """{name: digest} of all files, but for what is in the way."""
        files = (path for path in self.place.rglob("*") if path.is_file() and path.name != "filler")
        return {str(path.relative_to(self.place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    @property
    def used(self):
        return sum(path.stat().st_size for path in self.place.rglob("*") if path.is_file())


@pytest.fixture
def disk(tmp_path):
    if not shutil.which("mount"):
        pytest.skip("nothing can be mounted here")
    made = Disk(tmp_path / DISK)
    yield made
    while made.place.is_mount():
        made.unmount()


@pytest.fixture
def folder(tmp_path):
    """The inputs of all commands."""
    photos(tmp_path)
    training_data(tmp_path)
    (tmp_path / "cats.yaml").write_text("path: data\nnames: [background, cat]\n")
    (tmp_path / "runtime" / "dist").mkdir(parents=True)
    (tmp_path / "runtime" / "package.json").write_text(json.dumps({"version": RUNTIME}))
    for name in RUNTIME_FILES:
        (tmp_path / "runtime" / "dist" / name).write_text("//" * PAGE)
    return tmp_path


def ended(arguments, folder, temporary="."):
    return run(*arguments, inside=folder, seconds=300, memory=16 << 30, temporary=temporary)


def lasting(contents):
    return {name: digest for name, digest in contents.items() if Path(name).name not in TIMED}


def again(arguments):
    """The command that goes on with what was begun."""
    return [*arguments, "--resume"] if arguments[0] == "predict" else arguments


def prepare(name, folder):
    """Skips where what the command needs is not installed; makes what only it reads."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    if name == "convert":
        from tests.hostile.kills import caffemodel

        caffemodel(folder)


@pytest.mark.parametrize("name", WRITES)
def test_a_bad_disk_is_one_line_and_loses_nothing(name, folder, disk):
    prepare(name, folder)
    arguments = WRITES[name]
    disk.mount(ROOM)
    right = ended(arguments, folder)
    assert right.code == 0, right.err
    whole, used = lasting(disk.contents()), disk.used
    disk.unmount()
    full(arguments, folder, disk)
    filling_up(arguments, folder, disk, used, whole)
    read_only(arguments, folder, disk)


def full(arguments, folder, disk):
    disk.mount(PAGE)
    disk.fill()
    said = ended(arguments, folder).refused()
    assert "No space left on device; " in said or "cannot be written (No space left on device); " in said
    assert set(disk.contents()) <= {"masks/predictions.jsonl"}
    disk.unmount()


def filling_up(arguments, folder, disk, used, whole):
    """Half of what is needed is there; then all of it."""
    disk.mount(max(PAGE, used // 2))
    if used <= PAGE:
        disk.fill()
    assert "No space left on device" in ended(arguments, folder).refused()
    found = disk.contents()
    assert not [name for name in found if Path(name).name.startswith(".")]
    assert lasting(found).items() <= whole.items()
    disk.change(f"size={ROOM}")
    later = ended(again(arguments), folder)
    assert later.code == 0, later.err
    assert lasting(disk.contents()) == whole
    disk.unmount()


def read_only(arguments, folder, disk):
    disk.mount(ROOM)
    disk.change("ro")
    assert "Read-only file system" in ended(arguments, folder).refused()
    disk.unmount()


@pytest.mark.parametrize("name", WRITES)
def test_a_full_folder_for_temporary_files_is_done_without_or_one_line(name, folder, disk):
    prepare(name, folder)
    disk.mount(PAGE)
    disk.fill()
    end = ended([one.replace(DISK, "out-other") for one in WRITES[name]], folder, temporary=DISK)
    if end.code:
        end.refused()
    assert end.code == 0 or "temporary" in end.err
    assert not disk.contents()


@pytest.fixture
def trained(folder):
    """A training that nothing disturbs, in the folder out-right; gives its size."""
    pytest.importorskip("torch")
    assert train(folder, "out-right").code == 0
    return sum(path.stat().st_size for path in (folder / "out-right").rglob("*") if path.is_file())


def train(folder, run):
    """Begins a training, or resumes it if it has saved a state."""
    has_state = (folder / run / "last.pt").exists()
    arguments = ["train", "--resume", run] if has_state else ["train", "data.yaml", *TINY, "--out", run]
    return ended(arguments, folder)


@pytest.mark.parametrize("room", [0, 0.5, 0.9, 1.2], ids="{:.0%} of what it needs".format)
def test_a_training_whose_disk_fills_up_goes_on_to_the_same_model(room, folder, trained, disk):
    run = f"{DISK}/run"
    disk.mount(max(PAGE, int(room * trained)))
    stopped = train(folder, run)
    assert stopped.code == 1
    assert "No space left on device; free some space" in stopped.err.splitlines()[-1]
    stopped.orderly()
    disk.change(f"size={ROOM}")
    assert train(folder, run).code == 0
    for name in ("model/model.safetensors", "model/model.onnx", "last.pt"):
        assert (folder / run / name).read_bytes() == (folder / "out-right" / name).read_bytes(), name


def test_a_training_on_a_disk_that_cannot_be_written_to_is_one_line(folder, disk):
    pytest.importorskip("torch")
    disk.mount(ROOM)
    disk.change("ro")
    assert "Read-only file system" in train(folder, f"{DISK}/run").refused()
