"""Tiny data sets that are sound until a test plants something."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.data.doctor.examination import Report
from fullconv.data.doctor.examination import check as examine
from fullconv.data.doctor.finding import Finding

HEIGHT, WIDTH = 24, 32
NAMES = ("train/a", "train/b", "train/c", "train/d", "val/e", "val/f")


def photo(seed: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Image.Image:
    """A smooth picture of its own, height x width."""
    cells = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size[::-1], Image.Resampling.BICUBIC)


def halves(low: int = 0, high: int = 1, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """The left half is `low`, the right one `high`."""
    mask = np.full(size, low, np.uint8)
    mask[:, size[1] // 2 :] = high
    return mask


@dataclass
class Planted:
    """images/ beside masks/, and the YAML that names the classes."""

    root: Path
    names: str = "names: [background, roof]\n"

    def image(self, name: str) -> Path:
        return self.root / "images" / f"{name}.png"

    def mask(self, name: str) -> Path:
        return self.root / "masks" / f"{name}.png"

    def save(self, name: str, mask: np.ndarray, seed: int) -> None:
        for path, picture in ((self.image(name), photo(seed)), (self.mask(name), Image.fromarray(mask))):
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)

    def save_masks(self, mask: np.ndarray) -> None:
        """The same mask for every picture."""
        for path in self.masks():
            Image.fromarray(mask).save(path)

    def masks(self) -> list[Path]:
        return sorted((self.root / "masks").rglob("*.png"))

    def yaml(self, more: str = "") -> Path:
        path = self.root.parent / f"{self.root.name}.yaml"
        path.write_text(f"path: {self.root.name}\n{more or self.names}")
        return path

    def examine(self, more: str = "") -> Report:
        return examine(self.yaml(more))

    def mended_by(self, finding: Finding) -> set[str]:
        """What is still wrong once the remedy stands in the YAML."""
        return kinds(self.examine(finding.remedy))


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


def found(report: Report, kind: str) -> Finding:
    """The finding of this kind, which the report must have."""
    assert kind in kinds(report), report.findings
    return next(finding for finding in report.findings if finding.kind == kind)


def sound(folder: Path) -> Planted:
    """Four pictures to train on, two to validate, with nothing wrong."""
    data = Planted(folder / "roofs")
    for i, name in enumerate(NAMES):
        data.save(name, halves(), seed=i)
    return data
