"""Writes a folder that any web server can serve: the page, and a model that runs in the browser."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.files import sweep, write_json, write_whole
from fullconv.models.config import ModelConfig
from fullconv.prediction.tiling import halo_of
from fullconv.serving.about import describe
from fullconv.serving.page_files import files_of
from fullconv.weights.model_files import CONFIG, GRAPH, read_config
from fullconv.weights.onnx_file import check_graph
from fullconv.words import counted, pasted

MODEL = "model.json"  # what the page reads about the model; a folder with this file is an earlier site
RUNTIME = "1.30.0"  # the version of onnxruntime-web that the page is tested with
RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def write_site(folder: Path, out: Path, runtime: Path, overwrite: bool = False) -> list[Path]:
    """Writes the site of a model folder to `out` and returns its files. `runtime` is npm's folder of onnxruntime-web.

    Raises FullconvError if the model does not take photos, if the runtime is missing or has another version, or if
    `out` contains other files and `overwrite` is not set.
    """
    config = read_config(folder)
    check_model(config, folder)
    check_runtime(runtime)
    check_free(out, overwrite)
    sources = files_of("browser") | {GRAPH: folder / GRAPH, CONFIG: folder / CONFIG}
    sources |= {f"ort/{name}": runtime / "dist" / name for name in RUNTIME_FILES}
    sweep(out)
    model = write_json(out / MODEL, page_model(config))  # first, so that an unfinished site is recognised as one
    written = [write_whole(out / name, partial(shutil.copyfile, source)) for name, source in sources.items()]
    return [*written, model]


def page_model(config: ModelConfig) -> dict[str, Any]:
    """Returns what the page needs to run the model as the predictor does."""
    return {
        **describe(config, config.name, "onnxruntime-web"),
        "multiple_of": config.architecture.multiple_of,
        "mean": list(config.normalisation.colour),
        "halo": list(halo_of(config, None)),
        "range": [list(pair) for pair in config.range],
    }


def check_model(config: ModelConfig, folder: Path) -> None:
    """Raises FullconvError if the model does not take photos, or has no usable model.onnx."""
    if config.channels != 3:
        raise FullconvError(
            f"{folder}: the model takes {counted(config.channels, 'band')}; the page works with photos, which have 3"
        )
    if not (folder / GRAPH).is_file():
        raise FullconvError(f"{folder / GRAPH}: missing; run `fullconv export {pasted(folder)}`")
    check_graph(folder / GRAPH, config)


def check_runtime(runtime: Path) -> None:
    """Raises FullconvError unless npm's package is there, in the tested version."""
    remedy = f"run `npm install onnxruntime-web@{RUNTIME}` and name its folder with --onnxruntime-web"
    try:
        version = json.loads((runtime / "package.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        raise FullconvError(f"{runtime}: no npm package onnxruntime-web found; {remedy}") from None
    if version != RUNTIME:
        raise FullconvError(f"{runtime}: version {version} of onnxruntime-web, but the page needs {RUNTIME}; {remedy}")
    for name in RUNTIME_FILES:
        if not (runtime / "dist" / name).is_file():
            raise FullconvError(f"{runtime / 'dist' / name}: missing; {remedy}")


def check_free(out: Path, overwrite: bool) -> None:
    """Raises FullconvError if the folder contains anything but an earlier site, unless `overwrite` is set."""
    if out.is_dir() and any(out.iterdir()) and not (out / MODEL).is_file() and not overwrite:
        raise FullconvError(f"{out}: not empty, and not a fullconv page; choose another folder, or add --overwrite")
    if out.exists() and not out.is_dir():
        raise FullconvError(f"{out}: is a file; choose a folder")
