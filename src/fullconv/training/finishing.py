"""What is written once all steps of a run are done: temperature, model card, graph for prediction, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fullconv.data.dataset import Sample
from fullconv.exporting.onnx import export_onnx
from fullconv.files import write_whole
from fullconv.logger import logger
from fullconv.training.calibrated import with_temperature
from fullconv.training.card import card
from fullconv.training.illustration import illustrate
from fullconv.training.run_folder import LOG, MODEL
from fullconv.weights.model_files import CARD, read_config, write_config
from fullconv.words import pasted


def complete_run(out: Path, val: Sequence[Sample]) -> None:
    """Completes a run after all steps: temperature, graph for prediction, model card, pictures."""
    write_config(out / MODEL, with_temperature(out / MODEL, val))
    write_card_and_graph(out / MODEL)
    illustrate(out, out / MODEL, out / LOG, val)


def write_card_and_graph(folder: Path) -> None:
    """Writes the model card and, if the exporter is installed, the graph for prediction without torch."""
    text = card(read_config(folder))
    write_whole(folder / CARD, lambda hidden: hidden.write_text(text, encoding="utf-8"))
    if find_spec("onnxscript"):
        export_onnx(folder)
    else:
        logger.info(
            f"{folder} needs torch to predict; to predict without it: "
            f"pip install 'fullconv[export]', fullconv export {pasted(folder)}"
        )
