"""Checks the pictures that Python callers pass, in any form."""

from __future__ import annotations

import errno
import os
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import numpy as np
from PIL import Image, ImageFile

from fullconv.errors import FullconvError
from fullconv.files import kind_of
from fullconv.images import Readable

FORMS = "a path, the bytes of a file, an open file, a PIL image, or an HxWx3 uint8 array"
# What callers may give. It takes two types of files: those of zipfile are no IO, those of tempfile no BufferedIOBase.
Source = Readable | bytearray | memoryview | IO[bytes] | BufferedIOBase


def picture_of(given: Any) -> Readable:
    """Returns a path, bytes, PIL image or array unchanged; open files are read. Raises FullconvError for anything else.

    None is what cv2.imread returns for a path that does not exist.
    """
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    if isinstance(given, (str, os.PathLike)):
        return _path(given)
    if hasattr(given, "read"):
        return _content(given)
    if isinstance(given, np.ndarray):
        return _filled(given)
    if isinstance(given, Image.Image):
        return _opened(given)
    if isinstance(given, bytes):
        return given
    numbers = isinstance(given, (list, tuple)) or hasattr(given, "__array__")
    remedy = "; convert it, as in np.asarray(…, np.uint8)" if numbers else ""
    raise FullconvError(f"the input is not a picture but {kind_of(given)}; give {FORMS}{remedy}")


def unshared(given: Any) -> Any:
    """Returns a copy of what the caller may overwrite with the next picture: the array or buffer of a camera, a PIL
    image that is drawn on, and an animation, which is one PIL image for all frames. Anything else is returned as it is.
    """
    if isinstance(given, np.ndarray):
        return given.copy()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    if isinstance(given, Image.Image) and (_is_in_memory(given) or getattr(given, "is_animated", False)):
        return _opened(given).copy()
    return given


def _is_in_memory(picture: Image.Image) -> bool:
    """Whether a PIL image was made in memory. One that was opened from a file may still have to be decoded."""
    return not isinstance(picture, ImageFile.ImageFile)


def _path(given: str | os.PathLike[str]) -> Path:
    path = Path(os.fsdecode(given))
    refuse_file_address(str(given))
    if "://" in str(given):
        raise FullconvError(f"{given}: is a URL; download it and give the file or its bytes")
    if not str(given):
        raise FullconvError("the path is empty; give the path of a picture")
    refuse_long_text(path)
    if path.is_dir():
        raise FullconvError(f"{path}: is a folder; give one picture at a time, or use the command fullconv predict")
    return path


def refuse_long_text(path: Path) -> None:
    """Raises FullconvError for a text that is too long for a path, such as a picture in base64."""
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            what = f"a text of {len(str(path))} characters is no path"
            raise FullconvError(f"{what}; give the path of a picture, or the bytes of a file") from None
    except ValueError:  # a null byte, which reading the picture will report
        pass


def refuse_file_address(text: str) -> None:
    """Raises FullconvError for the address of a file on this machine, as file managers and browsers give it."""
    if text.lower().startswith("file://"):
        raise FullconvError(f"{text}: is an address; give the path itself, as in {unquote(urlsplit(text).path)}")


def _content(file: Any) -> bytes:
    """Reads an open file, from its beginning if it can be moved there: a buffer that was just written is at its end."""
    name = getattr(file, "name", "the file given")
    try:
        if hasattr(file, "seekable") and file.seekable():
            file.seek(0)
        content = file.read()
    except (OSError, ValueError) as error:
        raise FullconvError(f"{name}: cannot be read ({error}); open it again") from None
    if not isinstance(content, bytes):
        raise FullconvError(f"{name}: is open in text mode; open it with mode 'rb'")
    return content


def _filled(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if 0 in array.shape:
        raise FullconvError(f"an array of shape {array.shape} contains no pixels; give {FORMS}")
    return array


def _opened(picture: Image.Image) -> Image.Image:
    """Loads a PIL image now; Pillow would do it later."""
    try:
        picture.load()
    except Exception as error:  # of many types, one of them for a closed picture
        reason = " ".join(str(error).split())
        raise FullconvError(f"the picture cannot be read ({reason}); open it again, or give its path") from None
    return picture
