"""What the doctor keeps of one image: a few numbers and a thumbnail, no pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

from fullconv.data.dataset import Picture, Sample

ORIENTATION = 0x0112  # the EXIF tag: 1 upright, 2–4 mirrored or upside down, 5–8 turned by a quarter
UPRIGHT = 1
THUMBNAIL = (18, 16)  # width, height
LEVELS = np.arange(256)
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Header:
    """How a picture is stored: its size before the EXIF turn; `peak` is the largest value of a file of 16 bits."""

    size: Size
    orientation: int = UPRIGHT
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """`size` is upright; `sums` and `squares` have a number for each channel; `thumbnail` is 18x16 grey values."""

    size: Size
    header: Header
    sums: tuple[float, ...]
    squares: tuple[float, ...]
    thumbnail: bytes


def image_facts(sample: Sample) -> ImageFacts:
    """Raises FullconvError where the image cannot be read."""
    image = sample.read_image()
    height, width, channels = image.shape
    if image.dtype == np.uint8 and channels == 3:
        picture = Image.fromarray(image)
        sums, squares = _moments_of_bytes(picture)
    else:
        picture = _grey(image)
        sums, squares = _moments(image)
    return ImageFacts((width, height), _header(sample, image), sums, squares, _thumbnail(picture))


def _header(sample: Sample, image: Picture) -> Header:
    try:
        with Image.open(sample.image_path) as header:
            deep = image.dtype == np.uint8 and _is_deep(header)
            return Header(header.size, _orientation(header), _peak(header, image) if deep else None)
    except OSError:  # the layout reads more than Pillow does: rasters of many bands, arrays
        return Header((image.shape[1], image.shape[0]))


def _orientation(header: Image.Image) -> int:
    """1 … 8. Cameras write 0 where they do not know."""
    tag = header.getexif().get(ORIENTATION, UPRIGHT)
    return tag if tag in range(1, 9) else UPRIGHT


def _is_deep(header: Image.Image) -> bool:
    """Whether the file has 16 bits a channel or more. Pillow keeps those of grey files and halves those of colour."""
    stored = str(header.tile[0].args) if isinstance(header, ImageFile.ImageFile) and header.tile else ""
    return header.mode.startswith("I") or ";16" in stored


def _peak(picture: Image.Image, image: Picture) -> int:
    return int(np.asarray(picture).max()) if picture.mode.startswith("I") else 257 * int(image.max())


def _moments_of_bytes(picture: Image.Image) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Exact sums of the values and of their squares, by channel."""
    levels = np.array(picture.histogram(), np.int64).reshape(3, 256)
    return tuple((levels @ LEVELS).tolist()), tuple((levels @ LEVELS**2).tolist())


def _moments(image: Picture) -> tuple[tuple[float, ...], tuple[float, ...]]:
    exact = np.int64 if np.issubdtype(image.dtype, np.integer) else np.float64
    values = np.nan_to_num(image.reshape(-1, image.shape[2]).astype(exact))
    return tuple(values.sum(0).tolist()), tuple((values**2).sum(0).tolist())


def _grey(image: Picture) -> Image.Image:
    """The mean of the channels, from its smallest value to its largest."""
    mean = np.nan_to_num(image.mean(2, dtype=np.float32))
    span = float(np.ptp(mean)) or 1.0
    return Image.fromarray(((mean - mean.min()) * (255 / span)).astype(np.uint8))


def _thumbnail(picture: Image.Image) -> bytes:
    return picture.resize(THUMBNAIL, Image.Resampling.BOX).convert("L").tobytes()
