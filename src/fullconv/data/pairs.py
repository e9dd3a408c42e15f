"""images/ and masks/ with equal names; with splits as images/train + masks/train, or train/images + train/masks."""

from __future__ import annotations

from pathlib import Path

from fullconv import images
from fullconv.classes import Classes
from fullconv.data.dataset import Dataset, Lookup, Sample, identity_lookup
from fullconv.errors import FullconvError

SPLITS = ("train", "val", "test")


def recognises(root: Path) -> bool:
    return bool(_folders(root))


def read(root: Path, classes: Classes | None = None, masks_dir: str = "masks") -> Dataset:
    """Pairs by name (images/a/b.jpg with masks/a/b.png). An image without a mask, or the reverse, is an error."""
    if classes is None:
        raise FullconvError(
            f"{root}: class names are missing; write a data YAML with `path: {root}` and `names: [...]`"
        )
    lookup = identity_lookup(classes)
    folders = _folders(root, masks_dir)
    if not folders:
        raise FullconvError(f"{root}: no images/ beside {masks_dir}/; name the folder of masks with masks_dir")
    return Dataset(root, "pairs", classes, {name: _pairs(i, m, lookup) for name, (i, m) in folders.items()})


def _folders(root: Path, masks_dir: str = "masks") -> dict[str, tuple[Path, Path]]:
    """{split: (folder of images, folder of masks)}; without split folders everything is `train`."""
    found = {}
    for split in SPLITS:
        for candidate in (
            (root / "images" / split, root / masks_dir / split),
            (root / split / "images", root / split / masks_dir),
        ):
            if all(folder.is_dir() for folder in candidate):
                found[split] = candidate
    whole = (root / "images", root / masks_dir)
    if not found and all(folder.is_dir() for folder in whole):
        found["train"] = whole
    return found


def _pairs(image_dir: Path, mask_dir: Path, lookup: Lookup) -> tuple[Sample, ...]:
    pictures, masks = _by_name(image_dir), _by_name(mask_dir)
    alone = sorted(pictures.keys() ^ masks.keys())
    if alone:
        raise FullconvError(
            f"{image_dir}: {len(alone)} names without a partner in {mask_dir}, such as {alone[0]}; "
            "give an image and its mask one name, or remove what is alone"
        )
    return tuple(Sample(name, pictures[name], masks[name], lookup) for name in sorted(pictures))


def _by_name(folder: Path) -> dict[str, Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and images.is_image_name(path))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}
