"""Cut-outs: a class of a photo with everything else transparent, or before another background."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from fullconv import images
from fullconv.classes import Colour
from fullconv.errors import FullconvError
from fullconv.outputs.class_names import file_names
from fullconv.outputs.file import Files
from fullconv.outputs.png import save_png
from fullconv.outputs.regions import SIDEWAYS, Region, Ring, regions
from fullconv.segmentation import Segmentation
from fullconv.softness import margin

ISLAND = 0.002  # of a class's pixels: smaller regions are left out
EDGE = 150  # the edge is soft over so many-th parts of the longer side
LEAST = 2  # pixels, at least
STEEPNESS = 2.0  # of the edge: times the difference of two scores
BLUR = 40  # a background is blurred by so many-th parts of the longer side
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}

Alpha = NDArray[np.float32]  # (H, W), 0–1
Background = Colour | str | Path  # a colour, "blur", or a picture's file


def write_cutouts(result: Segmentation, target: Path, background: Background | None = None) -> Files:
    """target_<class>_cutout.png for each class present but the background, or for those that were asked for."""
    named = dict(zip(result.classes.names, file_names(result.classes.names), strict=True))
    return {f"_{named[name]}_cutout.png": partial(_save, result, name, background) for name in result.wanted}


def _save(result: Segmentation, name: str, background: Background | None, path: Path) -> None:
    save_png(cut_out(result, [name], background), path)


def cut_out(result: Segmentation, names: list[str], background: Background | None = None) -> Image.Image:
    """The classes `names` together: an RGBA picture, or an RGB one before a background."""
    alpha = alpha_of(result, names)
    cleaned = without_background(result.image, alpha)
    if background is None:
        rgba = np.dstack([cleaned, np.round(alpha * 255).astype(np.uint8)])
        rgba[alpha == 0] = 0
        return Image.fromarray(rgba)
    mask = Image.fromarray(np.round(alpha * 255).astype(np.uint8))
    return Image.composite(Image.fromarray(cleaned), behind(result.image, background), mask)


def alpha_of(result: Segmentation, names: list[str]) -> Alpha:
    """Soft along the edge, from the scores where they were kept: 1 further inside, 0 further outside."""
    indices = [result.classes.index(name) for name in names]
    mask = without_islands(np.isin(result.label_map, indices))
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    height, width = mask.shape
    reach = max(LEAST, round(max(height, width) / EDGE))
    inner, outer = shrunk(mask, reach), grown(mask, reach)
    soft = softened(result, indices, mask, reach)
    return np.where(inner, 1, np.where(outer, soft, 0)).astype(np.float32)


def softened(result: Segmentation, indices: list[int], mask: NDArray[np.bool_], reach: int) -> Alpha:
    """An even ramp over the edge, and sharper where the scores are sure. Never on the other side of a half than the
    mask, so that the cut-out is where the mask is."""
    blurred = Image.fromarray(mask.view(np.uint8) * np.uint8(255)).filter(ImageFilter.GaussianBlur(reach / 2))
    ramp = np.asarray(blurred, np.float32) / 255
    within, without = np.maximum(ramp, 0.5), np.minimum(ramp, 0.5)
    if result.any_scores is not None:
        size = mask.shape[0], mask.shape[1]
        over = np.maximum.reduce([margin(result.any_scores, index, size) for index in indices])
        share = 1 / (1 + np.exp(-(STEEPNESS * over).clip(-30, 30)))
        within, without = np.maximum(within, share), np.minimum(without, share)
    return np.where(mask, within, without).astype(np.float32)


def without_islands(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask less its regions of a few pixels; the largest one stays in any case."""
    parts = [region for region in regions(mask.view(np.uint8)) if region.value]
    if len(parts) < 2:
        return mask
    least = min(ISLAND * mask.sum(), max(part.area for part in parts))
    kept = mask.copy()
    for part in parts:
        if part.area < least:
            erase(kept, part)
    return kept


def erase(mask: NDArray[np.bool_], region: Region) -> None:
    """Every upright side of the region toggles all that lies to its right, inside the region's box."""
    x, y = region.outline.points().T
    left, top, right, bottom = x.min(), y.min(), x.max(), y.max()
    toggles = np.zeros((bottom - top, right - left + 1), bool)
    for ring in (region.outline, *region.holes):
        toggle(toggles, ring, (int(left), int(top)))
    mask[top:bottom, left:right] &= ~np.logical_xor.accumulate(toggles[:, :-1], axis=1)


def toggle(toggles: NDArray[np.bool_], ring: Ring, corner: tuple[int, int]) -> None:
    upright = SIDEWAYS[ring.sides] != 0
    x, y = (ring.pixels[upright] - corner).T
    toggles[y, x + (SIDEWAYS[ring.sides[upright]] > 0)] = True


def without_background(image: NDArray[np.uint8], alpha: Alpha) -> NDArray[np.uint8]:
    """(H, W, 3): along the edge, where a pixel shows both, the colours of the inside nearby."""
    edge = (alpha > 0) & (alpha < 1)
    if not edge.any():
        return image
    near = inner_colours(image, alpha == 1)[edge]  # (pixels, 3)
    share = alpha[edge][:, None]
    cleaned = image.copy()
    cleaned[edge] = (share * image[edge] + (1 - share) * near).round().astype(np.uint8)
    return cleaned


def inner_colours(image: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(H, W, 3): what lies inside, spread a little over its edge; the photo's own colours where none is near."""
    height, width = inside.shape
    step = max(1, round(max(height, width) / EDGE / 2))
    held = np.where(inside[..., None], image, 0).astype(np.uint8)
    planes = [*Image.fromarray(held).split(), Image.fromarray(inside.view(np.uint8) * np.uint8(255))]
    small = [np.asarray(plane.reduce(step).filter(ImageFilter.GaussianBlur(2)), np.float32) for plane in planes]
    colours = np.stack(small[:3], 2) / np.maximum(small[3], 1)[..., None] * 255
    spread = Image.fromarray(colours.clip(0, 255).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    known = Image.fromarray(((small[3] >= 1) * 255).astype(np.uint8)).resize((width, height))
    return np.where(np.asarray(known)[..., None] > 0, np.asarray(spread), image)


def behind(image: NDArray[np.uint8], background: Background) -> Image.Image:
    """A background of the photo's size: a colour, the photo itself blurred, or another picture, cut to fit."""
    height, width = image.shape[:2]
    if isinstance(background, tuple):
        return Image.new("RGB", (width, height), background)
    if background == "blur":
        return Image.fromarray(image).filter(ImageFilter.GaussianBlur(max(height, width) / BLUR))
    return ImageOps.fit(Image.fromarray(images.read(Path(background))), (width, height))


def parse_background(text: str) -> Background:
    """ "white", "#rrggbb", "blur", or a file. Raises FullconvError for what is none of these."""
    if text in COLOURS:
        return COLOURS[text]
    if text == "blur":
        return text
    if match := re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text):
        return int(match[1], 16), int(match[2], 16), int(match[3], 16)
    if Path(text).is_file():
        return Path(text)
    raise FullconvError(f"--background {text}: give white, black, blur, a colour such as #ff8800, or a picture's file")


def grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """True within `reach` pixels of what is true, in a square."""
    for axis in (0, 1):
        done = 0
        while done < reach:  # what has grown by n grows by up to 2 n + 1 at once
            step = min(2 * done + 1, reach - done)
            mask, done = mask | shifted(mask, step, axis) | shifted(mask, -step, axis), done + step
    return mask


def shrunk(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return ~grown(~mask, reach)


def shifted(mask: NDArray[np.bool_], step: int, axis: int) -> NDArray[np.bool_]:
    """Moved by so many pixels; what comes in is false."""
    moved = np.zeros_like(mask)
    into, out = (slice(step, None), slice(None, -step)) if step > 0 else (slice(None, step), slice(-step, None))
    index: list[slice] = [slice(None), slice(None)]
    there, here = index.copy(), index.copy()
    there[axis], here[axis] = into, out
    moved[tuple(there)] = mask[tuple(here)]
    return moved
