"""YOLO's outlines (Ultralytics): labels/train/a.txt for images/train/a.jpg, and a YAML or classes.txt with the names.

Roboflow writes train/images/ beside train/labels/ with a data.yaml, CVAT lists of pictures, Label Studio classes.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from fullconv.classes import Classes
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.lists import read_names
from fullconv.data.masks import Lookup
from fullconv.data.partners import by_name, pictures_in
from fullconv.data.split_names import SPELLINGS, TEST, Found, Place, Unlabelled, places_in, read_splits, split_of
from fullconv.data.yolo_labels import (
    IMAGES,
    LABELS,
    SUFFIX,
    find_labels,
    folder_of,
    label_files_beside,
    label_files_under,
    labels_of,
    with_neighbours,
)
from fullconv.data.yolo_outlines import Lines, is_label_file, refuse_other, resembles_labels
from fullconv.errors import FullconvError
from fullconv.files import glob_in
from fullconv.logger import logger
from fullconv.words import counted
from fullconv.yaml_files import read_yaml

MASKS, NAMES = "masks", "classes.txt"
OF_MASKS = {"masks_dir", "colours", "reduce_zero_label"}  # keys about masks, which may lie beside the labels
TRIED = 50  # label files that are looked into: those of pictures without objects are empty
Content = Mapping[str, Any]


def recognises(root: Path) -> str:
    if yaml := _own_yaml(root):
        return f"{yaml.name} with names, and outlines in {LABELS}"
    if not (root / IMAGES).is_dir() or (root / MASKS).exists() or not _has_labels([root / IMAGES]):
        return ""
    alone = _has_labels([root / IMAGES], is_label_file) or not pictures_in(root / LABELS)
    return f"outlines in {LABELS}/*.txt, beside {IMAGES}" if alone else ""


def read(root: Path, options: LayoutOptions) -> Dataset:
    """Without a YAML, the splits are the folders in images/, or else all pictures are `train`."""
    if yaml := _own_yaml(root):
        return read_by(yaml, options)
    if not (root / NAMES).is_file():
        raise FullconvError(
            f"{root}: the classes in {LABELS} have no names; add {NAMES}, a line for each class, 0 first"
        )
    return _dataset(root, dict(enumerate(read_names(root / NAMES))), places_in(root / IMAGES), options)


def read_by(yaml: Path, options: LayoutOptions) -> Dataset:
    """Reads what a YAML of Ultralytics describes. Classes are `background` and its names."""
    content = read_yaml(yaml)
    names, keypoints = _names(yaml, content["names"]), _keypoints(yaml, content)
    dataset = _dataset(_root(yaml, content), names, _places(yaml, content), options, keypoints)
    return replace(dataset, left_out=(*dataset.left_out, *_lost(yaml, content)))


def describes(yaml: Path) -> bool:
    """Whether a file is a YAML of Ultralytics: class names, and splits whose pictures have labels with outlines."""
    try:
        content = read_yaml(yaml)
        of_masks = OF_MASKS & content.keys() or (_root(yaml, content) / MASKS).exists()
        if of_masks or not content.get("names"):
            return False
        return _has_labels(place.folder for some in _places(yaml, content).values() for _, place in some)
    except FullconvError:  # a split may name a picture, which is no list of names
        return False


def _own_yaml(root: Path) -> Path | None:
    return next((path for path in sorted([*glob_in(root, "*.yaml"), *glob_in(root, "*.yml")]) if describes(path)), None)


def _root(yaml: Path, content: Content) -> Path:
    """`path` is often that of another machine."""
    named = yaml.parent / str(content.get("path") or ".")
    return named.resolve() if named.is_dir() else yaml.parent.resolve()


def _places(yaml: Path, content: Content) -> Found[Place]:
    """Returns folders of pictures, or lists of pictures. Raises FullconvError for one that does not exist."""
    root = _root(yaml, content)
    found: Found[Place] = {split: [] for split in SPELLINGS}
    for split, name in _named(content):
        place = _found(yaml, root, name)
        if place is None and split != TEST:
            raise FullconvError(f"{yaml}: no {name} in {root}; correct `path`, or the paths of its splits")
        found[split] += [("", Place(place))] if place else []
    return {split: places for split, places in found.items() if places}


def _named(content: Content) -> Iterator[tuple[str, str]]:
    """Yields (split, a folder or list of it)."""
    for key, value in content.items():
        split = split_of(str(key))
        if split and value and (key == split or isinstance(value, (str, list))):  # `training: {epochs: 3}` is no folder
            yield from ((split, str(one)) for one in (value if isinstance(value, list) else [value]))


def _lost(yaml: Path, content: Content) -> Iterator[str]:
    """Yields a line for test pictures that are not there: Roboflow names their folder also if it exports none."""
    root = _root(yaml, content)
    yield from (
        f"{yaml}: no {name} in {root}"
        for split, name in _named(content)
        if split == TEST and not _found(yaml, root, name)
    )


def _found(yaml: Path, root: Path, name: str) -> Path | None:
    """Roboflow writes ../train/images for what lies beside the YAML."""
    inside = PurePosixPath(name.replace("\\", "/"))
    while inside.parts[:1] in (("..",), (".",)):
        inside = PurePosixPath(*inside.parts[1:])
    place = next((place for place in (root / name, yaml.parent / name, root / inside) if place.exists()), None)
    return place.resolve() if place else None


def _names(yaml: Path, names: Any) -> dict[int, str]:
    """{class number: name}, from a list or a mapping."""
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    fits = isinstance(numbered, Mapping) and all(isinstance(name, str) and name for name in numbered.values())
    if not fits or not all(str(number).isdecimal() for number in numbered):
        raise FullconvError(f"{yaml}: names should be a list, or numbers and names such as `0: cat`")
    return {int(number): name for number, name in numbered.items()}


def _keypoints(yaml: Path, content: Content) -> int:
    """Returns how many numbers follow the box of a pose: kpt_shape: [17, 3]"""
    shape = content.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(str(number).isdecimal() for number in shape):
        raise FullconvError(f"{yaml}: kpt_shape: {shape}; give the number of points, and 2 or 3, such as [17, 3]")
    return int(shape[0]) * int(shape[1])


def _dataset(
    root: Path, names: Mapping[int, str], places: Found[Place], options: LayoutOptions, keypoints: int = 0
) -> Dataset:
    own = ["background", *(name for _, name in sorted(names.items()) if name != "background")]
    classes = options.classes or Classes.named(tuple(own))
    if len(classes) != len(own):
        raise FullconvError(
            f"{root}: {counted(len(classes), 'name')} for background and {counted(len(own) - 1, 'class', 'classes')}; "
            "remove `names`, and choose with `classes` and `label_mapping`"
        )
    values = {number: own.index(name) for number, name in names.items()}
    lines = partial(Lines, values=values, boxes=options.boxes, keypoints=keypoints)
    build = partial(_sample, lookup=options.lookup_for(classes), lines=lines)

    def samples(place: Place) -> tuple[Sample, ...]:
        return tuple(build(*row) for row in _labelled(place, root))

    splits, left_out = read_splits(places, samples, partial(_refuse_useless, keypoints=keypoints))
    return Dataset(root, "yolo", classes, splits, left_out=left_out)


def _sample(name: str, image: Path, labels: Path | None, lookup: Lookup, lines: Callable[..., Lines]) -> Sample:
    """A picture without a label file shows no object."""
    return Sample(name, image, labels or image, lookup, open_mask=lines(image, labels))


def _labelled(place: Place, root: Path) -> Iterator[tuple[str, Path, Path | None]]:
    """Yields (name, picture, label file) of a folder or a list. Raises FullconvError if a label file is left over
    that may be that of a picture without one."""
    pictures = list(_pictures(place.folder, root, place.deep))
    paths = [path for _, path in pictures]
    if not place.folder.is_dir():
        found = find_labels(with_neighbours(paths), label_files_beside(paths))
    else:
        found = find_labels(
            paths, label_files_under(folder_of(place.folder)) if place.deep else label_files_beside(paths)
        )
    alone = [path for path in found.alone if is_label_file(path)]
    lacking = [path for path in paths if path not in found.of]
    if alone:
        _report_left_over(alone, lacking)
    yield from ((name, path, found.of.get(path)) for name, path in pictures)


def _report_left_over(alone: Sequence[Path], lacking: Sequence[Path]) -> None:
    files = f"{counted(len(alone), 'label file')} without a picture, such as {alone[0].name}"
    if not lacking:
        logger.warning(f"{alone[0].parent}: {files}: not used")
        return
    count = counted(len(lacking), "picture")
    raise FullconvError(
        f"{alone[0].parent}: {files}, and {count} without a label file, such as {lacking[0].name}; give both the same "
        "name, or remove the labels; a picture without objects may have an empty .txt"
    )


def _refuse_useless(split: str, samples: Sequence[Sample], keypoints: int) -> None:
    """Raises FullconvError if no picture has labels, since they would all count as background, or if none of the first
    label files can be read, which says what is wrong."""
    if samples and all(sample.label_path == sample.image_path for sample in samples):
        folder = labels_of(samples[0].image_path).parent
        raise Unlabelled(f"{folder}: no .txt for any of {counted(len(samples), 'picture')} of {split}; put them there")
    files = list(islice((one.label_path for one in samples if one.label_path != one.image_path), TRIED))
    if not any(is_label_file(path, keypoints) for path in files):
        for path in files:
            refuse_other(path, keypoints)


def _pictures(place: Path, root: Path, deep: bool = True) -> Iterator[tuple[str, Path]]:
    """Yields (name, picture) of a folder, or of a list, whose lines start at its own folder or at the root."""
    if place.is_dir():
        yield from by_name(pictures_in(place, deep=deep), place).items()
        return
    for line in read_names(place):
        places = [place.parent / line, root / line, root / line.partition("/")[2]]  # CVAT writes data/images/…
        yield PurePosixPath(line).with_suffix("").name, next((one for one in places if one.is_file()), places[1])


def _has_labels(places: Iterable[Path], fits: Callable[[Path], bool] = resembles_labels) -> bool:
    """Whether one of the first label files fits. Those that only resemble labels are refused when they are read."""
    return any(fits(path) for path in islice(chain.from_iterable(map(_label_files, places)), TRIED))


def _label_files(place: Path) -> Iterator[Path]:
    if place.is_file():
        listed = []
        for _, image in _pictures(place, place.parent):
            listed.append(image)
            if (path := labels_of(image)).is_file():
                yield path
        yield from label_files_beside(listed)
    else:
        folder = folder_of(place)
        below = chain(glob_in(folder, "*"), glob_in(folder, "*/*") if folder != place else ())
        yield from (path for path in below if path.suffix.lower() == SUFFIX)
