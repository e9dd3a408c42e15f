"""Mutants of small right files through every reader: each is read, or refused with FullconvError.

`python -m tests.hostile.fuzz --minutes 10`, or `make fuzz MINUTES=10`. A mutant that raises anything else, takes more
than ten seconds of the processor or ends its process is kept in the folder that --keep names, under the name of its
reader, and read first the next time.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import click
import numpy as np

from tests.hostile import data_sets, pictures

Read = Callable[[bytes, Path], object]
SECONDS, MEMORY, BATCH = 10, 2 << 30, 100
WORD = re.compile(rb'"[^"]*"|[-+]?\d[\d.eE+-]*|true|false|null')
EXTREMES = [
    b"0", b"-1", b"1e999", b"NaN", b"9" * 400, b"1e-320", b"2147483648", b"18446744073709551616", b"null", b"[]",
    b"{}", b'""', b"true", b'"\\ud800"', b'"../../../etc/passwd"', b"[[[[[[]]]]]]", b"*a", b"&a [*a]",
    b"!!python/name:os.system",
]  # fmt: skip


def picture(content: bytes, folder: Path) -> None:
    from fullconv.images import read

    read(content)


def mask(content: bytes, folder: Path) -> None:
    from fullconv.data.masks import read_mask

    read_mask(_written(folder / "a.png", content))


def run_lengths(content: bytes, folder: Path) -> None:
    from fullconv.data.rle import decode

    decode(content.decode("latin-1"), 30, 40)


def coco(content: bytes, folder: Path) -> None:
    from fullconv.data.description import open_dataset

    data_sets.photo(folder / "images" / "a.jpg")
    _written(folder / "annotations" / "instances_train.json", content)
    for sample in open_dataset(folder).split("train"):
        sample.read_label_map()


def labelme(content: bytes, folder: Path) -> None:
    from fullconv.data.description import open_dataset

    data_sets.photo(folder / "a.jpg")
    _written(folder / "a.json", content)
    for sample in open_dataset(folder).split("train"):
        sample.read_label_map()


def yolo(content: bytes, folder: Path) -> None:
    from fullconv.data.yolo_outlines import Lines

    data_sets.photo(folder / "a.jpg")
    labels = _written(folder / "a.txt", content)
    Lines(folder / "a.jpg", labels, {0: 1, 1: 2})(labels)


def data_yaml(content: bytes, folder: Path) -> None:
    from fullconv.data.description import open_dataset

    data_sets.pairs(folder, data_sets.png())
    open_dataset(_written(folder / "data.yaml", content))


def config(content: bytes, folder: Path) -> None:
    from fullconv.weights.model_files import read_config

    _written(folder / "config.json", content)
    read_config(folder)


def graph(content: bytes, folder: Path) -> None:
    from fullconv.weights.onnx_file import read_ports, refuse_external

    path = _written(folder / "model.onnx", content)
    read_ports(path)
    refuse_external(path)


def recipe(content: bytes, folder: Path) -> None:
    from fullconv.training.recipe import read_recipe

    read_recipe(_written(folder / "recipe.yaml", content))


def caffe(content: bytes, folder: Path) -> None:
    from fullconv.weights.caffe import read_caffe

    for blob in read_caffe(_written(folder / "net.caffemodel", content)).values():
        for _ in blob.pieces():
            pass


def tensors(content: bytes, folder: Path) -> None:
    from fullconv.weights.tensors import read_tensors

    safe = b"__metadata__" in content or not content.startswith(b"PK")
    read_tensors(_written(folder / ("model.safetensors" if safe else "model.pth"), content))


def polygon(content: bytes, folder: Path) -> None:
    from fullconv.data.json_files import read_json
    from fullconv.data.polygons import fill

    points = read_json(_written(folder / "a.json", content)).get("points")
    if isinstance(points, list) and points and all(_is_point(point) for point in points):
        fill(points, 30, 40)


def matlab(content: bytes, folder: Path) -> None:
    from fullconv.data.mat import read_mat_mask

    read_mat_mask(_written(folder / "a.mat", content), ("S",))


def _is_point(point: object) -> bool:
    return isinstance(point, list) and len(point) == 2 and all(type(one) in (int, float) for one in point)


def right_files() -> Iterator[tuple[Read, bytes]]:
    from scipy.io import savemat
    from scipy.sparse import csc_array

    from tests.hostile import models

    for form in pictures.FORMS:
        yield picture, pictures.saved(form)
    yield mask, data_sets.png()
    yield yolo, b"0 0.1 0.2 0.5 0.25 .75 9e-1\n1 0.5 0.5 0.2 0.1\n"
    yield run_lengths, b"0a1b3c2000"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data_sets.coco(
            root / "c", data_sets.outline(*data_sets.CORNERS), data_sets.rle([10, 5, 33]), data_sets.rle("0a1")
        )
        data_sets.labelme(
            root / "l", data_sets.shape([[1, 1], [5, 1], [5, 4]]), data_sets.shape([[1, 1], [3, 3]], "circle")
        )
        models.folder(root / "m")
        yield coco, (root / "c" / "annotations" / "instances_train.json").read_bytes()
        yield labelme, (root / "l" / "a.json").read_bytes()
        yield config, (root / "m" / "config.json").read_bytes()
        yield graph, (root / "m" / "model.onnx").read_bytes()
        yield from of_weights(root)
        savemat(root / "a.mat", {"S": np.eye(6, dtype=np.uint8)}, do_compression=True)
        yield matlab, (root / "a.mat").read_bytes()
        nested = {"cells": np.array([np.eye(3), "text"], dtype=object), "sparse": csc_array(np.eye(4)), "complex": 1j}
        savemat(root / "b.mat", {"other": np.arange(3.0), "S": nested})
        yield matlab, (root / "b.mat").read_bytes()
    yield polygon, b'{"points": [[1, 1], [25.5, 2], [20, 25], [3e0, 28]]}'
    yield (
        recipe,
        b"arch: fcn8s\nepochs: 3\nlr: 1.0e-3\nrange: [0, 255]\nclasses: [a, b]\nlabel_mapping: {a: b}\nworkers: 0\n",
    )
    yield (
        data_yaml,
        b"path: .\nnames: {0: background, 1: [1, 2, 3], cat: {name: cat, labels: [7, 8]}}\nlabel_mapping: {9: 1}\n",
    )


def of_weights(root: Path) -> Iterator[tuple[Read, bytes]]:
    import torch
    from safetensors.torch import save

    from tests.weights.caffe_files import STYLES, write_caffemodel

    layers = {"conv": [np.ones((2, 3, 3, 3), np.float32), np.ones(2, np.float32)], "relu": []}
    for style in STYLES.values():
        yield caffe, write_caffemodel(root / "net.caffemodel", layers, style).read_bytes()
    state = {"conv.weight": torch.ones(2, 3, 3, 3), "conv.bias": torch.ones(2)}
    yield tensors, save(state, {"format": "pt"})
    torch.save(state, root / "a.pth")
    yield tensors, (root / "a.pth").read_bytes()


def mutant(right: bytes, chance: random.Random) -> bytes:
    """Changed bytes; of a text, as often a number or a word that is another one."""
    words = list(WORD.finditer(right)) if right.isascii() else []
    if not words or chance.random() < 0.5:
        return pictures.changed(right, chance)
    for word in sorted(chance.sample(words, min(len(words), chance.randint(1, 3))), key=lambda word: -word.start()):
        right = right[: word.start()] + chance.choice(EXTREMES) + right[word.end() :]
    return right


def replay(keep: Path) -> int:
    """Reads what was wrong before; gives how much of it still is."""
    by_name = {read.__name__: read for read, _ in right_files()}
    wrong = 0
    for path in sorted(keep.glob("*-*")):
        read = by_name.get(path.name.split("-")[0])
        if read and (found := outcome(read, [path.read_bytes()])[0]):
            wrong += 1
            click.echo(f"{path}: {found[0][1][:300]}")
    return wrong


def try_batch(read: Read, mutants: list[bytes], report: multiprocessing.SimpleQueue[tuple[int, str]]) -> None:
    """Tells of each mutant (its number, what is wrong) before and after it is read."""
    from fullconv.errors import FullconvError

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    longest = 0.0
    with tempfile.TemporaryDirectory() as name:
        for number, content in enumerate(mutants):
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: other work may share it
            begun = time.process_time()
            report.put((number, ""))
            try:
                read(content, Path(name) / str(number))
            except FullconvError:
                pass
            except Exception as error:
                report.put((number, f"{type(error).__name__}: {error}"))
            signal.setitimer(signal.ITIMER_PROF, 0)
            longest = max(longest, time.process_time() - begun)
        report.put((len(mutants), f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} {longest}"))


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@click.command()
@click.option("--minutes", default=1.0, help="How long mutants are made.")
@click.option("--seed", default=0, help="Same seed, same mutants in the same order.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    default="runs/fuzz",
    help="Folder for wrong ones.",
)
def fuzz(minutes: float, seed: int, keep: Path) -> None:
    """Read mutants until the time is over; the exit code is 1 if one was neither read nor refused."""
    chance, files = random.Random(seed), list(right_files())
    counts: Counter[str] = Counter()
    wrong, peak, longest, stamp = replay(keep), 0, 0.0, int(time.time())
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        for read, content in files:
            mutants = [mutant(content, chance) for _ in range(BATCH)]
            found, largest, slowest = outcome(read, mutants)
            longest = max(longest, slowest)
            counts[read.__name__] += len(mutants)
            peak = max(peak, largest)
            for number, what in found:
                wrong += 1
                click.echo(f"{read.__name__}: {what[:300]}")
                _written(keep / f"{read.__name__}-{stamp}-{wrong}", mutants[number])
    total = f"{sum(counts.values())} mutants {dict(counts)}"
    click.echo(f"{total}, {wrong} wrong, at most {longest:.1f} s and {peak >> 10} MiB")
    sys.exit(wrong > 0)


def outcome(read: Read, mutants: list[bytes]) -> tuple[list[tuple[int, str]], int, float]:
    """(what was wrong, by the mutants' numbers; the peak in KiB; the seconds of the slowest)."""
    context = multiprocessing.get_context("fork")
    report = context.SimpleQueue()
    process = context.Process(target=try_batch, args=(read, mutants, report))
    process.start()
    found: list[tuple[int, str]] = []
    under_way = 0
    while True:
        if not _answers(report, process):
            process.kill()
            process.join()
            return [*found, (under_way, f"the process ended with {process.exitcode}")], 0, float(SECONDS)
        number, what = report.get()
        if number == len(mutants):
            process.join()
            peak, longest = what.split()
            return found, int(peak), float(longest)
        under_way = number
        if what:
            found.append((number, what))


def _answers(report: multiprocessing.SimpleQueue[tuple[int, str]], process: BaseProcess) -> bool:
    """Whether the process has something to tell, for as long as it lives."""
    end = time.monotonic() + 12 * SECONDS
    while report.empty():
        if not process.is_alive() or time.monotonic() > end:
            return not report.empty()
        process.join(0.002)
    return True


if __name__ == "__main__":
    fuzz()
