"""fullconv predict killed at any moment, and on disks that are too small."""

import json
import random
import shutil
import subprocess
import time

import pytest
from PIL import Image

from tests.commands.shell import COMMAND, FAILED, OK, contents, pictures, shell
from tests.conftest import EXAMPLES


@pytest.fixture
def sixty(tmp_path):
    """60 small photos in subfolders. Some have equal names, names with spaces, or names in other scripts."""
    photos = tmp_path / "my photos"
    photo = Image.open(EXAMPLES / "chelsea.jpg")
    for i in range(60):
        path = photos / ("日本", "a b", ".")[i % 3] / f"hüt {i // 3}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.crop((4 * i, 2 * i, 4 * i + 64, 2 * i + 48)).save(path)
    return photos


@pytest.fixture(scope="session")
def model(unenlarged):
    return ["--model", unenlarged, "--engine", "onnxruntime"]


def test_a_killed_and_resumed_run_gives_the_same_results(sixty, model, tmp_path):
    everything = ["--save", "labels,masks,overlay,scores,polygons,coco,labelme", *model]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert shell("predict", sixty, "--out", whole, *everything).returncode == OK
    arguments = ["predict", sixty, "--out", killed, *everything, "--resume", "--json", "-"]
    kill_after(10, killed, arguments)
    before = {line["target"] for line in pictures(killed)}
    assert 10 <= len(before) < 60
    expected = contents(whole)
    assert all(content == expected[name] for name, content in contents(killed).items())
    times = {path: path.stat().st_mtime_ns for path in killed.rglob("*")}

    result = shell(*arguments)

    assert result.returncode == OK, result.stderr
    assert len(json.loads(result.stdout)["results"]) == 60 - len(before)
    assert contents(killed) == expected
    assert not list(killed.rglob(".*"))
    done = pictures(killed)
    assert len(done) == len({line["target"] for line in done}) == 60
    untouched = [killed / name for line in done if line["target"] in before for name in line["outputs"]]
    assert all(path.stat().st_mtime_ns == times[path] for path in untouched)
    again = shell(*arguments)
    assert (again.returncode, json.loads(again.stdout)["results"]) == (OK, [])


def test_a_run_can_be_killed_repeatedly_at_any_moment(sixty, model, tmp_path):
    """At each of these moments, every file under its final name is complete. The last run finishes the work."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    saving = ["--save", "labels,overlay,polygons,coco", *model]
    assert shell("predict", sixty, "--out", whole, *saving).returncode == OK
    expected, moments = contents(whole), sorted(random.sample(range(1, 58), 4))
    for moment in moments:
        kill_after(moment, killed, ["predict", sixty, "--out", killed, *saving, "--resume"], random.uniform(0, 0.05))
        assert all(content == expected[name] for name, content in contents(killed).items()), moments
    result = shell("predict", sixty, "--out", killed, *saving, "--resume")
    assert result.returncode == OK, result.stderr
    assert contents(killed) == expected, moments
    assert not list(killed.rglob(".*"))
    assert {line["target"] for line in pictures(killed)} == {line["target"] for line in pictures(whole)}


def kill_after(count, out, arguments, later=0.0):
    """Sends SIGKILL to the command `later` seconds after so many pictures are done."""
    with subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while len(pictures(out)) < count and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(later)
        process.kill()


@pytest.fixture
def small_disk(tmp_path):
    """Runs the command with its --out on a disk of so many kilobytes, in its own mount namespace."""
    mounting = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*mounting, "mount -t tmpfs tmpfs /mnt"], check=False).returncode:
        pytest.skip("nothing can be mounted here")

    def predict(kilobytes, kept, *arguments):
        disk = tmp_path / "disk"
        disk.mkdir(exist_ok=True)
        script = f'mount -t tmpfs -o size={kilobytes}k tmpfs "$0" && "$@"; code=$?; cp -a "$0" "{kept}"; exit $code'
        command = [*mounting, script, str(disk), *COMMAND, "predict", *map(str, arguments), "--out", str(disk / "out")]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    return predict


@pytest.mark.parametrize("kilobytes", [200, 212, 400])
def test_a_full_disk_gives_a_one_line_error_and_no_damaged_files(sixty, model, small_disk, tmp_path, kilobytes):
    whole, kept = tmp_path / "whole", tmp_path / "kept"
    saving = ["--save", "overlay,labels,polygons,coco", *model]
    assert shell("predict", sixty, "--out", whole, *saving).returncode == OK
    result = small_disk(kilobytes, kept, sixty, *saving)
    assert result.returncode == FAILED
    assert result.stderr.count("\n") == 1
    assert "No space left on device; free some space, then run again with --resume" in result.stderr
    found, expected = contents(kept / "out"), contents(whole)
    assert 0 < len(found) < len(expected)
    assert all(content == expected[name] for name, content in found.items())
    assert not list(kept.rglob(".*.part*"))


@pytest.mark.parametrize("kilobytes", [60, 150])
def test_a_full_disk_stops_a_video_with_a_one_line_error(small_disk, model, tmp_path, kilobytes):
    pytest.importorskip("av")
    from tests.jobs.clips import write_clip

    clip = write_clip(tmp_path / "clip.mp4", frames=300, size=(320, 240), noise=True)
    result = small_disk(kilobytes, tmp_path / "kept", clip, *model)
    assert result.returncode == FAILED
    assert result.stderr.count("\n") == 1
    assert "No space left on device; free some space, then run again with --resume" in result.stderr
    assert [path.name for path in (tmp_path / "kept" / "out").iterdir()] == ["predictions.jsonl"]
