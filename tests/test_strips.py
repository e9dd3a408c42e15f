"""A few rows at a time gives what the whole gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fullconv import images, strips
from fullconv.classes import Classes
from fullconv.overlay import painted
from fullconv.prediction.resizing import label_map_at, scores_at

MODES = ("RGB", "RGBA", "L", "LA", "P", "CMYK", "1")


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 200))
def test_strips_cover_a_picture_once(height, width, pixels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "PIXELS", pixels)
        found = list(strips.strips((height, width)))
    assert [row for rows in found for row in range(rows.start, rows.stop)] == list(range(height))
    assert all((rows.stop - rows.start) * width <= max(pixels, width) for rows in found)


def in_both(work, monkeypatch):
    whole = work()
    monkeypatch.setattr(strips, "PIXELS", 300)
    return whole, work()


@pytest.mark.parametrize("mode", MODES)
def test_of_reading(mode, monkeypatch):
    noise = np.random.default_rng(1).integers(0, 256, (61, 47, 4), np.uint8)
    picture = Image.fromarray(noise).convert("RGB" if mode in ("CMYK", "P") else "RGBA").convert(mode)
    whole, striped = in_both(lambda: images.read(picture), monkeypatch)
    assert np.array_equal(whole, striped)


def test_of_transparency_in_a_palette(monkeypatch):
    picture = Image.fromarray(np.arange(61 * 47, dtype=np.uint8).reshape(61, 47), "P")
    picture.putpalette(bytes(range(256)) * 3)
    picture.info["transparency"] = bytes([0] * 128 + [255] * 128)
    whole, striped = in_both(lambda: images.read(picture), monkeypatch)
    assert (whole[0, :47] == 255).all()  # laid on white
    assert np.array_equal(whole, striped)


def test_of_enlarging_scores(monkeypatch):
    scores = np.random.default_rng(2).standard_normal((3, 17, 23)).astype(np.float32)
    whole, striped = in_both(lambda: scores_at(scores, (97, 131)), monkeypatch)
    np.testing.assert_allclose(whole, striped, atol=1e-4)  # Pillow takes the strip's borders in single precision
    assert np.array_equal(label_map_at(scores, (97, 131)), striped.argmax(0))


def test_of_the_overlay(monkeypatch):
    generator = np.random.default_rng(3)
    image = generator.integers(0, 256, (97, 131, 3), np.uint8)
    label_map = np.kron(generator.integers(0, 3, (10, 14)), np.ones((10, 10))).astype(np.uint8)[:97, :131]
    classes = Classes.named(["background", "cat", "dog"])
    whole, striped = in_both(lambda: np.array(painted(image, label_map, classes, 0.5, outlined=True)), monkeypatch)
    assert np.array_equal(whole, striped)
