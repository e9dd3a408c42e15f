"""The outputs that a result can be written as, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from fullconv.classes import Classes
from fullconv.errors import FullconvError, UnknownValue, argument, suggestion
from fullconv.files import path_of, whole
from fullconv.georeference import Georeference
from fullconv.listed import listed
from fullconv.outputs.coco import write_coco
from fullconv.outputs.coco_polygons import write_coco_polygons
from fullconv.outputs.confidence import write_confidence
from fullconv.outputs.cutout import parse_background, write_cutouts
from fullconv.outputs.file import Files
from fullconv.outputs.folder import refuse_file
from fullconv.outputs.geojson import write_polygons
from fullconv.outputs.labelme import write_labelme
from fullconv.outputs.manifest import Line, Manifest, name_in
from fullconv.outputs.png import write_labels, write_masks, write_overlay
from fullconv.outputs.scores import write_scores
from fullconv.outputs.smoothed import smoothing_writers
from fullconv.segmentation import Segmentation


def refuse_geopackage(result: Segmentation, target: Path) -> Files:
    """Raises FullconvError: a picture without a position on the ground cannot be a GeoPackage."""
    raise FullconvError(
        f"{result.source or target.name}: no georeference, which a GeoPackage needs; save polygons instead"
    )


def in_one_table(result: Segmentation, target: Path) -> Files:
    """Returns no files. The rows of all pictures of a run go into one file, which jobs/table.py writes."""
    return {}


TABLE = "csv"
Claim = Callable[[Sequence[Path]], object]  # raises FullconvError for files that must not be written

WRITERS: dict[str, Callable[[Segmentation, Path], Files]] = {
    "labels": write_labels, "masks": write_masks, "overlay": write_overlay, "scores": write_scores,
    "polygons": write_polygons, "coco": write_coco, "coco-polygons": write_coco_polygons, "labelme": write_labelme,
    "geopackage": refuse_geopackage, "cutout": write_cutouts, "confidence": write_confidence,
    TABLE: in_one_table,
}  # fmt: skip
# Outputs that rasters do not have, and what to save instead.
OF_PHOTOS = {
    "cutout": "masks", "coco": "geopackage or polygons", "coco-polygons": "geopackage or polygons",
    "labelme": "geopackage or polygons",
}  # fmt: skip


def save(
    result: Segmentation, target: Path, outputs: Sequence[str], claim: Claim, background: str | None = None,
    simplify: float | None = None,
) -> list[Path]:  # fmt: skip
    """Writes target_labels.png and so on, as `outputs` requests, after `claim` has accepted their names. Returns the
    paths. `background`: what is put behind cut-outs. `simplify`: how far borders of polygons may move, in pixels."""
    files = files_of(result, target, outputs, background, simplify)
    paths = [target.with_name(target.name + ending) for ending in files]
    claim(paths)
    for path, fill in zip(paths, files.values(), strict=True):
        with whole(path) as hidden:
            fill(hidden)
    return paths


def save_noted(
    result: Segmentation, folder: str | Path, stem: str | None, outputs: Sequence[str], overwrite: bool
) -> list[Path]:
    """Does the same for a single result, and records it in predictions.jsonl in `folder`. Without a `stem`, names begin
    with that of the picture's file."""
    outputs = check_outputs(outputs) if isinstance(outputs, str) else listed("outputs", outputs)
    if TABLE in outputs:
        raise FullconvError("csv: is one table of many pictures; of one, write result.to_df().to_csv(FILE)")
    folder = path_of("folder", folder)
    refuse_file(folder, "folder")
    own_stem = result.source.stem if result.source else "image"
    target = folder / path_of("stem", own_stem if stem is None else stem)
    if not target.is_relative_to(folder) or ".." in target.relative_to(folder).parts:
        raise FullconvError(f"{argument('stem', stem)}: points outside {folder}; give a plain name")
    files_of(result, target, outputs)  # checks the outputs before anything is opened
    with closing(Manifest(folder, overwrite=overwrite)) as manifest:
        manifest.asked = result.asked
        written = save(result, target, outputs, partial(manifest.claim, target))
        manifest.end(target, line_of(result, target, folder, written), outputs)
    return written


def refuse_for_rasters(outputs: Sequence[str], named: object) -> None:
    """Raises FullconvError if rasters do not have one of the outputs. `named`: what the user called them."""
    if missing := [output for output in outputs if output in OF_PHOTOS]:
        instead = ", ".join(dict.fromkeys(OF_PHOTOS[output] for output in missing))
        raise FullconvError(
            f"{named}: {', '.join(missing)} in --save is for photos; for rasters, save {instead} instead"
        )


def line_of(result: Segmentation, target: Path, folder: Path, written: Sequence[Path]) -> Line:
    height, width = result.label_map.shape
    return {
        "target": name_in(folder, target), "file": os.path.abspath(result.source) if result.source else None,
        "width": width, "height": height, "classes": result.shares,
        "outputs": [name_in(folder, path) for path in written],
    }  # fmt: skip


def needs_scores(outputs: Sequence[str]) -> bool:
    """Whether any of them needs the scores of the picture at the size that the network saw."""
    return bool({"cutout", "confidence"} & set(outputs))


def files_of(
    result: Segmentation, target: Path, outputs: Sequence[str], background: str | None = None,
    simplify: float | None = None,
) -> Files:  # fmt: skip
    check(outputs)
    writers = WRITERS
    if background is not None:
        writers = WRITERS | {"cutout": partial(write_cutouts, background=parse_background(background))}
    if simplify:
        writers = writers | smoothing_writers(simplify)
    if result.georeference:
        from fullconv.outputs.georeferenced import GEOREFERENCED_WRITERS

        writers = writers | GEOREFERENCED_WRITERS
    files: Files = {}
    for output in outputs:
        files |= writers[output](result, target)
    return files


def endings(outputs: Sequence[str], classes: Classes) -> list[str]:
    """Returns the possible ends of file names, for a photo, a page or a raster in which any of the classes may
    occur."""
    size, values = (1, len(classes)), np.arange(len(classes), dtype=np.uint8)
    scores = np.zeros((len(classes), *size), np.float32)
    photo = Segmentation(np.zeros((*size, 3), np.uint8), values[None], classes, scores, Path("photo"))
    raster = replace(photo, georeference=Georeference("", (1, 0, 0, 0, -1, 0), None))
    found = ["_overlay.png"] if "overlay" in outputs else []  # for a photo that is too large for a JPEG
    for result, output in product((photo, replace(photo, pages=2), raster), outputs):
        with suppress(FullconvError):  # some outputs exist only for one of the two
            found += files_of(result, Path("x"), [output])
    return list(dict.fromkeys(found))


def check_outputs(wanted: str) -> list[str]:
    """ "labels, masks" → ["labels", "masks"], each once. Raises FullconvError for an unknown output."""
    outputs = list(dict.fromkeys(output.strip() for output in wanted.split(",") if output.strip()))
    check(outputs)
    return outputs


def check(outputs: Sequence[str]) -> None:
    if not outputs:
        raise UnknownValue(f"no output is named; choose from {', '.join(WRITERS)}")
    for output in outputs:
        if output not in WRITERS:
            near = suggestion(str(output), WRITERS)
            raise UnknownValue(f"no output {output!r}; choose from {', '.join(WRITERS)}{near}")
