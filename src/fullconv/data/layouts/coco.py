"""COCO's JSON, instances (polygons and run lengths) or panoptic (PNG of segment ids) → semantic masks.

COCO's own tree is annotations/instances_train2017.json or panoptic_train2017.json with train2017/. CVAT writes
annotations/instances_<subset>.json with images/<subset>/, Label Studio result.json with images/, Roboflow
<split>/_annotations.coco.json among the pictures.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from fullconv.classes import VOID, Classes
from fullconv.damage import reason_of
from fullconv.data.coco_masks import Outlines, Segments, Thing, area_of, polygons
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.json_files import read_json
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.masks import Lookup
from fullconv.data.split_names import SPELLINGS, by_split, read_splits
from fullconv.errors import FullconvError
from fullconv.files import glob_in
from fullconv.logger import logger
from fullconv.words import counted

FILE_NAME = re.compile(r"(?:(?P<kind>instances|panoptic)_)?(?P<subset>.+)", re.IGNORECASE)
SPLITS = {"train": ("train",), "val": ("val",), "test": ("test",)}  # the start of a subset's name
EXPORTS = ("_annotations.coco.json", "result.json", "result_coco.json")
NO = ("0", "0.0", "false", "none", "")  # what tools write under iscrowd for a single object
OF_CVAT = "occluded"  # among the attributes that CVAT writes for every object
Files = dict[str, list[Path]]
Key = TypeVar("Key", int, str)
Value = TypeVar("Value")


def recognises(root: Path) -> str:
    files = _files(root)
    return next(iter(files.values()))[0].relative_to(root).as_posix() if files else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """The files of a split are joined. Panoptic files take precedence over instances, because they label every pixel.

    Classes are the categories in order of their ids. In instances, `background` comes first and crowds are void. In
    panoptic files, pixels outside all segments are void. If instances are read beside them, the area outside their
    outlines is void too.
    """
    files = _files(root)
    used = {path: read_json(path) for split in SPELLINGS for path in files.get(split, ())}
    panoptic = any(map(_is_panoptic, used))
    names = _names(used.items(), panoptic)
    classes = _renamed(Classes.named(tuple(names)), options, root)
    reader = Reader(root, {name: i for i, name in enumerate(names)}, options.lookup_for(classes), options.boxes,
                    VOID if panoptic else 0)  # fmt: skip

    def samples(paths: Sequence[Path]) -> tuple[Sample, ...]:
        return reader.split([(path, used[path] if path in used else read_json(path)) for path in paths])

    splits, left_out = read_splits({split: [("", paths)] for split, paths in files.items()}, samples)
    return Dataset(root, "coco", classes, splits, left_out=left_out)


def _files(root: Path) -> Files:
    """{split: annotation files}; only the panoptic ones if a split has any."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in glob_in(root / "annotations", "*.json"):
        match = FILE_NAME.fullmatch(path.stem)
        if match and (match["kind"] or _split_of(match["subset"])):  # leaves out captions_train2017
            found[_split_of(match["subset"]) or "train"].append(path)
    for split, paths in found.items():
        found[split] = [path for path in paths if _is_panoptic(path)] or paths
    return dict(found) or _exports(root)


def _exports(root: Path) -> Files:
    """Returns the files of the folders by split, or one for all."""
    inside = glob_in(root, f"*/{EXPORTS[0]}")
    whole = [path for name in EXPORTS if (path := root / name).is_file() and _has_categories(path)][:1]
    if not any(_split_of(path.parent.name) for path in inside):
        return {"train": whole} if whole else {}
    found = by_split([*(("", path) for path in whole), *((path.parent.name, path) for path in inside)], _split_of)
    return {split: [path for _, path in items] for split, items in found.items()}


def _split_of(subset: str) -> str:
    """Returns the split by the start of the name (train2017, Train, Validation, test-dev), or an empty string."""
    starts = ((split, start) for split, names in SPLITS.items() for start in names)
    return next((split for split, start in starts if subset.lower().startswith(start)), "")


def _is_panoptic(path: Path) -> bool:
    return path.name.lower().startswith("panoptic")


def _has_categories(path: Path) -> bool:
    """Checks this without reading JSON that may be large and something else."""
    return b'"categories"' in path.read_bytes()


def _names(files: Iterable[tuple[Path, Mapping[str, Any]]], panoptic: bool) -> list[str]:
    """Returns the names in all files, each once. Instances also have a background."""
    names: list[str] = [] if panoptic else ["background"]
    for path, content in files:
        try:
            groups = _groups(content)
            names += [name for number, name in _categories(content, path).items() if number not in groups]
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            raise FullconvError(f"{path}: has no categories with ids and names; export the annotations again") from None
    return list(dict.fromkeys(names))


def _categories(content: Mapping[str, Any], path: Path) -> dict[int, str]:
    categories = _each_once(((int(c["id"]), str(c["name"])) for c in content["categories"]), "category", path)
    return dict(sorted(categories.items()))


def _each_once(rows: Iterable[tuple[Key, Value]], noun: str, path: Path) -> dict[Key, Value]:
    """Returns {id: value}. Raises FullconvError if an id has two values, so that neither is lost."""
    found: dict[Key, Value] = {}
    for number, value in rows:
        if found.setdefault(number, value) != value:
            raise FullconvError(
                f"{path}: {noun} {number} is both {found[number]} and {value}; give each an id of its own"
            )
    return found


def _groups(content: Mapping[str, Any]) -> set[int]:
    """Returns categories that are only parents of others and label nothing: Roboflow adds the project's name as one."""
    used = {_id(note.get("category_id")) for note in content.get("annotations", ())}
    above = {c.get("supercategory") for c in content["categories"]}
    return {
        int(c["id"])
        for c in content["categories"]
        if c["name"] in above and c.get("supercategory") == "none" and _id(c["id"]) not in used
    }


def _renamed(classes: Classes, options: LayoutOptions, root: Path) -> Classes:
    if options.classes is None or len(options.classes) == len(classes):
        return options.classes or classes
    names, categories = counted(len(options.classes), "name"), counted(len(classes), "category", "categories")
    raise FullconvError(
        f"{root}: {names} for {categories} ({', '.join(classes.names[:4])} …); "
        "remove `names`, and choose with `classes` and `label_mapping`"
    )


class Reader:
    """Turns annotation files into samples. `indices` are the classes by name; `outside` is the value outside all
    outlines."""

    def __init__(self, root: Path, indices: Mapping[str, int], lookup: Lookup, boxes: str, outside: int) -> None:
        self.root, self.indices, self.lookup, self.boxes, self.outside = root, indices, lookup, boxes, outside

    def split(self, files: Sequence[tuple[Path, Mapping[str, Any]]]) -> tuple[Sample, ...]:
        """Returns the samples of a split. Raises FullconvError if two entries are for the same picture."""
        samples = tuple(sample for path, content in files for sample in self.samples(path, content))
        image, count = Counter(sample.image_path for sample in samples).most_common(1)[0]
        if count > 1:
            named = " and ".join(path.name for path, _ in files)
            raise FullconvError(f"{self.root}: {named}: {count} entries for {image.name}; keep one for each picture")
        return samples

    def samples(self, path: Path, content: Mapping[str, Any]) -> list[Sample]:
        try:
            values = self._values(path, content)
            pictures = _pictures(content, path)
            notes = _notes(content, pictures, path)
            if not _is_panoptic(path):
                _report_crowds(content, path)
            folders = _image_folders(self.root, path, next(iter(pictures.values()))["file_name"])
            build = self._panoptic if _is_panoptic(path) else self._instances
            return [build(path, folders, one, notes[number], values) for number, one in pictures.items()]
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FullconvError(f"{path}: not in COCO format ({reason_of(error)}); export it again") from None

    def _values(self, path: Path, content: Mapping[str, Any]) -> dict[int, int]:
        """{category: value}. Raises FullconvError for a category that only folders have that nothing uses."""
        categories, groups = _categories(content, path), _groups(content)
        foreign = [name for number, name in categories.items() if name not in self.indices and number not in groups]
        if foreign:
            raise FullconvError(
                f"{path}: category {foreign[0]} is not in train, val or test; rename it to use this file"
            )
        return {number: self.indices.get(name, 0) for number, name in categories.items()}

    def _instances(
        self, path: Path, folders: Sequence[Path], picture: Mapping[str, Any], notes: Sequence[Mapping[str, Any]],
        values: Mapping[int, int],
    ) -> Sample:  # fmt: skip
        image = _image(folders, picture["file_name"])
        largest_first = sorted(notes, key=_area, reverse=True)
        things = tuple(_thing(note, values, path) for note in largest_first)
        painter = Outlines(image, _size(picture), things, self.outside, self.boxes)
        return Sample(_name(picture), image, path, self.lookup, open_mask=painter)

    def _panoptic(
        self, path: Path, folders: Sequence[Path], picture: Mapping[str, Any], notes: Sequence[Mapping[str, Any]],
        values: Mapping[int, int],
    ) -> Sample:  # fmt: skip
        if not notes:
            raise FullconvError(f"{path}: no segments for {picture['file_name']}; remove that image from the file")
        if len(notes) > 1:
            raise FullconvError(f"{path}: {len(notes)} annotations for {picture['file_name']}; keep one for each image")
        segments = {_segment(s): _value(s, values, path) for s in notes[0]["segments_info"]}
        mask = path.with_suffix("") / notes[0]["file_name"]
        image = _image(folders, picture["file_name"])
        return Sample(_name(picture), image, mask, self.lookup, open_mask=Segments(segments))


def _id(value: Any) -> str:
    """Returns an id as text, because some tools write 1 in one place, and "1" or 1.0 in another."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def _pictures(content: Mapping[str, Any], path: Path) -> dict[str, Mapping[str, Any]]:
    """{id: picture}"""
    pictures = content.get("images", ())
    if not pictures:
        raise FullconvError(f"{path}: lists no images; export the annotations again, including the images")
    _each_once(((_id(picture["id"]), _path(picture["file_name"])) for picture in pictures), "image", path)
    return {_id(picture["id"]): picture for picture in pictures}


def _notes(content: Mapping[str, Any], pictures: Mapping[str, Any], path: Path) -> dict[str, list[Mapping[str, Any]]]:
    """{id of a picture: its annotations}"""
    notes: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for note in content.get("annotations", ()):
        notes[_id(note["image_id"])].append(note)
    _report_lost(notes, pictures, path)
    return notes


def _report_lost(notes: Mapping[str, Sequence[Any]], pictures: Mapping[str, Any], path: Path) -> None:
    """Raises FullconvError for annotations of pictures that are not listed, if they may be those of a listed picture
    that has none."""
    lost = [number for number in notes if number not in pictures]
    if not lost:
        return
    count = counted(sum(len(notes[number]) for number in lost), "annotation")
    text = f"{path}: {count} of images that it does not list, such as image_id {lost[0]}"
    lacking = [number for number in pictures if number not in notes]
    if not lacking:  # a part of the images, with all annotations
        logger.warning(f"{text}: not used")
        return
    raise FullconvError(
        f"{text}, and {counted(len(lacking), 'image')} without annotations, such as id {lacking[0]}; "
        "remove the annotations of other images, or export again, including all images"
    )


def _report_crowds(content: Mapping[str, Any], path: Path) -> None:
    """Says which categories have nothing but crowds, and whether objects are read that CVAT calls crowds."""
    notes = content.get("annotations", ())
    names, singles = _categories(content, path), {int(n["category_id"]) for n in notes if not _is_crowd(n)}
    crowds = sorted({int(n["category_id"]) for n in notes} - singles)
    if only := ", ".join(names[number] for number in crowds if number in names):
        logger.warning(f"{path}: only crowds (iscrowd: 1) of {only}, so all are void; set iscrowd to 0 for objects")
    if painted := sum(_is_marked(note) and not _is_crowd(note) for note in notes):
        masks = counted(painted, "object")
        logger.warning(f"{path}: {masks} marked as crowds by CVAT, as it marks all painted masks: not void")


def _thing(note: Mapping[str, Any], values: Mapping[int, int], path: Path) -> Thing:
    """Returns the object of an annotation. An outline without area does not count."""
    outline = note.get("segmentation")
    if outline and not isinstance(outline, dict) and not polygons(outline):
        outline = None
    return Thing(_value(note, values, path), outline or None, _box(note), note.get("id"))


def _segment(note: Mapping[str, Any]) -> int:
    """Returns the segment's number, which a colour encodes."""
    number = int(note["id"])
    if not 0 <= number < 2**24:
        raise ValueError(f"segment {number}: ids go from 0 to {2**24 - 1}")
    return number


def _value(note: Mapping[str, Any], values: Mapping[int, int], path: Path) -> int:
    """Returns the class; crowds are void."""
    category = int(note["category_id"])
    if category not in values:
        raise FullconvError(f"{path}: category {category} is not among its categories; export the annotations again")
    return VOID if _is_crowd(note) else values[category]


def _is_crowd(note: Mapping[str, Any]) -> bool:
    """Whether it is a crowd. CVAT also marks every mask that is painted with its brush, which is an object."""
    attributes = note.get("attributes")
    return _is_marked(note) and not (isinstance(attributes, dict) and OF_CVAT in attributes)


def _is_marked(note: Mapping[str, Any]) -> bool:
    return str(note.get("iscrowd", 0)).strip().lower() not in NO


def _box(note: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Returns (x, y, width, height), or None if there is no box or it has no area."""
    numbers = tuple(float(number) for number in note.get("bbox") or ())
    right = len(numbers) == 4 and all(map(isfinite, numbers)) and numbers[2] > 0 and numbers[3] > 0
    return numbers if right else None


def _area(note: Mapping[str, Any]) -> float:
    """Returns the area that the file says, or that of the outline or the box: some tools leave it out or write 0."""
    said, box = float(note.get("area") or 0), _box(note)
    if isfinite(said) and said > 0:
        return said
    return area_of(note.get("segmentation") or ()) or (box[2] * box[3] if box else 0)


def _size(picture: Mapping[str, Any]) -> tuple[int, int] | None:
    """Returns (height, width). Some tools leave them empty or 0."""
    height, width = (int(picture.get(side) or 0) for side in ("height", "width"))
    return (height, width) if height > 0 and width > 0 else None


def _name(picture: Mapping[str, Any]) -> str:
    return _path(picture["file_name"]).with_suffix("").as_posix()


def _path(file_name: str) -> PurePosixPath:
    """Tools on Windows write images\\a.jpg."""
    return PurePosixPath(str(file_name).replace("\\", "/"))


def _image(folders: Sequence[Path], file_name: str) -> Path:
    """Returns the file, found by its path or by its name only. If it is nowhere, returns the first place."""
    path = _path(file_name)
    places = [folder / name for name in (path, path.name) for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def _image_folders(root: Path, path: Path, first: str) -> list[Path]:
    """Returns the folders where pictures may be, starting with one that contains a picture: beside the file, in a
    folder named like the file (train2017) or its split, or in images/ of one of these names."""
    tail = path.stem.partition("_")[2] or path.stem
    split = re.sub(r"\d.*", "", tail)
    words = dict.fromkeys(word for word in (tail, split, _split_of(tail)) if word)
    names = (*words, *(f"images/{word}" for word in words), "images", "data", ".")
    places = list(dict.fromkeys([path.parent, *(root / name for name in names)]))
    wanted = _path(first)
    found = next((p for name in (wanted, wanted.name) for p in places if (p / name).is_file()), None)
    if found is None:
        raise FullconvError(f"{path}: {first} is in none of {', '.join(str(p) for p in places)}; put images there")
    return [found, *(place for place in places if place != found)]
