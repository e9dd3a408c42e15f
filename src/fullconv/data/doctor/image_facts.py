"""What the doctor keeps of one image: a few numbers and a thumbnail, no pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError
from fullconv.images import opened
from fullconv.view import Pixels

ORIENTATION = 0x0112  # the EXIF tag: 1 upright, 2–4 mirrored or upside down, 5–8 turned by a quarter
UPRIGHT, TURNED = 1, 5  # from the latter on, rows are columns
THUMBNAIL = (18, 16)  # width, height
LEVELS = np.arange(256)
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Header:
    """How a picture is stored: its size before the EXIF turn."""

    size: Size
    orientation: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """`size` is upright; `sums` and `squares` have a number for each channel; `thumbnail` is 18x16 grey values."""

    size: Size
    header: Header
    sums: tuple[float, ...]
    squares: tuple[float, ...]
    thumbnail: bytes
    is_deep: bool = False  # more than 8 bits


def image_facts(sample: Sample) -> ImageFacts:
    """Raises FullconvError where the image cannot be read."""
    found = sample.read_picture()
    image = found.values
    height, width, channels = image.shape
    if image.dtype == np.uint8 and channels == 3:
        picture = Image.fromarray(image)
        sums, squares = _moments_of_bytes(picture)
    else:
        picture = _grey(image)
        sums, squares = _moments(image)
    return ImageFacts((width, height), _header(sample, image), sums, squares, _thumbnail(picture), found.is_deep)


def _header(sample: Sample, image: Pixels) -> Header:
    try:
        with opened(sample.image_path, str(sample.image_path)) as header:
            orientation = _orientation(header)
            size = (image.shape[1], image.shape[0])
            return Header(size[::-1] if orientation >= TURNED else size, orientation)
    except FullconvError:  # the layout reads more than Pillow does: rasters of many bands, arrays
        return Header((image.shape[1], image.shape[0]))


def _orientation(header: Image.Image) -> int:
    """1 … 8. Cameras write 0 where they do not know."""
    tag = header.getexif().get(ORIENTATION, UPRIGHT)
    return tag if tag in range(1, 9) else UPRIGHT


def _moments_of_bytes(picture: Image.Image) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Exact sums of the values and of their squares, by channel."""
    levels = np.array(picture.histogram(), np.int64).reshape(3, 256)
    return tuple((levels @ LEVELS).tolist()), tuple((levels @ LEVELS**2).tolist())


def _moments(image: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    exact = np.int64 if np.issubdtype(image.dtype, np.integer) else np.float64
    values = np.nan_to_num(image.reshape(-1, image.shape[2]).astype(exact))
    return tuple(values.sum(0).tolist()), tuple((values**2).sum(0).tolist())


def _grey(image: Pixels) -> Image.Image:
    """The mean of the channels, from its smallest value to its largest."""
    mean = np.nan_to_num(image.mean(2, dtype=np.float32))
    span = float(np.ptp(mean)) or 1.0
    return Image.fromarray(((mean - mean.min()) * (255 / span)).astype(np.uint8))


def thumbnail_of(image: Pixels) -> bytes:
    """18x16 grey values."""
    is_photo = image.dtype == np.uint8 and image.shape[2] == 3
    return _thumbnail(Image.fromarray(image) if is_photo else _grey(image))


def _thumbnail(picture: Image.Image) -> bytes:
    return picture.resize(THUMBNAIL, Image.Resampling.BOX).convert("L").tobytes()
