"""Draws the shapes of one labelme file into its mask, pixel for pixel as labelme does."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from fullconv import png
from fullconv.classes import LabelMap
from fullconv.damage import reason_of
from fullconv.data.coco_masks import refuse_claim, upright_size
from fullconv.data.json_files import read_json
from fullconv.data.polygons import FAR
from fullconv.errors import FullconvError

LINE_WIDTH, POINT_RADIUS = 10, 5  # pixels; labelme's defaults
ANY = range(1, 10**9)
COUNTS: dict[str, Sequence[int]] = {
    "polygon": ANY[2:], "rectangle": (2, 4), "rotation": (4,), "oriented_rectangle": (4,), "quadrilateral": (4,),
    "circle": (2,), "point": (1,), "line": (2,), "linestrip": ANY[1:],
}  # fmt: skip
Point = tuple[float, float]


@dataclass(frozen=True)
class Shapes:
    """Draws the shapes of a file in order, later ones over earlier ones. The rest is 0."""

    values: Mapping[str, int]

    def __call__(self, path: Path) -> LabelMap:
        """HxW at the size of the picture. Raises FullconvError for a label that is not a class, or a damaged shape."""
        annotation = read_annotation(path)
        try:
            size = size_of(annotation, path)
            refuse_claim(size[::-1], picture_of(annotation, path), path)
            mask = Image.new("L", size)
            for shape in annotation["shapes"]:
                draw(mask, shape, self._value(label_of(shape), path))
        except FullconvError:
            raise
        except Exception as error:  # a shape can be anything
            raise FullconvError(f"{path}: a shape cannot be read ({reason_of(error)}); correct it in labelme") from None
        return np.array(mask)

    def _value(self, label: str, path: Path) -> int:
        if label not in self.values:
            alike = next((name for name in self.values if name.lower() == label.lower()), None)
            but = f", but {alike!r} is" if alike else ""
            raise FullconvError(f"{path}: label {label!r} is not a class{but}; add it to labels.txt or to `names`")
        return self.values[label]


def label_of(shape: Mapping[str, Any]) -> str:
    """Returns the name of a shape. Numbers are names too, and spaces around a name are ignored."""
    if shape["label"] is None or not str(shape["label"]).strip():
        raise ValueError("it has no label")
    return str(shape["label"]).strip()


def size_of(annotation: Mapping[str, Any], path: Path) -> tuple[int, int]:
    """Returns (width, height) as written, or else of the upright picture."""
    width, height = annotation.get("imageWidth"), annotation.get("imageHeight")
    if width and height:
        return int(width), int(height)
    height, width = upright_size(picture_of(annotation, path))
    return width, height


def picture_of(annotation: Mapping[str, Any], path: Path) -> Path:
    """Returns the picture at imagePath, or the one beside the file, which may come from another machine."""
    named = str(annotation["imagePath"]).replace("\\", "/")
    places = [path.parent / named, path.parent / named.rpartition("/")[2]]
    picture = next((place for place in places if place.is_file()), None)
    if picture is None:
        raise FullconvError(f"{path}: its imagePath {named} does not exist; put the picture next to the .json file")
    return picture


def read_annotation(path: Path) -> dict[str, Any]:
    """Reads a labelme file: its `imagePath`, and `shapes`, each with a `label`."""
    content = read_json(path)
    try:
        complete = isinstance(content["imagePath"], str) and all("label" in shape for shape in content["shapes"])
    except (KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise FullconvError(
            f"{path}: not a labelme file (imagePath, shapes with labels); move it elsewhere, or save it again"
        )
    return content


def draw(mask: Image.Image, shape: Mapping[str, Any], value: int) -> None:
    """Draws one shape on the mask. labelme's coordinates start at the centre of pixel (0, 0)."""
    kind = shape.get("shape_type") or "polygon"
    points = _points(shape["points"], kind)
    pen = ImageDraw.Draw(mask)
    match kind:
        case "rectangle" if len(points) == 2:
            pen.rectangle(_box(points), fill=value, outline=value)
        case "polygon" | "rectangle" | "rotation" | "oriented_rectangle" | "quadrilateral":
            pen.polygon(points, fill=value, outline=value)
        case "circle":
            (x, y), (edge_x, edge_y) = points
            _disc(pen, x, y, hypot(x - edge_x, y - edge_y), value)
        case "line" | "linestrip":
            pen.line(points, fill=value, width=LINE_WIDTH)
        case "point" | "points":
            for x, y in points:
                _disc(pen, x, y, POINT_RADIUS, value)
        case "mask":
            _stamp(mask, points[0], shape["mask"], value)
        case other:
            raise ValueError(f"unknown shape {other}")


def _points(values: Sequence[Sequence[float]], kind: str) -> list[Point]:
    """Raises ValueError if a number is invalid or far outside, or if the shape has the wrong number of points."""
    points = [(float(x), float(y)) for x, y in values]
    if not all(abs(number) < FAR for point in points for number in point):  # false for NaN too
        raise ValueError(f"a {kind} with a point that is far outside the picture or not a number")
    if len(points) not in COUNTS.get(kind, ANY):
        raise ValueError(f"number of points of a {kind}: {len(points)}")
    return points


def _box(points: Sequence[Point]) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, value: int) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value, outline=value)


def _stamp(mask: Image.Image, corner: Point, encoded: str, value: int) -> None:
    """Draws a PNG of 0 and 1 in base64 at the upper left corner of its box."""
    file = io.BytesIO(base64.b64decode(encoded))
    png.refuse_damaged(file)
    with Image.open(file, formats=["PNG"]) as stamp:
        if stamp.width > mask.width or stamp.height > mask.height:
            raise ValueError(f"a mask of {stamp.width}x{stamp.height} in a picture of {mask.width}x{mask.height}")
        mask.paste(value, (round(corner[0]), round(corner[1])), stamp.convert("L").point(lambda v: 255 * (v > 0)))
