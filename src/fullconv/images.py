"""The one reader of pictures: from a file, its bytes or an array to upright pixels, and to what a model takes."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Union

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from fullconv import jpeg2000, netpbm, png, tiff
from fullconv.damage import as_one_line, is_damage, reason_of, unavailable
from fullconv.errors import Damaged, FullconvError, missing_extra
from fullconv.files import NoPlainFile, open_plain
from fullconv.orientation import KNOWN, UPRIGHT
from fullconv.raster import Raster, open_raster
from fullconv.raster_signs import needs_rasterio
from fullconv.strips import strips
from fullconv.view import Picture, View

ImageArray = NDArray[np.uint8]
Readable = Union[str, "os.PathLike[str]", bytes, "Image.Image", NDArray[Any]]

EXTENSIONS = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".jp2", ".avif",
     ".jfif", ".heic", ".heif"]
)  # fmt: skip
PAGED = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")  # formats whose further frames are separate pictures
HEIC_BRANDS, AVIF_BRANDS = (
    frozenset([b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"]),
    frozenset([b"avif", b"avis"]),
)
# Decoders in the order in which they are tried. The other decoders of Pillow are left out: some run programs
# (Ghostscript), most are rarely used and little tested.
DECODERS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP", "JPEG2000", "AVIF")
MOST_PAGES = 2**16  # per file
DEEP = 48  # bytes per pixel needed to convert values of more than 8 bits to 0–255
HEAVY = {"WEBP": 8, "AVIF": 8, "GIF": 8, "TIFF": 8, "JPEG2000": 12}  # bytes per pixel that decoders need
LARGEST_IN_MEMORY = 178_956_970  # pixels of a picture that is read at once; Pillow's limit
CUT = "cut it into parts first"
OF_BYTES = "the bytes given"  # how messages name a picture without a file
PHOTO = View((255.0, 255.0, 255.0))  # how a photo is displayed


class Undecodable(Damaged):
    """A file that Pillow cannot read, though another library may."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def read(source: Readable) -> ImageArray:
    """Reads an HxWx3 uint8 RGB image from a path, the bytes of a file, a PIL image, or an array (HxW, HxWx3 or HxWx4).

    The EXIF orientation is applied. Transparent pixels become white. Grey, palette and CMYK pictures become RGB.
    Values of more than 8 bits are scaled so that the picture's own 0.1th and 99.9th percentiles become 0 and 255.
    Raises FullconvError, in one line, if the picture cannot be read.
    """
    return PHOTO.see(open_picture(source)).image


def open_picture(source: Readable, page: int = 0, most: int | None = None) -> Picture:
    """Returns everything in a picture: upright, colours as RGB, other values unchanged. `page` counts from 0.

    Raises FullconvError if it cannot be read, or has more than `most` pixels (None: LARGEST_IN_MEMORY).
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return Picture(_values(source))
    file = source if isinstance(source, bytes) else Path(source)
    name = OF_BYTES if isinstance(source, bytes) else str(source)
    with as_one_line(name, "a picture", "copy it again from its source"):
        return _of_raster(file, name, page, most) if needs_rasterio(file, page) else _of_photo(file, name, page, most)


def _of_raster(file: Path | bytes, name: str, page: int, most: int | None) -> Picture:
    number, count = directory_of(file, page)
    with open_raster(file, name, number) as raster:
        return _whole(raster, page, count, most)


def _of_photo(file: Path | bytes, name: str, page: int, most: int | None) -> Picture:
    with opened(file, name, most=most) as picture:
        numbers = page_numbers(picture)
        if numbers[page]:
            picture.seek(numbers[page])
            refuse_large(picture.size, name, most)
        return Picture(_values(picture), name, page=page + 1, pages=len(numbers))


def count_pages(path: Path) -> int:
    """Returns the number of pages. Returns 1 for a file that cannot be read; reading it later gives the reason."""
    try:
        if needs_rasterio(path):
            return directory_of(path, 0)[1]
        with opened(path, str(path)) as picture:
            return len(page_numbers(picture))
    except FullconvError:
        return 1


@contextmanager
def opened(source: Path | bytes, name: str, what: str = "image", most: int | None = None) -> Iterator[Image.Image]:
    """Opens a file in Pillow. Any problem, now or while it is decoded, becomes an error of one line. So does a size of
    more than `most` pixels, before anything is decoded.

    Pillow gets a stream rather than a name: files that it opens by name are mapped into memory, and then it garbles
    TIFFs that are stored rotated.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open_plain(source) as file:
            start = file.read(64)
            if start[:4] in tiff.MAGIC:
                tiff.refuse_fragmented(file)
            file.seek(0)
            allow(most)
            with Image.open(file, formats=[*DECODERS, *_heic(start, name)]) as picture:
                refuse_large(picture.size, name, most)
                yield picture
                if picture.format == "PNG" and not picture.tile:  # it was decoded
                    png.refuse_damaged(file)
    except FullconvError:
        raise
    except NoPlainFile as error:
        raise FullconvError(f"{name}: is {error.strerror}; save it as a file first") from None
    except FileNotFoundError:
        raise FullconvError(f"{name}: no such {'file' if what == 'image' else what}") from None
    except UnidentifiedImageError:
        remedy = "give the content of a" if isinstance(source, bytes) else "remove it or convert it to"
        message = f"{name}: not an image, or empty; {remedy} JPEG or PNG"
        raise Undecodable(message, "not a picture format that Pillow knows") from None
    except Image.DecompressionBombError:
        raise _too_large(name) from None
    except Exception as error:  # decoders can raise anything on a damaged file
        reason = reason_of(error)
        if not is_damage(error):
            raise unavailable(name, error) from None
        raise Undecodable(f"{name}: damaged {what} ({reason}); copy it again from its source", reason) from None


def extent(source: Readable, all_pages: bool = False) -> tuple[int, int]:
    """Returns (pixels, bytes per pixel that reading needs beyond those of an 8-bit photo), of the largest page if
    `all_pages` is set. Decodes nothing. Raises FullconvError if the file cannot be read."""
    if isinstance(source, (np.ndarray, Image.Image)):
        size = source.size if isinstance(source, Image.Image) else source.shape[:2]
        return math.prod(size), 0
    file = source if isinstance(source, bytes) else Path(source)
    name = OF_BYTES if isinstance(source, bytes) else str(source)
    with as_one_line(name, "a picture", "copy it again from its source"):
        if needs_rasterio(file):
            with open_raster(file, name, directory_of(file, 0)[0]) as raster:
                height, width = raster.size
                return height * width, DEEP + 3 * raster.count * raster.kind.itemsize
        with opened(file, name) as picture:
            pages = list(_extents(picture))[: None if all_pages else 1]
            return max(pixels for pixels, _ in pages), max(beyond for _, beyond in pages)


def _extents(picture: Image.Image) -> Iterator[tuple[int, int]]:
    """Yields (pixels, bytes per pixel that reading needs beyond those of an 8-bit photo) of each page."""
    heavy, file = HEAVY.get(picture.format or "", 0), _file_of(picture)
    if picture.format == "TIFF" and file:
        for tags in tiff.tags_of_pages(file) or [tiff.first_tags(file)]:
            yield tiff.pixels_of(tags), DEEP if tiff.bits_of(tags) > 8 else heavy
    else:
        is_deep = picture.mode[0] in "FI" or _is_deep_netpbm(picture)
        yield picture.width * picture.height, DEEP if is_deep else heavy


def directory_of(file: Path | bytes, page: int) -> tuple[int, int]:
    """Returns (number of the TIFF directory that holds this page, number of pages). Other rasters have one page."""
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else open_plain(file) as stream:
            numbers = tiff.pages(stream) if stream.read(4) in tiff.MAGIC else [0]
    except OSError:
        numbers = [0]
    return numbers[page], len(numbers)


def is_image_name(path: PurePath) -> bool:
    """Whether the file extension is that of a picture."""
    return path.suffix.lower() in EXTENSIONS


def allow(most: int | None) -> None:
    """Raises Pillow's own limit if a larger picture is allowed. Pillow has one limit for all threads."""
    if most and Image.MAX_IMAGE_PIXELS and most > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = most // 2 + 1


def refuse_large(size: tuple[int, int], name: str, most: int | None, remedy: str = "") -> None:
    """Raises FullconvError if there are more than `most` pixels."""
    most = most or LARGEST_IN_MEMORY
    if size[0] * size[1] > most:
        raise _too_large(name, remedy, most)


def _whole(raster: Raster, page: int, pages: int, most: int | None) -> Picture:
    height, width = raster.size
    refuse_large((width, height), raster.name, most, "the command fullconv predict takes it by windows")
    everything = slice(0, height), slice(0, width)
    values = raster.read(everything)
    known = raster.known(everything)
    known = known & np.isfinite(values) if values.dtype.kind == "f" else known
    return Picture(
        values, raster.name, known, raster.georeference, raster.keeps_scale, page=page + 1, pages=pages,
        remarks=raster.notes,
    )  # fmt: skip


def page_numbers(picture: Image.Image) -> Sequence[int]:
    """Returns the frames that are pages. Overviews and masks of a TIFF are not, nor are the pictures that cameras add
    after a photo."""
    file = _file_of(picture)
    if picture.format == "TIFF" and file:
        return tiff.pages(file)
    return range(min(getattr(picture, "n_frames", 1), MOST_PAGES)) if picture.format in PAGED else [0]


def _file_of(picture: Image.Image) -> BinaryIO | None:
    """Returns the file that a picture is read from, or None once it is loaded."""
    file: BinaryIO | None = getattr(picture, "fp", None)
    return file


def _from_array(array: NDArray[Any]) -> Picture:
    if array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 4)):
        return Picture(_values(Image.fromarray(array)))
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise FullconvError(
            f"an array of shape {array.shape} and type {array.dtype} is not an image; give HxW, HxWx3 or HxWx4 of uint8"
        )
    return Picture(np.array(array, order="C"))  # a copy: the caller may use the array for the next frame


def _values(picture: Image.Image) -> NDArray[Any]:
    """Returns (H, W, 3) uint8 for colours and 8-bit greys, and (H, W, bands) with the values as stored if they have
    more bits. 0 is black."""
    if _is_deep_netpbm(picture):
        return netpbm.stored_numbers(picture)
    black, shift = _black_of(picture), _shift_of(picture)
    picture = upright(picture)
    if picture.mode == "F" or picture.mode.startswith("I"):
        deep = np.asarray(picture)
        deep = np.ascontiguousarray(deep, deep.dtype.newbyteorder("="))[..., None]
        return black - deep if black else deep >> shift if shift else deep
    if picture.mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return np.array(ImageCms.profileToProfile(picture, *profiles, outputMode="RGB"))
    return _rgb(picture)


def upright(picture: Image.Image) -> Image.Image:
    """Returns the picture loaded, and turned as its EXIF data say. Pillow itself only does so for TIFFs."""
    picture.load()  # finds EXIF data behind the pixels, too
    if exif_orientation(picture) == UPRIGHT:
        return picture
    from PIL import ImageOps  # imported here because most pictures are not turned

    return ImageOps.exif_transpose(picture)


def exif_orientation(picture: Image.Image) -> int:
    """Returns 1 to 8. Unreadable EXIF data do not matter, because the pixels are intact."""
    found = None
    with suppress(Exception):
        found = picture.getexif().get(ExifTags.Base.Orientation)
    return found if isinstance(found, int) and found in KNOWN else UPRIGHT


def _is_deep_netpbm(picture: Image.Image) -> bool:
    return picture.format == "PPM" and (netpbm.white_of(picture) or 0) > 255


def _black_of(picture: Image.Image) -> np.uint16 | None:
    """Returns the number for black in a TIFF of more than 8 bits whose white is 0, or None for any other picture.
    Pillow inverts such pictures only up to 8 bits."""
    tags = getattr(picture, "tag_v2", {})
    if not picture.mode.startswith("I;16") or tags.get(tiff.PHOTOMETRIC) != tiff.WHITE_IS_ZERO:
        return None
    return np.uint16(2 ** tiff.bits_of(tags) - 1)


def _shift_of(picture: Image.Image) -> int:
    """Returns by how many bits Pillow moves the values of a JPEG 2000 to fill 16."""
    file = _file_of(picture)
    if picture.format != "JPEG2000" or picture.mode != "I;16" or not file:
        return 0
    place = file.tell()
    file.seek(0)
    values = jpeg2000.values_of(file.read(jpeg2000.HEADER))
    file.seek(place)
    return max(0, 16 - values.bits) if values else 0


def _rgb(picture: Image.Image) -> ImageArray:
    """Returns (H, W, 3), converted in strips: NumPy's conversion would need the memory of the whole picture twice."""
    image = np.empty((picture.height, picture.width, 3), np.uint8)
    for rows in strips((picture.height, picture.width)):
        strip = picture.crop((0, rows.start, picture.width, rows.stop))
        image[rows] = np.asarray(_plain(strip))
    return image


def _plain(picture: Image.Image) -> Image.Image:
    """Converts to RGB; transparent pixels are placed on white."""
    if picture.mode == "La":  # Pillow converts premultiplied grey to nothing else
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        on_white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(on_white, picture.convert("RGBA"))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _heic(start: bytes, name: str) -> tuple[str, ...]:
    """Returns the decoder for HEIC (the format of phones) if the file is one. Raises FullconvError without the
    extra."""
    brands = {start[at : at + 4] for at in range(8, min(len(start), int.from_bytes(start[:4])), 4)}
    if start[4:8] != b"ftyp" or not brands & HEIC_BRANDS or brands & AVIF_BRANDS:
        return ()
    try:
        import pillow_heif
    except ImportError:
        raise FullconvError(f"{name}: a HEIC photo, and {missing_extra('pillow-heif', 'heic')}") from None
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _too_large(name: str, remedy: str = "", most: int = LARGEST_IN_MEMORY) -> FullconvError:
    return FullconvError(f"{name}: more than {most / 10**6:.0f} megapixels; {remedy or CUT}")
