"""The facts that the check keeps of one image and its mask: a few numbers and a thumbnail, no pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.classes import Colour, LabelMap
from fullconv.data.alignment import Edges, edges_of, labels_of
from fullconv.data.boxes import boxed
from fullconv.data.colour_masks import read_colours, read_index_or_colour
from fullconv.data.dataset import Sample
from fullconv.data.lossy import is_lossy
from fullconv.data.masks import opened
from fullconv.data.stored_values import SINGLE_CHANNEL, has_two_channels, stored_colours, stored_values
from fullconv.data.undeclared import undeclared_nodata
from fullconv.errors import FullconvError
from fullconv.images import exif_orientation
from fullconv.images import opened as opened_image
from fullconv.orientation import UPRIGHT
from fullconv.view import Known, Picture, Pixels, Valid, in_any_band, known_values

TURNED = 5  # EXIF orientation, from which on rows and columns are exchanged
THUMBNAIL = (18, 16)  # width, height
LEVELS = np.arange(256)
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Header:
    """How a picture is stored: its size before the EXIF rotation."""

    size: Size
    orientation: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """`size` is upright. `sums` and `squares` have one number per channel, over the `pixels` that have data in all of
    them. `thumbnail` is 18x16 grey values. `edges` and `valid`, (H, W): where there is data, are only kept until they
    are compared with the mask. `undeclared`: the value that seems to be nodata."""

    size: Size
    header: Header
    sums: tuple[float, ...]
    squares: tuple[float, ...]
    thumbnail: bytes
    is_deep: bool = False  # more than 8 bits
    edges: Edges | None = None
    pixels: int = 0
    valid: Valid | None = None
    undeclared: float | None = None


def image_facts(sample: Sample, compared: bool = False) -> ImageFacts:
    """Reads an image, and finds its edges if it is to be `compared` with its mask.

    Raises FullconvError if it cannot be read.
    """
    found = sample.read_picture()
    image, known = found.values, known_values(found.values, found.known)
    height, width, channels = image.shape
    whole = None if known is None or known.all() else np.asarray(known.all(2))
    is_photo = image.dtype == np.uint8 and channels == 3
    sums, squares = _moments_of_bytes(image, whole) if is_photo else _moments(image, whole)
    return ImageFacts(
        (width, height), _header(sample, image), sums, squares, thumbnail_of(found), found.is_deep,
        edges_of(image) if compared else None, height * width if whole is None else int(whole.sum()),
        None if whole is None or known is None else in_any_band(known), undeclared_nodata(found),
    )  # fmt: skip


def _header(sample: Sample, image: Pixels) -> Header:
    try:
        with opened_image(sample.image_path, str(sample.image_path)) as header:
            orientation = exif_orientation(header)
            size = (image.shape[1], image.shape[0])
            return Header(size[::-1] if orientation >= TURNED else size, orientation)
    except FullconvError:  # the layout reads more than Pillow: rasters of many bands, arrays
        return Header((image.shape[1], image.shape[0]))


def _moments_of_bytes(image: Pixels, whole: Valid | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Returns exact sums of the values and of their squares, per channel, where `whole`."""
    mask = None if whole is None else Image.fromarray(whole)
    levels = np.array(Image.fromarray(image).histogram(mask), np.int64).reshape(3, 256)
    return tuple((levels @ LEVELS).tolist()), tuple((levels @ LEVELS**2).tolist())


def _moments(image: Pixels, whole: Valid | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    exact = np.int64 if np.issubdtype(image.dtype, np.integer) else np.float64
    values = (image.reshape(-1, image.shape[2]) if whole is None else image[whole]).astype(exact)
    return tuple(values.sum(0).tolist()), tuple((values**2).sum(0).tolist())


def _grey(image: Pixels, known: Known | None) -> Image.Image:
    """Returns the mean of the channels, scaled from its smallest value to its largest. Pixels without data get the
    mean of the others."""
    mean = image.mean(2, dtype=np.float64)  # nodata can be the largest float32
    if known is not None and not known.all():
        whole = known.all(2)
        mean = np.where(whole, mean, mean[whole].mean() if whole.any() else 0)
    span = float(np.ptp(mean)) or 1.0
    return Image.fromarray(((mean - mean.min()) * (255 / span)).astype(np.uint8))


def thumbnail_of(picture: Picture) -> bytes:
    """Returns 18x16 grey values."""
    image = picture.values
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return _thumbnail(Image.fromarray(image))
    return _thumbnail(_grey(image, known_values(image, picture.known)))


def _thumbnail(picture: Image.Image) -> bytes:
    return picture.resize(THUMBNAIL, Image.Resampling.BOX).convert("L").tobytes()


DRAWN = "drawn"  # the mode of masks that are outlines, drawn when read
MOST = 256  # values or colours kept per mask, the most frequent


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """The values of a mask: `values` are stored values, or 0xRRGGBB of a colour mask; `counts` their pixels. Of
    `distinct` values, the most frequent are kept.

    `error` is why the mask cannot be used as it is, or empty. `palette` has the colours of the values present. `labels`
    are the classes at reduced size, only kept until they are compared with the image. `hidden`: how many of the pixels
    of each value lie where the image has no data.
    """

    size: Size
    mode: str
    is_lossy: bool  # compressed so that values change
    values: NDArray[np.int32]
    counts: NDArray[np.int64]
    distinct: int
    palette: Mapping[int, Colour] = field(default_factory=dict)
    error: str = ""
    boxes: tuple[int, ...] = ()  # values of objects with a box but no outline
    boxes_are_regions: bool = False
    labels: LabelMap | None = None
    hidden: Mapping[int, int] = field(default_factory=dict)

    @property
    def in_colour(self) -> bool:
        """Whether `values` are colours."""
        return self.mode == "RGB" and bool(self.error)

    @property
    def pixels(self) -> dict[int, int]:
        """{value: pixels}"""
        return dict(zip(self.values.tolist(), self.counts.tolist(), strict=True))

    @property
    def shares(self) -> dict[int, float]:
        """{value: share of the mask's pixels, 0–1}"""
        return {value: count / (self.size[0] * self.size[1]) for value, count in self.pixels.items()}


def mask_facts(sample: Sample, compared: bool = False, valid: Valid | None = None) -> MaskFacts:
    """Reads a mask, and reduces its labels if it is to be `compared` with its image. `valid`, (H, W): where the image
    has data; None for everywhere.

    Raises FullconvError if the file is not a picture at all.
    """
    try:
        values = sample.read_mask_values()
    except FullconvError as error:
        return _of_unusable(sample.label_path, error)
    facts = replace(_stored(sample, values), hidden=_hidden(values, valid))
    return replace(facts, labels=labels_of(values, sample.lookup)) if compared else facts


def _hidden(values: LabelMap, valid: Valid | None) -> dict[int, int]:
    """Returns how many pixels of each value are not `valid`."""
    if valid is None or valid.shape != values.shape:
        return {}
    counts = np.bincount(values[~valid], minlength=256)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _stored(sample: Sample, values: LabelMap) -> MaskFacts:
    if not images.is_image_name(sample.label_path) or sample.label_path == sample.image_path:  # a picture of no object
        boxes, are_regions = boxed(sample)
        return replace(_facts(values, DRAWN), boxes=boxes, boxes_are_regions=are_regions)
    try:
        with opened(sample.label_path) as header:
            numbered = header.mode == "P" and not _is_read_by_colour(sample)
            palette = header.getpalette() if numbered else None
            return _facts(values, header.mode, is_lossy(header, sample.label_path), palette)
    except FullconvError:  # a raster that Pillow cannot read
        return _facts(values, "L")


def _is_read_by_colour(sample: Sample) -> bool:
    """Whether the description gives colours, so that palette indices mean nothing."""
    return getattr(sample.open_mask, "func", sample.open_mask) in (read_colours, read_index_or_colour)


def _facts(values: LabelMap, mode: str, lossy: bool = False, palette: list[int] | None = None) -> MaskFacts:
    counts = np.bincount(values.ravel(), minlength=256)
    found = np.flatnonzero(counts).astype(np.int32)
    return MaskFacts(
        _size(values), mode, lossy, found, counts[found], len(found), _colours(palette or [], found.tolist())
    )


def _of_unusable(path: Path, error: FullconvError) -> MaskFacts:
    """Returns the values of colour masks and 16-bit masks, which training does not read. Raises `error` for anything
    else."""
    try:
        with opened(path) as picture:
            mode, lossy = picture.mode, is_lossy(picture, path)
            deep = mode.startswith("I")
            if mode == "F" or (mode in SINGLE_CHANNEL and has_two_channels(picture)):
                raise error
            values = stored_values(picture).astype(np.int64) if deep else _packed(picture)
    except FullconvError:
        raise error from None
    found, counts = np.unique(values, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MOST]
    kept, mode = found[most].astype(np.int32), mode if deep else "RGB"
    return MaskFacts(_size(values), mode, lossy, kept, counts[most], len(found), error=str(error))


def _packed(picture: Image.Image) -> NDArray[np.int64]:
    """HxW of 0xRRGGBB."""
    red, green, blue = np.moveaxis(stored_colours(picture).astype(np.int64), 2, 0)
    return red << 16 | green << 8 | blue


def _colours(palette: list[int], values: Sequence[int]) -> dict[int, Colour]:
    triples = {value: tuple(palette[3 * value : 3 * value + 3]) for value in values}
    return {value: (c[0], c[1], c[2]) for value, c in triples.items() if len(c) == 3}


def _size(array: NDArray[np.integer]) -> Size:
    return array.shape[1], array.shape[0]
