"""Whether two checkouts write the same files: fixed commands in each, every file they leave compared byte for byte.

Both work in a folder of the same path, since some files name it. What tells the time or number of a run is left out.
usage: python benchmarks/same_files.py OLD NEW [--without train,export] [--keep FOLDER]     OLD, NEW: checkouts
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parent.parent / "examples"
LEFT_OUT = ("predictions.jsonl", "manifest.json", "tensorboard/", ".fullconv.lock")
OUTPUTS = "labels,masks,overlay,scores,polygons,coco,coco-polygons,labelme,cutout,confidence"
COMMANDS = {
    "predict": f"predict photos --precision fp32 --out predicted --save {OUTPUTS}",
    "tiles": "predict photos --precision fp32 --out tiled --tile 256 --halo 64 --save labels",
    "check": "check data --json check.json --sheet sheet.png",
    "evaluate": "evaluate data --model photos --precision fp32 --json scores.json --confusion confusion.png",
    "train": "train data --out run --recipe recipe.yaml --track none",
    "export": "export photos --to openvino --out exported",
}
RECIPE = """\
{arch: fcn32s, trunk: test_resnet, pretrained: false, epochs: 2, crop_size: 64, batch_size: 4, workers: 0,
precision: fp32}
"""


def write_inputs(folder: Path) -> None:
    """photos/, and data/: ten discs whose masks say background or cat."""
    (folder / "photos").mkdir(parents=True)
    for photo in sorted(PHOTOS.glob("*.jpg")):
        (folder / "photos" / photo.name).write_bytes(photo.read_bytes())
    y, x = np.mgrid[:64, :80]
    noise = np.random.default_rng(0)
    for i in range(10):
        disc = (y - 20 - i) ** 2 + (x - 30 - 2 * i) ** 2 < (8 + i) ** 2
        picture = np.where(disc[..., None], (200, 80, 40), (40, 90, 160)) + noise.integers(0, 40, (64, 80, 3))
        for kind, array in (("images", picture), ("masks", disc)):
            place = folder / "data" / kind / ("train" if i < 7 else "val")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.astype(np.uint8)).save(place / f"{i}.png")
    (folder / "data" / "data.yaml").write_text("path: .\nnames: [background, cat]\n")
    (folder / "recipe.yaml").write_text(RECIPE)


def files_of(checkout: Path, folder: Path, commands: list[str]) -> dict[str, str]:
    """{file, relative: digest} of all that the commands leave in `folder`."""
    write_inputs(folder)
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "FULLCONV_CACHE": str(folder / "cache")}
    for name in commands:
        command = [sys.executable, "-m", "fullconv", *shlex.split(COMMANDS[name])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        print(f"{checkout.name}: {name}, exit code {done.returncode}", flush=True)
        if done.returncode:
            print(done.stderr.strip()[-300:])
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = [name for name in names if not name.startswith("cache/") and not any(part in name for part in LEFT_OUT)]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in kept}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--without", default="", help="Commands to leave out, comma-separated.")
    parser.add_argument("--keep", type=Path, help="An empty folder for the files of both, to look at.")
    options = parser.parse_args()
    commands = [name for name in COMMANDS if name not in options.without.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        place, found = options.keep or Path(temporary), []
        for side, checkout in (("old", options.old), ("new", options.new)):
            found.append(files_of(checkout.resolve(), place / "work", commands))
            (place / "work").rename(place / side)
    old, new = found
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            print(
                "differs:" if name in old and name in new else "only in old:" if name in old else "only in new:", name
            )
    equal = sum(new.get(name) == digest for name, digest in old.items())
    print(f"{equal} of {len(old.keys() | new.keys())} files are equal")
    sys.exit(old != new)


if __name__ == "__main__":
    main()
