"""Which files are processed, and where their results go."""

import errno
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fullconv.errors import FullconvError
from fullconv.jobs.done import begin
from fullconv.jobs.images import run
from fullconv.jobs.job import Wanted
from fullconv.jobs.plan import is_video, left_out, plan
from tests.prediction.stubs import StubModel

OUT = Path("out")


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)


def targets(inputs, monkeypatch=None):
    return [job.target.as_posix() for job in plan([str(i) for i in inputs], OUT)]


def test_subfolders_and_unusual_names_are_kept(tmp_path):
    touch(tmp_path, "a.jpg", "sub/a.jpg", "sub dir/hüt 1.PNG", "日本/写真.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    assert targets([tmp_path]) == ["out/a", "out/sub/a", "out/sub dir/hüt 1", "out/日本/写真"]


def test_equal_stems_get_different_targets(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    assert targets([tmp_path]) == ["out/a_jpg", "out/a_png"]


def test_equal_names_from_two_folders_get_different_targets(tmp_path):
    touch(tmp_path, "one/a.jpg", "two/a.jpg", "three/one/a.jpg")
    assert targets([tmp_path / "one", tmp_path / "two"]) == ["out/one/a_jpg", "out/two/a_jpg"]
    assert len(set(targets([tmp_path / "one" / "a.jpg", tmp_path / "three" / "one" / "a.jpg"]))) == 2


def test_a_file_that_is_named_several_times_is_processed_once(tmp_path, monkeypatch):
    touch(tmp_path, "in/a.jpg", "in/b.jpg")
    monkeypatch.chdir(tmp_path)
    assert targets(["in", "in/../in/a.jpg", str(tmp_path / "in" / "b.jpg")]) == ["out/a", "out/b"]


def test_links_to_one_picture_from_two_folders_get_different_targets(tmp_path):
    touch(tmp_path, "real/a.jpg")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.jpg").symlink_to(tmp_path / "real" / "a.jpg")
    assert targets([tmp_path / "one", tmp_path / "two"]) == ["out/one/a_jpg", "out/two/a_jpg"]


def test_linked_folders_are_followed_and_circular_links_end(tmp_path, monkeypatch):
    touch(tmp_path, "disk/day1/a.jpg", "photos/day0/b.jpg")
    (tmp_path / "photos" / "day1").symlink_to(tmp_path / "disk" / "day1")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "again").symlink_to(tmp_path / "photos" / "day0")
    (tmp_path / "disk" / "day1" / "back").symlink_to(tmp_path / "photos" / "day0")
    (tmp_path / "photos" / "broken").symlink_to(tmp_path / "nowhere")
    assert targets([tmp_path / "photos"]) == ["out/day0/b", "out/day1/a"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "again").unlink()
    (tmp_path / "disk" / "day1" / "back").unlink()
    assert targets(["photos/**/*.jpg"]) == ["out/day0/b", "out/day1/a"]


def test_companion_files_of_a_raster_are_not_inputs(tmp_path, monkeypatch):
    touch(tmp_path, "a.tif")
    for ending in (".aux.xml", ".ovr", ".msk"):
        (tmp_path / f"a.tif{ending}").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    for inputs in (["."], ["*"], sorted(path.name for path in tmp_path.iterdir())):
        assert targets(inputs) == ["out/a"]
        assert left_out(plan(inputs, OUT))[1] == ""


def test_other_files_are_counted_by_extension(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "out/a_labels.png", ".hidden.jpg")
    for name in ("b.psd", "sub/c.PSD", "out/predictions.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert left_out(plan(["."], OUT))[1] == left_out(plan(["**/*"], OUT))[1] == "2 files skipped: .psd"
    for name in ("notes.txt", "README"):
        (tmp_path / name).touch()
    assert left_out(plan([".", "sub"], OUT))[1] == "4 files skipped: .psd 2, .txt 1, without an ending 1"
    assert left_out(plan(["a.jpg"], OUT))[1] == ""


def test_videos_and_cameras_are_inputs(tmp_path):
    touch(tmp_path, "a.jpg")
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.MOV").touch()
    assert targets([tmp_path]) == ["out/a_jpg", "out/a_mp4", "out/b"]
    (job,) = plan(["webcam:2"], OUT)
    assert (str(job.source), job.target) == ("webcam:2", OUT / "webcam_2")
    assert [is_video(job.source) for job in plan([str(tmp_path), "webcam:0"], OUT)] == [False, True, True, True]


def test_a_plan_can_be_iterated_again_and_is_ordered_by_input_and_path(tmp_path):
    touch(tmp_path, "z/b.jpg", "z/a b/c.jpg", "z/a/c.jpg", "y/a.jpg")
    jobs = plan([str(tmp_path / "z"), str(tmp_path / "y")], OUT)
    expected = [tmp_path / name for name in ("z/a/c.jpg", "z/a b/c.jpg", "z/b.jpg", "y/a.jpg")]
    assert [job.source for job in jobs] == [job.source for job in jobs] == expected
    assert len(jobs) == 4


MEMORY_OF_A_PLAN = """
import tracemalloc
from pathlib import PurePath
from fullconv.jobs.listing import Listing

def found():
    return ((0, f"/photos/{i:06}.jpg", PurePath(f"{i:06}.jpg")) for i in range(40_000))

def peak_of(work):
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak

len(Listing(iter(())))  # so that the memory of imported modules does not count
listed, planned = peak_of(lambda: list(found())), peak_of(lambda: sum(1 for _ in Listing(found())))
assert planned < listed / 2, (planned, listed)
"""


def test_the_memory_of_a_plan_hardly_grows():
    """Measures the memory of Python objects, in a separate process because its table of strings is small.
    benchmarks/many_pictures.py measures whole processes."""
    subprocess.run([sys.executable, "-c", MEMORY_OF_A_PLAN], check=True)


def test_globs_and_files_named_twice(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "b.jpg", "sub/c.jpg")
    monkeypatch.chdir(tmp_path)
    assert targets(["*.jpg", "a.jpg"]) == ["out/a", "out/b"]
    assert targets(["**/*.jpg"]) == ["out/a", "out/b", "out/sub/c"]


@pytest.mark.parametrize("out", ["out", ".", "photos", "photos/sub", "else/where"])
def test_results_of_an_earlier_run_are_not_inputs_wherever_they_are(tmp_path, monkeypatch, out):
    touch(tmp_path, "photos/a.jpg", "photos/sub/b.jpg", "photos/sub/mine_labels.png")
    monkeypatch.chdir(tmp_path)
    before = targets(["."])
    jobs = plan(["photos"], Path(out))
    with closing(begin(Path(out), {})) as manifest:
        assert len(list(run(StubModel(), jobs, Wanted(("labels", "overlay")), 2, manifest))) == 3
    assert len(list(Path(out).rglob("*_labels.png"))) >= 3
    assert targets(["."]) == before
    assert [job.source for job in plan(["photos/**/*"], OUT)] == [job.source for job in jobs]
    assert [job.source for job in plan(["photos/sub"], OUT)] == [job.source for job in jobs][1:]
    with pytest.raises(FullconvError, match="contains only results of earlier runs"):
        plan([str(next(Path(out).rglob("b_labels.png")))], OUT)
    again = plan(["photos", *map(str, Path(out).glob("*"))], OUT)
    assert {job.source for job in jobs} <= {job.source for job in again}
    assert again.results >= 2


def test_unfinished_results_are_not_inputs(tmp_path):
    touch(tmp_path, "a.jpg", ".scene.parts/labels.tif", ".a_labels-12345678.part.png")
    assert targets([tmp_path]) == ["out/a"]


def test_pictures_in_the_output_folder_are_processed(tmp_path):
    touch(tmp_path, "a.jpg", "sub/b.jpg")
    assert [job.target for job in plan([str(tmp_path)], tmp_path)] == [tmp_path / "a", tmp_path / "sub" / "b"]
    assert [job.target for job in plan([str(tmp_path)], tmp_path / "sub")] == [
        tmp_path / "sub" / "a", tmp_path / "sub" / "sub" / "b",
    ]  # fmt: skip


def test_a_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(FullconvError, match="no pictures found"):
        plan([str(tmp_path)], OUT)


def test_a_named_file_is_always_tried(tmp_path):
    touch(tmp_path, "there.png")
    assert set(targets([tmp_path / "missing.xyz", tmp_path / "there.png"])) == {"out/missing", "out/there"}


def test_a_single_missing_input_is_refused_before_anything_is_created(tmp_path):
    with pytest.raises(FullconvError, match=r"missing\.xyz: no such file or folder"):
        targets([tmp_path / "missing.xyz"])


@given(st.sets(st.from_regex(r"([ab]/){0,2}[ab]\.(jpg|png)", fullmatch=True), min_size=1))
@settings(deadline=None)  # it writes files
def test_no_two_pictures_share_a_target(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("pictures")
    touch(root, *names)
    found = targets([root, *(root / name for name in names)])
    assert len(set(found)) == len(found) == len(names)


def test_a_name_that_leaves_no_room_for_those_of_the_results_is_refused(tmp_path):
    touch(tmp_path, "a.png", "y" * 245 + ".png")
    first, second = run(StubModel(), plan([str(tmp_path)], tmp_path / "out"), Wanted(("labels",)), 2)
    assert first.error is None
    assert second.error.endswith("yyy.png: the names of its results are too long; shorten its name")


def test_a_full_disk_stops_the_run_and_finished_results_stay(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{i:02}.png" for i in range(40)))
    written = []

    def save(result, target, *_):
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(target)
        return []

    monkeypatch.setattr("fullconv.jobs.images.save", save)
    model, outcomes = StubModel(), []
    with pytest.raises(FullconvError, match=r"out.05: No space left on device; free some space.*resume"):
        outcomes.extend(run(model, plan([str(tmp_path)], OUT), Wanted(("labels",)), 1))
    assert len(written) == 5
    assert len(model.seen) < 10


def test_other_errors_of_writing_affect_only_their_picture(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a_labels.png").mkdir()
    first, second = run(StubModel(), plan([str(tmp_path)], tmp_path / "out"), Wanted(("labels",)), 2)
    assert "cannot be written (Is a directory)" in first.error
    assert second.error is None


def test_outcomes_keep_the_order_of_the_jobs_and_are_recorded(tmp_path):
    touch(tmp_path, *(f"{i:02}.png" for i in range(30)))
    jobs, recorder = plan([str(tmp_path)], tmp_path / "out"), StubRecorder()
    outcomes = list(run(StubModel(), jobs, Wanted(("labels",)), 4, recorder))
    assert [outcome.source for outcome in outcomes] == [job.source for job in jobs]
    assert set(recorder.done) == set(jobs)
    assert set(recorder.claimed) == {job.target for job in jobs}


class StubRecorder:
    def __init__(self):
        self.claimed, self.done = [], []

    def claim(self, target, paths):
        assert not any(path.exists() for path in paths)
        self.claimed.append(target)

    def add(self, job, outcome):
        assert job.target in self.claimed
        self.done.append(job)


@pytest.mark.parametrize("threads", [1, 3])
def test_only_a_few_pictures_are_in_progress(tmp_path, threads):
    """Whatever the number of pictures, and however slowly the caller consumes the outcomes."""
    touch(tmp_path, *(f"{i:02}.png" for i in range(40)))
    handed = []

    def jobs():
        for job in plan([str(tmp_path)], tmp_path / "out"):
            handed.append(job)
            yield job

    for taken, _ in enumerate(run(StubModel(), jobs(), Wanted(("labels",)), threads)):
        assert len(handed) - taken <= 2 * threads
    assert len(handed) == 40


def test_scores_are_kept_if_they_are_to_be_saved(tmp_path):
    touch(tmp_path, "a.png")
    (outcome,) = run(StubModel(), plan([str(tmp_path)], tmp_path / "out"), Wanted(("scores", "labelme")), 1)
    assert [path.name for path in outcome.outputs] == ["a_scores.npz", "a.json"]
    assert '"imagePath": "../a.png"' in outcome.outputs[1].read_text()
