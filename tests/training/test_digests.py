"""Whether data are the same: told by content, order and meaning, not by dates or place."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from fullconv.data.description import open_dataset
from fullconv.errors import FullconvError
from fullconv.training.digests import differences, digest_split, hash_files, read_lines, write_lines


@pytest.fixture
def data(disc_data, tmp_path):
    shutil.copytree(disc_data.parent, tmp_path / "discs")
    return tmp_path / "discs"


def digested(folder):
    dataset = open_dataset(folder / "discs.yaml")
    files = hash_files(dataset.root, [sample for split in dataset.splits.values() for sample in split])
    return {name: digest_split(dataset.root, split, files) for name, split in dataset.splits.items()}, files


def compared(before, after):
    then = {name: split.to_json() for name, split in before[0].items()}
    return differences(then, after[0], before[1], after[1])


def test_a_copy_elsewhere_is_the_same(disc_data, data):
    os.utime(data / "images" / "val" / "00.png", (0, 0))
    assert compared(digested(disc_data.parent), digested(data)) == []


def test_a_file_with_one_changed_byte_is_named(data):
    before, photo = digested(data), data / "images" / "val" / "02.png"
    content = bytearray(photo.read_bytes())
    content[-1] ^= 1
    photo.write_bytes(content)
    assert compared(before, digested(data)) == ["1 changed (images/val/02.png)"]


def test_missing_and_new_pictures_are_named(data):
    before = digested(data)
    for kind in ("images", "masks"):
        (data / kind / "train" / "03.png").rename(data / kind / "train" / "99.png")
    told = compared(before, digested(data))
    assert "2 missing (images/train/03.png, masks/train/03.png)" in told
    assert "2 new (images/train/99.png, masks/train/99.png)" in told
    assert any("train lists 16 pictures in a different order or selection" in words for words in told)


def test_many_files_are_counted_and_a_few_named(data):
    before = digested(data)
    for i in range(5):
        (data / "masks" / "train" / f"{i:02}.png").write_bytes(b"other")
    assert compared(before, digested(data)) == [
        "5 changed (masks/train/00.png, masks/train/01.png, masks/train/02.png, …)"
    ]


def test_another_meaning_of_the_same_files_is_seen(data):
    before = digested(data)
    (data / "discs.yaml").write_text("path: .\nnames: {0: background, 1: disc}\n")
    assert compared(before, digested(data)) == []
    (data / "discs.yaml").write_text("path: .\nnames: {0: disc, 1: background}\nlabel_mapping: {1: 0}\n")
    assert any("have a different meaning" in words for words in compared(before, digested(data)))


def test_order_counts(data):
    dataset = open_dataset(data / "discs.yaml")
    files = hash_files(dataset.root, dataset.split("val"))
    forwards, backwards = (digest_split(dataset.root, dataset.split("val")[::step], files) for step in (1, -1))
    assert forwards.names != backwards.names


def test_a_file_that_samples_share_is_read_once(data):
    dataset = open_dataset(data / "discs.yaml")
    shared = [replace(sample, label_path=dataset.split("val")[0].label_path) for sample in dataset.split("val")]
    assert len(hash_files(dataset.root, shared)) == 5


def test_sha256sum_agrees(data, tmp_path):
    if not shutil.which("sha256sum"):
        pytest.skip("no sha256sum here")
    _, files = digested(data)
    (tmp_path / "data.sha256").write_text(write_lines(files))
    assert read_lines(write_lines(files)) == files
    command = ["sha256sum", "-c", str(tmp_path / "data.sha256")]
    done = subprocess.run(command, cwd=data, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.count("OK") == len(files) == 40


def test_a_missing_file_gives_a_one_line_error(data):
    dataset = open_dataset(data / "discs.yaml")
    (data / "masks" / "val" / "00.png").unlink()
    with pytest.raises(FullconvError, match=r"00\.png: cannot be read"):
        hash_files(dataset.root, dataset.split("val"))
