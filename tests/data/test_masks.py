"""Mask files of every kind that tools write: the values that are stored come back."""

import io
import re
import struct
import sys
import warnings
import zlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageOps

from fullconv.data.coco_masks import Segments
from fullconv.data.colour_masks import read_colours, read_index_or_colour
from fullconv.data.masks import read_mask, value_lookup
from fullconv.errors import FullconvError

IDS = np.zeros((24, 32), np.uint8)
IDS[2:10, 3:20] = 1
IDS[12:20, 8:30] = 2
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (200, 0, 0)
NUMBERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


def write_tiff(path, values, **options):
    """As GDAL writes it."""
    rasterio = pytest.importorskip("rasterio")
    height, width = values.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": values.dtype, **options}
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values, 1)


def write_after_a_thumbnail(path, values):
    """As scanners write it: the first page of the file is a reduced copy of the second."""
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(path) as file:
        file.write(values[::4, ::4], subfiletype=1, photometric="minisblack")
        file.write(values, photometric="minisblack")


def write_png(path, values, bits, palette=None):
    """A PNG of 1, 2, 4 or 8 bits a pixel, which Pillow writes of palettes alone."""
    unpacked = np.unpackbits(values[..., None].astype(np.uint8), axis=2)[..., 8 - bits :]
    rows = [b"\0" + np.packbits(row.ravel()).tobytes() for row in unpacked]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 3 if palette else 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *([(b"PLTE", bytes(palette))] if palette else [])]
    chunks += [(b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    written = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(written))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
class TestTiffs:
    @pytest.mark.parametrize("dtype", NUMBERS)
    def test_numbers_of_every_kind(self, tmp_path, dtype):
        write_tiff(tmp_path / "m.tif", IDS.astype(dtype))
        assert (read_mask(tmp_path / "m.tif") == IDS).all()

    @pytest.mark.parametrize("compress", ["lerc", "zstd", "lzw", "deflate", "packbits", "lzma"])
    def test_every_compression(self, tmp_path, compress):
        write_tiff(tmp_path / "m.tif", IDS, compress=compress)
        assert (read_mask(tmp_path / "m.tif") == IDS).all()

    @pytest.mark.parametrize("bits", [1, 2, 4])
    @pytest.mark.parametrize("photometric", ["MINISBLACK", "MINISWHITE"])
    @pytest.mark.parametrize("compress", ["none", "lzw"])
    def test_few_bits(self, tmp_path, bits, photometric, compress):
        values = np.minimum(IDS, 2**bits - 1)
        write_tiff(tmp_path / "m.tif", values, NBITS=bits, photometric=photometric, compress=compress)
        assert (read_mask(tmp_path / "m.tif") == values).all()

    def test_white_that_is_zero(self, tmp_path):
        write_tiff(tmp_path / "m.tif", IDS, photometric="MINISWHITE")
        assert (read_mask(tmp_path / "m.tif") == IDS).all()

    @pytest.mark.parametrize(("dtype", "nothing"), [("int16", -9999), ("float32", -3.4e38), ("float64", np.nan)])
    def test_declared_nodata_values_are_void(self, tmp_path, dtype, nothing):
        values = IDS.astype(dtype)
        values[0, 0] = nothing
        write_tiff(tmp_path / "m.tif", values, nodata=nothing)
        assert read_mask(tmp_path / "m.tif")[0, :2].tolist() == [255, 0]

    @pytest.mark.parametrize("nothing", [0, 2, 255])
    def test_a_nodata_value_that_is_a_class_stays_one(self, tmp_path, nothing):
        write_tiff(tmp_path / "m.tif", IDS, nodata=nothing)
        assert (read_mask(tmp_path / "m.tif") == IDS).all()

    def test_overviews_are_not_pages(self, tmp_path):
        rasterio = pytest.importorskip("rasterio")
        write_tiff(tmp_path / "m.tif", np.kron(IDS, np.ones((8, 8), np.uint8)))
        with rasterio.open(tmp_path / "m.tif", "r+") as raster:
            raster.build_overviews([2, 4])
        assert read_mask(tmp_path / "m.tif").shape == (192, 256)

    @pytest.mark.parametrize("dtype", ["uint8", "float64"])  # the second is read by rasterio
    def test_a_thumbnail_before_the_mask_is_not_the_mask(self, tmp_path, dtype):
        write_after_a_thumbnail(tmp_path / "m.tif", IDS.astype(dtype))
        assert (read_mask(tmp_path / "m.tif") == IDS).all()

    def test_without_rasterio_the_extra_is_named(self, tmp_path, monkeypatch):
        write_tiff(tmp_path / "m.tif", IDS.astype(np.float64))
        monkeypatch.setitem(sys.modules, "rasterio", None)
        with pytest.raises(FullconvError, match=r"pip install 'fullconv\[geo\]'"):
            read_mask(tmp_path / "m.tif")


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("palette", [None, [0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 9]])
def test_pngs_of_few_bits(tmp_path, bits, palette):
    values = np.minimum(IDS, 2**bits - 1)
    write_png(tmp_path / "m.png", values, bits, palette[: 3 * 2**bits] if palette else None)
    assert (read_mask(tmp_path / "m.png") == values).all()


def test_a_damaged_png_is_an_error_instead_of_other_labels(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "m.png")
    written = (tmp_path / "m.png").read_bytes()
    start = written.index(b"IDAT") + 4
    for at in range(start, start + int.from_bytes(written[start - 8 : start - 4])):
        for bit in range(8):
            changed = bytes([written[at] ^ 1 << bit])
            (tmp_path / "m.png").write_bytes(written[:at] + changed + written[at + 1 :])
            for read in (read_mask, Segments({1: 1, 2: 2})):
                with pytest.raises(FullconvError, match=r"m\.png: damaged mask .*; copy it again"):
                    read(tmp_path / "m.png")


@pytest.mark.parametrize("white", [2, 100, 255, 600])
def test_a_pgm_says_what_its_white_is(tmp_path, white):
    text = f"P2\n3 1\n{white}\n0 1 2\n"
    (tmp_path / "m.pgm").write_text(text)
    assert read_mask(tmp_path / "m.pgm").tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("content", [b"P1\n3 2\n0 1 0\n1 1 1\n", b"P4\n3 2\n" + bytes([0b01000000, 0b11100000])])
def test_the_ones_of_a_pbm_are_ones(tmp_path, content):
    """Although they are black."""
    (tmp_path / "m.pbm").write_bytes(content)
    assert read_mask(tmp_path / "m.pbm").tolist() == [[0, 1, 0], [1, 1, 1]]
    assert read_colours(tmp_path / "m.pbm", [WHITE, BLACK]).tolist() == [[0, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_white_of_16_bits_is_that_of_8(tmp_path, dtype, ending):
    if ending != "tif" and dtype != np.uint16:
        return
    for values, expected in (([0, 65535], [0, 255]), ([65535, 65535], [255, 255])):
        Image.fromarray(np.array([values], dtype)).save(tmp_path / f"m.{ending}")
        assert read_mask(tmp_path / f"m.{ending}").tolist() == [expected]
        assert read_colours(tmp_path / f"m.{ending}", [BLACK, WHITE]).tolist() == [[min(v, 1) for v in expected]]
    Image.fromarray(np.array([[0, 1, 65535]], dtype)).save(tmp_path / f"m.{ending}")
    with pytest.raises(FullconvError, match="mask values range from 0 to 65535, such as 65535"):
        read_mask(tmp_path / f"m.{ending}")


@given(values=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20)))
@settings(max_examples=30, deadline=None)
def test_any_values_come_back(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("m")
    for name, picture in (("grey", Image.fromarray(values)), ("deep", Image.fromarray(values.astype(np.uint16)))):
        for ending in ("png", "tif"):
            picture.save(folder / f"{name}.{ending}")
            assert (read_mask(folder / f"{name}.{ending}") == values).all()


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_rotated_tiff_is_upright(tmp_path, turn, compression):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(IDS).save(tmp_path / "m.tif", exif=exif, compression=compression)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO((tmp_path / "m.tif").read_bytes())))
    assert (read_mask(tmp_path / "m.tif") == np.array(upright)).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_rotated_tiff_that_pillow_cannot_read_is_upright(tmp_path, turn):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_tiff(tmp_path / "m.tif", IDS.astype(np.float64))
    written = (tmp_path / "m.tif").read_bytes()  # the tag of its one strip's rows becomes that of the orientation
    strip, turned = struct.pack("<HHIHH", 278, 3, 1, 24, 0), struct.pack("<HHIHH", 274, 3, 1, turn, 0)
    assert written.count(strip) == 1
    (tmp_path / "m.tif").write_bytes(written.replace(strip, turned))
    upright = ImageOps.exif_transpose(_noting(Image.fromarray(IDS), turn))
    assert (read_mask(tmp_path / "m.tif") == np.array(upright)).all()


COLOURS = np.array([BLACK, (200, 0, 0), (0, 200, 0)], np.uint8)


def with_turn(path, picture, turn, behind=False):
    """Saves it with an EXIF orientation, in a PNG before or behind the pixels."""
    exif = Image.Exif()
    exif[0x0112] = turn
    picture.save(path, exif=exif, lossless=True)
    if behind:
        written = path.read_bytes()
        at = written.index(b"eXIf") - 4
        chunk = written[at : at + 12 + int.from_bytes(written[at : at + 4])]
        path.write_bytes(written.replace(chunk, b"")[:-12] + chunk + written[-12:])


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16"])
def test_a_rotated_png_is_upright_with_its_values(tmp_path, turn, mode):
    values = IDS % 2 if mode == "1" else IDS
    picture = Image.fromarray(values.astype({"I;16": np.uint16, "1": bool}.get(mode, np.uint8)))
    if mode == "P":
        picture.putpalette(COLOURS.ravel().tolist())
    upright = np.array(ImageOps.exif_transpose(_noting(Image.fromarray(values), turn)))
    for behind in (False, True):
        with_turn(tmp_path / "m.png", picture, turn, behind)
        assert (read_mask(tmp_path / "m.png") == upright).all()
        if mode == "P":
            for read in (read_colours, read_index_or_colour):
                assert (read(tmp_path / "m.png", [tuple(colour) for colour in COLOURS.tolist()]) == upright).all()


def _noting(picture, turn):
    picture.getexif()[0x0112] = turn
    return picture


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_rotated_colours_are_upright(tmp_path, turn, ending):
    with_turn(tmp_path / f"m.{ending}", Image.fromarray(COLOURS[IDS]), turn)
    upright = np.array(ImageOps.exif_transpose(_noting(Image.fromarray(IDS), turn)))
    colours = [tuple(colour) for colour in COLOURS.tolist()]
    for read in (read_colours, read_index_or_colour):
        assert (read(tmp_path / f"m.{ending}", colours) == upright).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_rotated_segments_of_coco_are_upright(tmp_path, turn):
    with_turn(tmp_path / "m.png", Image.fromarray(np.stack([IDS, 0 * IDS, 0 * IDS], 2)), turn)
    upright = np.array(ImageOps.exif_transpose(_noting(Image.fromarray(IDS), turn)))
    assert (Segments({1: 1, 2: 2})(tmp_path / "m.png") == np.where(upright, upright, 255)).all()


def test_exif_data_that_are_unreadable_do_not_matter_to_a_mask(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "m.png", exif=b"no EXIF data")
    assert (read_mask(tmp_path / "m.png") == IDS).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0.5, 1]], np.float32), "such as 0.5; class indices are whole"),
        (np.array([[-9999, 1]], np.int32), "mask values range from -9999 to 1"),
        (np.array([[np.inf, 1]], np.float32), "such as inf"),
    ],
)
def test_values_that_are_not_indices_are_refused(tmp_path, values, message):
    Image.fromarray(values).save(tmp_path / "m.tif")
    with pytest.raises(FullconvError, match=message) as error:
        read_mask(tmp_path / "m.tif")
    assert "\n" not in str(error.value)


def test_several_pages_are_an_error(tmp_path):
    picture = Image.fromarray(IDS)
    picture.save(tmp_path / "m.tif", save_all=True, append_images=[picture, picture])
    with pytest.raises(FullconvError, match="3 pages, but a mask has one"):
        read_mask(tmp_path / "m.tif")


def palette_mask(path, values, *colours):
    picture = Image.fromarray(np.asarray(values, np.uint8), "P")
    picture.putpalette([part for colour in colours for part in colour])
    picture.save(path)


class TestColours:
    """`colours` of a data YAML on masks of a single channel."""

    @pytest.mark.parametrize(
        ("grey", "colours", "expected"),
        [
            ([0, 255], [BLACK, WHITE], [0, 1]),  # black and white, saved as grey
            ([100, 200], [(100,) * 3, (200,) * 3], [0, 1]),
            ([100, 200, 255], [(100,) * 3, (200,) * 3], [0, 1, 255]),
            ([0, 1, 255], [BLACK, RED], [0, 1, 255]),  # values, since no class is the grey of 1
            ([0, 1], [BLACK, WHITE], [0, 1]),
            ([1, 0], [(1,) * 3, BLACK], [0, 1]),
        ],
    )
    def test_grey(self, tmp_path, grey, colours, expected):
        Image.fromarray(np.array([grey], np.uint8)).save(tmp_path / "m.png")
        assert read_index_or_colour(tmp_path / "m.png", colours).tolist() == [expected]

    @pytest.mark.parametrize("read", [read_index_or_colour, read_colours])
    def test_one_bit(self, tmp_path, read):
        write_png(tmp_path / "m.png", np.array([[0, 1]]), 1)
        assert read(tmp_path / "m.png", [WHITE, BLACK]).tolist() == [[1, 0]]

    @pytest.mark.parametrize(
        ("palette", "expected"),
        [([WHITE, BLACK], [1, 0]), ([BLACK, WHITE], [0, 1]), ([RED, (7, 7, 7)], [0, 1])],
    )
    def test_palettes_in_any_order(self, tmp_path, palette, expected):
        palette_mask(tmp_path / "m.png", [[0, 1]], *palette)
        assert read_index_or_colour(tmp_path / "m.png", [BLACK, WHITE]).tolist() == [expected]

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    @pytest.mark.parametrize("dtype", ["uint16", "float64"])
    def test_deep_masks(self, tmp_path, dtype):
        write_tiff(tmp_path / "white.tif", np.array([[0, 255]], dtype))
        write_tiff(tmp_path / "ids.tif", np.array([[0, 1]], dtype))
        for name in ("white", "ids"):
            assert read_index_or_colour(tmp_path / f"{name}.tif", [BLACK, WHITE]).tolist() == [[0, 1]]

    def test_ambiguous_masks_are_an_error(self, tmp_path):
        Image.fromarray(np.array([[0, 1, 255]], np.uint8)).save(tmp_path / "m.png")
        palette_mask(tmp_path / "p.png", [[0, 1]], WHITE, RED)
        for name in ("m.png", "p.png"):
            with pytest.raises(FullconvError, match="has a colour listed in `colours`"):
                read_index_or_colour(tmp_path / name, [BLACK, WHITE])


def write_bands(path, bands, **options):
    rasterio = pytest.importorskip("rasterio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2],
            dtype=bands.dtype.name, **options,
        ) as raster:  # fmt: skip
            raster.write(bands)
    return path


def test_in_a_64_bit_mask_only_the_exact_nodata_value_is_void(tmp_path):
    bands = np.full((1, 8, 8), 2, np.int64)
    bands[0, :2] = -9999
    assert np.unique(read_mask(write_bands(tmp_path / "a.tif", bands, nodata=-9999))).tolist() == [2, 255]
    bands[0, 4] = -9000
    with pytest.raises(
        FullconvError, match=re.escape(f"{tmp_path / 'b.tif'}: mask values range from -9999 to 2, such as -9000")
    ):
        read_mask(write_bands(tmp_path / "b.tif", bands, nodata=-9999))


def test_a_mask_with_several_bands_is_refused_with_its_name(tmp_path):
    with pytest.raises(FullconvError, match=re.escape(f"{tmp_path / 'a.tif'}: a mask has one channel")):
        read_mask(write_bands(tmp_path / "a.tif", np.zeros((2, 8, 8), np.int64)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{}, {"interleave": "pixel", "compress": "lzw"}, {"alpha": "yes"}])
def test_a_second_band_is_not_dropped(tmp_path, dtype, options):
    path = write_bands(tmp_path / "a.tif", np.stack([IDS, IDS % 2]).astype(dtype), **options)
    for read in (read_mask, partial(read_colours, colours=[BLACK]), partial(read_index_or_colour, colours=[BLACK])):
        with pytest.raises(
            FullconvError, match=re.escape(f"{path}: a mask has one channel of class indices, but this one")
        ):
            read(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_alpha_that_is_the_same_everywhere_does_not_matter(tmp_path, dtype, interleave):
    bands = np.stack([IDS, 0 * IDS + 255]).astype(dtype)
    path = write_bands(tmp_path / "a.tif", bands, interleave=interleave, alpha="yes")
    assert (read_mask(path) == IDS).all()
    Image.merge("LA", [Image.fromarray(IDS), Image.new("L", (32, 24), 255)]).save(tmp_path / "a.png")
    assert (read_mask(tmp_path / "a.png") == IDS).all()
    assert (read_index_or_colour(tmp_path / "a.png", [BLACK, WHITE]) == IDS).all()


def test_a_mask_that_is_transparent_exactly_where_it_is_0(tmp_path):
    """Image editors save white objects on nothing like this."""
    for white in (1, 255):
        mask = (IDS > 1) * np.uint8(white)
        for path in (tmp_path / "a.png", tmp_path / "a.tif"):
            Image.merge("LA", [Image.fromarray(mask), Image.fromarray((IDS > 1) * np.uint8(255))]).save(path)
            assert (read_mask(path) == mask).all()


def test_a_png_with_transparency_is_refused(tmp_path):
    Image.merge("LA", [Image.fromarray(IDS), Image.fromarray(IDS)]).save(tmp_path / "a.png")
    with pytest.raises(FullconvError, match=r"a\.png: a mask has one channel of class indices, but this one has 2; "):
        read_mask(tmp_path / "a.png")


def test_values_that_are_not_indices_are_refused_with_the_file_name(tmp_path):
    Image.fromarray(np.full((4, 4), 300, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(FullconvError, match=re.escape(f"{tmp_path / 'a.png'}: mask values range from 300 to 300")):
        read_mask(tmp_path / "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png")
    with pytest.raises(FullconvError, match=r"save it as a palette or 8-bit grey PNG, or give the classes' `colours`"):
        read_mask(tmp_path / "b.png")


def test_a_table_holds_every_value_of_a_byte():
    table = value_lookup({3: 1})
    assert (table.shape, table.dtype) == ((256,), np.int16)
    assert table.tolist() == [-1] * 3 + [1] + [-1] * 252
