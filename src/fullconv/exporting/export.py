"""Writes a model for other programs, and checks that it gives the same labels."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fullconv.data.dataset import Dataset
from fullconv.errors import FullconvError, argument, suggestion
from fullconv.evaluation.scoring import dataset_for
from fullconv.exporting import openvino as files
from fullconv.exporting.deepness import TILE, Deepness, write_deepness
from fullconv.exporting.parity import EQUAL, SIZES, Agreement, agreements, calibration, mean_ious, own_photos
from fullconv.files import path_of, staged
from fullconv.logger import logger
from fullconv.prediction.engines.choice import Choice, open_engine
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.engines.onnxruntime import OnnxRuntime
from fullconv.prediction.engines.openvino import OpenVINO
from fullconv.prediction.engines.program import Program
from fullconv.prediction.predictor import Model
from fullconv.weights.hub import is_address, parse
from fullconv.weights.model_files import CARD, CONFIG, GRAPH, PARAMETERS
from fullconv.weights.model_folder import BUNDLED, ModelFolder, open_folder
from fullconv.words import counted

FORMATS = ("onnx", "openvino", "torch", "deepness")
CALIBRATION = 200  # pictures of the train split on which the ranges for int8 are measured


@dataclass(frozen=True)
class Exported:
    """What was written, and how it compares with its source: the share of equal labels at each size, and, with data,
    the mean IoU (0–1) of both."""

    files: tuple[Path, ...]
    agreements: tuple[Agreement, ...]
    mean_ious: tuple[float, float] | None = None
    scored: int = 0  # pictures
    calibrated: int = 0  # pictures


def export(
    model: str | Path,
    to: str = "onnx",
    out: str | Path | None = None,
    int8: bool = False,
    data: str | Path | None = None,
    split: str = "val",
    pictures: int | None = None,
    max_loss: float = 0.03,
    outside: Sequence[str | Path] = (),
    resolution: float | None = None,
) -> Exported:
    """Writes a model in the format `to`: onnx, openvino, torch (torch.export), or deepness (a QGIS plugin).

    The files go to the folder `out`, together with config.json and the card, so that it is a model folder. By default
    this is the model's own folder, or for a bundled model or one on the hub, a folder with its name in the current
    folder. The result is read back and compared with its source on photos at three sizes.

    `int8`: quantise the OpenVINO files, calibrated on the train split of `data`. `data`: measure the mean IoU of both
    models on `pictures` pictures of `split`. `resolution`: ground size of a pixel in centimetres, for Deepness. Files
    that the data's lists and annotations refer to must be in its folder or in one of `outside`. Raises FullconvError,
    and leaves no file behind, if labels differ or the mean IoU falls by more than `max_loss`.
    """
    if to not in FORMATS:
        raise FullconvError(f"{argument('to', to)}: choose from {', '.join(FORMATS)}{suggestion(to, FORMATS)}")
    if int8 and (to != "openvino" or data is None):
        raise FullconvError(
            f"{argument('int8', True)}: needs {argument('to', 'openvino')} and {argument('data')}, whose "
            "pictures are used for calibration"
        )
    refuse_useless_options(to, data, resolution)
    opened = open_folder(model)
    folder = opened.path
    target = own_target(model, folder) if out is None else path_of("out", out)
    copied = is_copied(folder, to, target)
    source = Model(opened.config, source_engine(opened, to, copied))
    dataset = dataset_for(source, data, outside) if data else None
    logger.info(f"writing {opened.config.name} for {to}")
    with staged(target) as hidden:
        engine, calibrated = write(to, int8, source, folder, hidden, dataset, copied, resolution)
        exported = Model(source.config, engine)
        logger.info("comparing its labels with those of its source; this can take a minute")
        sizes = ((TILE, TILE),) if to == "deepness" else SIZES
        agreed = tuple(check_agreement(source, exported, must_be_equal=not int8, sizes=sizes))
        scores, scored = compare_scores(source, exported, dataset, split, pictures, max_loss) if dataset else (None, 0)
        written = sorted(path.name for path in hidden.iterdir())
        for name in (CONFIG, CARD):
            if target.resolve() != folder.resolve() and (folder / name).is_file():
                shutil.copyfile(folder / name, hidden / name)
    return Exported(tuple(target / name for name in written), agreed, scores, scored, calibrated)


def refuse_useless_options(to: str, data: str | Path | None, resolution: float | None) -> None:
    """Raises FullconvError for options that this format does not use or support."""
    if resolution is not None and to != "deepness":
        raise FullconvError(
            f"{argument('resolution', resolution)}: goes with {argument('to', 'deepness')}; leave it out"
        )
    if data is not None and to == "deepness":
        raise FullconvError(
            f"{argument('data')}: a file for Deepness takes tiles of one size and cannot be scored here; leave it out"
        )


def own_target(model: str | Path, folder: Path) -> Path:
    """Returns the model's own folder. For models in the package or in the hub's cache, which must not be changed,
    returns a folder with their name in the current folder."""
    if is_address(model):
        return Path(parse(model).name)
    return Path(folder.name) if folder.is_relative_to(BUNDLED) else folder


def source_engine(folder: ModelFolder, to: str, copied: bool) -> Engine:
    """Returns what the export is compared with, in float32: the network in torch, or the graph that it is made from."""
    from_graph = copied or to in ("openvino", "deepness")
    if not from_graph and not (folder.path / PARAMETERS).is_file():
        missing = folder.path / PARAMETERS
        raise FullconvError(f"{missing}: missing, and {to} is made from it; export another model folder")
    return open_engine(folder, Choice("openvino" if from_graph else "torch", "fp32", "cpu"))


def is_copied(folder: Path, to: str, target: Path) -> bool:
    """Whether the requested graph already exists, so that torch is not needed. In the model's own folder it is made
    again, if there is a network to make it from."""
    elsewhere = target.resolve() != folder.resolve()
    return to == "onnx" and (folder / GRAPH).is_file() and (elsewhere or not (folder / PARAMETERS).is_file())


def write(
    to: str, int8: bool, source: Model, folder: Path, hidden: Path, dataset: Dataset | None, copied: bool,
    resolution: float | None = None,
) -> tuple[Engine, int]:  # fmt: skip
    """Writes into the folder `hidden`. Returns an engine for the files, and the number of pictures that int8 was
    measured on."""
    if to == "deepness":
        return Deepness(write_deepness(folder, source.config, hidden, resolution)), 0
    if to == "torch":
        from fullconv.exporting.onnx import export_program

        return Program(export_program(folder, hidden)), 0
    if to == "onnx":
        graph = graph_in(folder, hidden, copied)
        other = find_spec("onnxruntime") is not None  # not in a light install, where a graph can only be copied
        return OnnxRuntime(graph, "fp32", streams=1) if other else OpenVINO(graph, "fp32", streams=1), 0
    if not (int8 and dataset):
        return OpenVINO(files.write_ir(folder, hidden), "fp32", streams=1), 0
    batches = list(calibration(source.config, dataset.split("train"), CALIBRATION))
    return OpenVINO(files.write_int8(folder, hidden, batches), "int8", streams=1), len(batches)


def graph_in(folder: Path, hidden: Path, copied: bool) -> Path:
    """Returns model.onnx in `hidden`: a copy of the folder's, or one made from its network."""
    if copied:
        shutil.copyfile(folder / GRAPH, hidden / GRAPH)
        return hidden / GRAPH
    from fullconv.exporting.onnx import export_onnx

    return export_onnx(folder, hidden)


def check_agreement(
    source: Model, exported: Model, must_be_equal: bool, sizes: Sequence[tuple[int, int]] = SIZES
) -> list[Agreement]:
    """Returns how many labels are equal. Raises FullconvError if they are too few."""
    found = agreements(source.config, source.engine, exported.engine, own_photos(), sizes)
    for one in found:
        if must_be_equal and one.equal < EQUAL:
            raise FullconvError(f"the export's labels differ from those of its source ({one}); nothing was written")
    return found


def compare_scores(
    source: Model, exported: Model, dataset: Dataset, split: str, pictures: int | None, max_loss: float
) -> tuple[tuple[float, float], int]:
    """Returns (the mean IoU of both, the number of pictures). Raises FullconvError for a loss of more than
    `max_loss`."""
    samples = dataset.split(split)[:pictures]
    before, after = mean_ious([source, exported], samples)
    if before - after > max_loss:
        raise FullconvError(
            f"mean IoU on {counted(len(samples), 'picture')} of {split} falls from {before:.4f} to {after:.4f}, more "
            f"than {argument('max_loss', max_loss)}; nothing was written"
        )
    return (before, after), len(samples)
