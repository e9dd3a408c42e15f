"""The content of a picture, and how a model takes it: bands, values and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.errors import FullconvError, UnknownValue
from fullconv.georeference import Georeference
from fullconv.scale import Tally
from fullconv.words import counted

Pixels = NDArray[Any]  # (H, W, C): uint8, or float32 if the model's values have a range
Valid = NDArray[np.bool_]  # (H, W): where there is data in any band
Known = NDArray[np.bool_]  # (H, W, C): where each band has data; C is 1 if all bands have it in the same places
Range = tuple[float, float]
Part = tuple[slice, slice]  # rows, columns; may extend beyond the picture

REPEAT = "; to repeat this, give"  # in notes, before the options of the command line
PERCENTILES = (0.1, 99.9)  # of the values, which become 0 and 255 if no range is given
# pixels; for larger pictures the range is computed from SAMPLES x SAMPLES places of SAMPLE x SAMPLE pixels
WHOLE = 2048**2
SAMPLES, SAMPLE = 32, 64


@dataclass(frozen=True)
class Picture:
    """The (H, W, C) values of a file: upright, colours as RGB, in the file's own type, before any model takes it.

    `known`: where there is data, or None for everywhere. `keeps_scale`: the pixels have a fixed scale, because the
    picture has a position on the ground. `ready`: the values are what the network takes, whatever their type. `pages`:
    the number of pages of the file, of which this is one. `remarks`: what else the user should know.
    """

    values: Pixels
    name: str = "the picture given"
    known: Known | None = None
    georeference: Georeference | None = None
    keeps_scale: bool = False
    ready: bool = False
    page: int = 1
    pages: int = 1
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.values.shape[0], self.values.shape[1]

    @property
    def valid(self) -> Valid | None:
        """Where there is data in any band, or None for everywhere."""
        return None if self.known is None else in_any_band(self.known)

    @property
    def is_deep(self) -> bool:
        """Whether it has more than 8 bits per band."""
        return self.values.dtype != np.uint8 and not self.ready

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how it was read."""
        page = (f"page {self.page} of {self.pages}; --pages all",) if self.pages > 1 else ()
        return (*page, *self.remarks)


def _check_ranges(ranges: tuple[Range, ...]) -> None:
    for low, high in ranges:
        if not np.isfinite(high - low):
            raise UnknownValue(f"--range {low:g},{high:g}: give two finite numbers, as in 0,3000")
        if not low < high:
            raise UnknownValue(f"--range {low:g},{high:g}: give the lower value first")


def _check_bands(bands: tuple[int, ...]) -> None:
    if bands and min(bands) < 1:
        raise UnknownValue(f"--bands {_listed(bands)}: bands are counted from 1")


@dataclass(frozen=True)
class Reading:
    """What to read of a file, if it differs from what a model takes by default.

    `bands`, from 1, replace the first ones. `ranges` of values that become 0–255 replace those of the model or the
    file: one for all channels, or one for each. `page` counts from 0. `pages`: read every page, each as a picture.
    `max_pixels` limits a picture that is decoded at once; None means images.LARGEST_IN_MEMORY. `outside`: further
    folders for the files that a virtual raster refers to.
    """

    bands: tuple[int, ...] = ()
    ranges: tuple[Range, ...] = ()
    page: int = 0
    pages: bool = False
    max_pixels: int | None = None
    outside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_bands(self.bands)
        _check_ranges(self.ranges)

    def at(self, page: int) -> Reading:
        return replace(self, page=page)


EVERYTHING = Reading()


@dataclass(frozen=True)
class Seen:
    """A picture as a model takes it (H, W, channels), where there is data, `notes` on what was decided for it, and
    `taken`: which bands and values, as `taken` says."""

    image: Pixels
    valid: Valid | None = None
    keeps_scale: bool = False
    notes: tuple[str, ...] = ()
    taken: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """How pictures become what a model of len(blank) channels takes. `blank` is the colour where there is no data.

    `ranges`, one for all channels or one for each, become 0–255. With `exact`, values are float32, neither rounded nor
    clipped. Otherwise they are uint8; without a range, 8-bit values stay as they are, and deeper ones are scaled from
    the picture's 0.1th to its 99.9th percentile. `bands`, from 1, replace the first ones. `asked_range`: the user gave
    the range for these pictures; otherwise it is that of the training pictures. `adjustable`: messages name the options
    for bands and range; commands that read labelled pictures have none.
    """

    blank: tuple[float, ...]
    ranges: tuple[Range, ...] = ()
    exact: bool = False
    bands: tuple[int, ...] = ()
    asked_range: bool = False
    adjustable: bool = True

    def __post_init__(self) -> None:
        _check_bands(self.bands)
        _check_ranges(self.ranges)
        if len(self.ranges) not in (0, 1, self.channels):
            given, channels = counted(len(self.ranges), "pair"), counted(self.channels, "channel")
            raise FullconvError(f"--range: {given} for {channels}; give one pair, or one per channel")

    @property
    def channels(self) -> int:
        return len(self.blank)

    def asked(self, reading: Reading) -> View:
        """Returns this view with the settings of `reading`."""
        if not (reading.bands or reading.ranges):
            return self
        ranges, given = reading.ranges or self.ranges, bool(reading.ranges) or self.asked_range
        return replace(self, bands=reading.bands or self.bands, ranges=ranges, asked_range=given)

    def fixed(self) -> View:
        """Returns this view for commands that have no options for bands and range."""
        return replace(self, adjustable=False)

    def see(self, picture: Picture, reading: Reading = EVERYTHING) -> Seen:
        """Returns a picture in memory as the model takes it."""
        return self.asked(reading)._see(picture)

    def _see(self, picture: Picture) -> Seen:
        if picture.ready:
            return Seen(picture.values, picture.valid, picture.keeps_scale, picture.notes)
        bands = self.choose(picture.name, picture.values.shape[2])
        values = picture.values if _are_all(bands, picture) else picture.values[..., [band - 1 for band in bands]]
        known = known_values(values, known_bands(picture.known, bands))
        ranges = self.ranges_of(picture.name, picture.values.dtype, picture.size, lambda part: (
            values[part], None if known is None else known[part]))  # fmt: skip
        tally = Tally() if self.has_learned_range else None
        if tally:
            tally.add(values, known, self.ranges)
        notes = (*picture.notes, *self.notes(bands, picture.values.shape[2], ranges, tally))
        valid = None if known is None else in_any_band(known)
        return Seen(self.image(values, known, ranges), valid, picture.keeps_scale, notes, taken(bands, ranges))

    def choose(self, name: str, count: int) -> tuple[int, ...]:
        """Returns a band number for each channel, out of `count` bands. Raises FullconvError if that is impossible."""
        bands = self.bands or tuple(range(1, min(count, self.channels) + 1))
        if len(self.bands) == 1 or (not self.bands and count < self.channels == 3):
            bands = bands[:1] * self.channels  # as grey
        if missing := [band for band in self.bands if band > count]:
            told = f"--bands {_listed(self.bands)}: there is no band {missing[0]}"
            raise FullconvError(f"{name}: {told}; the file has {counted(count, 'band')}")
        if len(bands) != self.channels:
            raise FullconvError(f"{name}: {self._mismatch(count)}")
        return bands

    def _mismatch(self, count: int) -> str:
        """Why a file of `count` bands does not fit the model, and what does."""
        told = f"--bands {_listed(self.bands)}: " if self.bands else ""
        text = f"{told}the model takes {counted(self.channels, 'band')}, but the file has {count}; "
        if count < self.channels:
            return f"{text}give a file with the bands that the model was trained on"
        return f"{text}choose {self.channels} of them, as in --bands {_listed(range(self.channels, 0, -1))}"

    def ranges_of(
        self, name: str, kind: np.dtype[Any], size: tuple[int, int], read: Callable[[Part], tuple[Pixels, Known | None]]
    ) -> tuple[Range, ...]:
        """Returns the ranges that become 0–255, or none if the values stay as they are. `read` returns any part of the
        picture."""
        if self.ranges or kind == np.uint8:
            return self.ranges
        found = [measured(*part) for part in map(read, sample_windows(size))]
        if not any(values.size for values in found):
            remedy = "give it, as in --range 0,3000" if self.adjustable else "leave this picture out"
            raise FullconvError(f"{name}: no data found to measure the range of values; {remedy}")
        return (usual_range(np.concatenate(found)),)

    def image(self, values: Pixels, known: Known | None, ranges: tuple[Range, ...]) -> Pixels:
        """Returns (H, W, channels) from the values of the chosen bands."""
        if not ranges:
            image = np.ascontiguousarray(values)
        else:
            image = scaled(values, ranges)
            image = image if self.exact else np.nan_to_num(image).clip(0, 255).round().astype(np.uint8)
        if known is not None and not known.all():
            image = image.copy() if image is values else image
            blank = np.array(self.blank if self.exact else np.round(self.blank), image.dtype)
            np.copyto(image, blank, where=~known)
        return image

    @property
    def has_learned_range(self) -> bool:
        """Whether the range is that of the training pictures."""
        return bool(self.ranges) and not self.asked_range

    def notes(
        self, bands: tuple[int, ...], count: int, ranges: tuple[Range, ...], tally: Tally | None
    ) -> tuple[str, ...]:
        """Returns what was decided without the user asking: which bands, which range. Also whether the values in
        `tally` seem to be on another scale than the model's."""
        notes = []
        used = sorted(set(bands))
        if count > len(used) and not self.bands:
            what = (
                f"bands {_listed(used)} of {count} are used" if len(used) > 1 else f"band 1 of {count} is used, as grey"
            )
            notes.append(what + self._repeat(f"--bands {_listed(used)}"))
        if ranges and not self.ranges:
            (low, high) = ranges[0]
            what = f"values {low:g} to {high:g} are mapped to 0 to 255"
            notes.append(what + self._repeat(f"--range {low:g},{high:g}"))
        if tally and (text := tally.note(ranges_in_words(self.ranges))):
            notes.append(text)
        return tuple(notes)

    def _repeat(self, option: str) -> str:
        return f"{REPEAT} {option}" if self.adjustable else ""


def range_pairs(numbers: tuple[float, ...]) -> tuple[Range, ...]:
    """Converts 0,3000,0,2800 to (0, 3000), (0, 2800). Raises FullconvError for an odd number of values."""
    if len(numbers) % 2:
        raise UnknownValue(f"--range {','.join(f'{n:g}' for n in numbers)}: give pairs, as in 0,3000")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


@overload
def known_values(values: Pixels, known: Known) -> Known: ...


@overload
def known_values(values: Pixels, known: Known | None) -> Known | None: ...


def known_values(values: Pixels, known: Known | None) -> Known | None:
    """Where there is data in the bands that are used. A pixel with a value that is not a number counts as missing in
    all of them. With 8 bits, nodata is also the value of a colour, so it only counts where all of them are missing."""
    if values.dtype == np.uint8 and known is not None:
        return in_any_band(known)[..., None]
    if values.dtype.kind != "f":
        return known
    finite: Known = np.asarray(np.isfinite(values).all(2, keepdims=True))
    return finite if known is None else np.logical_and(known, finite)


def in_any_band(known: Known) -> Valid:
    return np.asarray(known.any(2))


def known_bands(known: Known | None, bands: tuple[int, ...]) -> Known | None:
    """Where these bands, from 1, have data."""
    return known if known is None or known.shape[2] == 1 else known[..., [band - 1 for band in bands]]


def measured(values: Pixels, known: Known | None) -> NDArray[Any]:
    """Returns the values that are data, in one row."""
    return values.ravel() if known is None else values[np.broadcast_to(known, values.shape)]


def scaled(values: Pixels, ranges: tuple[Range, ...]) -> Pixels:
    """Returns (H, W, C) float32: each channel's range, from its lower limit to its upper, becomes 0–255."""
    low, high = np.array(ranges).T
    wide = np.float64 if values.dtype.itemsize > 2 and values.dtype != np.float32 else np.float32
    image = values.astype(wide) - low.astype(wide)
    image *= (255 / (high - low)).astype(wide)
    return np.ascontiguousarray(image, np.float32)


def usual_range(values: NDArray[Any]) -> Range:
    """Returns the 0.1th and 99.9th percentiles with six digits, so that the printed range gives the same result."""
    low, high = (float(f"{limit:.6g}") for limit in np.percentile(values, PERCENTILES))
    return (low, high) if low < high else (low, low + max(1.0, abs(low) * 1e-3))


def sample_windows(size: tuple[int, int]) -> Iterator[Part]:
    """Yields the whole picture, or parts spread over a large one."""
    if size[0] * size[1] <= WHOLE:
        yield slice(0, size[0]), slice(0, size[1])
        return
    starts = [sorted({int(s) for s in np.linspace(0, max(length - SAMPLE, 0), SAMPLES)}) for length in size]
    for row, column in product(*starts):
        yield slice(row, row + SAMPLE), slice(column, column + SAMPLE)


def taken(bands: tuple[int, ...], ranges: tuple[Range, ...]) -> dict[str, str]:
    """Returns tags for results that say what a model took of a picture."""
    values = ranges_in_words(ranges)
    return {"bands": _listed(bands), "values": f"{values} become 0 to 255" if values else "as they are"}


def ranges_in_words(ranges: tuple[Range, ...]) -> str:
    """Returns "0 to 3000", or all ranges in the order of the channels if they differ."""
    shown = ranges[:1] if len(set(ranges)) == 1 else ranges
    return ", ".join(f"{low:g} to {high:g}" for low, high in shown)


def rgb_of(image: Pixels) -> NDArray[np.uint8]:
    """Returns (H, W, 3) uint8 for display: the first three channels, or the first as grey."""
    shown = image[..., :3] if image.shape[2] >= 3 else image[..., [0, 0, 0]]
    if shown.dtype != np.uint8:
        shown = np.nan_to_num(shown).clip(0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(shown)


def reduced(image: Pixels, longest_side: int | None) -> Pixels:
    """Returns the image, made smaller if its longer side exceeds `longest_side`, the largest side the model was trained
    on."""
    return image if longest_side is None or max(image.shape[:2]) <= longest_side else with_side(image, longest_side)


def with_side(image: Pixels, side: int) -> Pixels:
    """Returns the image, resized so that its longer side has this many pixels."""
    size = size_with_side((image.shape[0], image.shape[1]), side)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return _resized(Image.fromarray(image), size)
    return np.stack([_resized(Image.fromarray(image[..., i]), size) for i in range(image.shape[2])], 2)


def size_with_side(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Returns (height, width) of a picture of that size after its longer side is resized to `side`."""
    factor = side / max(size)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _resized(picture: Image.Image, size: tuple[int, int]) -> Pixels:
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=3.0))


def _are_all(bands: tuple[int, ...], picture: Picture) -> bool:
    return bands == tuple(range(1, picture.values.shape[2] + 1))


def _listed(bands: Sequence[int]) -> str:
    return ",".join(map(str, bands))
