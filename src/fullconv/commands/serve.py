"""fullconv serve"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from fullconv.commands.shared_options import Words
from fullconv.commands.terminal import say
from fullconv.errors import missing_extra

if TYPE_CHECKING:
    from fullconv.prediction.engines.choice import Choice
    from fullconv.serving.limits import Limits
    from fullconv.serving.messages import Setup
    from fullconv.serving.workers import Workers

EXTRA = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=("photos",),
    help="A bundled model, a model folder, or hf://owner/name; again for more.",
)
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 for all of this machine's.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port; 0 for any that is free.")
@click.option(
    "--token",
    envvar="FULLCONV_TOKEN",
    help="What requests must show, as in Authorization: Bearer TOKEN; also read from FULLCONV_TOKEN.",
)
@click.option("--open", "is_open", is_flag=True, help="Allow other machines to ask without a token.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="A name under which the server may be asked; again for more.  [default: local names; any with --host]",
)
@click.option(
    "--cors",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="A site whose pages may ask, such as https://a.example; again for more.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes that look at pictures.  [default: one a processor]"
)
@click.option(
    "--queue", type=click.IntRange(min=1), default=64, help="Pictures that may wait; more are refused with 429."
)
@click.option(
    "--max-megabytes", type=click.FloatRange(min=0, min_open=True), default=25, help="Largest body of a request."
)
@click.option("--max-megapixels", type=click.FloatRange(min=0, min_open=True), default=50, help="Largest picture.")
@click.option("--max-frames", type=click.IntRange(min=1), default=1, help="Frames a file may hold; the first is used.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), default=30, help="Time a request may take.")
@click.option(
    "--formats", type=Words(), default="jpeg,png,webp,gif,bmp,avif", help="Formats taken; tiff is another one."
)
@click.option(
    "--label-studio",
    metavar="URL",
    help="Answer Label Studio, which runs there, and fetch its pictures, from there alone.",
)
@click.option(
    "--label-studio-key",
    envvar="LABEL_STUDIO_API_KEY",
    help="Access token of a user there; also read from LABEL_STUDIO_API_KEY.",
)
@click.option("--engine", type=click.Choice(["auto", "openvino", "torch", "onnxruntime"]), default="auto")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16", "int8"]), default="auto")
def serve(
    models: tuple[str, ...], host: str, port: int, token: str | None, is_open: bool, allow_hosts: tuple[str, ...],
    origins: tuple[str, ...], workers: int | None, queue: int, max_megabytes: float, max_megapixels: float,
    max_frames: int, max_seconds: float, formats: tuple[str, ...], label_studio: str | None,
    label_studio_key: str | None, engine: str, precision: str,
) -> None:  # fmt: skip
    """Serve a page and an address for programs (POST /predict).

    Pictures that are sent are neither written to disk nor logged. Ctrl-C or SIGTERM finishes what is under way and
    takes nothing new.
    """
    from fullconv.prediction.engines.choice import Choice
    from fullconv.serving.limits import Limits
    from fullconv.serving.one_host import OneHost
    from fullconv.serving.place import Place
    from fullconv.serving.workers import Workers

    limits = Limits(int(max_megabytes * 10**6), int(max_megapixels * 10**6), max_frames, formats, max_seconds, queue)
    setup = setup_of(models, Choice(engine, precision), limits)
    place = Place(host, port, token or None, is_open, allow_hosts, origins)
    place.check()
    pictures_from = OneHost(label_studio, label_studio_key or None) if label_studio else None
    if pictures_from:
        pictures_from.check()
    check_extra()
    pool = Workers(workers or os.cpu_count() or 1, setup)  # which get ready while the server is imported
    try:
        from fullconv.serving.server import run

        run(place, pool, limits, tell, pictures_from)
    finally:
        pool.stop()


def check_extra() -> None:
    """Raises FullconvError where the extra is not installed."""
    for library in EXTRA:
        if find_spec(library) is None:
            raise missing_extra(library, "serve")


def setup_of(models: tuple[str, ...], choice: Choice, limits: Limits) -> Setup:
    """Raises FullconvError for a model that is not there, or two of one name."""
    from fullconv.errors import FullconvError
    from fullconv.serving.messages import Setup
    from fullconv.weights.model_folder import find_model, read_config

    folders = [find_model(model) for model in models]
    names = [read_config(folder).name for folder in folders]
    for name in names:
        if names.count(name) > 1:
            raise FullconvError(f"--model: two models are called {name}; change name in the config.json of one")
    return Setup(dict(zip(names, folders, strict=True)), choice, limits)


def tell(address: str, workers: Workers) -> None:
    names, engines = ", ".join(workers.models), {model["engine"] for model in workers.models.values()}
    say(f"{address} serves {names} ({', '.join(sorted(engines))}; {len(workers.all)} workers). Ctrl-C ends it.")
