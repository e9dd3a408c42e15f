"""fullconv label"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.json_output import json_option, prints_json, write_document
from fullconv.commands.paths import FOLDER, PATH
from fullconv.commands.progress import with_bar
from fullconv.commands.shared_options import OneOf, check_data, model_options, outside_option
from fullconv.commands.terminal import fail, printed_log, say
from fullconv.errors import FullconvError
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.data.dataset import UnlabelledPicture
    from fullconv.labelling.assessment import Assessment
    from fullconv.prediction.predictor import Model


@click.command()
@click.argument("data", type=PATH)
@click.option("--count", type=click.IntRange(min=1), default=20, help="Number of pictures to choose.")
@click.option(
    "--by",
    type=OneOf(["uncertainty", "diversity"]),
    default="uncertainty",
    help="Choose pictures the model is least sure of, or those least similar to the ones labelled or chosen so far.",
)
@click.option(
    "--to",
    type=OneOf(["labelme", "cvat", "label-studio"]),
    default="labelme",
    help="Labelling tool to write files for.",
)
@click.option(
    "--simplify", type=click.FloatRange(min=0), default=2.0, help="How far simplified outlines may move, in pixels."
)
@click.option("-o", "--out", type=FOLDER, default=Path("to-label"), help="New folder for the pictures and drafts.")
@json_option
@outside_option
@model_options
def label(
    data: Path, count: int, by: str, to: str, simplify: float, out: Path, json_file: str | None,
    outside: tuple[Path, ...], model: str, engine: str, precision: str, device: str | None,
) -> None:  # fmt: skip
    """Choose the pictures to label next, and draft their masks.

    DATA is a folder of pictures, or a data YAML that lists pictures as `unlabelled`. The chosen pictures are copied to
    a new folder, with the model's masks in the labelling tool's own format, for you to correct. To train on them
    together with your existing masks, add the line `added: to-label` to the data YAML.
    """
    from fullconv.labelling.candidates import candidates
    from fullconv.labelling.choosing import STRATEGIES
    from fullconv.labelling.folder import TOOLS, refuse_existing, write_drafts
    from fullconv.prediction.predictor import load

    check_data(data)
    refuse_existing(out)
    with printed_log():
        found = candidates(data, outside)
    loaded = load(model, engine, precision, device)
    assessments = assess(loaded, found.unlabelled)
    if not assessments:
        raise FullconvError(f"{data}: none of its pictures can be read")
    chosen = STRATEGIES[by](assessments, assess(loaded, found.labelled), count)
    write_drafts(loaded, chosen, out, TOOLS[to], simplify)
    write_document(json_file, chosen=[to_json(one) for one in chosen])
    if not prints_json(json_file):
        say(table(chosen))
        say(f"{out}: {counted(len(chosen), 'picture')} of {len(assessments)}, chosen by {by}")
        say(TOOLS[to].next_steps(out))
        added = json.dumps([str(out.resolve())], ensure_ascii=False)
        say(f"next: add this line to the data YAML and train again: added: {added}")


def assess(model: Model, pictures: Sequence[UnlabelledPicture]) -> list[Assessment]:
    from fullconv.labelling.assessment import assess_all

    return list(with_bar(assess_all(model, pictures, fail), len(pictures)))


def to_json(assessment: Assessment) -> dict[str, str | float]:
    return {"file": str(assessment.picture.image_path), "doubt": assessment.doubt}


def table(chosen: Sequence[Assessment]) -> str:
    """Returns a row for each picture, in the order in which they were chosen."""
    rows = [f"{one.doubt:>7.3f}  {one.picture.image_path}" for one in chosen]
    return "\n".join([f"{'doubt':>7}  picture", *rows])
