"""benchmarks/gpu: what travels to a machine with a GPU, and how photos are cut and changed there."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import changes
import numpy as np
import pack
import photos
import pytest
import torch
import travels
from PIL import Image

GPU = Path(__file__).parent.parent / "benchmarks/gpu"


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Six labelled photos of 500x375 and larger, and four unlabelled ones, two of them known to show a cow."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / "voc" / folder).mkdir(parents=True)
    for i in range(6):
        height, width = (375, 500) if i % 2 else (600, 450)
        picture = np.kron(rng.integers(0, 255, (height // 25, width // 25, 3)), np.ones((25, 25, 1))).astype(np.uint8)
        Image.fromarray(picture).save(root / f"voc/JPEGImages/{i}.jpg")
        Image.fromarray(np.full((height, width), i, np.uint8)).save(root / f"voc/SegmentationClass/{i}.png")
    (root / "voc/ImageSets/Segmentation/train.txt").write_text("\n".join("012345"))
    (root / "more/cows").mkdir(parents=True)
    for i in range(4):
        Image.fromarray(rng.integers(0, 255, (90, 120, 3), np.uint8)).save(root / f"more/cows/{i}.jpg")
    (root / "more/cows.tsv").write_text("cows/0.jpg\tcow\tsomewhere\ncows/1.jpg\tcow\tsomewhere\n")
    command = ["pack.py", str(root / "out"), "--labelled", str(root / "voc"), "--unlabelled", str(root / "more/cows")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [*command, "--part-size", "0.02"])
        pack.main()
    return root / "out"


@pytest.mark.parametrize("script", ["prepare.sh", "run.sh"])
def test_the_scripts_parse(script):
    subprocess.run(["bash", "-n", GPU / script], check=True)


def test_tracked_files_leave_room_for_a_pack():
    """Where a pack lies in the checkout, both together; else the tracked files, and as much again for photos."""
    root = GPU.parent.parent
    if not (root / ".git").exists():
        pytest.skip("no git checkout")
    assert travels.size_of(root / ".gpu-pack", root) < travels.LIMIT


def test_parts_hold_every_photo_and_come_back(packed):
    assert len(list(packed.glob("part-*.zip"))) > 1
    found = photos.read_parts(packed, "cpu")
    assert (len(found.images), len(found.labels)) == (10, 6)
    assert sorted(found.shows) == [""] * 8 + ["cow"] * 2
    for labels, (height, width) in zip(found.labels, found.sizes.tolist(), strict=False):
        assert max(height, width) == 500
        assert len(labels[:height, :width].unique()) == 1
        assert (labels[height:] == 255).all() and (labels[:, width:] == 255).all()  # noqa: PT018


@pytest.mark.parametrize("scale", [1.0, 0.7, 1.5])
def test_a_crop_is_what_pillow_cuts_and_resizes(packed, scale):
    found = photos.read_parts(packed, "cpu")
    window, (height, width) = round(128 / scale), found.sizes[0].tolist()
    random = torch.Generator().manual_seed(3)
    top, left = photos.starts(found.sizes[:1], window, random)[:, 0].tolist()
    is_mirrored = bool(torch.rand(1, generator=random) < 0.5)
    images, labels, _, _ = photos.crops(found, torch.tensor([0]), 128, scale, torch.Generator().manual_seed(3))
    whole = Image.fromarray(found.images[0, :height, :width].numpy())
    cut = whole.crop((left, top, left + window, top + window)).resize((128, 128), Image.Resampling.BILINEAR)
    expected = np.asarray(cut, float)[:, :: -1 if is_mirrored else 1]
    assert np.abs(images[0].permute(1, 2, 0).numpy() - expected).max() < 1.5
    assert set(labels.unique().tolist()) == set(found.labels[0, :height, :width].unique().tolist())


def test_the_teachers_scores_lie_where_the_crop_does(packed):
    """A ramp over the photo's width, as a teacher would give it, is the position of each fourth pixel of the crop."""
    found = photos.read_parts(packed, "cpu")
    height, width = found.sizes[0].tolist()
    rows, columns = ((round((v * 513 / 500 - 1) / 16) * 16) // 16 + 1 for v in (height, width))
    found.low_sizes[0] = torch.tensor([rows, columns])
    found.scores[0, 0, :rows, :columns] = torch.linspace(0, 1, columns)
    first = torch.tensor([20]), torch.tensor([40])
    scores, inside = photos.teacher_scores(found, torch.tensor([0]), *first, window=192, side=128)
    expected = (40 + (torch.arange(0, 128, 4) + 2) * 1.5) / width  # centres of four pixels, in photos' widths
    assert inside.all()
    torch.testing.assert_close(scores[0, 0, 5], expected, atol=4e-3, rtol=0)


def test_a_known_animal_gathers_the_others():
    scores = torch.zeros(21, 2, 2)
    scores[8], scores[10], scores[12] = 1.0, 3.0, 2.0  # cat, cow, dog
    kept = photos.gathered(scores, "cat").softmax(0)
    before = scores.softmax(0)
    animals = list(photos.ANIMALS)
    torch.testing.assert_close(kept[8], before[animals].sum(0))
    torch.testing.assert_close(kept[15], before[15])
    assert torch.equal(photos.gathered(scores, "bus"), scores)


def test_a_jpeg_of_a_batch_is_near_pillows():
    rng = np.random.default_rng(0)
    picture = np.asarray(
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
    )
    draw = changes.Draw(torch.Generator().manual_seed(0), torch.device("cpu"))
    quality = 60
    draw.between = lambda low, high, count: torch.full((count,), float(quality))  # type: ignore[method-assign]
    ours = changes.as_jpeg(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float(), draw)[0]
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    theirs = np.asarray(Image.open(file), float)
    assert np.abs(ours.permute(1, 2, 0).numpy() - theirs).mean() < 1.5
    assert np.abs(theirs - picture).mean() > 1.5


def test_changes_are_those_of_the_generator_and_each_photos_own():
    images = torch.full((6, 3, 32, 32), 100.0)
    images[:, :, 8:24, 8:24] = torch.tensor([200.0, 60.0, 30.0])[:, None, None]
    once, again = (changes.changed(images.clone(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(once, again)
    assert once.min() >= 0 and once.max() <= 255 and torch.equal(once, once.round())  # noqa: PT018
    assert len({tuple(image.flatten().tolist()) for image in once}) > 3


def test_lists_and_classes_are_read_back(packed):
    tables = [json.loads(zipfile.ZipFile(path).read("classes.json")) for path in packed.glob("part-*.zip")]
    assert sum(len(table) for table in tables) == 2
