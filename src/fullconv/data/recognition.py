"""Finds the layout of a folder, and says how it was recognised."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from fullconv.damage import as_one_line
from fullconv.data.dataset import Dataset
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    geojson,
    labelme,
    nnunet,
    nyud,
    one_folder,
    pairs,
    pascal_context,
    pets,
    roboflow,
    sbd,
    siftflow,
    voc,
    yolo,
)
from fullconv.errors import FullconvError
from fullconv.files import files_under, glob_in
from fullconv.images import is_image_name


class Layout(Protocol):
    """A module of fullconv.data.layouts."""

    __name__: str

    def recognises(self, root: Path) -> str:
        """Returns what in `root` shows that it has this layout, or an empty string."""

    def read(self, root: Path, options: LayoutOptions) -> Dataset: ...


def name_of(layout: Layout) -> str:
    return layout.__name__.rpartition(".")[2]


# The first layout that recognises a folder reads it. Those with the most specific signs come first.
LAYOUTS: tuple[Layout, ...] = (
    voc, sbd, cityscapes, siftflow, nyud, pascal_context, nnunet, pets, ade20k, camvid, roboflow, coco, yolo, pairs,
    geojson, labelme, one_folder,
)  # fmt: skip


MOST, LISTED = 40, 10_000  # folders and files searched for a hint
ABOVE = 2  # folders above searched for a hint: images/train may be given
MASKS_DIR = "masks"
OTHER_OUTLINES = (".gpkg", ".shp", ".kml", ".fgb")
NAMED = ", ".join(name_of(layout) for layout in LAYOUTS if layout not in (pairs, one_folder))
REMEDY = f"put masks in masks/ next to images/ with the same names; other layouts that are read: {NAMED}"


class Recognition(NamedTuple):
    layout: Layout
    name: str
    why: str

    def read(self, root: Path, options: LayoutOptions) -> Dataset:
        """Reads the data. Raises FullconvError for any problem with the files that describe it."""
        with as_one_line(root, f"data of the layout {self.name}"):
            return self.layout.read(root, options)

    def __str__(self) -> str:
        return f"layout {self.name}, recognised by {self.why}"


def recognise(root: Path) -> Recognition:
    """Returns the layout of `root`. Raises FullconvError if fullconv reads no such layout."""
    if found := find_layout(root):
        return found
    for folder in islice(_inside(root), MOST):
        if inner := find_layout(folder):
            raise FullconvError(
                f"{root}: layout not recognised, but {folder.name} inside it is {inner.name}; give {folder}"
            )
    if above := _data_above(root):
        raise FullconvError(f"{root}: only a part of the data; did you mean {above}?")
    raise FullconvError(f"{root}: {_seen_in(root)}; {_outlines_to_convert(root) or REMEDY}")


def _outlines_to_convert(root: Path) -> str:
    """Returns the command that converts outlines of another format, or an empty string."""
    files = (path for path in islice(files_under(root), LISTED) if path.suffix.lower() in OTHER_OUTLINES)
    path = next(files, None)
    if path is None:
        return ""
    command = ["ogr2ogr", "-t_srs", "EPSG:4326", str(path.with_suffix(".geojson")), str(path)]
    return f"export outlines such as {path.relative_to(root)} as GeoJSON: {shlex.join(command)}"


def _data_above(root: Path) -> Path | None:
    """Returns the folder whose pictures or masks are in `root`, which is images/ or images/train, for example."""
    with suppress(OSError, FullconvError):  # what lies above may be private, or anything
        for above in islice(_parents(root), ABOVE):
            found = pairs.find_folders(above, MASKS_DIR) or {}
            folders = [folder for items in found.values() for _, each in items for folder in (each.images, each.masks)]
            if any(folder.samefile(root) for folder in folders):
                return above
    return None


def _parents(root: Path) -> Iterator[Path]:
    """Yields the folders above, written as `root` is as far as possible."""
    while root != (above := root.parent if root.name not in ("", "..") else root.resolve().parent):
        yield above
        root = above


def _seen_in(root: Path) -> str:
    """Returns a hint at what somebody who gives this folder may have overlooked."""
    pictures = (path for path in islice(files_under(root), LISTED) if is_image_name(path))
    folders = list(dict.fromkeys(path.parent for path in pictures))
    if not folders:
        return "no pictures found"
    if len(folders) == 1:
        where = "" if folders == [root] else f" in {folders[0].name}"
        return f"no masks found next to the pictures{where}"
    return f"layout not recognised, pictures are in {', '.join(str(path.relative_to(root)) for path in folders[:5])}"


def find_layout(root: Path) -> Recognition | None:
    for layout in LAYOUTS:
        name = name_of(layout)
        with as_one_line(root, f"data of the layout {name}"):
            why = layout.recognises(root)
        if why:
            return Recognition(layout, name, why)
    with as_one_line(root, "data of the layout pairs"):  # last of all, because these names say less
        rarer = pairs.recognises_rarer(root)
    return Recognition(pairs, "pairs", rarer) if rarer else None


def _inside(root: Path) -> Iterator[Path]:
    """Yields folders one and two levels below: archives are often unpacked into a folder of their own
    (VOCdevkit/VOC2012)."""
    for pattern in ("*/", "*/*/"):
        yield from (path for path in glob_in(root, pattern) if path.is_dir())
