"""Packed photos in a GPU's memory, each on a canvas of one size, so that a batch of crops is one indexing.

A teacher's scores lie beside them: made once, of whole photos, and read at the positions of each crop.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fullconv.classes import VOC_NAMES

CANVAS = 512
GREY, VOID = 127, 255
LOW = 33  # side of the teacher's scores: one of 16 pixels of a photo enlarged to 513
ANIMALS = tuple(VOC_NAMES.index(name) for name in ("bird", "cat", "cow", "dog", "horse", "sheep"))


@dataclass
class Photos:
    """N photos, the first L of them labelled."""

    images: Tensor  # (N, 512, 512, 3) uint8, each photo at the top left
    labels: Tensor  # (L, 512, 512) uint8, void beside the photo
    sizes: Tensor  # (N, 2): height, width
    shows: list[str]  # the class of the main object, "" where unknown
    scores: Tensor  # (N, 21, 33, 33) half: the teacher's
    low_sizes: Tensor  # (N, 2): rows and columns of it that are used


def read_parts(folder: Path, device: str) -> Photos:
    """Every photo of the folder's parts, decoded by all processors."""
    entries = [(path, name) for path in sorted(folder.rglob("*.zip")) for name in _webps(path)]
    entries.sort(key=lambda entry: not entry[1].startswith("labelled"))
    labelled = sum(name.startswith("labelled") for _, name in entries)
    images, labels = _shared((len(entries), CANVAS, CANVAS, 3)), _shared((labelled, CANVAS, CANVAS))
    jobs = [entries[start : start + 64] for start in range(0, len(entries), 64)]
    with get_context("fork").Pool(os.cpu_count(), _begin, (images, labels)) as pool:
        found = pool.map(_decode, [(64 * i, job) for i, job in enumerate(jobs)])
    sizes = torch.tensor([size for job in found for size in job])
    print(f"{labelled} labelled and {len(entries) - labelled} unlabelled photos read", flush=True)
    return Photos(
        torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device), sizes.to(device), _shown(entries),
        torch.zeros(len(entries), len(VOC_NAMES), LOW, LOW, dtype=torch.half, device=device),
        torch.zeros(len(entries), 2, dtype=torch.long, device=device),
    )  # fmt: skip


def _webps(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if name.endswith(".webp")]


def _shown(entries: Sequence[tuple[Path, str]]) -> list[str]:
    tables = {path: json.loads(zipfile.ZipFile(path).read("classes.json")) for path in {path for path, _ in entries}}
    return [tables[path].get(Path(name).stem, "") for path, name in entries]


def _shared(shape: tuple[int, ...]) -> np.ndarray:
    """An array that forked processes write into."""
    length = int(np.prod(shape))
    return np.frombuffer(mmap.mmap(-1, max(length, 1)), np.uint8, length).reshape(shape)


_arrays: list[np.ndarray] = []  # images and labels, in each process that decodes


def _begin(images: np.ndarray, labels: np.ndarray) -> None:
    _arrays[:] = images, labels


def _decode(job: tuple[int, list[tuple[Path, str]]]) -> list[tuple[int, int]]:
    """Photos of a job put on their canvases; gives their sizes."""
    start, entries = job
    sizes = []
    for i, (path, name) in enumerate(entries, start):
        with zipfile.ZipFile(path) as archive:
            image = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            height, width = image.shape[:2]
            _arrays[0][i] = GREY
            _arrays[0][i, :height, :width] = image
            if i < len(_arrays[1]):
                mask = Image.open(io.BytesIO(archive.read(name.replace(".webp", ".png"))))
                _arrays[1][i] = VOID
                _arrays[1][i, :height, :width] = np.asarray(mask)
        sizes.append((height, width))
    return sizes


@torch.inference_mode()
def teach(photos: Photos, low: Callable[[Tensor], Tensor], side: int = 513, batch: int = 64) -> None:
    """Fills in the teacher's scores; `low` gives (n, 21, side/16, side/16) of (n, 3, side, side) between -1 and 1.

    Photos lie at the top left of grey squares, as that teacher's authors evaluate it: with one shape for all, kernels
    are chosen once.
    """
    sizes = photos.sizes.tolist()
    for start in range(0, len(sizes), batch):
        part = range(start, min(start + batch, len(sizes)))
        squares = torch.zeros(batch, 3, side, side, device=photos.images.device)
        for square, i in zip(squares, part, strict=False):
            image = enlarged(photos.images[i, : sizes[i][0], : sizes[i][1]], side)
            square[:, : image.shape[1], : image.shape[2]] = image
            photos.low_sizes[i, 0], photos.low_sizes[i, 1] = ((v - 1) // 16 + 1 for v in image.shape[1:])
        scores = ((low(squares) + low(squares.flip(3)).flip(3)) / 2).clamp(-30, 30)
        for score, i in zip(scores, part, strict=False):
            photos.scores[i, :, : score.shape[1], : score.shape[2]] = gathered(score, photos.shows[i]).half()


def enlarged(image: Tensor, side: int) -> Tensor:
    """(H, W, 3) uint8 → (3, h, w) between -1 and 1, the longest side `side`, each a multiple of 16 plus 1."""
    factor = side / max(image.shape[:2])
    size = [max(33, round((v * factor - 1) / 16) * 16 + 1) for v in image.shape[:2]]
    pixels = image.permute(2, 0, 1)[None].float()
    return F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False)[0] / 128 - 1


def gathered(scores: Tensor, shows: str) -> Tensor:
    """Scores (21, h, w) in which an animal that the photo is known to show has the probability of all animals.

    Other animals are often what a teacher confuses it with. `shows` may name several: "cat or dog".
    """
    words = [VOC_NAMES.index(word) for word in shows.split(" or ") if word in VOC_NAMES]
    if not words or not set(words) <= set(ANIMALS):
        return scores
    gain = scores[list(ANIMALS)].logsumexp(0) - scores[words].logsumexp(0)
    result = scores.clone()
    result[[a for a in ANIMALS if a not in words]] -= 20
    result[words] += gain
    return result


def repeat_factors(photos: Photos, wanted: float = 0.15, most: float = 5.0) -> Tensor:
    """(N,): how often each photo is shown, by its rarest class (arXiv 1908.03195).

    A class counts as shown where the teacher sees it on a hundredth of the photo.
    """
    present = torch.zeros(len(photos.sizes), len(VOC_NAMES), device=photos.scores.device)
    for start in range(0, len(present), 1024):
        part = slice(start, start + 1024)
        rows, columns = (torch.arange(LOW, device=present.device) < s[:, None] for s in photos.low_sizes[part].T)
        used = rows[:, :, None] & columns[:, None, :]
        labels = photos.scores[part].argmax(1)
        shares = F.one_hot(labels, len(VOC_NAMES)).float().mul(used[..., None]).sum((1, 2)) / used.sum((1, 2))[:, None]
        present[part] = (shares > 0.01).float()
    factor = (wanted / present.mean(0).clamp(min=1e-6)).sqrt().clamp(1, most)
    return (present * factor).amax(1).clamp(min=1)


def crops(
    photos: Photos, index: Tensor, side: int, scale: float, random: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(images (n, 3, S, S) float of 0–255, labels (n, S, S), teacher's scores (n, 21, S/4, S/4), where they count).

    Photos are enlarged by `scale`; half of them are mirrored. Labels of an unlabelled photo are void.
    """
    device, window = photos.images.device, max(1, round(side / scale))
    rows, columns = starts(photos.sizes[index], window, random)
    reach = torch.arange(window, device=device)
    y, x = rows[:, None] + reach, columns[:, None] + reach  # (n, window)
    height, width = photos.sizes[index].T[..., None]
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    at = index[:, None, None], y.clamp(0, CANVAS - 1)[:, :, None], x.clamp(0, CANVAS - 1)[:, None, :]
    images = torch.where(inside[..., None], photos.images[at], GREY).permute(0, 3, 1, 2).float()
    if window != side:
        images = F.interpolate(images, (side, side), mode="bilinear", antialias=True, align_corners=False)
    labels = nearest_labels(photos, index, y, x, inside, side)
    scores, counts = teacher_scores(photos, index, rows, columns, window, side)
    mirrored = torch.rand(len(index), generator=random, device=device) < 0.5
    images, scores = (torch.where(mirrored[:, None, None, None], v.flip(3), v) for v in (images, scores))
    labels, counts = (torch.where(mirrored[:, None, None], v.flip(2), v) for v in (labels, counts))
    return images, labels, scores, counts


def starts(sizes: Tensor, window: int, random: torch.Generator) -> Tensor:
    """(2, n): first row and column of each crop, so that it holds as much of the photo as it can."""
    spare = sizes.T - window
    low, high = spare.clamp(max=0), spare.clamp(min=0)
    drawn = torch.rand(spare.shape, generator=random, device=sizes.device)
    return low + (drawn * (high - low + 1)).long()


def nearest_labels(photos: Photos, index: Tensor, y: Tensor, x: Tensor, inside: Tensor, side: int) -> Tensor:
    """(n, S, S)"""
    window = y.shape[1]
    chosen = ((torch.arange(side, device=y.device) + 0.5) * window / side).long().clamp(max=window - 1)
    y, x, inside = y[:, chosen], x[:, chosen], inside[:, chosen][:, :, chosen]
    known = index < len(photos.labels)
    at = index.where(known, 0)[:, None, None], y.clamp(0, CANVAS - 1)[:, :, None], x.clamp(0, CANVAS - 1)[:, None, :]
    return torch.where(inside & known[:, None, None], photos.labels[at], VOID).long()


def teacher_scores(
    photos: Photos, index: Tensor, rows: Tensor, columns: Tensor, window: int, side: int
) -> tuple[Tensor, Tensor]:
    """(scores (n, 21, S/4, S/4) float, inside (n, S/4, S/4)) at the centres of every fourth pixel of the crop."""
    centres = (torch.arange(0, side, 4, device=rows.device) + 2) * window / side - 0.5
    places, inside = [], []
    for first, size, low in zip((rows, columns), photos.sizes[index].T, photos.low_sizes[index].T, strict=True):
        at = first[:, None] + centres  # (n, S/4), in pixels of the photo
        inside.append((at > -0.5) & (at < size[:, None] - 0.5))
        enlarged = (at + 0.5) * ((low[:, None] - 1) * 16 + 1) / size[:, None] - 0.5
        places.append((enlarged / 16).clamp(min=0).minimum(low[:, None] - 1.0) / (LOW - 1) * 2 - 1)
    grid = torch.stack(
        [places[1][:, None, :].expand(-1, side // 4, -1), places[0][:, :, None].expand(-1, -1, side // 4)], 3
    )
    scores = F.grid_sample(photos.scores[index].float(), grid.float(), align_corners=True)
    return scores, inside[0][:, :, None] & inside[1][:, None, :]
