"""COCO's JSON, instances (polygons and run lengths) or panoptic (PNG of segment ids) → semantic masks.

COCO's own tree is annotations/instances_train2017.json or panoptic_train2017.json with train2017/; tools that export
COCO also write <split>/_annotations.coco.json among the pictures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fullconv.classes import VOID, Classes
from fullconv.data.coco_masks import Outlines, Segments
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.json_files import read_json
from fullconv.data.masks import Lookup
from fullconv.data.options import Options
from fullconv.errors import FullconvError

SPLIT_OF = {"train": "train", "val": "val", "valid": "val", "test": "test"}
FILE_NAME = re.compile(r"(?:(?P<kind>instances|panoptic)_)?(?P<split>train|val|test)[^_]*")


def recognises(root: Path) -> str:
    files = _files(root)
    return next(iter(files.values())).relative_to(root).as_posix() if files else ""


def read(root: Path, options: Options) -> Dataset:
    """A split per file; panoptic files win over instances, since they say what every pixel is.

    Classes are the categories in order of their ids. In instances, `background` comes first and crowds are void;
    in panoptic files, pixels of no segment are void.
    """
    files = {split: (path, read_json(path)) for split, path in _files(root).items()}
    panoptic = any(path.name.startswith("panoptic") for path, _ in files.values())
    names = _names(files.values(), panoptic)
    classes = _renamed(Classes.named(tuple(names)), options, root)
    lookup = options.lookup_for(classes)
    indices = {name: i for i, name in enumerate(names)}
    splits = {}
    for split, (path, content) in files.items():
        try:
            splits[split] = _samples(root, path, content, indices, lookup)
        except (KeyError, TypeError, ValueError) as error:
            raise FullconvError(f"{path}: not as COCO writes it ({error!r}); export it again") from None
    return Dataset(root, "coco", classes, splits)


def _files(root: Path) -> dict[str, Path]:
    """{split: annotation file}, panoptic before instances before others."""
    found: dict[str, Path] = {}
    for path in sorted((root / "annotations").glob("*.json"), key=lambda path: ("instances" in path.name, path.name)):
        match = FILE_NAME.fullmatch(path.stem)
        if match and ("panoptic" in path.name or match["split"] not in found):
            found[match["split"]] = path
    exported = {SPLIT_OF[p.parent.name]: p for p in root.glob("*/_annotations.coco.json") if p.parent.name in SPLIT_OF}
    return found or exported


def _names(files: Iterable[tuple[Path, Mapping[str, Any]]], panoptic: bool) -> list[str]:
    """Of all files, each once; instances leave a background."""
    names: list[str] = [] if panoptic else ["background"]
    for path, content in files:
        try:
            names += _categories(content).values()
        except (KeyError, TypeError, ValueError):
            raise FullconvError(f"{path}: no categories with ids and names; export the annotations again") from None
    return list(dict.fromkeys(names))


def _categories(content: Mapping[str, Any]) -> dict[int, str]:
    categories = {int(c["id"]): str(c["name"]) for c in content["categories"]}
    return dict(sorted(categories.items()))


def _renamed(classes: Classes, options: Options, root: Path) -> Classes:
    if options.classes is None or len(options.classes) == len(classes):
        return options.classes or classes
    raise FullconvError(
        f"{root}: {len(options.classes)} names for {len(classes)} categories ({', '.join(classes.names[:4])} …); "
        "leave `names` out, and choose with `classes` and `label_mapping`"
    )


def _samples(
    root: Path, path: Path, content: Mapping[str, Any], indices: Mapping[str, int], lookup: Lookup
) -> tuple[Sample, ...]:
    values = {category: indices[name] for category, name in _categories(content).items()}
    pictures = {picture["id"]: picture for picture in content.get("images", ())}
    notes: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for note in content.get("annotations", ()):
        notes[note["image_id"]].append(note)
    if not pictures:
        raise FullconvError(f"{path}: no images in it; export the annotations again, with their images")
    folder = _image_folder(root, path, next(iter(pictures.values()))["file_name"])
    build = _panoptic if path.name.startswith("panoptic") else _instances
    return tuple(
        build(folder / picture["file_name"], path, picture, notes[number], values, lookup)
        for number, picture in pictures.items()
    )


def _instances(
    image: Path, path: Path, picture: Mapping[str, Any], notes: list[dict[str, Any]], values: Mapping[int, int],
    lookup: Lookup,
) -> Sample:  # fmt: skip
    largest_first = sorted(notes, key=_area, reverse=True)
    shapes = tuple(
        (VOID if note.get("iscrowd") else values[note["category_id"]], note["segmentation"])
        for note in largest_first
        if note.get("segmentation")
    )
    painter = Outlines(int(picture["height"]), int(picture["width"]), shapes)
    return Sample(Path(picture["file_name"]).with_suffix("").as_posix(), image, path, lookup, open_mask=painter)


def _panoptic(
    image: Path, path: Path, picture: Mapping[str, Any], notes: list[dict[str, Any]], values: Mapping[int, int],
    lookup: Lookup,
) -> Sample:  # fmt: skip
    name = Path(picture["file_name"]).with_suffix("").as_posix()
    if not notes:
        raise FullconvError(f"{path}: no segments for {picture['file_name']}; remove that image from the file")
    segments = {s["id"]: VOID if s.get("iscrowd") else values[s["category_id"]] for s in notes[0]["segments_info"]}
    mask = path.with_suffix("") / notes[0]["file_name"]
    return Sample(name, image, mask, lookup, open_mask=Segments(segments))


def _area(note: Mapping[str, Any]) -> float:
    width, height = note.get("bbox", (0, 0, 0, 0))[2:]
    return float(note.get("area") or width * height)


def _image_folder(root: Path, path: Path, first: str) -> Path:
    """Where the pictures lie: beside the file, in a folder named as the file (train2017), or after its split."""
    tail = path.stem.partition("_")[2] or path.stem
    split = re.sub(r"\d.*", "", tail)
    places = [path.parent, *(root / p for p in (tail, split, f"images/{tail}", f"images/{split}", "images", "."))]
    found = next((folder for folder in places if (folder / first).is_file()), None)
    if found is None:
        raise FullconvError(f"{path}: {first} is in none of {', '.join(str(p) for p in places[1:])}; put images there")
    return found
