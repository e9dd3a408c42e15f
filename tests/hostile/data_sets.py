"""Data sets of a stranger's: each function fills a folder and gives what to hand to `fullconv check`."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

Build = Callable[[Path], Path]
HUGE = 10**300
NAMED = "names: [background, cat]\n"


def coco(root: Path, *notes: Any, size: Any = (8, 6), categories: Any = None, file_name: str = "a.jpg") -> Path:
    """A picture of 8x6 in images/, and these annotations."""
    photo(root / "images" / "a.jpg")
    width, height = size
    content = {
        "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
        "categories": categories if categories is not None else [{"id": 1, "name": "cat"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 1, **note} for i, note in enumerate(notes)],
    }
    write(root / "annotations" / "instances_train.json", json.dumps(content))
    return root


def labelme(root: Path, *shapes: Any, **changed: Any) -> Path:
    photo(root / "a.jpg")
    content = {"imagePath": "a.jpg", "imageWidth": 8, "imageHeight": 6, "shapes": list(shapes), **changed}
    write(root / "a.json", json.dumps(content))
    return root


def pairs(root: Path, mask: bytes, yaml: str = NAMED, ending: str = "png") -> Path:
    photo(root / "images" / "a.jpg")
    (root / "masks").mkdir(exist_ok=True)
    (root / "masks" / f"a.{ending}").write_bytes(mask)
    return write(root / "data.yaml", f"path: .\n{yaml}")


def sbd(root: Path, content: bytes) -> Path:
    photo(root / "img" / "a.jpg")
    (root / "cls").mkdir()
    (root / "cls" / "a.mat").write_bytes(content)
    write(root / "train.txt", "a\n")
    return root


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), "grey").save(path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def png(size: tuple[int, int] = (8, 6)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size).save(file, "PNG")
    return file.getvalue()


def bomb_png(side: int) -> bytes:
    """A few kilobytes that claim to be side x side; the rows are there, all of them 0."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes((side + 1) * 1000)) for _ in range(side // 1000)) + rows.flush()
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", packed), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def mat_bomb() -> bytes:
    """300 kB that unpack to 300 MB of zeros."""
    head = struct.pack("<II", 14, 0xFFFFFFF0) + struct.pack("<IIII", 6, 8, 6, 0)
    head += (
        struct.pack("<IIii", 5, 8, 5000, 60000) + struct.pack("<HH4s", 1, 5, b"GTcl") + struct.pack("<II", 2, 3 * 10**8)
    )
    stream = zlib.compressobj(9)
    packed = stream.compress(head) + b"".join(stream.compress(bytes(10**7)) for _ in range(30)) + stream.flush()
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x100, b"IM")
    return header + struct.pack("<II", 15, len(packed)) + packed


def mat_of(**variables: Any) -> bytes:
    file = io.BytesIO()
    savemat(file, variables)
    return file.getvalue()


def rle(counts: Any, size: Any = (6, 8)) -> dict[str, Any]:
    return {"segmentation": {"size": size, "counts": counts}}


def outline(*numbers: Any) -> dict[str, Any]:
    return {"segmentation": [list(numbers)], "area": 4}


def shape(points: Any, kind: str = "polygon", **more: Any) -> dict[str, Any]:
    return {"label": "cat", "points": points, "shape_type": kind, **more}


def many_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    return "names: &n\n" + "\n".join(f"  {line}" for line in lines) + "\n"


CORNERS = (1, 1, 6, 1, 6, 4)
TEXT = "cat\x1b[31m\r\n\u202e\ud800"

REFUSED: dict[str, Build] = {
    "rle-sum-overflows": lambda root: coco(root, rle([2**62, 2**62, 2**62, 2**62 + 48])),
    "rle-number-overflows": lambda root: coco(root, rle([10**30, 48])),
    "rle-negative": lambda root: coco(root, rle([-1, 49])),
    "rle-of-text": lambda root: coco(root, rle(["a", "b"])),
    "rle-of-fractions": lambda root: coco(root, rle([0.5, 47.5])),
    "rle-of-lists": lambda root: coco(root, rle([[48]])),
    "rle-of-nothing": lambda root: coco(root, rle(None)),
    "rle-string-overflows": lambda root: coco(root, rle("oooooooooooooooooooooooooooo0")),
    "rle-string-million": lambda root: coco(root, rle("o" * 10**6 + "0")),
    "rle-string-cut": lambda root: coco(root, rle("ooo")),
    "rle-string-strange": lambda root: coco(root, rle("\x00~\xff")),
    "rle-size-huge": lambda root: coco(root, rle([HUGE], (10**9, 10**9))),
    "rle-size-text": lambda root: coco(root, rle([48], "ab")),
    "coco-size-huge": lambda root: coco(root, outline(*CORNERS), size=(100_000, 100_000)),
    "coco-size-beyond": lambda root: coco(root, outline(*CORNERS), size=(10**30, 10**30)),
    "coco-rle-size-huge": lambda root: coco(root, rle([48]), size=(10**5, 10**5)),
    "coco-nan": lambda root: coco(root, outline(float("nan"), *CORNERS[1:])),
    "coco-infinite": lambda root: coco(root, outline(float("inf"), *CORNERS[1:])),
    "coco-far": lambda root: coco(root, outline(HUGE, *CORNERS[1:])),
    "coco-odd": lambda root: coco(root, outline(*CORNERS, 7)),
    "coco-text-corners": lambda root: coco(root, outline(*"abcdef")),
    "coco-ragged": lambda root: coco(root, {"segmentation": [[1, 1, [2], 2, 3, 3, 4]], "area": 4}),
    "coco-outline-number": lambda root: coco(root, {"segmentation": 7}),
    "coco-outline-text": lambda root: coco(root, {"segmentation": "abcdefgh"}),
    "coco-outline-deep": lambda root: coco(root, {"segmentation": [[[[[[[[1, 1]]]], 2]]]]}),
    "coco-category-text": lambda root: coco(root, {"category_id": "x", **outline(*CORNERS)}),
    "coco-category-infinite": lambda root: coco(root, {"category_id": 1e400, **outline(*CORNERS)}),
    "coco-category-list": lambda root: coco(root, {"category_id": [1], **outline(*CORNERS)}),
    "coco-categories-number": lambda root: coco(root, outline(*CORNERS), categories=5),
    "coco-categories-texts": lambda root: coco(root, outline(*CORNERS), categories=["cat"]),
    "coco-categories-many": lambda root: coco(
        root, outline(*CORNERS), categories=[{"id": i, "name": f"c{i}"} for i in range(300)]
    ),
    "coco-image-id-list": lambda root: coco(root, {"image_id": [1], **outline(*CORNERS)}),
    "coco-size-text": lambda root: coco(root, outline(*CORNERS), size=("a", [])),
    "coco-file-name-null": lambda root: coco(root, outline(*CORNERS), file_name="\0"),
    "coco-file-name-escape": lambda root: coco(root, outline(*CORNERS), file_name=f"{TEXT}.jpg"),
    "coco-nested": lambda root: write(coco(root) / "annotations" / "instances_train.json", "[" * 10**5) and root,
    "coco-digits": lambda root: write(coco(root) / "annotations" / "instances_train.json", "9" * 10**5) and root,
    "labelme-nested": lambda root: (
        write(labelme(root) / "a.json", '{"shapes": [], "imagePath": "a.jpg", "x": ' + "[" * 10**5) and root
    ),
    "labelme-size-huge": lambda root: labelme(
        root, shape([[1, 1], [5, 1], [5, 4]]), imageWidth=10**5, imageHeight=10**5
    ),
    "labelme-size-text": lambda root: labelme(root, shape([[1, 1], [5, 1], [5, 4]]), imageWidth="a"),
    "labelme-size-infinite": lambda root: labelme(root, shape([[1, 1], [5, 1], [5, 4]]), imageWidth=1e400),
    "labelme-nan": lambda root: labelme(root, shape([[float("nan"), 1], [5, 1], [5, 4]])),
    "labelme-far": lambda root: labelme(root, shape([[HUGE, 1], [5, 1], [5, 4]])),
    "labelme-points-number": lambda root: labelme(root, shape(5)),
    "labelme-points-none": lambda root: labelme(root, shape(None)),
    "labelme-shape-text": lambda root: labelme(root, "label"),
    "labelme-shapes-number": lambda root: labelme(root, shapes=5),
    "labelme-label-list": lambda root: labelme(root, shape([[1, 1], [5, 1], [5, 4]]) | {"label": None}),
    "labelme-kind-strange": lambda root: labelme(root, shape([[1, 1]], kind=TEXT)),
    "labelme-kind-list": lambda root: labelme(root, shape([[1, 1]]) | {"shape_type": [1]}),
    "labelme-stamp-bomb": lambda root: labelme(root, shape([[0, 0]], "mask", mask=as_base64(bomb_png(20_000)))),
    "labelme-stamp-text": lambda root: labelme(root, shape([[0, 0]], "mask", mask="!")),
    "labelme-stamp-none": lambda root: labelme(root, shape([[0, 0]], "mask", mask=None)),
    "mask-bomb": lambda root: pairs(root, bomb_png(20_000)),
    "mask-cut": lambda root: pairs(root, png()[:45]),
    "mask-empty": lambda root: pairs(root, b""),
    "mask-text": lambda root: pairs(root, b"<svg/>"),
    "mask-other-size": lambda root: pairs(root, png((9, 9))),
    "yaml-aliases": lambda root: pairs(root, png(), many_aliases()),
    "yaml-alias-in-itself": lambda root: pairs(root, png(), "names: &a [x, *a]\n"),
    "yaml-nested": lambda root: pairs(root, png(), "names: " + "[" * 10**4 + "\n"),
    "yaml-large": lambda root: pairs(root, png(), NAMED + "# " + "x" * 2 * 10**6),
    "yaml-runs-code": lambda root: pairs(root, png(), "names: !!python/object/apply:os.system [touch ran]\n"),
    "yaml-list-as-key": lambda root: pairs(root, png(), NAMED + "? [1, 2]\n:\n"),
    "yaml-value-large": lambda root: pairs(root, png(), f"names: {{{'9' * 5000}: cat}}\n"),
    "yaml-value-power": lambda root: pairs(root, png(), "names: {²: cat}\n"),
    "yaml-name-escapes": lambda root: pairs(root, png(), 'names: [background, "a\\e[31m", "a\\e[31m"]\n'),
    "yaml-many-names": lambda root: pairs(root, png(), f"names: [{', '.join(f'c{i}' for i in range(400))}]\n"),
    "yaml-mapping-strange": lambda root: pairs(root, png(), NAMED + "label_mapping: {999999999999: cat}\n"),
    "yaml-path-strange": lambda root: write(pairs(root, png()), f'path: "\\0"\n{NAMED}'),
    "mat-bomb": lambda root: sbd(root, mat_bomb()),
    "mat-cut": lambda root: sbd(root, mat_of(GTcls=np.zeros((6, 8)))[:150]),
    "mat-text": lambda root: sbd(root, b"MATLAB 5.0 MAT-file" * 20),
    "mat-of-texts": lambda root: sbd(root, mat_of(GTcls={"Segmentation": np.array(["a", "b"])})),
    "mat-of-fractions": lambda root: sbd(root, mat_of(GTcls={"Segmentation": np.full((6, 8), 0.5)})),
    "mat-of-infinite": lambda root: sbd(root, mat_of(GTcls={"Segmentation": np.full((6, 8), np.inf)})),
    "mat-of-complex": lambda root: sbd(root, mat_of(GTcls={"Segmentation": np.full((6, 8), 1j)})),
}


def as_base64(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


def nnunet(root: Path, labels: Any, ending: Any = ".png") -> Path:
    photo(root / "imagesTr" / "a_0000.png")
    (root / "labelsTr").mkdir()
    (root / "labelsTr" / "a.png").write_bytes(png())
    write(root / "dataset.json", json.dumps({"labels": labels, "file_ending": ending}))
    return root


REFUSED |= {
    f"nnunet-{name}": lambda root, labels=labels: nnunet(root, labels)
    for name, labels in {
        "large": {"background": 0, "a": 300}, "regions": {"background": 0, "a": [1, 2]}, "texts": {"background": "x"},
        "power": {"background": "²"}, "list": [1, 2], "number": 7, "null": None, "nothing": {},
    }.items()
}  # fmt: skip


def panoptic(root: Path, *segments: Any, file_name: str = "a.png") -> Path:
    photo(root / "train" / "a.jpg")
    (root / "annotations" / "panoptic_train").mkdir(parents=True)
    (root / "annotations" / "panoptic_train" / "a.png").write_bytes(png())
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 6}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "file_name": file_name, "segments_info": list(segments)}],
    }
    write(root / "annotations" / "panoptic_train.json", json.dumps(content))
    return root


REFUSED |= {
    "panoptic-id-huge": lambda root: panoptic(root, {"id": 2**40, "category_id": 1}),
    "panoptic-id-text": lambda root: panoptic(root, {"id": "x", "category_id": 1}),
    "panoptic-id-negative": lambda root: panoptic(root, {"id": -1, "category_id": 1}),
    "panoptic-segment-text": lambda root: panoptic(root, "x"),
    "panoptic-file-null": lambda root: panoptic(root, {"id": 1, "category_id": 1}, file_name="\0"),
}

ACCEPTED: dict[str, Build] = {
    "coco-million-corners": lambda root: coco(root, outline(*np.tile([1.0, 1.0, 6.0, 1.0, 6.0, 4.0], 10**5).tolist())),
    "coco-outside-the-picture": lambda root: coco(root, outline(-9e5, -9e5, 9e5, -9e5, 9e5, 9e5)),
    "coco-rle": lambda root: coco(root, rle([10, 5, 33])),
    "labelme-circle-huge": lambda root: labelme(root, shape([[4, 3], [9e5, 3]], "circle")),
    "labelme-line-long": lambda root: labelme(root, shape([[-9e5, -9e5], [9e5, 9e5]], "line")),
    "labelme-million-points": lambda root: labelme(root, shape([[1, 1], [5, 1], [5, 4]] * (10**6 // 3))),
    "yaml-aliases-few": lambda root: pairs(root, png(), "names: &n [background, cat]\nclasses: *n\n"),
}
