"""A local Ray cluster of two workers reads from and writes to a local S3 server. Its results are compared with those
of a plain run."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from fullconv.words import was
from tests.conftest import EXAMPLES
from tests.prediction.scenes import blobs, save_bright_model, write_scene

pytest.importorskip("ray")
moto = pytest.importorskip("moto.server")

# Ray takes ten seconds to start, so these tests take three minutes.
# pip install 'fullconv[ray]' 'moto[server]>=5'; python -m pytest tests/jobs/test_cluster.py
pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-c", "from fullconv.commands.main import main; main()"]

OPTIONS = ["--save", "labels,masks,overlay,polygons,coco,labelme", "--engine", "onnxruntime"]
CLUSTER = ["--cluster", "ray", "--workers", "2"]
OK, FAILED = 0, 1
COUNT = 100
NAMES = ["photos/{}.png", "photos/sub/{}.png", "photos/日本/a b {}.png", "photos/sub/{}.jpg"]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A folder on disk with the same content as the bucket: COUNT small pictures in subfolders, and the results of a
    plain run."""
    folder = tmp_path_factory.mktemp("disk") / "bucket"
    photo = Image.open(EXAMPLES / "chelsea.jpg")
    for i in range(COUNT):
        path = folder / NAMES[i % 4].format(i // 4)
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.crop((i, i // 2, i + 64, i // 2 + 48)).save(path)
    result = shell("predict", folder / "photos", "--out", folder / "out", *OPTIONS)
    assert result.returncode == OK, result.stderr
    return folder


class Store:
    """The bucket of an S3 server on this machine."""

    def __init__(self, address):
        from pyarrow import fs

        self.query = f"?endpoint_override={address}&scheme=http&region=us-east-1"
        self.files = fs.S3FileSystem(
            endpoint_override=address, scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        self.files.create_dir("bucket")
        self.selector = fs.FileSelector

    def __call__(self, name):
        return f"s3://bucket/{name}{self.query}"

    def put(self, name, content):
        with self.files.open_output_stream(f"bucket/{name}") as stream:
            stream.write(content)

    def names(self, folder):
        found = self.files.get_file_info(self.selector(f"bucket/{folder}", recursive=True, allow_not_found=True))
        return {info.path.removeprefix("bucket/") for info in found if info.is_file}

    def has(self, name):
        return self.files.get_file_info(f"bucket/{name}").is_file

    def get(self, name):
        return self.files.open_input_stream(f"bucket/{name}").read()

    def contents(self, folder):
        return {name: self.get(name) for name in self.names(folder)}

    def times(self, folder):
        return {name: self.files.get_file_info(f"bucket/{name}").mtime_ns for name in self.names(folder)}


@pytest.fixture
def bare_store(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    urlopen(
        f"http://{host}:{port}/moto-api/reset", data=b""
    ).close()  # otherwise it still has the objects of the last test
    yield Store(f"{host}:{port}")
    server.stop()


@pytest.fixture
def store(bucket, bare_store):
    for path in (bucket / "photos").rglob("*.*"):
        bare_store.put(path.relative_to(bucket).as_posix(), path.read_bytes())
    return bare_store


def shell(*arguments):
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def results(folder):
    """Returns {name: content} of all files except the manifest, with the names they have in the bucket. Hidden files
    are included."""
    return {f"{folder.name}/{name}": content for name, content in results_below(folder).items()}


def results_below(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "predictions.jsonl"
    }


def picture_lines(content):
    """Returns the manifest's lines about pictures."""
    return [line for line in map(json.loads, content.decode().splitlines()) if "target" in line]


def finished_lines(content):
    """Returns the manifest's lines about finished pictures. There can be errors, too, if the store did not answer."""
    return [line for line in picture_lines(content) if "error" not in line]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid):
    """Returns the processes that `pid` started, directly or indirectly."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def workers(pid):
    """Returns the descendants that have a model in memory."""
    found = []
    for child in descendants(pid):
        try:
            title = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"MapBatches(Worker)" in title:
            found.append(child)
    return found


def wait_for(condition, seconds=240):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.2)  # leaves time to the server, which runs in this process


def test_no_picture_is_lost_or_repeated_if_a_worker_is_killed(bucket, store):
    expected = results(bucket / "out")
    arguments = ["predict", store("photos"), "--out", store("out"), *OPTIONS, *CLUSTER]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: len(store.names("out")) > random.randint(5, 200))
        victim = workers(process.pid)[0]
        os.kill(victim, signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == OK, errors.decode()
    written = store.contents("out")
    lines = picture_lines(written.pop("out/predictions.jsonl"))
    assert 0 < len(expected) == len(written)
    assert written == expected
    assert len(lines) == len({line["target"] for line in lines}) == COUNT
    assert {f"out/{name}" for line in lines for name in line["outputs"]} == set(expected)
    plain = picture_lines((bucket / "out" / "predictions.jsonl").read_bytes())
    assert {(line["target"], str(line["classes"])) for line in lines} == {
        (line["target"], str(line["classes"])) for line in plain
    }
    assert {line["file"] for line in lines} == {f"s3://bucket/{name}" for name in store.names("photos")}


HASTY = """
import time
from fullconv.commands.main import main
from fullconv.jobs import cluster, cluster_manifest
class Slow(cluster.Worker):
    def process(self, *row):
        time.sleep(1)
        return super().process(*row)
cluster.Worker, cluster_manifest.PAUSE = Slow, (0.5, 1.0)
main()
"""


def test_a_killed_job_is_resumed(bucket, store):
    """The manifest is copied about every second, so the job is killed between two copies."""
    expected = results(bucket / "out")
    arguments = ["predict", store("photos"), "--out", store("out"), *OPTIONS, *CLUSTER, "--resume"]
    with subprocess.Popen([sys.executable, "-c", HASTY, *arguments], stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: store.has("out/predictions.jsonl") and picture_lines(store.get("out/predictions.jsonl")))
        started = descendants(process.pid)
        process.kill()
    wait_for(lambda: not any(map(alive, started)))  # all processes of Ray end
    before = store.contents("out")
    earlier = finished_lines(before.pop("out/predictions.jsonl"))
    assert 0 < len(earlier) < COUNT
    assert all(content == expected[name] for name, content in before.items())
    times = store.times("out")
    result = shell(*arguments)
    assert result.returncode == OK, result.stderr
    written = store.contents("out")
    lines = finished_lines(written.pop("out/predictions.jsonl"))
    assert written == expected
    assert len(lines) == len({line["target"] for line in lines}) == COUNT
    assert lines[: len(earlier)] == earlier
    assert f"; {len(earlier)} {was(len(earlier))} finished earlier" in result.stdout
    untouched = {f"out/{name}" for line in earlier for name in line["outputs"]}
    assert untouched
    assert {name: times[name] for name in untouched}.items() <= store.times("out").items()


def test_a_resumed_run_processes_only_what_changed(bucket, store):
    """One picture changes, the result of another is removed, and a third is damaged."""
    arguments = ["predict", store("photos"), "--out", store("out"), *OPTIONS, *CLUSTER, "--resume", "--json", "-"]
    first = shell(*arguments)
    assert first.returncode == OK, first.stderr
    assert len(json.loads(first.stdout)["results"]) == COUNT
    again = shell(*arguments)
    assert (again.returncode, json.loads(again.stdout)["results"]) == (OK, [])
    lines = finished_lines(store.get("out/predictions.jsonl"))
    changed, missing, damaged = sorted(line["file"].removeprefix("s3://bucket/") for line in lines)[:3]
    target = next(line for line in lines if line["file"].endswith(missing))
    store.files.delete_file(f"bucket/out/{target['outputs'][0]}")
    time.sleep(1.1)  # S3 has times in whole seconds
    store.put(changed, (bucket / changed).read_bytes())
    store.put(damaged, b"no picture")
    result = shell(*arguments)
    assert result.returncode == FAILED
    assert len(json.loads(result.stdout)["results"]) == 3
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: s3://bucket/{damaged}: not an image, or empty; remove it or convert it to JPEG or PNG"]
    again = shell(*arguments)
    assert again.returncode == FAILED
    assert [line for line in again.stderr.splitlines() if line.startswith("error: ")] == errors
    assert [row["error"] for row in json.loads(again.stdout)["results"]] == [errors[0].removeprefix("error: ")]


@pytest.mark.parametrize("side", [64, None])
def test_rasters_are_the_same_as_without_a_cluster(bare_store, tmp_path, side):
    """From bucket to bucket, and from folder to folder. Each worker processes several rasters. One has 16 bits."""
    pytest.importorskip("rasterio")
    folder, model = tmp_path / "scenes", save_bright_model(tmp_path / "bright")
    for number, size in enumerate([(200, 260), (90, 70), (64, 64)]):
        write_scene(folder / f"{number}" / "north.tif", blobs(*size, seed=number, cell=20), nodata=0)
    write_scene(folder / "deep.tif", blobs(120, 110, cell=20).astype(np.uint16) * 40)
    for path in folder.rglob("*.tif"):
        bare_store.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
    outputs = ["--save", "labels,masks,overlay,scores,polygons,geopackage", "--engine", "onnxruntime"]
    options = [*outputs, "--model", model, *(["--tile", side] if side else [])]
    for out, more in (("plain", []), ("out", CLUSTER)):
        result = shell("predict", folder, "--out", tmp_path / out, *options, *more)
        assert result.returncode == OK, result.stderr
    result = shell("predict", bare_store("scenes"), "--out", bare_store("out"), *options, *CLUSTER)
    assert result.returncode == OK, result.stderr
    stored = bare_store.contents("out")
    plain, clustered = (results_below(tmp_path / name) for name in ("plain", "out"))
    assert len(finished_lines(stored.pop("out/predictions.jsonl"))) == 4
    assert len(plain) > 4 * 6
    assert clustered == plain
    assert {name.removeprefix("out/"): content for name, content in stored.items()} == plain


DEADLY = """
import os
from fullconv.commands.main import main
from fullconv.jobs import cluster
class Deadly(cluster.Worker):
    def process(self, number, path, name, foreign):
        if name == "7":
            os.kill(os.getpid(), 9)
        return super().process(number, path, name, foreign)
cluster.Worker = Deadly
main()
"""


def test_a_picture_that_kills_its_worker_affects_only_the_pictures_of_its_task(bucket, tmp_path):
    """From folder to folder. The manifest lists the failed pictures, and --resume processes them."""
    photos = tmp_path / "bucket" / "photos"
    photos.mkdir(parents=True)
    for i in range(64):
        os.link(bucket / NAMES[0].format(i % (COUNT // 4)), photos / f"{i}.png")
    arguments = ["predict", str(photos), "--out", str(tmp_path / "bucket" / "out"), *OPTIONS, *CLUSTER]
    deadly = subprocess.run(
        [sys.executable, "-c", DEADLY, *arguments], capture_output=True, text=True, check=False, timeout=400
    )
    assert deadly.returncode == FAILED
    errors = [line for line in deadly.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 32
    assert any(
        line == f"error: {photos}/7.png: 4 workers died while processing it or a picture in the same batch"
        for line in errors
    )
    result = shell(*arguments, "--resume")
    assert result.returncode == OK, result.stderr
    assert "32 pictures" in result.stdout
    assert "32 were finished earlier" in result.stdout
    assert shell("predict", photos, "--out", tmp_path / "bucket" / "plain", *OPTIONS).returncode == OK
    out, plain = (results_below(tmp_path / "bucket" / name) for name in ("out", "plain"))
    assert out == plain  # no hidden files of dead workers are left


def test_files_of_others_are_kept_and_results_are_not_inputs(bucket, bare_store):
    """The results are written to the folder of the photos, so later runs find the results of the first one there."""
    photos = {f"photos/{i}.png": (bucket / NAMES[0].format(i)).read_bytes() for i in range(3)}
    for name, content in {**photos, "photos/1_labels.png": photos["photos/2.png"]}.items():
        bare_store.put(name, content)
    bare_store.put("photos/2_overlay.jpg", b"made by hand")
    arguments = ["predict", *map(bare_store, photos), bare_store("photos/1_labels.png"), "--out", bare_store("photos")]
    arguments += ["--save", "labels,overlay", *CLUSTER, "--engine", "onnxruntime", "--json", "-"]
    for more, refused in (([], 2), ([], 2), (["--overwrite"], 1)):
        result = shell(*arguments, *more)
        assert result.returncode == FAILED, result.stderr
        assert len(json.loads(result.stdout)["results"]) == 4
        errors = sorted(line for line in result.stderr.splitlines() if line.startswith("error: "))
        assert len(errors) == refused, result.stderr
        assert errors[0].startswith("error: s3://bucket/photos/1_labels.png: exists, and no earlier run wrote it")
        assert bare_store.get("photos/1_labels.png") == photos["photos/2.png"]
    assert bare_store.get("photos/2_overlay.jpg") != b"made by hand"
    whole = shell("predict", bare_store("photos"), *arguments[5:])
    assert len(json.loads(whole.stdout)["results"]) == 4
