"""Reads `train`, `val` and `test` of a data YAML: folders, lists of names, or other splits of the layout."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from fullconv import images
from fullconv.data.bands import read_picture
from fullconv.data.dataset import Dataset, Sample
from fullconv.data.holding_back import hold_back
from fullconv.data.layout_options import LayoutOptions
from fullconv.data.layouts.pairs import pair_up
from fullconv.data.lists import read_names
from fullconv.data.split_names import share_of
from fullconv.errors import FullconvError


def refuse(error: FullconvError) -> None:
    raise error


@dataclass(frozen=True)
class Chooser:
    """Finds the samples of a split. `dataset` is None if the folder has no layout of its own.

    `pair`: pairs two folders. `wrong` gets the error of each entry of a list that stands for no picture.
    """

    root: Path
    options: LayoutOptions
    dataset: Dataset | None
    named: list[Path] = field(default_factory=list)  # folders so far
    pair: Callable[[Path, Path, LayoutOptions], tuple[Sample, ...]] = pair_up
    wrong: Callable[[FullconvError], object] = refuse

    def choose(self, asked: Any) -> tuple[Sample, ...]:
        """`asked`: {images: folder, masks: folder}, a folder of images, a .txt, the name of a split, a picture of it,
        or a list of these."""
        if isinstance(asked, list):
            return tuple(self._each(asked, self.choose))
        if isinstance(asked, Mapping) and {"images", "masks"} == asked.keys():
            return self.pair(self._folder(asked["images"]), self._folder(asked["masks"]), self.options)
        if not isinstance(asked, str):
            raise FullconvError(f"{self.root}: split {asked!r}; give a folder, a .txt, or {{images: …, masks: …}}")
        if asked.endswith(".txt"):
            if not (names := read_names(self.root / asked)):
                raise FullconvError(
                    f"{self.root / asked}: no names in it; write one per line, or do not list this file"
                )
            return tuple(self._each(names, lambda line: (self._sample(line, asked),)))
        if self.dataset and asked in self.dataset.splits:
            return self.dataset.split(asked)
        known = self._find(asked, self.root)
        return (known,) if known else self._folder_samples(asked)

    def _each(self, wishes: Iterable[Any], read: Callable[[Any], tuple[Sample, ...]]) -> Iterator[Sample]:
        for wish in wishes:
            try:
                yield from read(wish)
            except FullconvError as error:
                self.wrong(error)

    def _folder_samples(self, asked: str) -> tuple[Sample, ...]:
        """Reads a folder of images. Its masks are where masks_dir replaces `images` in the path (as in Ultralytics)."""
        parts = PurePosixPath(asked).parts
        if "images" in parts:
            masks = PurePosixPath(*(self.options.masks_dir if part == "images" else part for part in parts))
            return self.pair(self._folder(asked), self._folder(str(masks)), self.options)
        if (self.root / asked / "images").is_dir():
            return self._folder_samples(f"{asked}/images")
        raise FullconvError(f"{self.root}: no split or folder {asked!r}; give {{images: {asked}, masks: …}}")

    def _folder(self, name: str) -> Path:
        if not (self.root / name).is_dir():
            raise FullconvError(f"{self.root / name}: no such folder; it is relative to `path` in the data YAML")
        self.named.append(self.root / name)
        return self.root / name

    def _sample(self, line: str, listed_in: str) -> Sample:
        """A line is `image mask`, both relative to root (as in PaddleSeg), or the name or file of a picture of the
        layout."""
        if known := self._find(line, self.root / listed_in):
            return known
        if "\\" in line:  # Windows separates folders so
            return self._sample(line.replace("\\", "/"), listed_in)
        image, *mask = line.split("\t") if "\t" in line else line.split()
        if len(mask) != 1:
            raise FullconvError(f"{self.root / listed_in}: {line!r} is not a picture of this layout; correct its name")
        if image == mask[0]:
            raise FullconvError(f"{self.root / listed_in}: {image!r} is listed as its own mask; name its mask instead")
        lookup = self.options.lookup_for(self.options.named_classes(self.root))
        name = PurePosixPath(image).with_suffix("").as_posix()
        return Sample(name, self.root / image, self.root / mask[0], lookup, read_picture, self.options.open_mask)

    def _find(self, asked: str, where: Path) -> Sample | None:
        """Returns the picture of the layout with this path, or name, or name and file extension."""
        path = self._relative(asked)
        if path in self._by_path:
            return self._by_path[path]
        suffix = "" if path in self._by_name else PurePosixPath(path).suffix
        named = self._by_name.get(path.removesuffix(suffix), {}).values()
        alike = [sample for sample in named if not suffix or _is_of(sample, suffix)]
        if len(alike) > 1:
            first, second, *_ = (_from(self.root, sample) for sample in alike)
            raise FullconvError(f"{where}: {asked!r} may be {first} or {second}; give the path")
        return alike[0] if alike else None

    def _relative(self, asked: str) -> str:
        """Returns a path relative to root. Ultralytics writes ./images/a.jpg, and absolute paths."""
        path = PurePosixPath(os.path.normpath(asked))
        places = (path, PurePosixPath(os.path.realpath(path))) if path.is_absolute() else ()  # perhaps through a link
        inside = next((place for place in places if place.is_relative_to(self.root)), None)
        return (inside.relative_to(self.root) if inside else path).as_posix()

    @cached_property
    def _by_path(self) -> dict[str, Sample]:
        """Every sample of the layout by the path of its image, relative to root."""
        return {_from(self.root, sample): sample for sample in self._every}

    @cached_property
    def _by_name(self) -> dict[str, dict[Path, Sample]]:
        """Every sample of the layout by its name, which several may share: {name: {image: sample}}."""
        found: dict[str, dict[Path, Sample]] = defaultdict(dict)
        for sample in self._every:
            found[sample.name][sample.image_path] = sample
        return found

    @property
    def _every(self) -> Iterator[Sample]:
        return chain(*self.dataset.splits.values()) if self.dataset else iter(())


def _is_of(sample: Sample, suffix: str) -> bool:
    """Whether a file extension is that of a picture, or of the files of this sample: `a.v2` is not the picture a."""
    own = [path.suffix for path in sample.files]
    return suffix in own or images.is_image_name(PurePosixPath(f"a{suffix}"))


def choose_splits(chooser: Chooser, asked: Mapping[str, Any]) -> dict[str, tuple[Sample, ...]]:
    """Returns the splits that a data YAML requests. If train is not among them, it is the rest of the layout's
    pictures.

    A share for val, such as 0.2, is held back from the training pictures.
    """
    share = share_of(asked.get("val"))
    named = {split: chooser.choose(wish) for split, wish in asked.items() if split != "val" or share is None}
    if "train" in asked and share is None:
        return named
    own = dict(chooser.dataset.splits) if chooser.dataset else {}
    learned = named.get("train") or own.get("train") or tuple(chain(*own.values()))
    scored = {sample.image_path for split, samples in named.items() if split != "train" for sample in samples}
    train = tuple(sample for sample in learned if sample.image_path not in scored)
    if share is not None:
        train, named["val"] = hold_back(train, share)
    return {**own, **named} | ({"train": train} if train else {})


def _from(root: Path, sample: Sample) -> str:
    path = sample.image_path
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
