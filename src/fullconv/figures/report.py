"""Writes a page about a model on labelled pictures: one HTML file that loads nothing from a network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.classes import Classes, LabelMap
from fullconv.evaluation.per_picture import PictureScore, ranked
from fullconv.evaluation.scoring import label_sample
from fullconv.figures.confusion import row_shares
from fullconv.figures.curves import History, draw_curves
from fullconv.files import write_alone
from fullconv.overlay import colours
from fullconv.prediction.predictor import Model
from fullconv.segmentation import Segmentation
from fullconv.view import rgb_of
from fullconv.words import counted

PAGE = Path(__file__).with_name("report.html")
PICTURES = 40  # pictures on a page, the worst ones; more would take long to open
SIDE, QUALITY = 360, 80  # longer side of a picture in pixels; JPEG quality
# Colours of the map of errors. Classes are drawn in black or in bright colours, so a dark one is none of theirs.
WRONG, RIGHT, UNKNOWN = (85, 20, 105), (235, 240, 235), (190, 190, 190)
IN_TRAINING = ("torch", "fp32")  # the engine and the precision that evaluate epochs
KINDS = ("picture", "truth", "prediction", "errors")


@dataclass(frozen=True)
class Subject:
    """The subject of a page. `numbers` are those of `fullconv evaluate`. The fields after `pictures` may be empty."""

    title: str
    numbers: dict[str, Any]
    pictures: Sequence[PictureScore]
    assumed: Sequence[str] = ()
    history: History = ()
    commands: Sequence[str] = ()


def write_report(path: Path, model: Model, subject: Subject) -> Path:
    """Writes the page. Every picture is predicted again, to be shown."""
    text = page(model, subject)
    return write_alone(path, lambda hidden: hidden.write_text(text, encoding="utf-8"))


def page(model: Model, subject: Subject) -> str:
    classes, numbers = model.classes, subject.numbers
    worst = ranked(subject.pictures)[:PICTURES]
    options = (f'<option value="{i}">{escape(name)}</option>' for i, name in enumerate(classes.names))
    figures, have_void = zip(*(_figure(model, one) for one in worst), strict=True) if worst else ((), ())
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(subject.title), summary=_summary(subject, model), assumed=_assumed(subject),
        curves=_curves(subject, model), classes=_classes(numbers), confusion=_confusion(numbers, classes),
        legend=_legend(classes, any(have_void)), options="".join(options), gallery="\n".join(figures),
        commands=_commands(subject),
    )  # fmt: skip


def _summary(subject: Subject, model: Model) -> str:
    keys = {"mean_iou": "mean IoU", "boundary_iou": "boundary IoU", "pixel_accuracy": "pixel accuracy"}
    found = [f"{words} {_number(subject.numbers[key])}" for key, words in keys.items()]
    engine = (model.engine.name, model.engine.precision)
    rounding = (
        " The curves and the model card are from training, which evaluates with torch in fp32; scores differ slightly, "
        "because engines round differently."
    )
    return escape(
        f"{', '.join(found)} on {counted(len(subject.pictures), 'picture')}, scored at their own size, without void "
        f"pixels, with {engine[0]} in {engine[1]}.{rounding if subject.history and engine != IN_TRAINING else ''}"
    )


def _assumed(subject: Subject) -> str:
    if not subject.assumed:
        return ""
    return (
        f"<h2>Assumptions about the data</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in subject.assumed)}</ul>"
    )


def _commands(subject: Subject) -> str:
    return f"<h2>Next steps</h2><pre>{escape(chr(10).join(subject.commands))}</pre>" if subject.commands else ""


def _curves(subject: Subject, model: Model) -> str:
    """Draws the curves if matplotlib is installed."""
    if not subject.history or not find_spec("matplotlib"):
        return ""
    image = draw_curves(subject.history, "").picture_of_it()
    epoch = model.config.provenance.get("epoch")
    kept = f"<p>The model is from epoch {epoch}, the last whose mean IoU is as good as any.</p>" if epoch else ""
    picture = f'<div class="wide curves"><img alt="curves" src="{_data(image, "PNG")}"></div>'
    return f"<h2>Training curves</h2>{kept}{picture}"


def _classes(numbers: dict[str, Any]) -> str:
    thin = numbers.get("thin", {"per_class": {}})["per_class"]
    more = {"f1": f"F1 within {numbers['thin']['tolerance']} pixels", "cldice": "clDice"} if thin else {}
    head = "".join(f"<th>{words}</th>" for words in ("class", "IoU", "accuracy", "pixels", *more.values()))
    rows = (
        f"<tr><td>{escape(name)}</td><td>{_number(row['iou'])}</td><td>{_number(row['accuracy'])}</td>"
        f"<td>{row['pixels']}</td>{''.join(f'<td>{_number(thin[name][key])}</td>' for key in more)}</tr>"
        for name, row in numbers["per_class"].items()
    )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _confusion(numbers: dict[str, Any], classes: Classes) -> str:
    names = [escape(name) for name in classes.names]
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = (
        f"<tr><th>{name}</th>{''.join(map(_share, row))}</tr>"
        for name, row in zip(names, row_shares(np.asarray(numbers["confusion"], np.int64)), strict=True)
    )
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _share(share: float) -> str:
    """Returns a cell: the larger the share, the deeper its blue."""
    if np.isnan(share):
        return "<td>-</td>"
    ink = "#fff" if share > 0.65 else "#1f2328"
    return f'<td style="background:rgba(9,105,218,{share:.2f});color:{ink}">{100 * share:.1f}</td>'


def _legend(classes: Classes, has_void: bool) -> str:
    keys = [*zip(classes.names, colours(classes), strict=True), ("wrong", WRONG), *[("void", UNKNOWN)] * has_void]
    return "".join(f'<span class="key" style="background:rgb{colour}"></span>{escape(name)}' for name, colour in keys)


def _figure(model: Model, score: PictureScore) -> tuple[str, bool]:
    """Returns a picture with its truth, the prediction, and where these differ. And whether the truth has void."""
    seen, truth, labels = label_sample(model, score.sample)
    photo = rgb_of(seen.image)
    overlays = (Segmentation(photo, one, model.classes).overlay() for one in (truth, labels))
    shown = zip(KINDS, (photo, *overlays, errors(truth, labels, model.classes.void)), strict=True)
    cells = "".join(f'<span>{kind}<img alt="{kind}" loading="lazy" src="{_jpeg(one)}"></span>' for kind, one in shown)
    present = " ".join(map(str, np.flatnonzero(~np.isnan(score.iou))))
    name, caption = escape(score.sample.name), escape(_caption(score, model.classes))
    figure = (
        f'<figure data-name="{name}" data-classes="{present}"><figcaption>{caption}</figcaption>'
        f'<div class="row">{cells}</div></figure>'
    )
    return figure, bool((truth == model.classes.void).any())


def errors(truth: LabelMap, labels: LabelMap, void: int) -> NDArray[np.uint8]:
    """(H, W, 3): where a prediction is wrong, right, or where the truth is unknown."""
    table = np.array([WRONG, RIGHT, UNKNOWN], np.uint8)
    return table[np.where(truth == void, 2, truth == labels)]


def _caption(score: PictureScore, classes: Classes) -> str:
    words = f"{score.sample.name}: mean IoU {score.mean_iou:.3f}"
    if score.confused:
        truth, prediction, pixels = score.confused
        words += f"; {counted(pixels, 'pixel')} of {classes.names[truth]} predicted as {classes.names[prediction]}"
    return words


def _jpeg(image: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE))
    return _data(picture, "JPEG", quality=QUALITY)


def _data(picture: Image.Image, form: str, **how: Any) -> str:
    file = BytesIO()
    picture.save(file, form, **how)
    return f"data:image/{form.lower()};base64,{b64encode(file.getvalue()).decode()}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def assumed_in(data_yaml: Path) -> Iterator[str]:
    """Yields the comment lines at the top of a data YAML that fullconv wrote."""
    if data_yaml.is_file():
        lines = data_yaml.read_text(encoding="utf-8").splitlines()
        yield from (line.removeprefix("# ") for line in lines[1:] if line.startswith("# "))
