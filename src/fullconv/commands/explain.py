"""fullconv explain"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fullconv.commands.paths import PATH
from fullconv.commands.shared_options import Listed
from fullconv.commands.terminal import say
from fullconv.words import counted

if TYPE_CHECKING:
    from torch import nn

    from fullconv.data.dataset import Sample
    from fullconv.figures.canvas import Canvas
    from fullconv.images import ImageArray
    from fullconv.models.config import ModelConfig
    from fullconv.prediction.predictor import Model

PHOTO = click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
OUT = click.option("-o", "--out", type=PATH, required=True, help="File to write the figure to, .svg or .png.")
MODEL = click.option(
    "-m", "--model", default="photos", help="Name of a bundled model, a model folder, or hf://owner/name."
)
PUBLISHED = click.option(
    "--published", metavar="NAME", help="Draw a published net, without weights, instead of --model."
)


@click.group()
def explain() -> None:
    """Draw figures of what is inside a network."""


@explain.command()
@click.argument("photo", required=False)
@MODEL
@PUBLISHED
@click.option("--size", type=int, default=512, help="Side in pixels of the square image that is used without a PHOTO.")
@OUT
def architecture(photo: str | None, model: str, published: str | None, size: int, out: Path) -> None:
    """Draw a network's encoder, scores and decoder, with map sizes, strides and receptive fields.

    With a PHOTO, the figure also shows the model's results for it, from the coarsest scores to the mask.
    """
    begin(out)
    from fullconv.errors import FullconvError
    from fullconv.figures.architecture import draw_architecture
    from fullconv.figures.photo_result import run_photo

    if photo is None:
        network, config = open_network(model, published)
        finish(draw_architecture(network, config.name, size, len(config.normalisation.mean)), out)
        return
    if published:
        raise FullconvError(f"--published {published}: a published net has no weights here; remove {photo}")
    network, config = open_for_photos(model)
    result = run_photo(network, read_all([photo], config.longest_side)[0], config.classes)
    finish(draw_architecture(network, config.name, result=result), out)


@explain.command()
@PHOTO
@click.option("--class", "class_name", required=True, help='Name of an ImageNet class, such as "tabby cat".')
@click.option(
    "--trunk-weights",
    type=PATH,
    help="File of EfficientNet-Lite0 weights, classifier included.  [default: those installed]",
)
@OUT
def heatmap(photos: tuple[str, ...], class_name: str, trunk_weights: Path | None, out: Path) -> None:
    """Show where an image classifier, made fully convolutional, finds a class.

    Several photos are joined into one large picture.
    """
    begin(out)
    from fullconv.figures.classifier import class_index, load_classifier
    from fullconv.figures.heatmap import draw_heatmap, laid_out

    index, pictures = class_index(class_name), read_all(photos)
    finish(draw_heatmap(load_classifier(trunk_weights), laid_out(pictures), class_name, index), out)


@explain.command()
@click.argument("inputs", nargs=-1, required=True, metavar="DATA|PHOTO...")
@click.option(
    "--models", multiple=True, required=True, help="Name of a bundled model, or a folder. Repeat for each column."
)
@click.option("--titles", cls=Listed, help="Column titles, separated by commas.  [default: the models' names]")
@click.option("--split", default="val", help="Split of DATA to measure the mean IoU on.")
@click.option("--rows", type=click.IntRange(1), default=4, help="Number of photos from DATA to show.")
@OUT
def ladder(
    inputs: tuple[str, ...], models: tuple[str, ...], titles: str | None, split: str, rows: int, out: Path
) -> None:
    """Compare several models on the same photos, with the mean IoU of each.

    With DATA, the mean IoU is measured on it, and the true labels are shown too. "on val" is the mean IoU on the
    validation split that the model was trained with, from its config.json.
    """
    begin(out, needs=("matplotlib",))
    from fullconv.evaluation.scoring import evaluate, label_sample
    from fullconv.figures.ladder import Rung, draw_ladder
    from fullconv.prediction.predictor import load
    from fullconv.view import rgb_of

    loaded = [load(model) for model in models]
    check_classes(loaded)
    names = titles_of(titles, loaded)
    samples = samples_of(loaded[0], inputs, split)
    if samples is None:
        pictures, truths = read_all(inputs), None
        maps = [[model.predict(picture).label_map for picture in pictures] for model in loaded]
        below = [own_score(model) for model in loaded]
    else:
        found = [[label_sample(model, sample) for sample in spaced(samples, rows)] for model in loaded]
        pictures, truths = [rgb_of(seen.image) for seen, _, _ in found[0]], [truth for _, truth, _ in found[0]]
        maps = [[label_map for _, _, label_map in row] for row in found]
        scores = [evaluate(model, inputs[0], split)["mean_iou"] for model in loaded]
        below = [[f"mean IoU {score:.3f}", *own_score(model)] for score, model in zip(scores, loaded, strict=True)]
    rungs = [Rung(*column) for column in zip(names, maps, below, strict=True)]
    finish(draw_ladder(pictures, rungs, truths, loaded[0].classes), out)


@explain.command()
@PHOTO
@MODEL
@OUT
def kernels(photos: tuple[str, ...], model: str, out: Path) -> None:
    """Show first-layer kernels as colours, and deeper channels by the patches that excite them most."""
    begin(out)
    from fullconv.figures.kernels import draw_kernels

    network, config = open_for_photos(model)
    finish(draw_kernels(network, config.name, read_all(photos, config.longest_side)), out)


@explain.command()
@click.argument("photo")
@MODEL
@OUT
def features(photo: str, model: str, out: Path) -> None:
    """Show the feature maps of every stage for one photo, and the scores."""
    begin(out)
    from fullconv.figures.features import draw_features

    network, config = open_for_photos(model)
    finish(draw_features(network, config.name, read_all([photo], config.longest_side)[0], config.classes.names), out)


@explain.command("receptive-field")
@PHOTO
@MODEL
@PUBLISHED
@OUT
def receptive_field(photos: tuple[str, ...], model: str, published: str | None, out: Path) -> None:
    """Show which pixels can affect a score (from the layers' geometry), and which do (from gradients)."""
    begin(out)
    from fullconv.figures.receptive_field import draw_receptive_field

    network, config = open_for_photos(model, published)
    finish(
        draw_receptive_field(network, config.name, read_all(photos, config.longest_side), trained=not published), out
    )


def begin(out: Path, needs: Sequence[str] = ("matplotlib", "torch", "timm", "safetensors")) -> None:
    """Raises FullconvError, before any work is done, if the figure could not be drawn or written at the end."""
    from importlib.util import find_spec

    from fullconv.errors import missing_extra
    from fullconv.figures.canvas import check_format

    check_format(out)
    for library in needs:
        if find_spec(library) is None:
            raise missing_extra(library, "figures" if library == "matplotlib" else "train")


def finish(canvas: Canvas, out: Path) -> None:
    say(f"wrote {canvas.save(out)}")


def open_network(model: str, published: str | None = None) -> tuple[nn.Module, ModelConfig]:
    """Returns (network in evaluation mode, its config) of a model, or of a published net, whose network has no weights
    (it is on the device `meta`)."""
    import torch

    from fullconv.models.build import build
    from fullconv.models.published import config as published_config
    from fullconv.weights.checkpoint import load_model
    from fullconv.weights.model_folder import find_model

    if not published:
        return load_model(find_model(model))
    config = published_config(published)
    with torch.device("meta"):
        return build(config).eval(), config


def open_for_photos(model: str, published: str | None = None) -> tuple[nn.Module, ModelConfig]:
    """Does the same as `open_network`. Raises FullconvError if the model does not take photos."""
    from fullconv.errors import FullconvError

    network, config = open_network(model, published)
    channels = len(config.normalisation.mean)
    if channels != 3:
        raise FullconvError(
            f"{config.name} takes {counted(channels, 'channel')}; this figure needs a model for photos, which have 3"
        )
    if config.range:
        raise FullconvError(
            f"{config.name} takes values in a range; this figure needs a model for photos, which have 8 bits"
        )
    return network, config


def read_all(photos: Sequence[str], longest_side: int | None = None) -> list[ImageArray]:
    """Returns the photos, reduced to `longest_side` pixels as prediction does it."""
    from fullconv import images
    from fullconv.view import reduced

    return [reduced(images.read(photo), longest_side) for photo in photos]


def check_classes(models: Sequence[Model]) -> None:
    """Raises FullconvError if the models have different classes: their label maps could not be compared."""
    from fullconv.errors import FullconvError

    for model in models[1:]:
        if model.classes != models[0].classes:
            names = f"{models[0].config.name} and {model.config.name}"
            raise FullconvError(f"{names} have different classes; a ladder compares models with the same classes")


def titles_of(titles: str | None, models: Sequence[Model]) -> list[str]:
    from fullconv.errors import FullconvError

    if titles is None:
        return [model.config.name for model in models]
    given = [title.strip() for title in titles.split(",")]
    if len(given) != len(models):
        raise FullconvError(
            f"--titles {titles}: {counted(len(given), 'title')} for {counted(len(models), 'model')}; "
            "give one title per model"
        )
    return given


def own_score(model: Model) -> list[str]:
    """Returns the line "on val 0.612" with the mean IoU from config.json; no line if config.json has none."""
    score = model.config.metrics.get("val", {}).get("mean_iou")
    return [f"on val {score:.3f}"] if score is not None else []


def samples_of(model: Model, inputs: Sequence[str], split: str) -> Sequence[Sample] | None:
    """Returns the split of DATA, labelled with the model's classes; None if the inputs are photos."""
    from fullconv.evaluation.scoring import dataset_for

    path = Path(inputs[0])
    if len(inputs) == 1 and (path.is_dir() or path.suffix in (".yaml", ".yml")):
        return dataset_for(model, path).split(split)
    return None


def spaced(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Returns `count` of the samples, evenly spaced."""
    return [samples[i * len(samples) // count] for i in range(min(count, len(samples)))]
