"""fullconv serve"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from fullconv.commands.shared_options import Listed, Words, engine_option, precision_option
from fullconv.commands.terminal import say
from fullconv.errors import missing_extra
from fullconv.processors import PROCESSORS
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.serving.workers import Workers

EXTRA = ("starlette", "uvicorn", "python_multipart", "prometheus_client")


@click.command()
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=("photos",),
    help="Name of a bundled model, a model folder, a training run's folder, or hf://owner/name. Can be repeated.",
)
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 listens on all network interfaces.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Port to listen on; 0 picks a free one.")
@click.option(
    "--token",
    envvar="FULLCONV_TOKEN",
    help="Token that requests must send (Authorization: Bearer TOKEN). Also read from FULLCONV_TOKEN.",
)
@click.option("--open", "is_open", is_flag=True, help="Accept requests from other machines without a token.")
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Host name that requests may use. Can be repeated.  [default: local names; with --host, any name]",
)
@click.option(
    "--cors",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Website whose pages may send requests, such as https://a.example. Can be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of processes that run the model.  [default: one per processor]",
)
@click.option(
    "--queue",
    type=click.IntRange(min=1),
    default=64,
    help="Number of pictures that can wait. Further requests get status 429.",
)
@click.option(
    "--max-megabytes",
    type=click.FloatRange(min=0, min_open=True),
    default=25,
    help="Largest request body, in megabytes.",
)
@click.option(
    "--max-megapixels", type=click.FloatRange(min=0, min_open=True), default=50, help="Largest picture, in megapixels."
)
@click.option(
    "--max-frames",
    type=click.IntRange(min=1),
    default=1,
    help="Largest number of frames in a picture file. Only the first frame is used.",
)
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30,
    help="Time limit for a request, in seconds.",
)
@click.option(
    "--formats",
    cls=Listed,
    type=Words(),
    default="jpeg,png,webp,gif,bmp,avif",
    help="Picture formats to accept, separated by commas. tiff can be added.",
)
@engine_option
@precision_option
@click.option(
    "--label-studio",
    metavar="URL",
    help="Serve predictions to the Label Studio at this URL, and download pictures only from there.",
)
@click.option(
    "--label-studio-key",
    envvar="LABEL_STUDIO_API_KEY",
    help="Access token of a Label Studio user. Also read from LABEL_STUDIO_API_KEY.",
)
def serve(
    models: tuple[str, ...], host: str, port: int, token: str | None, is_open: bool, allow_hosts: tuple[str, ...],
    origins: tuple[str, ...], workers: int | None, queue: int, max_megabytes: float, max_megapixels: float,
    max_frames: int, max_seconds: float, formats: tuple[str, ...], label_studio: str | None,
    label_studio_key: str | None, engine: str, precision: str,
) -> None:  # fmt: skip
    """Serve a web page, and an HTTP API for programs (POST /predict).

    Uploaded pictures are neither written to disk nor logged. On Ctrl-C or SIGTERM, the server finishes the requests in
    progress, accepts no new ones, and exits.
    """
    from fullconv.serving.limits import Limits
    from fullconv.serving.messages import Setup
    from fullconv.serving.one_host import OneHost
    from fullconv.serving.place import Place
    from fullconv.serving.workers import Workers
    from fullconv.weights.model_folder import find_model

    limits = Limits(int(max_megabytes * 10**6), int(max_megapixels * 10**6), max_frames, formats, max_seconds, queue)
    setup = Setup(tuple(map(find_model, models)), engine, precision, limits)
    place = Place(host, port, token or None, is_open, allow_hosts, origins)
    place.check()
    pictures_from = OneHost(label_studio, label_studio_key or None) if label_studio else None
    if pictures_from:
        pictures_from.check()
    check_extra()
    pool = Workers(workers or PROCESSORS, setup)  # the workers start while the server is imported
    try:
        from fullconv.serving.server import run

        run(place, pool, limits, print_address, pictures_from)
    finally:
        pool.stop()


def check_extra() -> None:
    """Raises FullconvError if the extra `serve` is not installed."""
    for library in EXTRA:
        if find_spec(library) is None:
            raise missing_extra(library, "serve")


def print_address(address: str, workers: Workers) -> None:
    """Prints the address, the models and the engines once the server answers."""
    names, engines = ", ".join(workers.models), {model["engine"] for model in workers.models.values()}
    count = counted(len(workers.all), "worker")
    say(f"{address} serves {names} ({', '.join(sorted(engines))}; {count}). Press Ctrl-C to stop.")
