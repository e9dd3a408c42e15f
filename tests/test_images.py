import io

import numpy as np
import pytest
from PIL import Image

from fullconv import images
from fullconv.errors import FullconvError


def encoded(picture, format="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn_is_applied(orientation):
    """A picture stored in any of the eight orientations is read upright: red at the top left, size 40x20."""
    upright = Image.new("RGB", (40, 20), "blue")
    upright.paste("red", (0, 0, 10, 10))
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }.get(orientation, [])  # fmt: skip
    stored = upright
    for step in undo:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = images.read(encoded(stored, "JPEG", exif=exif, quality=95))
    assert image.shape == (20, 40, 3)
    assert image[4, 4, 0] > 200
    assert image[4, 4, 2] < 60
    assert image[15, 35, 2] > 200


def test_16_bit_grey_is_scaled_by_257():
    values = np.array([[0, 257, 65535, 128 * 257]], np.uint16)
    image = images.read(encoded(Image.fromarray(values)))
    assert image[0, :, 0].tolist() == [0, 1, 255, 128]
    assert (image[..., 0] == image[..., 2]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_becomes_rgb_of_its_own_size(mode):
    picture = Image.new("L", (31, 33), 200).convert(mode) if mode != "I;16" else Image.new(mode, (31, 33), 200 * 257)
    format = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    image = images.read(encoded(picture, format))
    assert image.shape == (33, 31, 3)
    assert image.dtype == np.uint8
    assert abs(image.mean() - 200) <= 3  # mode 1 reaches it by dithering


def test_transparent_pixels_lie_on_white():
    picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    assert images.read(encoded(picture)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("source", ["path", "string", "bytes", "pil", "array", "grey array"])
def test_sources_give_the_same_image(source, tmp_path):
    array = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    if source == "grey array":
        array = np.repeat(array[..., :1], 3, 2)
    picture = Image.fromarray(array)
    path = tmp_path / "a.png"
    picture.save(path)
    sources = {
        "path": path, "string": str(path), "bytes": path.read_bytes(), "pil": picture, "array": array,
        "grey array": array[..., 0],
    }  # fmt: skip
    assert (images.read(sources[source]) == array).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not an image"), (b"hello, I am text", "not an image"), ("truncated", "damaged"), ("huge", "megapixels")],
)
def test_what_cannot_be_read_is_one_clear_line(content, reason, tmp_path):
    if content == "truncated":
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        content = encoded(Image.fromarray(noise), "JPEG")[:900]
    if content == "huge":
        content = huge_header()
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(FullconvError, match=reason) as error:
        images.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def huge_header() -> bytes:
    """A PNG that claims 60 000 x 60 000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_an_array_that_is_no_image_is_refused():
    with pytest.raises(FullconvError, match="HxWx3"):
        images.read(np.zeros((4, 4, 7), np.uint8))
    with pytest.raises(FullconvError, match="uint8"):
        images.read(np.zeros((4, 4, 3)))


def test_floating_point_pixels_are_refused(tmp_path):
    Image.new("F", (4, 4), 0.5).save(tmp_path / "a.tif")
    with pytest.raises(FullconvError, match=r"a\.tif: floating-point"):
        images.read(tmp_path / "a.tif")


def test_real_pets_that_are_not_rgb(real_data):
    for name in ("Abyssinian_34", "Abyssinian_5"):
        path = real_data("oxford-pets") / "images" / f"{name}.jpg"
        with Image.open(path) as picture:
            assert picture.mode != "RGB"
            size = picture.size
        assert images.read(path).shape == (size[1], size[0], 3)
