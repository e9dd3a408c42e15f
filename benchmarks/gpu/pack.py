"""Photos packed small, for a machine that can fetch nothing: zip files of WebP photos and of palette masks.

usage: python benchmarks/gpu/pack.py OUT --labelled VOC_DEVKIT … --unlabelled FOLDER … [--part-size 28] [--most 13000]

A labelled photo keeps up to 500 pixels, an unlabelled one 400. Of a devkit only `train` is taken. FOLDER holds JPEGs in
folders of its own and, where its photos show a known class, lists (*.tsv: file, class, …). Entries of the parts:
labelled/N.webp, labelled/N.png, unlabelled/N.webp, and classes.json, {N: class of the main object} of unlabelled ones.
Every part holds some of each kind, so that any number of parts can be trained on.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SIDES = {"labelled": 500, "unlabelled": 400}
QUALITIES = {"labelled": 78, "unlabelled": 70}


@dataclass(frozen=True)
class Photo:
    """One photo to pack; `mask` where it is labelled, `shows` what a list says of it ("" where it says nothing)."""

    image: Path
    mask: Path | None = None
    shows: str = ""

    @property
    def kind(self) -> str:
        return "labelled" if self.mask else "unlabelled"


def labelled(devkit: Path) -> list[Photo]:
    """The photos of a VOC devkit's `train`."""
    stems = (devkit / "ImageSets/Segmentation/train.txt").read_text().split()
    return [Photo(devkit / f"JPEGImages/{s}.jpg", devkit / f"SegmentationClass/{s}.png") for s in stems]


def unlabelled(folder: Path) -> list[Photo]:
    """Every JPEG below the folder, with the class that a list in it or beside it gives."""
    shows = {}
    for table in (*folder.parent.glob("*.tsv"), *folder.glob("*.tsv")):
        for line in table.read_text(encoding="utf8", errors="surrogateescape").splitlines():
            name, word, *_ = line.split("\t")
            shows[table.parent / name] = word
    return [Photo(path, shows=shows.get(path, "")) for path in sorted(folder.rglob("*.jpg"))]


def encoded(photo: Photo) -> tuple[Photo, bytes, bytes]:
    """(photo, WebP, palette PNG or nothing), the longest side reduced where it is larger."""
    image = Image.open(photo.image).convert("RGB")
    side = SIDES[photo.kind]
    factor = min(1, side / max(image.size))
    size = tuple(max(1, round(v * factor)) for v in image.size)
    webp, png = io.BytesIO(), io.BytesIO()
    (image if factor == 1 else image.resize(size, Image.Resampling.LANCZOS)).save(
        webp, "WEBP", quality=QUALITIES[photo.kind], method=4
    )
    if photo.mask:
        mask = Image.open(photo.mask)
        (mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST)).save(png, "PNG", optimize=True)
    return photo, webp.getvalue(), png.getvalue()


def write_parts(files: Iterator[tuple[Photo, bytes, bytes]], out: Path, part_size: int) -> None:
    """Zip files of at most `part_size` bytes of photos each."""
    out.mkdir(parents=True, exist_ok=True)
    number = held = 0
    archive, shows = zipfile.ZipFile(out / "part-00.zip", "w"), {}
    for i, (photo, webp, png) in enumerate(files):
        if held + len(webp) + len(png) > part_size:
            archive.writestr("classes.json", json.dumps(shows))
            archive.close()
            number, held, shows = number + 1, 0, {}
            archive = zipfile.ZipFile(out / f"part-{number:02}.zip", "w")
        archive.writestr(f"{photo.kind}/{i}.webp", webp)
        if png:
            archive.writestr(f"{photo.kind}/{i}.png", png)
        if photo.shows not in ("", "-"):
            shows[i] = photo.shows
        held += len(webp) + len(png) + 300  # with the archive's own lines
    archive.writestr("classes.json", json.dumps(shows))
    archive.close()


def chosen(photos: Sequence[Photo], most: int, seed: int = 0) -> list[Photo]:
    """At most `most` of the photos, in random order."""
    order = list(photos)
    random.Random(seed).shuffle(order)
    return order[:most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--labelled", type=Path, nargs="+", default=[])
    parser.add_argument("--unlabelled", type=Path, nargs="+", default=[])
    parser.add_argument("--part-size", type=float, default=28, help="MiB of a part")
    parser.add_argument("--most", type=int, default=13000, help="photos of each kind")
    parser.add_argument("--most-of-a-folder", type=int, default=100_000, help="unlabelled photos of one folder")
    options = parser.parse_args()
    known = [photo for devkit in options.labelled for photo in labelled(devkit)]
    more = [photo for folder in options.unlabelled for photo in chosen(unlabelled(folder), options.most_of_a_folder)]
    photos = chosen(chosen(known, options.most) + chosen(more, options.most), len(known) + len(more))
    with ProcessPoolExecutor() as pool:
        write_parts(iter(pool.map(encoded, photos, chunksize=16)), options.out, int(options.part_size * 2**20))
    print(len([p for p in photos if p.mask]), "labelled,", len([p for p in photos if not p.mask]), "unlabelled photos")
    for part in sorted(options.out.glob("part-*.zip")):
        print(part, f"{part.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
