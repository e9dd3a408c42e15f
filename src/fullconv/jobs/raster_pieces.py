"""The pieces of a raster: each finished tile is a file in a hidden folder beside the results.

If a run is killed, the pieces stay, and a run with --resume writes only the missing ones.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.files import write_json, write_whole
from fullconv.jobs.job import Job, RasterRun
from fullconv.outputs import geotiff
from fullconv.prediction.blending import reach
from fullconv.prediction.predictor import Model
from fullconv.prediction.scene import Scene
from fullconv.prediction.tiling import Tile, Tiling
from fullconv.softness import confidence
from fullconv.view import Part, Pixels

FORMAT = 2  # of plan.json
SOFT = {"scores": "probabilities", "confidence": "confidence"}  # outputs that need scores → their names in the pieces


@dataclass(frozen=True)
class Work:
    """The hidden folder that contains a file, the piece, for each finished tile."""

    folder: Path
    tiling: Tiling

    @property
    def labels(self) -> Path:
        """The path of the label map, which is put together here before it gets its final name."""
        return self.folder / "labels.tif"

    def piece(self, number: int) -> Path:
        """Returns the path of the piece of a tile."""
        return self.folder / f"{number:06}.npz"

    def pieces(self, kind: str) -> Iterator[tuple[Part, NDArray[np.uint8]]]:
        """Yields (its place in the raster, "labels", "probabilities" or "confidence") of each tile."""
        for number, tile in enumerate(self.tiling.tiles):
            with np.load(self.piece(number), allow_pickle=False) as piece:
                yield tile.placing, piece[kind]


def open_work(job: Job, tiling: Tiling, rasters: RasterRun) -> Work:
    """Opens the folder of an earlier run with the same name on the same file, if `rasters.resume` is set and there is
    one. Otherwise creates an empty one."""
    folder = job.target.with_name(f".{job.target.name}.parts")
    stat = job.source.stat()
    key = [FORMAT, rasters.name, os.path.abspath(job.source), stat.st_size, stat.st_mtime_ns]
    plan = folder / "plan.json"
    if rasters.resume and plan.exists():
        earlier = json.loads(plan.read_text())
        if earlier["key"] == key:  # keeps the earlier tiles, because automatic ones depend on the free memory
            return Work(folder, Tiling.from_json(earlier["tiling"]))
    if folder.exists():
        shutil.rmtree(folder)
    write_json(plan, {"key": key, "tiling": asdict(tiling)})
    return Work(folder, tiling)


def write_pieces(
    model: Model, scene: Scene, work: Work, outputs: Sequence[str], progress: Callable[[int, int], object]
) -> None:
    """Writes the missing pieces. While the network runs, the next tile is read and the last piece is written."""
    tiles = work.tiling.tiles
    todo = [number for number in range(len(tiles)) if not work.piece(number).exists()]
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = deque(reader.submit(read_tile, scene, work.tiling, tiles[number]) for number in todo[:1])
        behind: deque[Future[Path]] = deque()
        for place, number in enumerate(todo):
            data = ahead.popleft().result()
            ahead.extend(reader.submit(read_tile, scene, work.tiling, tiles[n]) for n in todo[place + 1 : place + 2])
            piece = segment(model, data, work.tiling, tiles[number], outputs)
            if behind:
                behind.popleft().result()
            behind.append(writer.submit(save, work.piece(number), piece))
            progress(len(tiles) - len(todo) + place + 1, len(tiles))
        if behind:
            behind.popleft().result()


@dataclass(frozen=True)
class TileData:
    """The data read for a tile. `image` (H, W, channels) starts at `corner` (row, column); it is None if there is no
    data. `valid` (h, w): where there is data, for the part that the tile keeps."""

    image: Pixels | None
    corner: tuple[int, int]
    valid: NDArray[np.bool_]

    def read(self, part: Part) -> Pixels:
        """Returns a part of the raster, which must lie within the data that was read."""
        assert self.image is not None
        rows, columns = part
        top, left = self.corner
        return self.image[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


def read_tile(scene: Scene, tiling: Tiling, tile: Tile) -> TileData:
    """Reads a tile. If it contains no data, the image is not read."""
    part = reach(tiling.size, tiling.patch, tile) if tiling.patch else tile.reading
    valid, corner = scene.valid(tile.placing), (part[0].start, part[1].start)
    if not valid.any():
        return TileData(None, corner, valid)
    image, known = scene.read_with_valid(part)
    (top, left), (rows, columns) = corner, tile.placing
    return TileData(
        image, corner, known[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    )


def segment(
    model: Model, data: TileData, tiling: Tiling, tile: Tile, outputs: Sequence[str]
) -> dict[str, NDArray[np.uint8]]:
    """Returns the labels of a tile, and probabilities and confidence if they are wanted. Pixels without data are
    void, and the network is not run on a tile without any data."""
    void, shape, soft = model.classes.void, data.valid.shape, [output for output in SOFT if output in outputs]
    if data.image is None:
        sizes = {"scores": (len(model.classes), *shape), "confidence": shape}
        empty = {SOFT[output]: np.full(sizes[output], void, np.uint8) for output in soft}
        return {"labels": np.full(shape, void, np.uint8), **empty}
    label_map, raw = model.label_tile(data.read, tiling, tile, bool(soft), as_seen="scores" not in soft)
    found, temperature = {"labels": label_map}, model.config.temperature
    if raw is not None and "scores" in soft:
        found["probabilities"] = geotiff.probabilities(raw, temperature)
    if raw is not None and "confidence" in soft:
        size = label_map.shape[0], label_map.shape[1]
        found["confidence"] = geotiff.stored(confidence(raw, size, temperature))
    return {kind: np.where(data.valid, values, np.uint8(void)) for kind, values in found.items()}


def save(path: Path, piece: dict[str, NDArray[np.uint8]]) -> Path:
    return write_whole(path, lambda hidden: np.savez_compressed(hidden, allow_pickle=False, **piece))
