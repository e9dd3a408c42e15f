"""The plan of a run on a cluster, which is made before Ray starts."""

import json
from contextlib import closing

import pytest
from PIL import Image

from fullconv.errors import FullconvError
from fullconv.jobs.done import begin
from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.outcome import Outcome, stamp
from fullconv.jobs.plan import left_out, plan
from fullconv.outputs.manifest import BEGUN, NAME, Owners
from fullconv.prediction.engines.choice import Choice
from fullconv.view import Reading

pytest.importorskip("pyarrow")
from fullconv.jobs.cluster_manifest import begun, outcome_of
from fullconv.jobs.cluster_plan import find
from fullconv.jobs.cluster_task import Task
from fullconv.jobs.stores import place

ENDINGS = ["_labels.png", "_overlay.jpg", "_cat.png"]


def task(folder, out, *inputs, pages=False, overwrite=False):
    wanted = Wanted(("labels",), reading=Reading(pages=pages))
    places = [place(str(folder / one)) for one in inputs]
    return Task(places, place(str(out)), wanted, Choice(), ENDINGS, overwrite)


def save(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2)).save(folder / name)


@pytest.fixture
def photos(tmp_path):
    """Pictures, a link to other pictures, a circular link, and files that are not pictures."""
    folder = tmp_path / "photos"
    save(folder, "a.png", "sub/b.jpg", "sub/.hidden.png", ".cache/c.png")
    save(tmp_path / "others", "d.png")
    (folder / "link").symlink_to(tmp_path / "others")
    (folder / "sub" / "round").symlink_to(folder)
    for name in ("n.psd", "sub/n.txt", "a.png.aux.xml", "Thumbs.db"):
        (folder / name).write_text("x")
    return folder


def names(found):
    return [row["name"] for row in found.rows]


@pytest.mark.parametrize("inputs", [["."], ["*.png", "sub"], ["**/*"], ["a.png", "link", "a.png"]])
def test_pictures_and_names_are_the_same_as_without_a_cluster(photos, tmp_path, inputs):
    found = find(task(photos, tmp_path / "out", *inputs), None)
    jobs = plan([str(photos / one) for one in inputs], tmp_path / "out")
    assert names(found) == [job.target.relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert [row["path"] for row in found.rows] == [str(job.source) for job in jobs]
    assert found.skipped == left_out(jobs)[1]


def test_a_damaged_file_is_reported_again_and_retried_only_after_it_changed(photos, tmp_path):
    wanted, settings, bad = task(photos, tmp_path / "out", "."), {"model": "photos"}, photos / "a.png"
    bad.write_bytes(b"no picture")
    outcome = Outcome(bad, error=f"{bad}: not an image", damaged=True, stamp=stamp(bad))
    with closing(begin(tmp_path / "out", settings)) as manifest:
        manifest.add(Job(bad, tmp_path / "out" / "a"), outcome)
    found = find(wanted, settings)
    assert (len(found.rows), found.done) == (2, 0)
    assert [outcome_of(line).error for line in found.damaged] == [outcome.error]
    assert len(find(wanted, {"model": "others"}).rows) == 3
    save(photos, "a.png")
    found = find(wanted, settings)
    assert (len(found.rows), found.damaged) == (3, [])


def test_other_files_are_counted(photos, tmp_path):
    (photos / "clip.mp4").write_bytes(b"x")
    found = find(task(photos, tmp_path / "out", "."), None)
    assert names(found) == ["a", "link/d", "sub/b"]
    assert found.skipped == "3 files skipped: .mp4 1, .psd 1, .txt 1"
    with pytest.raises(FullconvError, match=r"clip\.mp4: videos and cameras cannot use a cluster"):
        find(task(photos, tmp_path / "out", "clip.mp4"), None)


def test_results_of_earlier_runs_are_left_out_and_counted(photos, tmp_path):
    save(photos, "a_labels.png")
    (photos / NAME).write_text(json.dumps({"run": "1", "target": "a", "outputs": ["a_labels.png"]}) + "\n")
    found = find(task(photos, tmp_path / "out", "."), None)
    assert (names(found), found.results) == (["a", "link/d", "sub/b"], 1)
    with pytest.raises(FullconvError, match="contains only results"):
        find(task(photos, tmp_path / "out", "a_*.png"), None)


@pytest.mark.parametrize("pages", [False, True])
def test_files_of_others_are_protected_also_through_links(photos, tmp_path, pages):
    save(photos, "a_labels.png", "link/d_cat.png", "a_page12_labels.png", "a_other.png", "ab_labels.png")
    found = find(task(photos, photos, "a.png", "link/d.png", pages=pages), None)
    foreign = [json.loads(row["foreign"]) for row in found.rows]
    assert foreign == [["a_labels.png", "a_page12_labels.png"] if pages else ["a_labels.png"], []]
    whole = find(task(photos, photos, ".", pages=pages), None)
    assert {row["name"]: json.loads(row["foreign"]) for row in whole.rows}["link/d"] == ["link/d_cat.png"]


def test_pages_of_a_killed_run_belong_to_their_picture(tmp_path):
    save(tmp_path / "photos", "a.png", "b.png")
    out = tmp_path / "out"
    save(out, "b_page2_labels.png")
    this = task(tmp_path / "photos", out, ".", pages=True)
    lines = [begun(this, row) for row in find(this, None).rows]
    save(out, "a_labels.png", "a_page3_labels.png", "a_page3_other.png")
    (out / NAME).write_text("".join(f"{json.dumps({'run': '1', **line})}\n" for line in lines))
    owners = Owners(out)
    assert owners.of("a_page3_labels.png")[0] == "a"
    assert [owners.of(name)[0] for name in ("a_page3_other.png", "b_page2_labels.png")] == [None, None]
    foreign = {row["name"]: json.loads(row["foreign"]) for row in find(this, None).rows}
    assert foreign == {"a": [], "b": ["b_page2_labels.png"]}
    done = {"run": "1", "target": "a", "outputs": ["a_labels.png"]}
    with (out / NAME).open("a") as file:
        file.write(json.dumps(done) + "\n")
    assert owners.of("a_page3_labels.png")[0] is None


def test_a_page_cannot_have_the_name_of_another_picture(tmp_path):
    save(tmp_path, "a.png", "a_page2.png")
    assert names(find(task(tmp_path, tmp_path / "out", "."), None)) == ["a", "a_page2"]
    with pytest.raises(FullconvError, match=r"a_page2\.png: its results would have the same names as .*a\.png; rename"):
        find(task(tmp_path, tmp_path / "out", ".", pages=True), None)


def test_without_pages_no_page_is_recorded(tmp_path):
    save(tmp_path, "a.png")
    this = task(tmp_path, tmp_path / "out", ".")
    (row,) = find(this, None).rows
    assert begun(this, row) == {BEGUN: "a", "may_write": [f"a{ending}" for ending in ENDINGS]}
