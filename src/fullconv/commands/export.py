"""fullconv export"""

from __future__ import annotations

from pathlib import Path

import click

from fullconv.commands.paths import FOLDER, PATH
from fullconv.commands.shared_options import OneOf, check_data, outside_option
from fullconv.commands.terminal import is_quiet, printed_log, say, silent
from fullconv.words import counted


@click.command()
@click.argument("model")
@click.option("--to", type=OneOf(["onnx", "openvino", "torch", "deepness"]), default="onnx", help="Format to write.")
@click.option(
    "-o",
    "--out",
    type=FOLDER,
    help="Folder to write to.  [default: the model's own; for a bundled model or one on the hub, ./NAME]",
)
@click.option(
    "--int8", is_flag=True, help="Quantise to 8 bits, calibrated on pictures from --data. Needs --to openvino."
)
@click.option("--data", type=PATH, help="Labelled pictures to compare the mean IoU on.")
@click.option("--split", default="val", help="Split of --data to score on.")
@click.option("--pictures", type=int, help="Number of pictures of the split to score on.  [default: all]")
@click.option("--max-loss", default=0.03, help="Largest drop in mean IoU (0-1) on --data to accept.")
@click.option(
    "--resolution", type=click.FloatRange(min=0, min_open=True), metavar="CM",
    help="For --to deepness: ground size of a pixel in the training pictures, in centimetres.",
)  # fmt: skip
@outside_option
def export(
    model: str, to: str, out: Path | None, int8: bool, data: Path | None, split: str, pictures: int | None,
    max_loss: float, resolution: float | None, outside: tuple[Path, ...],
) -> None:  # fmt: skip
    """Write a model for other programs, and check that it gives the same labels.

    MODEL is the name of a bundled model, a model folder, a training run's folder, or hf://owner/name. The command
    writes model.onnx (which predicts without torch), model.xml and model.bin for OpenVINO, or model.pt2 for
    torch.export. The result is read back and compared with its source on real photos at three sizes. If any labels
    differ, the export fails and leaves no file.

    `fullconv train` has already written model.onnx into the model folder, so a trained model needs no export to predict
    without torch.

    With --int8, the command writes model_int8.xml and model_int8.bin for `--precision int8`. Their labels can differ:
    --data measures by how much. With --to deepness, it writes model_deepness.onnx for the QGIS plugin Deepness, which
    takes tiles of 512x512 pixels and gives probabilities, together with the settings for the plugin's form.
    """
    from fullconv.exporting.export import export as run

    if data:
        check_data(data)
    with silent() if is_quiet() else printed_log():
        done = run(model, to, out, int8, data, split, pictures, max_loss, outside, resolution)
    if done.calibrated:
        say(f"calibrated on {counted(done.calibrated, 'picture')} of train")
    for agreement in done.agreements:
        say(str(agreement))
    if done.mean_ious:
        before, after = done.mean_ious
        change = f"{before:.4f} → {after:.4f} ({after - before:+.4f})"
        say(f"mean IoU on {counted(done.scored, 'picture')} of {split}: {change}")
    say(f"wrote {', '.join(path.name for path in done.files)} in {done.files[0].parent}")
