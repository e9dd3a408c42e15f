import numpy as np
import pytest
from PIL import Image

from fullconv.classes import Classes
from fullconv.errors import FullconvError
from fullconv.overlay import colours
from fullconv.segmentation import Segmentation

CLASSES = Classes.named(["background", "traffic light/red", "dog"])


@pytest.fixture
def result():
    label_map = np.array([[0, 0, 2], [0, 1, 2]], np.uint8)
    return Segmentation(np.full((2, 3, 3), 100, np.uint8), label_map, CLASSES)


def test_labels_hold_indices_and_a_palette(result, tmp_path):
    (path,) = result.save(tmp_path, "photo", ["labels"])
    with Image.open(path) as picture:
        assert (path.name, picture.mode) == ("photo_labels.png", "P")
        assert (np.array(picture) == result.label_map).all()
        assert (np.array(picture.convert("RGB")) == CLASSES.palette()[result.label_map]).all()


def test_one_binary_mask_for_each_class_present(result, tmp_path):
    paths = result.save(tmp_path, "photo", ["masks"])
    assert {path.name for path in paths} == {"photo_background.png", "photo_traffic-light-red.png", "photo_dog.png"}
    masks = np.stack([np.array(Image.open(path)) for path in paths])
    assert set(np.unique(masks)) == {0, 255}
    assert (masks.sum(0) == 255).all()  # every pixel is in exactly one


def test_overlay_tints_all_but_the_background(result, tmp_path):
    overlay = result.overlay(outlined=False)
    assert (overlay[0, 0] == 100).all()
    assert (overlay[1, 2] == (np.array([100] * 3) + colours(CLASSES)[2]) // 2).all()
    (path,) = result.save(tmp_path, "photo", ["overlay"])
    assert Image.open(path).size == (3, 2)


@pytest.mark.parametrize("size", [(65_500, 2), (2, 65_501), (70_000, 3)])
def test_an_overlay_too_large_for_a_jpeg_is_a_png(tmp_path, size):
    large = Segmentation(np.full((*size, 3), 100, np.uint8), np.ones(size, np.uint8), CLASSES)
    (path,) = large.save(tmp_path, "photo", ["overlay"])
    assert path.suffix == (".jpg" if max(size) <= 65_500 else ".png")
    with Image.open(path) as picture:
        assert picture.size == size[::-1]
        assert np.abs(np.array(picture.convert("RGB")).astype(int) - large.overlay()).max() < 5


def test_a_failed_write_leaves_nothing_behind(result, tmp_path, monkeypatch):
    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        result.save(tmp_path, "photo", ["labels"])
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.jsonl"]


def test_shares_and_mask(result):
    assert result.shares == pytest.approx({"background": 3 / 6, "dog": 2 / 6, "traffic light/red": 1 / 6})
    assert list(result.shares) == ["background", "dog", "traffic light/red"]
    assert result.mask("dog").sum() == 2
    with pytest.raises(FullconvError, match="no class 'cow'"):
        result.mask("cow")
