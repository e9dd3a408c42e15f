"""The numbers that PGM and PPM files store."""

import io

import numpy as np
import pytest
from PIL import Image

from fullconv import images
from fullconv.errors import FullconvError

GREYS = np.array([[0, 1, 300], [700, 999, 1000]])
COLOURS = np.stack([GREYS, GREYS[::-1], GREYS[:, ::-1]], 2)


def written(values, white, plain):
    magic = {(2, False): b"P5", (2, True): b"P2", (3, False): b"P6", (3, True): b"P3"}[values.ndim, plain]
    header = b"%s # by hand\n%d %d\n%d\n" % (magic, *values.shape[1::-1], white)
    words = b"\n# more\n".join(b" ".join(b"%d" % n for n in row.ravel()) for row in values)
    return header + (words if plain else values.astype(">u2").tobytes())


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("white", [1000, 4095, 65535])
@pytest.mark.parametrize("values", [GREYS, COLOURS])
def test_deep_values_are_those_of_the_file(values, white, plain):
    picture = images.open_picture(written(values, white, plain))
    assert picture.is_deep
    assert (picture.values == values.reshape(2, 3, -1)).all()


def test_whites_of_8_bits_stay_white():
    assert images.read(b"P5 2 1 100\n\x00\x64")[..., 0].tolist() == [[0, 255]]
    assert images.read(b"P3 1 1 9 0 9 0").tolist() == [[[0, 255, 0]]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"P6 9 9 4095\n\0\0\0", "cut off"),
        (b"P3 2 1 4095\n1 2 3", "cut off"),
        (b"P3 2 1 4095\n", "cut off"),
        (b"P2 2 1 4095\n1 -2", "something other than numbers"),
        (b"P2 2 1 4095\n1 99999", "the number 99999"),
    ],
)
def test_damage_is_one_line(content, reason, tmp_path):
    (tmp_path / "x.ppm").write_bytes(content)
    with pytest.raises(FullconvError, match=reason) as error:
        images.open_picture(tmp_path / "x.ppm")
    assert str(error.value).startswith(f"{tmp_path / 'x.ppm'}: damaged image")


def test_a_picture_that_pillow_has_opened():
    with Image.open(io.BytesIO(written(COLOURS, 1000, False))) as picture:
        assert (images.open_picture(picture).values == COLOURS).all()
