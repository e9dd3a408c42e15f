"""Writes docs/recipe.md from training/recipe.py and what stands beside each key. usage: python docs/make_recipe.py"""

import inspect
import re
from pathlib import Path

from fullconv.training.recipe import Recipe

PAGE = Path(__file__).parent / "recipe.md"
GROUPS = ("Network and data", "Pictures", "Optimiser", "Loss", "Course of a run")
LINE = re.compile(r"    (\w+): (.+?) = (.+?)  # (.+)")
OPENING = """# Recipe keys

A recipe is a YAML file that lists only the settings that differ from these defaults. Use it with
`fullconv train DATA --recipe FILE`. In Python, each key is an argument of `fullconv.train`. [Training](training.md)
explains the keys in context.

`make docs` writes this page from `training/recipe.py`.
"""


def reference() -> str:
    """The page: a table for each group of keys; groups are parted by an empty line in the class."""
    body = inspect.getsource(Recipe).split("def __post_init__")[0]
    blocks = [block for block in body.split("\n\n") if LINE.search(block)]
    parts = [OPENING]
    for title, block in zip(GROUPS, blocks, strict=True):
        rows = [row(*found) for found in map(LINE.match, block.split("\n")) if found for found in [found.groups()]]
        parts += [f"## {title}\n", "| key | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(parts)


def row(key: str, _: str, default: str, comment: str) -> str:
    value = {"field(default_factory=dict)": "{}", "None": "null", "()": "[]", "False": "false", "True": "true"}
    shown = value.get(default, default.strip('"').replace("(", "[").replace(")", "]"))
    return f"| `{key}` | {shown} | {comment} |"


if __name__ == "__main__":
    PAGE.write_text(reference())
