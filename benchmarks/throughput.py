"""Photos per second from JPEG files to written masks, against the network alone on the same photos.

usage: python benchmarks/throughput.py FOLDER_OF_PHOTOS [--count 120] [--save labels,masks,overlay]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

from fullconv import Model, images, load
from fullconv.jobs.images import parallelism, run
from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.plan import plan
from fullconv.prediction.predictor import padded
from fullconv.view import Pixels, with_side


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fresh(jobs: list[Job], out: Path) -> list[Job]:
    """The same photos to a folder of their own: to replace a file takes longer than to write one."""
    folder = Path(tempfile.mkdtemp(dir=out))
    return [replace(job, target=folder / job.target.name) for job in jobs]


def as_seen(photo: Pixels, model: Model) -> Pixels:
    """The photo at the size that the network sees."""
    side = model.config.side_for((photo.shape[0], photo.shape[1]))
    return with_side(photo, side) if side else photo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--save", default="labels,masks,overlay")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    streams, threads = parallelism(options.count)
    model = load("photos", streams=streams)
    with tempfile.TemporaryDirectory() as out, ThreadPoolExecutor(threads) as pool:
        jobs = list(islice(plan([options.photos], Path(out)), options.count))
        photos = [as_seen(images.read(job.source), model) for job in jobs]
        batches = [padded(photo, model.config.normalisation.colour, 32)[None] for photo in photos]
        wanted = Wanted(tuple(options.save.split(",")))
        work = {
            "network alone": lambda: list(pool.map(model.engine.label_maps, batches)),
            "files to files": lambda: list(run(model, fresh(jobs, Path(out)), wanted, threads)),
        }
        for each in work.values():
            each()
        for _ in range(options.rounds):
            alone, whole = (len(jobs) / seconds(each) for each in work.values())
            loss = 1 - whole / alone
            print(f"network alone {alone:6.1f} photos/s, files to files {whole:6.1f} photos/s, loss {loss:5.1%}")


if __name__ == "__main__":
    main()
