"""A file, bytes or picture → image: HxWx3 uint8 RGB, upright."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Union

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from fullconv.errors import FullconvError

ImageArray = NDArray[np.uint8]
Source = Union[str, Path, bytes, "Image.Image", ImageArray]

EXTENSIONS = frozenset(
    [".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2", ".avif", ".jfif"]
)
UPRIGHT = 1  # EXIF's number for a picture that needs no turn
SCENES = frozenset([".tif", ".tiff", ".vrt"])


def read(source: Source) -> ImageArray:
    """An HxWx3 uint8 RGB image from a path, the bytes of a file, a PIL image, or an array (HxW, HxWx3 or HxWx4).

    The EXIF turn is applied; transparent pixels are laid on white; grey, palette and CMYK become RGB; 16-bit values
    are divided by 257 so that 65535 is 255. Raises FullconvError, one line, for whatever cannot be read.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    name = "the bytes given" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            return _to_rgb(picture, name)
    except FileNotFoundError:
        raise FullconvError(f"{name}: no such file") from None
    except UnidentifiedImageError:
        raise FullconvError(f"{name}: not an image, or empty; remove it or convert it to JPEG or PNG") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise FullconvError(f"{name}: more than {limit} megapixels; cut it into parts first") from None
    except (OSError, SyntaxError, ValueError, MemoryError) as error:
        raise FullconvError(f"{name}: damaged image ({_one_line(error)}); copy it again from its source") from None


def is_image_name(path: Path) -> bool:
    """Whether the file's extension is one of a picture."""
    return path.suffix.lower() in EXTENSIONS


def may_be_scene(path: Path) -> bool:
    """Whether the file may be a raster that lies on the ground (prediction/scene.py looks into it)."""
    return path.suffix.lower() in SCENES


def _from_array(array: NDArray[np.generic]) -> ImageArray:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise FullconvError(
            f"an array of shape {array.shape} and type {array.dtype} is no image; give HxW, HxWx3 or HxWx4 of uint8"
        )
    return np.ascontiguousarray(array) if array.shape[2:] == (3,) else _to_rgb(Image.fromarray(array))


def _to_rgb(picture: Image.Image, name: str = "the picture given") -> ImageArray:
    if picture.getexif().get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits a pixel; Pillow opens some such files as 32-bit
        values = np.asarray(picture).clip(0, 65535)
        picture = Image.fromarray((values / 257 + 0.5).astype(np.uint8))
    if picture.mode == "F":
        raise FullconvError(f"{name}: floating-point pixels; scale them to 8 or 16 bits first")
    if picture.has_transparency_data:
        on_white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(on_white, picture.convert("RGBA"))
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
