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


PATH = GivenPath(path_type=Path)
