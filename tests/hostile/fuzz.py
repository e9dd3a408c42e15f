"""Mutants of small right files through every reader: each is read, or refused with FullconvError.

`python -m tests.hostile.fuzz --minutes 10`, or `make fuzz MINUTES=10`. A mutant that raises anything else, takes longer
than ten seconds or ends its process is kept in the folder that --keep names, under the name of its reader.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from tests.hostile import data_sets, pictures

Read = Callable[[bytes, Path], object]
SECONDS, MEMORY, BATCH = 10, 2 << 30, 100


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


def data_yaml(content: bytes, folder: Path) -> None:
    from fullconv.data.description import open_dataset

    data_sets.pairs(folder, data_sets.png())
    open_dataset(_written(folder / "data.yaml", content))


def config(content: bytes, folder: Path) -> None:
    from fullconv.weights.model_folder import read_config

    _written(folder / "config.json", content)
    read_config(folder)


def graph(content: bytes, folder: Path) -> None:
    from fullconv.weights.onnx_file import read_ports, refuse_external

    path = _written(folder / "model.onnx", content)
    read_ports(path)
    refuse_external(path)


def right_files() -> Iterator[tuple[Read, bytes]]:
    from tests.hostile import models

    for form in pictures.FORMS:
        yield picture, pictures.saved(form)
    yield mask, data_sets.png()
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
    yield (
        data_yaml,
        b"path: .\nnames: {0: background, 1: [1, 2, 3], cat: {name: cat, labels: [7, 8]}}\nlabel_mapping: {9: 1}\n",
    )


def try_batch(read: Read, mutants: list[bytes], report: multiprocessing.Queue[tuple[int, str]]) -> None:
    """Tells of each mutant (its number, what is wrong) before and after it is read."""
    from fullconv.errors import FullconvError

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as name:
        for number, content in enumerate(mutants):
            signal.alarm(SECONDS)
            try:
                read(content, Path(name) / str(number))
            except FullconvError:
                pass
            except Exception as error:
                report.put((number, f"{type(error).__name__}: {error}"))
            signal.alarm(0)
        report.put((len(mutants), str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)))


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
    chance, end, files = random.Random(seed), time.monotonic() + 60 * minutes, list(right_files())
    counts: Counter[str] = Counter()
    wrong, peak = 0, 0
    while time.monotonic() < end:
        for read, content in files:
            mutants = [pictures.changed(content, chance) for _ in range(BATCH)]
            found, largest = outcome(read, mutants)
            counts[read.__name__] += len(mutants)
            peak = max(peak, largest)
            for number, what in found:
                wrong += 1
                click.echo(f"{read.__name__}: {what[:300]}")
                _written(keep / f"{read.__name__}-{wrong}", mutants[number])
    click.echo(f"{sum(counts.values())} mutants {dict(counts)}, {wrong} wrong, at most {peak >> 10} MiB")
    sys.exit(wrong > 0)


def outcome(read: Read, mutants: list[bytes]) -> tuple[list[tuple[int, str]], int]:
    """(what was wrong, by the mutants' numbers; the peak in KiB). A process that ends early was ended by the mutant."""
    context = multiprocessing.get_context("fork")
    report = context.Queue()
    process = context.Process(target=try_batch, args=(read, mutants, report))
    process.start()
    found = []
    while True:
        try:
            number, what = report.get(timeout=SECONDS * 3)
        except Exception:
            process.kill()
            return [*found, (0, f"the process ended with {process.exitcode} at one of these {len(mutants)}")], 0
        if number == len(mutants):
            process.join()
            return found, int(what)
        found.append((number, what))


if __name__ == "__main__":
    fuzz()
