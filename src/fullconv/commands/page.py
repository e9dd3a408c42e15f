"""fullconv page"""

from __future__ import annotations

from pathlib import Path

import click

from fullconv.commands.paths import FOLDER, PATH
from fullconv.commands.shared_options import MODELS
from fullconv.commands.terminal import say


@click.command()
@click.option("-m", "--model", default="photos", help=MODELS)
@click.option("-o", "--out", type=FOLDER, default=Path("site"), help="Folder to write the page to.")
@click.option(
    "--onnxruntime-web",
    "runtime",
    type=PATH,
    default=Path("node_modules/onnxruntime-web"),
    help="Folder of the npm package onnxruntime-web, which runs the model in the browser.",
)
@click.option("--overwrite", is_flag=True, help="Write to the folder even if it contains other files.")
def page(model: str, out: Path, runtime: Path, overwrite: bool) -> None:
    """Write a web page that runs a model in the browser.

    Any web server can serve the folder. Photos never leave the visitor's computer. The page needs the npm package
    onnxruntime-web: run `npm install onnxruntime-web@1.30.0` first.
    """
    from fullconv.serving.site import write_site
    from fullconv.weights.model_folder import find_model
    from fullconv.words import counted, pasted

    written = write_site(find_model(model), out, runtime, overwrite)
    megabytes = sum(path.stat().st_size for path in written) / 1e6
    say(f"{counted(len(written), 'file')}, {megabytes:.0f} MB in {out}. Try it: python -m http.server -d {pasted(out)}")
