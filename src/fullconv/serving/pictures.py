"""Checks from a picture's header, before any pixel is decoded, whether the server accepts it."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from fullconv import images
from fullconv.serving.limits import Limits
from fullconv.serving.refusal import Refusal
from fullconv.tiff import MAGIC


def check_picture(body: bytes, limits: Limits) -> None:
    """Raises Refusal if the file is not a picture, is too large, or has too many frames."""
    try:
        with Image.open(io.BytesIO(body), formats=limits.formats) as picture:
            check_size(picture.width, picture.height, limits)
            pages = images.page_numbers(picture)
            if pages[0]:  # a thumbnail comes before it
                picture.seek(pages[0])
                check_size(picture.width, picture.height, limits)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise unknown(body, limits) if isinstance(error, UnidentifiedImageError) else too_large(limits) from None
    except Refusal:
        raise
    except Exception:  # decoders raise all kinds of exceptions on a damaged file
        raise damaged() from None
    if len(pages) > limits.frames:
        raise Refusal(
            422, "frames", f"the file contains {len(pages)} frames, and the limit is {limits.frames}; send one frame"
        )


def check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        raise too_large(limits)


def too_large(limits: Limits) -> Refusal:
    megapixels = limits.pixels / 10**6
    return Refusal(413, "pixels", f"the picture has more than {megapixels:g} megapixels; send a smaller one")


def unknown(body: bytes, limits: Limits) -> Refusal:
    accepted = f"send one of {', '.join(limits.formats)}"
    if body.startswith(MAGIC) and "tiff" not in limits.formats:
        return Refusal(
            415, "format", f"a TIFF, which this server accepts only if its --formats include tiff; {accepted}"
        )
    return Refusal(415, "format", f"not a picture in a format that this server accepts; {accepted}")


def damaged() -> Refusal:
    return Refusal(422, "damaged", "the picture is damaged or cut off; send the whole file")
