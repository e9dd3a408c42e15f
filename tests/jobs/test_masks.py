from pathlib import Path

import pytest

from fullconv.jobs.masks import notes_on_masks
from fullconv.jobs.plan import plan


def notes(folder: Path, *inputs: str) -> list[str]:
    given = [str(folder / name) for name in inputs or ("",)]
    return list(notes_on_masks(given, plan(given, folder / "out")))


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("names", "masks", "images"),
    [
        (["images/a.jpg", "masks/a.png"], ["masks"], ["images"]),
        (["images/train/a.jpg", "masks/train/a.png", "images/val/b.jpg", "masks/val/b.png"], ["masks"], ["images"]),
        (
            ["train/images/a.jpg", "train/masks/a.png", "val/images/b.jpg", "val/masks/b.png"],
            ["train/masks", "val/masks"],
            ["train/images", "val/images"],
        ),
        (["JPEGImages/a.jpg", "SegmentationClass/a.png"], ["SegmentationClass"], ["JPEGImages"]),
    ],
)
def test_a_data_set_is_named_with_the_folder_of_its_photos(tmp_path, names, masks, images):
    make(tmp_path, *names)
    (note,) = notes(tmp_path)
    places = [" ".join(str(tmp_path / name) for name in each) for each in (masks, images)]
    assert note == (
        f"the pictures in {places[0]} look like masks and are segmented too; for the photos alone, give {places[1]}"
    )


def test_no_note_for_photos_alone(tmp_path):
    make(tmp_path, "images/a.jpg", "masks/a.png", "other/b.jpg")
    assert notes(tmp_path, "images", "other") == []
    assert notes(tmp_path / "other") == []


def test_no_note_if_no_mask_is_processed(tmp_path):
    make(tmp_path, "images/a.jpg", "masks/notes.txt")
    assert notes(tmp_path) == []
