"""fullconv export"""

from __future__ import annotations

import click


@click.command()
@click.argument("model")
@click.option("--to", type=click.Choice(["onnx"]), default="onnx")
def export(model: str, to: str) -> None:
    """Write model.onnx into a model folder, for prediction without torch."""
    from fullconv.export import export_onnx
    from fullconv.weights.folder import find_model

    click.echo(f"wrote {export_onnx(find_model(model))}")
