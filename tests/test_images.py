import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from fullconv import images, tiff
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


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deeper_values_are_taken_from_their_own_percentiles(dtype):
    values = np.linspace(-900 if dtype != np.uint16 else 0, 2100, 200 * 100).reshape(100, 200).astype(dtype)
    image = images.read(encoded(Image.fromarray(values), "TIFF"))
    low, high = np.percentile(values, (0.1, 99.9))
    expected = ((values.astype(float) - low) / (high - low) * 255).clip(0, 255)
    assert np.abs(image[..., 0] - expected).max() <= 0.51
    assert (image[..., 0] == image[..., 2]).all()
    assert (image.min(), image.max()) == (0, 255)


def test_a_picture_holds_its_values_as_they_are():
    values = np.array([[0, 257, 65535, 128 * 257]], np.uint16)
    picture = images.open_picture(encoded(Image.fromarray(values)))
    assert picture.values.dtype == np.uint16
    assert (picture.values[..., 0] == values).all()
    assert picture.is_deep


def write_pages(path, *pages, **options):
    """Writes each array (H, W) or (H, W, C) as a page of a TIFF. `options`: of the first page."""
    rasterio = pytest.importorskip("rasterio")
    for number, values in enumerate(pages):
        bands = np.moveaxis(values.reshape(*values.shape[:2], -1), 2, 0)
        profile = {"height": values.shape[0], "width": values.shape[1], "count": len(bands), "dtype": values.dtype}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            more = {"APPEND_SUBDATASET": "YES"} if number else options
            with rasterio.open(path, "w", driver="GTiff", **profile, **more) as raster:
                raster.write(bands)


DEEP = np.random.default_rng(0).integers(0, 4096, (20, 30, 3)).astype(np.uint16)


@pytest.mark.parametrize("first", ["uint8", "uint16", "float64"])
def test_colours_of_a_later_page_are_not_cut_to_8_bits(tmp_path, first):
    page = np.arange(1, 25).reshape(4, 6).astype(first)
    write_pages(tmp_path / "x.tif", page, DEEP, page)
    for source in (tmp_path / "x.tif", (tmp_path / "x.tif").read_bytes()):
        found = [images.open_picture(source, number).values for number in range(3)]
        assert (found[1] == DEEP).all()
        assert (found[0][..., 0] == page).all()
        assert (found[2][..., 0] == page).all()
    assert images.count_pages(tmp_path / "x.tif") == 3
    assert images.extent(tmp_path / "x.tif", all_pages=True)[1] >= 48


def test_colours_behind_a_thumbnail_are_not_cut_to_8_bits(tmp_path):
    write_pages(tmp_path / "x.tif", DEEP[::5, ::5].astype(np.uint8), DEEP)
    as_thumbnail(tmp_path / "x.tif")
    picture = images.open_picture(tmp_path / "x.tif")
    assert (picture.values == DEEP).all()
    assert picture.pages == images.count_pages(tmp_path / "x.tif") == 1
    assert images.extent(tmp_path / "x.tif")[0] == 20 * 30


def as_thumbnail(path):
    """Marks the first directory of a little-endian TIFF as a reduced picture, in the place of its planes."""
    content = bytearray(path.read_bytes())
    start = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[start : start + 2], "little")
    entries = [content[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)]
    kept = [entry for entry in entries if int.from_bytes(entry[:2], "little") != 284]
    assert len(kept) == count - 1
    reduced = b"".join(number.to_bytes(size, "little") for number, size in ((254, 2), (4, 2), (1, 4), (1, 4)))
    content[start + 2 : start + 2 + 12 * count] = b"".join([reduced, *kept])
    path.write_bytes(content)


def write_deep_png(path, *chunks, behind=()):
    """Writes DEEP as a PNG with chunks before the pixels and behind them."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = DEEP.shape
    rows = b"".join(b"\0" + row.tobytes() for row in DEEP.astype(">u2"))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    pixels = [(b"IDAT", zlib.compress(rows)), *behind, (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*one) for one in (*chunks, *pixels)))


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


TURNED = DEEP.swapaxes(0, 1)[:, ::-1]  # by orientation 6: stored with its left side at the top


@pytest.mark.parametrize("place", ["before", "behind", "profile", "xmp"])
def test_a_deep_png_is_upright(tmp_path, place):
    pytest.importorskip("rasterio")
    exif = (b"eXIf", exif_of(6))
    words = f"\nexif\n{len(exif[1]):8}\n" + exif[1].hex()
    chunks = {
        "before": [exif],
        "profile": [(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(words.encode()))],
        "xmp": [(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>')],
    }.get(place, [])
    write_deep_png(tmp_path / "x.png", *chunks, behind=[exif] if place == "behind" else [])
    for source in (tmp_path / "x.png", (tmp_path / "x.png").read_bytes()):
        assert (images.open_picture(source).values == TURNED).all()


def test_a_deep_png_with_damaged_exif_data_stays_as_it_is(tmp_path):
    pytest.importorskip("rasterio")
    write_deep_png(tmp_path / "x.png", (b"eXIf", b"II*\0\xff"), (b"zTXt", b"Raw profile type exif\0\0nothing"))
    assert (images.open_picture(tmp_path / "x.png").values == DEEP).all()


@pytest.mark.parametrize("codec", ["JP2", "J2K"])
@pytest.mark.parametrize(("bits", "kind"), [(9, "uint16"), (12, "uint16"), (16, "uint16"), (16, "int16")])
@pytest.mark.parametrize("bands", [1, 3])
def test_deep_values_of_a_jpeg_2000_are_those_of_the_file(tmp_path, codec, bits, kind, bands):
    rasterio = pytest.importorskip("rasterio")
    values = (DEEP[..., :bands].astype(int) % 2**bits).astype(kind) - (1000 if kind == "int16" else 0)
    path = tmp_path / ("x.j2k" if codec == "J2K" else "x.jp2")
    more = {"REVERSIBLE": "YES", "QUALITY": 100, "CODEC": codec, "NBITS": bits}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="JP2OpenJPEG", height=20, width=30, count=bands, dtype=kind, **more
        ) as raster:  # fmt: skip
            raster.write(np.moveaxis(values, 2, 0))
    for source in (path, path.read_bytes()):
        assert (images.open_picture(source).values == values).all()


@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("compress", ["none", "lzw"])
def test_deep_greys_whose_white_is_zero(tmp_path, order, bits, compress):
    grey = DEEP[..., 0]
    write_pages(
        tmp_path / "x.tif", grey, photometric="MINISWHITE", ENDIANNESS=order, NBITS=str(bits), compress=compress
    )
    write_pages(tmp_path / "y.tif", grey, ENDIANNESS=order, NBITS=str(bits), compress=compress)
    for source in (tmp_path / "x.tif", (tmp_path / "x.tif").read_bytes()):
        assert (images.open_picture(source).values[..., 0] == 2**bits - 1 - grey).all()
    assert (images.open_picture(tmp_path / "y.tif").values[..., 0] == grey).all()


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_bigtiffs_of_both_byte_orders(tmp_path, kind, order):
    values = DEEP.astype(kind)
    write_pages(tmp_path / "x.tif", values, values[..., 0], BIGTIFF="YES", ENDIANNESS=order)
    assert images.count_pages(tmp_path / "x.tif") == 2
    for source in (tmp_path / "x.tif", (tmp_path / "x.tif").read_bytes()):
        assert (images.open_picture(source).values == values).all()
        assert (images.open_picture(source, 1).values[..., 0] == values[..., 0]).all()
        assert images.extent(source)[0] == 20 * 30


@pytest.mark.parametrize("bands", [2, 4])
def test_premultiplied_alpha_lies_on_white(tmp_path, bands):
    values = np.full((4, 6, bands), 60, np.uint8)
    values[..., -1] = 120
    photometric = "RGB" if bands == 4 else "MINISBLACK"
    write_pages(tmp_path / "x.tif", values, photometric=photometric, ALPHA="PREMULTIPLIED")
    image = images.read(tmp_path / "x.tif")
    assert image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - (60 + 255 - 120)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_becomes_rgb_of_its_own_size(mode):
    picture = (
        Image.new("L", (31, 33), 200).convert(mode) if mode != "LAB" else Image.new(mode, (31, 33), (207, 128, 128))
    )
    format = {"CMYK": "JPEG", "YCbCr": "JPEG", "LAB": "TIFF"}.get(mode, "PNG")
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
def test_unreadable_pictures_give_a_one_line_error(content, reason, tmp_path):
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

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_an_array_that_is_not_an_image_is_refused():
    with pytest.raises(FullconvError, match="HxWx3"):
        images.read(np.zeros((4, 4, 7), np.uint8))
    with pytest.raises(FullconvError, match="uint8"):
        images.read(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_rotated_tiffs_are_upright_from_a_path_and_from_bytes(tmp_path, orientation, mode, compression):
    if mode == "F":
        pytest.importorskip("rasterio")
    upright = np.random.default_rng(0).integers(0, 256, (20, 30, 4)).astype(np.uint8)
    upright[..., 3] = 255 if mode == "RGBA" else upright[..., 3]
    stored = upright_inverse(upright, orientation)
    save_mode(tmp_path / "x.tif", stored, mode, orientation, compression)
    save_mode(tmp_path / "y.tif", upright, mode, 1, compression)
    expected = images.open_picture(tmp_path / "y.tif").values
    for source in (tmp_path / "x.tif", (tmp_path / "x.tif").read_bytes()):
        assert (images.open_picture(source).values == expected).all()


def upright_inverse(upright, orientation):
    """How a picture lies in a file that is to be shown turned."""
    undo = {
        1: [], 2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM], 5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE], 8: [Image.Transpose.ROTATE_270],
    }[orientation]  # fmt: skip
    picture = Image.fromarray(upright)
    for step in undo:
        picture = picture.transpose(step)
    return np.asarray(picture)


def save_mode(path, array, mode, orientation, compression):
    deep = {"I;16": np.uint16, "F": np.float32}
    if mode in deep:
        picture = Image.fromarray(array[..., 0].astype(deep[mode]) * 9)
    elif mode == "L":
        picture = Image.fromarray(np.ascontiguousarray(array[..., 0]))
    elif mode == "CMYK":
        picture = Image.frombytes("CMYK", array.shape[1::-1], array.tobytes())
    else:
        picture = Image.fromarray(np.ascontiguousarray(array[..., : len(mode)]))
    picture.save(path, tiffinfo={274: orientation}, compression=None if compression == "raw" else compression)


@pytest.mark.parametrize(
    ("name", "format"), [("a.tif", "TIFF"), ("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.png", "PNG")]
)
def test_each_page_is_a_picture(tmp_path, name, format):
    pages = [Image.new("RGB", (12, 8), colour) for colour in ("red", "lime", "blue")]
    pages[0].save(tmp_path / name, format, save_all=True, append_images=pages[1:], lossless=True)
    assert images.count_pages(tmp_path / name) == 3
    for number in range(3):
        picture = images.open_picture(tmp_path / name, number)
        assert picture.values[4, 4].argmax() == number
        assert picture.notes == (f"page {number + 1} of 3; --pages all",)


def test_overviews_and_masks_are_not_pages(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 255, (3, 600, 700)).astype(np.uint8)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", height=600, width=700, count=3, dtype="uint8", tiled=True
    ) as raster:  # fmt: skip
        raster.write(values)
        raster.write_mask(values[0] > 9)
        raster.build_overviews([2, 4])
    with (tmp_path / "x.tif").open("rb") as file:
        assert len(list(tiff.directories(file))) > 3
    assert images.count_pages(tmp_path / "x.tif") == 1
    assert images.open_picture(tmp_path / "x.tif").notes == ()


def test_pages_of_rasters(tmp_path):
    pytest.importorskip("rasterio")
    pages = [Image.fromarray(np.full((8, 12), number, np.float32)) for number in (1.5, 2.5)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert [images.open_picture(tmp_path / "x.tif", page).values.max() for page in (0, 1)] == [1.5, 2.5]


def test_heic_without_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    with pytest.raises(FullconvError, match=r"a HEIC photo, .*pip install 'fullconv\[heic\]'"):
        images.read(tmp_path / "a.heic")


def test_heic_is_read(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    Image.fromarray(np.full((32, 48, 3), (200, 30, 30), np.uint8)).save(tmp_path / "a.heic", quality=95)
    image = images.read(tmp_path / "a.heic")
    assert image.shape == (32, 48, 3)
    assert np.abs(image[10, 10].astype(int) - (200, 30, 30)).max() < 12


def test_real_pets_that_are_not_rgb(real_data):
    for name in ("Abyssinian_34", "Abyssinian_5"):
        path = real_data("oxford-pets") / "images" / f"{name}.jpg"
        with Image.open(path) as picture:
            assert picture.mode != "RGB"
            size = picture.size
        assert images.read(path).shape == (size[1], size[0], 3)


def test_bands_that_a_jpeg_2000_calls_grey_are_read(tmp_path):
    """As GDAL writes bands of no meaning; Pillow says that the stream is broken."""
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 256, (3, 40, 50), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            tmp_path / "a.jp2", "w", driver="JP2OpenJPEG", height=40, width=50, count=3, dtype="uint8",
            REVERSIBLE="YES", QUALITY=100,
        ) as raster:  # fmt: skip
            raster.write(values)
    assert (images.read(tmp_path / "a.jp2") == values.transpose(1, 2, 0)).all()
    assert (images.read((tmp_path / "a.jp2").read_bytes()) == values.transpose(1, 2, 0)).all()


def chunk(kind, data, checksum=None):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum or zlib.crc32(kind + data))


def in_two_chunks(png, checksum=None):
    """The same PNG with its pixels in two chunks, the second of which has this checksum."""
    at = png.index(b"IDAT") - 4
    pixels = png[at + 8 : at + 8 + int.from_bytes(png[at : at + 4])]
    return png[:at] + chunk(b"IDAT", pixels[:9]) + chunk(b"IDAT", pixels[9:], checksum) + chunk(b"IEND", b"")


NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def test_a_png_with_a_wrong_checksum_is_damaged(tmp_path):
    png = encoded(Image.fromarray(NOISE))
    assert (images.read(in_two_chunks(png)) == NOISE).all()
    (tmp_path / "photo.png").write_bytes(in_two_chunks(png, checksum=7))
    for source in (tmp_path / "photo.png", in_two_chunks(png, checksum=7)):
        with pytest.raises(FullconvError, match=r"damaged image .*checksum.*; copy it again from its source"):
            images.read(source)
        assert images.extent(source) == (600, 0)  # reads no pixels


@pytest.mark.parametrize(
    ("before", "after", "cut"),
    [
        (b"", b"trailing garbage" * 9, 0),
        (b"", b"\0" * 9, 0),
        (b"", b"", 12),  # no end
        (b"", b"", 14),  # nor a whole checksum
        (chunk(b"prVt", b"private") + chunk(b"tEXt", b"no zero byte"), b"", 0),
        (b"", chunk(b"tEXt", b"Title\0a", checksum=7) + chunk(b"IEND", b""), 12),
        (b"", chunk(b"prVt", b"private", checksum=7) + chunk(b"IEND", b"", checksum=7), 12),
    ],
)
def test_a_png_that_is_odd_beside_its_pixels_is_read(before, after, cut):
    png = encoded(Image.fromarray(NOISE))
    at = png.index(b"IDAT") - 4
    assert (images.read(png[:at] + before + png[at : len(png) - cut] + after) == NOISE).all()


def test_a_damaged_png_that_gdal_reads_is_an_error(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = {"driver": "PNG", "height": 20, "width": 30, "count": 3, "dtype": "uint16"}
        with rasterio.open(tmp_path / "deep.png", "w", **profile) as raster:
            raster.write(np.moveaxis(NOISE.astype(np.uint16), 2, 0))
        assert images.open_picture(tmp_path / "deep.png").values.shape == (20, 30, 3)
        (tmp_path / "deep.png").write_bytes(in_two_chunks((tmp_path / "deep.png").read_bytes(), checksum=7))
        with pytest.raises(FullconvError, match="damaged"):
            images.open_picture(tmp_path / "deep.png")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"junk, not EXIF data", b"II*\0\x08\0\0\0\xff\xff" + bytes(40)])
def test_a_photo_with_damaged_exif_data_stays_as_it_is(format, exif):
    stored = np.full((24, 32, 3), 90, np.uint8)
    assert np.array_equal(images.read(encoded(Image.fromarray(stored), format, exif=exif, quality=95)), stored)
