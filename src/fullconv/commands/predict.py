"""fullconv predict"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.json_output import json_option
from fullconv.commands.shared_options import Listed, Numbers, OneOf, Words, memory_option, model_options, tta_option
from fullconv.commands.terminal import note
from fullconv.errors import FullconvError

if TYPE_CHECKING:
    from fullconv.commands.predicting.printout import Printout
    from fullconv.commands.predicting.request import Request

DEFAULT = "labels,masks,overlay"


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--out", default="masks", show_default=True, help="Folder for the results.")
@click.option(
    "-s",
    "--save",
    cls=Listed,
    help="Outputs to write, separated by commas: labels, masks, overlay, cutout, confidence, scores, polygons, coco, "
    "coco-polygons, labelme, geopackage, csv (one table). Videos support labels and overlay.  "
    "[default: labels,masks,overlay; for videos, overlay]",
)
@click.option(
    "--classes",
    cls=Listed,
    type=Words(),
    help="Use only these classes, such as cat,dog. Each pixel gets the best of these and background.",
)
@click.option(
    "--background",
    help="Background of cut-outs: white, black, blur, #rrggbb, or a picture file.  [default: transparent]",
)
@click.option(
    "--tile",
    help="Process pictures at full resolution in tiles of this many pixels (a multiple of 32), or 'auto'.",
)
@click.option(
    "--halo", help="Overlap around each tile in pixels, or 'exact' for results identical to running on the whole image."
)
@click.option(
    "--bands",
    cls=Listed,
    type=Numbers(int),
    help="Bands to use, in the order the model expects, such as 4,3,2.  [default: the first ones]",
)
@click.option(
    "--range",
    "values",
    cls=Listed,
    type=Numbers(float),
    help="Values to map to 0 and 255, such as 0,3000; or one pair per band.  [default: from the model or the file]",
)
@click.option("--pages", type=OneOf(["first", "all"]), default="first", help="Pages to use from multi-page files.")
@click.option(
    "--simplify",
    type=click.FloatRange(min=0),
    help="How far simplified polygons may move from the pixels' edges, in pixels; 0 turns simplification off.  "
    "[default: 1 for rasters, 0 for photos]",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="Refuse pictures with more pixels than this. Rasters are read in windows and can be any size.  "
    "[default: 178 million]",
)
@memory_option(expose_value=True)
@click.option(
    "--outside", type=click.Path(), multiple=True, metavar="DIR",
    help="Also allow virtual rasters (.vrt) to refer to files in this folder. Can be repeated.",
)  # fmt: skip
@click.option("--allow-http", is_flag=True, help="Also fetch photos from unencrypted addresses (http://).")
@click.option("--frames", type=click.IntRange(min=1), help="Videos and cameras only: stop after this many frames.")
@click.option("--cluster", type=OneOf(["ray"]), help="Distribute the work over several processes or machines.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of processes for --cluster.  [default: one per processor]"
)
@click.option("--resume", is_flag=True, help="Continue an earlier run and skip the pictures that are finished.")
@click.option("--overwrite", is_flag=True, help="Replace existing files even if fullconv did not write them.")
@tta_option
@json_option
@model_options
def predict(
    inputs: tuple[str, ...], out: str, save: str | None, classes: tuple[str, ...] | None, background: str | None,
    tile: str | None, halo: str | None,
    bands: tuple[int, ...] | None, values: tuple[float, ...] | None, pages: str, simplify: float | None,
    max_pixels: int | None, memory: str | None, outside: tuple[str, ...], allow_http: bool, frames: int | None,
    cluster: str | None, workers: int | None, resume: bool, overwrite: bool, tta: bool, json_file: str | None,
    model: str, engine: str, precision: str, device: str | None,
) -> None:  # fmt: skip
    """Segment pictures and videos. Each mask has the same size as its picture.

    INPUT is a picture, a GeoTIFF, a video, a folder (including its subfolders), a glob pattern, the address of a
    photo (https://...), or webcam:0 (runs until Ctrl-C). With --cluster it can also be an object store URL, such as
    s3://bucket/photos. If INPUT is -, one picture is read from standard input, and its labels (or the one output named
    by --save) are written to standard output.

    For photo.jpg, fullconv writes photo_labels.png (class indices, with a palette), photo_<class>.png (0/255) for each
    class found, and photo_overlay.jpg. For clip.mp4 it writes clip_overlay.mp4. For a GeoTIFF it writes GeoTIFFs with
    the same georeference. predictions.jsonl records the result for each input.
    """
    from fullconv.commands.predicting.here import predict_stream
    from fullconv.commands.predicting.request import ONE_FILE, VIDEO_OUTPUTS, Request
    from fullconv.jobs.job import Wanted
    from fullconv.outputs.writers import check_outputs
    from fullconv.prediction.engines.choice import Choice
    from fullconv.view import Reading, range_pairs
    from fullconv.weights.model_folder import open_folder

    if workers and not cluster:
        raise FullconvError("--workers: only works with --cluster ray; without it, all processors are used anyway")
    if memory and cluster:
        raise FullconvError("--memory: limits one process; with --cluster, choose fewer --workers")
    outputs = tuple(check_outputs(DEFAULT if save is None else save))
    reading = Reading(
        bands or (), range_pairs(values or ()), pages=pages == "all", max_pixels=max_pixels, outside=outside
    )
    wanted = Wanted(outputs, tile, halo, reading, simplify, classes or (), background, tta)
    of_video = ("overlay",) if save is None else tuple(output for output in outputs if output in VIDEO_OUTPUTS)
    choice = Choice(engine, precision, device)
    request = Request(inputs, out, wanted, of_video, frames, resume, overwrite, json_file, open_folder(model), choice)
    if "-" in inputs:
        predict_stream(request if save else replace(request, wanted=replace(wanted, outputs=("labels",))))
        return
    printout = run(request, cluster is not None, workers, allow_http)
    printout.end(out)
    if Path(out).suffix and request.has_name_of_file:
        note(f"note: {out} is a folder; {ONE_FILE}")
    if printout.failed:
        sys.exit(1)


def run(request: Request, on_cluster: bool, workers: int | None, allow_http: bool) -> Printout:
    """Predicts here or on a cluster. The folder for the results is locked, unless it is an object store."""
    from fullconv.commands.predicting.here import predict_fetched, predict_files
    from fullconv.locks import locked

    in_a_store, out = "://" in request.out, Path(request.out)
    if not (in_a_store or out.is_dir()):
        request.check_out()
    with nullcontext() if in_a_store else locked(out):
        if on_cluster:
            from fullconv.commands.predicting.cluster import predict_on_cluster

            return predict_on_cluster(request, workers)
        if any("://" in text for text in request.inputs):
            return predict_fetched(request, allow_http)
        return predict_files(request)
