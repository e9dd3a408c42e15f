"""What is fullconv's own, and what it leaves alone."""

import json
import os
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from fullconv.errors import FullconvError, messages_with_flags
from fullconv.outputs.manifest import MAY_WRITE, NAME, Manifest, Results, owners_in
from tests.outputs.results import CLASSES, result_of

HAND_MADE = b"made by hand"


def lines(folder):
    return [json.loads(line) for line in (folder / NAME).read_text().splitlines()]


def test_saving_is_recorded_before_and_after(tmp_path):
    paths = result_of([[0, 2]], source=tmp_path / "my photo.jpg").save(tmp_path / "out", outputs=["labels", "masks"])
    names = ["my photo_labels.png", "my photo_background.png", "my photo_größe.png"]
    assert [path.name for path in paths] == names
    assert lines(tmp_path / "out") == [
        {"begun": "my photo", "writes": names},
        {"target": "my photo", "file": str(tmp_path / "my photo.jpg"), "width": 2, "height": 1,
         "classes": {"background": 0.5, "größe": 0.5}, "outputs": names},
    ]  # fmt: skip


def test_without_a_file_names_begin_with_image_and_a_stem_goes_before_either(tmp_path):
    assert result_of([[0]]).save(tmp_path, outputs=["labels"]) == [tmp_path / "image_labels.png"]
    named = result_of([[0]], source=tmp_path / "a.jpg").save(tmp_path, "sub/b", ["labels"])
    assert named == [tmp_path / "sub" / "b_labels.png"]
    assert result_of([[0]]).save(tmp_path, outputs="labels, overlay")[1] == tmp_path / "image_overlay.jpg"
    for stem in ("../b", "/b", "sub/../../b"):
        with pytest.raises(FullconvError, match=r"stem='.*': points outside"):
            result_of([[0]]).save(tmp_path / "out", stem)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("output", "name"),
    [("labels", "a_labels.png"), ("masks", "a_background.png"), ("overlay", "a_overlay.jpg"), ("labelme", "a.json"),
     ("labelme", "a.png"), ("polygons", "a.geojson"), ("coco", "a_coco.json")],
)  # fmt: skip
def test_files_of_others_are_never_replaced(tmp_path, output, name):
    (tmp_path / name).write_bytes(HAND_MADE)
    with pytest.raises(FullconvError, match=rf"{name}: exists, .*overwrite=True") as refused:
        result_of([[0]]).save(tmp_path, "a", ["scores", output][1:])
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, NAME])
    assert (tmp_path / name).read_bytes() == HAND_MADE
    result_of([[0]]).save(tmp_path, "a", [output], overwrite=True)
    assert (tmp_path / name).read_bytes() != HAND_MADE
    result_of([[0]]).save(tmp_path, "a", [output])  # by now it is its own


def test_nothing_is_written_if_one_file_is_refused(tmp_path):
    (tmp_path / "a_overlay.jpg").write_bytes(HAND_MADE)
    with pytest.raises(FullconvError, match="exists, and no earlier run wrote it"):
        result_of([[0]]).save(tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_overlay.jpg", NAME]


def test_a_broken_link_also_counts_as_an_existing_file(tmp_path):
    (tmp_path / "a_labels.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FullconvError, match="exists, and no earlier run wrote it"):
        result_of([[0]]).save(tmp_path, "a")


def test_own_files_are_replaced_and_the_manifest_may_be_rewritten(tmp_path):
    for value in (0, 2):
        (path,) = result_of([[value]]).save(tmp_path, "a", ["labels"])
        assert np.array(Image.open(path)).item() == value
    (tmp_path / NAME).unlink()
    with pytest.raises(FullconvError, match="exists, and no earlier run wrote it"):
        result_of([[0]]).save(tmp_path, "a", ["labels"])


def test_a_file_of_another_picture_is_not_replaced(tmp_path):
    """photo a_traffic of class light, and photo a of class traffic_light."""
    from fullconv.classes import Classes

    one, other = Classes.named(["light"]), Classes.named(["traffic_light"])
    result_of([[0]], one).save(tmp_path, "a_traffic", ["masks"])
    with pytest.raises(FullconvError, match=r"a_traffic_light.png: exists, and no earlier"):
        result_of([[0]], other).save(tmp_path, "a", ["masks"])
    with closing(Manifest(tmp_path, overwrite=True)) as manifest:
        manifest.claim(tmp_path / "b", [tmp_path / "b_labels.png"])
        with pytest.raises(FullconvError, match="this run also writes it for b"):
            manifest.claim(tmp_path / "a", [tmp_path / "b_labels.png"])
        (tmp_path / "b_labels.png").touch()
        manifest.end(tmp_path / "b", {"target": "b", "outputs": ["b_labels.png"]})
        with pytest.raises(FullconvError, match="this run also writes it for b"):
            manifest.claim(tmp_path / "a", [tmp_path / "b_labels.png"])
        manifest.claim(tmp_path / "b", [tmp_path / "b_labels.png"])


def test_a_picture_that_is_still_to_be_read_is_never_replaced(tmp_path):
    photo = tmp_path / "a_overlay.jpg"
    photo.touch()
    with (
        closing(Manifest(tmp_path, overwrite=True, is_input=lambda path: path == photo)) as manifest,
        pytest.raises(FullconvError, match="would replace this input picture"),
    ):
        manifest.claim(tmp_path / "a", [photo])


def test_a_foreign_file_named_like_the_manifest_is_not_changed(tmp_path):
    for content in (b"notes of mine\n", b"[1]\n", b'{"unfinished": \n'):
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(FullconvError, match=f"{NAME}: exists, and fullconv did not create it"):
            result_of([[0]]).save(tmp_path)
        assert (tmp_path / NAME).read_bytes() == content


def test_a_line_that_was_cut_off_owns_nothing_and_spoils_nothing(tmp_path):
    (tmp_path / NAME).write_bytes(b'{"begun": "a", "writes": ["a_labels.p')
    (tmp_path / "a_labels.png").write_bytes(HAND_MADE)
    with pytest.raises(FullconvError, match="exists, and no earlier run wrote it"):
        result_of([[0]]).save(tmp_path, "a")
    result_of([[0]]).save(tmp_path, "b")
    result_of([[0]]).save(tmp_path, "b")


def test_only_files_that_were_written_are_owned(tmp_path):
    with closing(Manifest(tmp_path)) as manifest:
        manifest.write({"begun": "a", MAY_WRITE: ["a_cat.png", "a_dog.png"]})
        owners = owners_in(tmp_path)
        assert owners.of("a_cat.png")[0] == owners.of("a_dog.png")[0] == "a"
        manifest.write({"target": "a", "outputs": ["a_dog.png"]})
        assert (owners.of("a_cat.png")[0], owners.of("a_dog.png")[0]) == (None, "a")
        manifest.write({"begun": "a", MAY_WRITE: ["a_cat.png", "a_dog.png"]})
        manifest.write({"target": "a", "outputs": ["a_cat.png"]})
        assert owners.of("a_cat.png")[0] == owners.of("a_dog.png")[0] == "a"


def test_names_outside_utf8_are_owned_like_others(tmp_path):
    stem = os.fsdecode(b"caf\xe9")
    try:
        (tmp_path / stem).touch()
    except (OSError, UnicodeError):
        pytest.skip("the file system takes UTF-8 only")
    for _ in range(2):
        (path,) = result_of([[0]]).save(tmp_path, stem, ["labels"])
    assert path in Results()


def test_the_words_are_those_of_the_command_line_there(tmp_path):
    (tmp_path / "a_labels.png").touch()
    with messages_with_flags(), pytest.raises(FullconvError, match=r"replace it with --overwrite$"):
        result_of([[0]], CLASSES).save(tmp_path, "a")
