"""Finds the pictures that can be labelled next, and those that are labelled already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.data.description import description_in, open_dataset
from fullconv.data.recognition import find_layout
from fullconv.data.split_names import examined
from fullconv.errors import FullconvError
from fullconv.files import files_under
from fullconv.images import is_image_name


@dataclass(frozen=True)
class Candidates:
    """The pictures to choose from, and the labelled ones to compare them with."""

    unlabelled: tuple[UnlabelledPicture, ...]
    labelled: tuple[UnlabelledPicture, ...] = ()  # without their masks


def candidates(data: Path, outside: Sequence[Path] = ()) -> Candidates:
    """Returns the pictures of a folder, or of a data YAML. In the YAML, those to label are listed as `unlabelled`.

    `outside`: further folders that the data YAML may refer to. Raises FullconvError if there is nothing to label.
    """
    if data.is_dir() and description_in(data) == data and find_layout(data) is None:
        found = sorted(path for path in files_under(data) if is_image_name(path))
        if not found:
            raise FullconvError(f"{data}: contains no pictures; give a folder of pictures, or a data YAML")
        return Candidates(tuple(UnlabelledPicture(path) for path in found))
    dataset = open_dataset(data, outside)
    if not dataset.unlabelled:
        raise FullconvError(
            f"{data}: all of its pictures are labelled; give a folder of pictures, or a data YAML with `unlabelled:`"
        )
    labelled = [picture_of(sample) for samples in examined(dataset.splits).values() for sample in samples]
    known = {picture.image_path.resolve() for picture in labelled}
    rest = tuple(one for one in dataset.unlabelled if one.image_path.resolve() not in known)
    return Candidates(rest, tuple(labelled))


def picture_of(sample: Sample) -> UnlabelledPicture:
    """Returns the picture of a labelled sample, without its mask."""
    return UnlabelledPicture(sample.image_path, open_image=sample.open_image)
