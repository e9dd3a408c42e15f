"""fullconv export"""

from __future__ import annotations

from pathlib import Path

import click

from fullconv.commands.shared_options import check_data, outside_option
from fullconv.commands.terminal import say
from fullconv.words import counted


@click.command()
@click.argument("model")
@click.option("--to", type=click.Choice(["onnx", "openvino", "torch", "deepness"]), default="onnx")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write to.  [default: the model's own; for a bundled model or one on the hub, ./NAME]",
)
@click.option("--int8", is_flag=True, help="Quantise to 8 bits on pictures of --data; with --to openvino.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled pictures on which to compare the mean IoU.")
@click.option("--split", default="val", help="Which split of DATA to score on.")
@click.option("--pictures", type=int, help="How many pictures of the split to score on.  [default: all]")
@click.option("--max-loss", default=0.03, help="Mean IoU (0-1) that the export may lose on DATA.")
@click.option(
    "--resolution", type=click.FloatRange(min=0, min_open=True), metavar="CM",
    help="With --to deepness: centimetres on the ground of a pixel that the model was trained on.",
)  # fmt: skip
@outside_option
def export(
    model: str, to: str, out: Path | None, int8: bool, data: Path | None, split: str, pictures: int | None,
    max_loss: float, resolution: float | None, outside: tuple[Path, ...],
) -> None:  # fmt: skip
    """Write a model for other programs, and check that it gives the same labels.

    MODEL is a bundled model's name, a model folder, a run's folder or hf://owner/name. Writes model.onnx (which
    predicts without torch), model.xml and model.bin for OpenVINO, or model.pt2 for torch.export. What was written is
    read again and compared with its source on real photos at three sizes; where labels differ, the export fails and
    leaves no file. With --int8, model_int8.xml and model_int8.bin for `--precision int8`, whose labels may differ:
    --data measures what that costs. With --to deepness, model_deepness.onnx for the QGIS plugin Deepness: tiles of
    512x512 pixels in, probabilities out, and what the plugin fills its form with.
    """
    from fullconv.exporting.export import export as run

    if data:
        check_data(data)
    done = run(model, to, out, int8, data, split, pictures, max_loss, outside, resolution)
    if done.calibrated:
        say(f"ranges measured on {counted(done.calibrated, 'picture')} of train")
    for agreement in done.agreements:
        say(str(agreement))
    if done.mean_ious:
        before, after = done.mean_ious
        change = f"{before:.4f} → {after:.4f} ({after - before:+.4f})"
        say(f"mean IoU on {counted(done.scored, 'picture')} of {split}: {change}")
    say(f"wrote {', '.join(path.name for path in done.files)} in {done.files[0].parent}")
