"""What the kill series interrupts: for each command its inputs, how it is begun and gone on with, and its results."""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.data.catalogue import VOC2012
from tests.data_server import Server, served, tar
from tests.discs import draw_photo

FULLCONV = [sys.executable, "-m", "fullconv"]
OUT = "out"
TINY = (
    "--trunk", "test_resnet", "--arch", "fcn32s", "--epochs", "4", "--workers", "1", "--crop-size", "64",
    "--batch-size", "4", "--precision", "fp32",
)  # fmt: skip
TIMED = ("predictions.jsonl", "manifest.json", "report.html")  # they tell times and how often a run was resumed
# In a process of its own: the catalogue's address is that of a server on this machine.
DOWNLOAD = """
import sys
from dataclasses import replace
from fullconv.data.catalogue import SOURCES, VOC2012, Archive
SOURCES["voc2012"] = replace(VOC2012, archives=(Archive(sys.argv.pop(1), "voc.tar", sys.argv.pop(1)),))
from fullconv.commands.main import main
main()
"""


@dataclass(frozen=True)
class Work:
    """`make` puts the inputs into a folder; `command` is the one to give there, the first time or once more."""

    name: str
    make: Callable[[Path], object]
    command: Callable[[Path], list[str]]
    once: bool = False  # what is there is refused


def results(folder: Path) -> dict[str, str]:
    """{file: digest} of what lies in the output, but for what tells times."""
    found = (path for path in (folder / OUT).rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name not in TIMED and "tensorboard" not in path.parts
    }


def leftovers(folder: Path) -> list[Path]:
    """Hidden files and folders, and what is left in the folder for temporary files."""
    return [path for path in folder.rglob("*") if path.name.startswith(".") or path.parent == folder / "tmp"]


def environment(folder: Path) -> dict[str, str]:
    """Temporary files have a folder of their own, so that what is left of them shows."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache" / "torch"),
        "FULLCONV_CACHE": str(folder / "cache"),
    }


def works(server: Server, caffemodel: Path) -> list[Work]:
    digest = hashlib.sha256(_archive(server)).hexdigest()
    download = [sys.executable, "-c", DOWNLOAD, f"{server.url}/voc.tar", digest, "download", "voc2012", "--out", OUT]
    convert = ["convert", "caffe", str(caffemodel), "--net", "fcn-googlenet", "--no-onnx", "--out", OUT]
    return [
        Work("folder", photos, _predict("photos", "--save", "labels,masks,overlay,confidence,labelme")),
        Work("raster", raster, _predict("scene.tif", "--tile", "256", "--save", "labels,scores,polygons,geopackage")),
        Work("train", training_data, _train),
        Work("export", nothing, _plain("export", "photos", "--to", "openvino", "--out", OUT)),
        Work("convert", nothing, _plain(*convert), once=True),
        Work("download", nothing, lambda folder: download),
        Work("serve", photos, _plain("serve", "--port", "0", "--workers", "2")),
    ]  # fmt: skip


def photos(folder: Path) -> None:
    (folder / "photos").mkdir()
    for number in range(10):
        image, _ = draw_photo((300, 400), number)
        Image.fromarray(image).save(folder / "photos" / f"{number:02}.png")


def raster(folder: Path) -> None:
    from tests.prediction.scenes import write_scene

    write_scene(folder / "scene.tif", np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8))


def training_data(folder: Path) -> None:
    for split, count in (("train", 12), ("val", 4)):
        for number in range(count):
            image, label_map = draw_photo((64, 80), number + 100 * (split == "val"))
            for kind, array in (("images", image), ("masks", label_map)):
                (folder / "data" / kind / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(folder / "data" / kind / split / f"{number:02}.png")
    (folder / "data.yaml").write_text("path: data\nnames: [background, disc]\n")


def nothing(folder: Path) -> None: ...


def ask(address: str, photo: bytes) -> bytes:
    """A server's labels of a photo, a PNG as the photo is."""
    request = urllib.request.Request(f"{address}/predict", photo, {"Content-Type": "image/png", "Accept": "image/png"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def _plain(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda folder: [*FULLCONV, *arguments]


def _predict(*arguments: str) -> Callable[[Path], list[str]]:
    begun = [*FULLCONV, "predict", *arguments, "--out", OUT]
    return lambda folder: [*begun, "--resume"] if (folder / OUT).exists() else begun


def _train(folder: Path) -> list[str]:
    if (folder / OUT / "last.pt").exists():
        return [*FULLCONV, "train", "--resume", OUT]
    return [*FULLCONV, "train", "data.yaml", *TINY, "--out", OUT]


def _archive(server: Server) -> bytes:
    """On the server, which takes a second to send it."""
    chance = np.random.default_rng(0)
    content = tar(
        {f"{VOC2012.inside}/{name}/{n}": chance.bytes(99_000) for name in VOC2012.contains for n in range(10)}
    )
    served(server, VOC2012, content)
    server.files["/voc.tar"], server.seconds = content, 1.0
    return content
