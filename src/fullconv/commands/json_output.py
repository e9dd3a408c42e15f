"""--json FILE|-, the same in every command: a document is written to a file, or to standard output instead of the
table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import click

from fullconv.errors import FullconvError

VERSION = 1  # of each command's document; increased if a key is removed or changes its meaning
STANDARD_OUTPUT = "-"
Command = Callable[..., Any]


class JsonFile(click.ParamType[str]):
    """A file name that ends in .json, so that a picture's name is never taken for it; or -, standard output."""

    name = "FILE|-"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != STANDARD_OUTPUT and Path(value).suffix.lower() != ".json":
            self.fail(f"{value}: give a file that ends in .json, or - to print", param, ctx)
        return str(value)


def json_option(command: Command) -> Command:
    text = "Write the results as JSON to this file, or to standard output (-) instead of the table."
    return click.option("--json", "json_file", type=JsonFile(), help=text)(command)


def prints_json(json_file: str | None) -> bool:
    return json_file == STANDARD_OUTPUT


def write_document(json_file: str | None, **values: Any) -> None:
    """Writes a document of these values; does nothing if --json was not given."""
    if json_file is None:
        return
    document = {"version": VERSION, **values}
    if prints_json(json_file):
        click.echo(json.dumps(document, indent=2))
    else:
        from fullconv.files import sweep_beside, write_json

        try:
            sweep_beside(Path(json_file))
            write_json(Path(json_file), document)
        except OSError as error:
            raise _cannot_be_written(json_file, error) from None


def write_stream(json_file: str, key: str, values: Iterable[Any]) -> None:
    """Writes a document whose `key` is an array, to which each value is added as it arrives.

    If the run ends early, the array holds the values so far. The text is ASCII only, so that file names that are not
    UTF-8 are kept as well.
    """
    ended: BaseException | None = None
    with _opened(json_file) as file:
        click.echo(f'{{"version": {VERSION}, "{key}": [', file, nl=False)
        comma = ""
        try:
            for value in values:
                click.echo(f"{comma}\n{json.dumps(value, indent=2)}", file, nl=False)
                comma = ","
        except BaseException as error:
            ended = error
        click.echo("\n]}", file)
    if ended:
        raise ended


@contextmanager
def _opened(json_file: str) -> Iterator[IO[str] | None]:
    """Opens a file that gets its name once it is complete. Gives None for standard output."""
    if prints_json(json_file):
        yield None
        return
    from fullconv.files import sweep_beside, whole

    with ExitStack() as stack:
        try:
            sweep_beside(Path(json_file))
            file = stack.enter_context(stack.enter_context(whole(Path(json_file))).open("w", encoding="utf-8"))
        except OSError as error:
            raise _cannot_be_written(json_file, error) from None
        yield file


def _cannot_be_written(json_file: str, error: OSError) -> FullconvError:
    return FullconvError(f"{json_file}: cannot be written ({error.strerror or error}); choose another file")
