"""Files that a server does not accept are refused before any pixel is decoded."""

import io
import struct
import zlib

import pytest
from PIL import Image

from fullconv.serving.limits import Limits
from fullconv.serving.pictures import check_picture
from fullconv.serving.refusal import Refusal


def refused(body, **limits):
    with pytest.raises(Refusal) as raised:
        check_picture(body, Limits(**limits))
    return raised.value.status, raised.value.reason


def encoded(kind, size=(8, 6), **how):
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, kind, **how)
    return file.getvalue()


def png_head(width, height):
    """Returns a PNG whose header states a size, but which contains no pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_usual_formats_are_accepted(kind):
    check_picture(encoded(kind), Limits())


def test_a_phones_photo_with_a_second_picture_behind_it_is_a_jpeg():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    assert Image.open(file).format == "MPO"
    check_picture(file.getvalue(), Limits())


@pytest.mark.parametrize("body", [b"", b"hello", b"<svg/>", b"%PDF-1.4", b"II*\0", b"PK\3\4"])
def test_other_files_are_refused(body):
    assert refused(body) == (415, "format")


def test_only_the_listed_formats_are_accepted():
    assert refused(encoded("TIFF")) == (415, "format")
    assert refused(encoded("JPEG"), formats=("png",)) == (415, "format")
    check_picture(encoded("TIFF"), Limits(formats=("tiff",)))


def test_a_tiff_is_told_of_the_option_that_accepts_it():
    with pytest.raises(
        Refusal, match=r"a TIFF, which this server accepts only if its --formats include tiff; send one"
    ):
        check_picture(encoded("TIFF"), Limits())
    with pytest.raises(Refusal, match=r"not a picture in a format that this server accepts; send one of tiff"):
        check_picture(encoded("PNG"), Limits(formats=("tiff",)))


def test_pictures_with_too_many_pixels_are_refused():
    assert refused(png_head(10_000, 6_000)) == (413, "pixels")
    assert refused(png_head(60_000, 60_000)) == (413, "pixels")
    assert refused(encoded("PNG", (100, 100)), pixels=9_999) == (413, "pixels")


def test_a_picture_behind_a_thumbnail_is_checked():
    thumbnail, whole, file = Image.new("L", (4, 4)), Image.new("L", (100, 100)), io.BytesIO()
    whole.encoderinfo = {"tiffinfo": {254: 0}}
    thumbnail.save(file, "TIFF", save_all=True, append_images=[whole], tiffinfo={254: 1})
    assert refused(file.getvalue(), formats=("tiff",), pixels=9_999) == (413, "pixels")
    check_picture(file.getvalue(), Limits(formats=("tiff",), pixels=10_000))


def test_pictures_with_too_many_frames_are_refused():
    others = [Image.new("RGB", (8, 6), colour) for colour in ("green", "blue")]
    film = encoded("GIF", save_all=True, append_images=others)
    assert refused(film) == (422, "frames")
    check_picture(film, Limits(frames=3))


def test_an_unknown_format_is_named():
    with pytest.raises(Exception, match="no format 'heif'; choose from jpeg"):
        Limits(formats=("heif",))
