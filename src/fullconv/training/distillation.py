"""Learns from a teacher (arXiv 1503.02531): its class probabilities at the place of a crop, and the distance from
them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fullconv.classes import VOID
from fullconv.training.processes import over_processes
from fullconv.training.teacher import Teacher

STRIDE = 4  # pixels of a crop between two places where student and teacher are compared
ROUNDING = 1e-5


@dataclass(frozen=True)
class Divergence:
    """The Kullback-Leibler divergence of the network's class probabilities from the teacher's, with equal temperature.

    `known`: the classes that the teacher knows, which share the probability; None for all. Pixels labelled with another
    class do not count. `weight`: relative to the loss on labels.
    """

    known: tuple[int, ...] | None = None
    weight: float = 1.0
    temperature: float = 1.0
    void: int = VOID

    def cells_of(self, taught: Tensor, labels: Tensor) -> Tensor:
        """Returns the number of cells with a teacher in a whole batch, in all processes."""
        return over_processes(self._taught(taught, labels).sum())

    def __call__(self, scores: Tensor, taught: Tensor, labels: Tensor, cells: Tensor) -> Tensor:
        """Scores (N, classes, H, W) and labels (N, h', w') at any stride, teacher's probabilities (N, classes, h,
        w)."""
        scores = scores.float() / self.temperature
        if scores.shape[-2:] != taught.shape[-2:]:
            scores = F.interpolate(scores, taught.shape[-2:], mode="bilinear")
        taught = self._taught(taught, labels)
        scores = scores if self.known is None else scores[:, list(self.known)]
        share = taught.sum(1, keepdim=True)  # (N, 1, h, w): 0 where there is no teacher
        theirs = taught / share.clamp(min=1e-6)
        apart = torch.xlogy(theirs, theirs) - theirs * scores.log_softmax(1)
        total = over_processes((apart * share).sum())
        return self.weight * self.temperature**2 * total / cells.clamp(min=1e-6)

    def _taught(self, taught: Tensor, labels: Tensor) -> Tensor:
        """(N, known, h, w): zero where the label is a class that the teacher takes for another one."""
        if self.known is None:
            return taught.float()
        may_teach = torch.zeros(256, device=labels.device)
        may_teach[[*self.known, self.void]] = 1
        there = F.interpolate(labels[:, None].float(), taught.shape[-2:], mode="nearest").long()
        return taught[:, list(self.known)].float() * may_teach[there]


def target(scores: Tensor, corners: Tensor, size: Sequence[int], teacher: Teacher, classes: int, heat: float) -> Tensor:
    """Returns what a teacher predicts at each cell of a crop, (classes, h, w) in half precision. It is zero outside the
    picture, and sums to less than one where the teacher sees something other than these classes.

    `scores` (classes of the teacher, h, w) are those of the whole picture. Its top left, top right and bottom left
    corners are at `corners` (3, 2), (x, y) in pixels of the crop of (height, width) `size`. `heat`: the temperature.
    """
    height, width = cells_in(size)
    x = (torch.arange(width, device=scores.device) + 0.5) * STRIDE
    y = (torch.arange(height, device=scores.device) + 0.5) * STRIDE
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)  # (h, w, 2)
    origin = corners[0]
    sides = torch.stack([corners[1] - origin, corners[2] - origin], 1)  # columns: along the width, along the height
    relative = (places - origin) @ torch.linalg.inv(sides).T  # 0–1 inside the picture
    inside = ((relative > -ROUNDING) & (relative < 1 - ROUNDING)).all(-1)  # so is the pixel below and to the right
    grid = relative * 2 - 1
    if teacher.align_corners:  # the outermost scores are half a pixel inside
        pixels = sides.norm(dim=0).clamp(min=2)
        grid = grid * (pixels / (pixels - 1))
    there = F.grid_sample(
        scores[None], grid[None], mode="bilinear", padding_mode="border", align_corners=teacher.align_corners
    )[0]
    probabilities = (there / heat).softmax(0) * inside
    return by_class(probabilities, teacher.targets, classes).half()


def cells_in(size: Sequence[int]) -> tuple[int, int]:
    """Returns rows and columns of cells in a crop of (height, width) `size`. The last ones may be cut."""
    height, width = size
    return -(-height // STRIDE), -(-width // STRIDE)


def by_class(probabilities: Tensor, targets: tuple[int, ...], classes: int) -> Tensor:
    """(classes of the teacher, h, w) → (classes, h, w). Classes with the same target are added; the others are left
    out."""
    index = torch.tensor(targets, device=probabilities.device)
    found = probabilities.new_zeros(classes + 1, *probabilities.shape[1:])
    return found.index_add_(0, index.where(index >= 0, classes), probabilities)[:classes]
