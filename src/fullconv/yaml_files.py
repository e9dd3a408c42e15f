"""YAML that people write: read safely, unknown keys refused."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError


def read_yaml(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """The mapping in `path`. Raises FullconvError for a file that is none, or a key that is not among `keys`."""
    import yaml

    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _loader())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FullconvError(f"{path}: not a YAML file ({' '.join(str(error).split())})") from None
    if not isinstance(values, dict):
        raise FullconvError(f"{path}: no `key: value` lines; known keys are {', '.join(keys)}")
    for key in values:
        if key not in keys:
            close = difflib.get_close_matches(str(key), keys, 1)
            hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(keys)}"
            raise FullconvError(f"{path}: unknown key {key!r}; {hint}")
    return values


def _loader() -> Any:
    """YAML's safe loader, and one thing more: a list may be a key, as in {[128, 0, 0]: cat}; it becomes a tuple."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            for key, _ in node.value:
                if isinstance(key, yaml.SequenceNode):
                    key.tag = "!key"
            return super().construct_mapping(node, deep)

        def construct_key(self, node: yaml.SequenceNode) -> tuple[Any, ...]:
            return tuple(self.construct_sequence(node))

    Loader.add_constructor("!key", Loader.construct_key)
    return Loader
