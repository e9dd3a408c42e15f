"""One pass over the pictures: which picture is at each position, and its random changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from fullconv.classes import VOID
from fullconv.training.distillation import STRIDE, cells_in, target
from fullconv.training.objective import MicroBatch
from fullconv.training.pictures import Read, TrainingPicture
from fullconv.training.recipe import Recipe
from fullconv.training.sampling import Sampling, key_of
from fullconv.training.teacher import Teacher
from fullconv.training.transforms import augmentation, change

NOTHING = -1  # the position of a picture that is all void


class Item(NamedTuple):
    """The content of one position: a picture and, in some cases, one whose objects are pasted into it."""

    picture: Read
    donor: Read | None
    position: int


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run: first the labelled ones, then the unlabelled ones; and the teacher with their scores."""

    pictures: Sequence[TrainingPicture]
    sampling: Sampling
    teacher: Teacher | None = None
    classes: int = 0

    def read(self, index: int) -> Read:
        return self.pictures[index].read(self.teacher)


class Epoch(TorchDataset[MicroBatch | Item]):
    """One pass, a pure function of (seed, epoch): order and every random change.

    The result is the same whichever process or worker reads a picture, whether the processor or a GPU changes it, and
    whether or not the run was interrupted before.
    """

    augments = True  # False: items are the input of `change`, which a GPU then runs

    def __init__(self, pictures: Pictures, recipe: Recipe, epoch: int) -> None:
        self.pictures, self.recipe = pictures, recipe
        self.augment = augmentation(recipe)
        self.key = key_of(recipe.seed, epoch)
        self.order = pictures.sampling.order(recipe.seed, epoch)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> MicroBatch | Item:
        """One picture, without the first axis: image (C, S, S) in the data's own type, labels (S, S) int64.

        At NOTHING it is any picture, labelled void, without a teacher.
        """
        item = Item(self.pictures.read(self.order[max(position, 0)]), self._donor(position), position)
        return self.change(item) if self.augments else item

    def _donor(self, position: int) -> Read | None:
        """Returns another labelled picture, for a share `copy_paste` of the positions."""
        generator = torch.Generator().manual_seed(self.key + position + 1)
        if position == NOTHING or torch.rand((), generator=generator) >= self.recipe.copy_paste:
            return None
        count = len(self.pictures.sampling.labelled)
        return self.pictures.read(int(torch.randint(count, (), generator=generator)))

    def change(self, item: Item, device: torch.device | str = "cpu") -> MicroBatch:
        """Applies the random changes of its position to an item, on `device`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.key + item.position + 1)
            part = self._changed(item.picture, device)
            if item.position == NOTHING:
                return without_labels(part)
            return part if item.donor is None else paste_objects(part, self._changed(item.donor, device))

    def _changed(self, read: Read, device: torch.device | str) -> MicroBatch:
        image, labels, corners = change(self.augment, read.image.to(device), read.labels.to(device))
        return MicroBatch(image, labels.long(), self._taught(read.scores, corners.to(device), image.shape[-2:]))

    def _taught(self, scores: Tensor | None, corners: Tensor, size: Sequence[int]) -> Tensor | None:
        teacher, classes = self.pictures.teacher, self.pictures.classes
        if teacher is None:
            return None
        if scores is None:
            return corners.new_zeros(classes, *cells_in(size), dtype=torch.half)
        return target(scores.to(corners.device), corners, size, teacher, classes, self.recipe.temperature)


def without_labels(part: MicroBatch) -> MicroBatch:
    """Returns the same picture with nothing known about it."""
    taught = None if part.taught is None else torch.zeros_like(part.taught)
    return MicroBatch(part.images, torch.full_like(part.labels, VOID), taught)


def paste_objects(part: MicroBatch, donor: MicroBatch) -> MicroBatch:
    """Pastes the donor's objects (everything that is not the first class) into a picture."""
    objects = (donor.labels != 0) & (donor.labels != VOID)  # (S, S)
    taught = part.taught
    if taught is not None and donor.taught is not None:
        cells = objects[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        taught = torch.where(cells, donor.taught, taught)
    return MicroBatch(
        torch.where(objects, donor.images, part.images), torch.where(objects, donor.labels, part.labels), taught
    )
