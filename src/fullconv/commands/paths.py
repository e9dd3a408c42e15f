"""Paths given on the command line. An empty one, as from an unset variable, would be the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class GivenPath(click.Path):
    """A path that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("is empty; give a path, such as . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


class FolderPath(GivenPath):
    """A folder for results, which may be missing. A file, or a name such as out.png or model.onnx, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from fullconv.outputs.folder import refuse_file

        folder = super().convert(value, param, ctx)
        refuse_file(folder, endings=file_endings())
        return folder


def file_endings() -> frozenset[str]:
    """Returns the ends of the names of pictures, videos, and files that the commands write."""
    from fullconv.images import EXTENSIONS
    from fullconv.jobs.plan import VIDEOS

    return EXTENSIONS | VIDEOS | WRITTEN


WRITTEN = frozenset(
    [".csv", ".geojson", ".gpkg", ".html", ".json", ".onnx", ".pt", ".pt2", ".pth", ".safetensors", ".svg", ".xml",
     ".yaml", ".zip"]
)  # fmt: skip
PATH = GivenPath(path_type=Path)
FOLDER = FolderPath(path_type=Path)
