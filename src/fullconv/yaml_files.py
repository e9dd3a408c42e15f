"""Reads YAML that people write: safely, every value as the text in the file, unknown keys refused. Writes a value so
that it reads the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.typed_values import hint

MOST = 2**20  # characters of a file, and values once every alias is expanded
NOTHING = ("", "~", "null", "Null", "NULL")
PLAIN = re.compile(r"[A-Za-z_][\w ./-]*|\d+")  # text that YAML needs no quotes for
WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")  # words that do need quotes


def read_yaml(path: Path, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """Reads the mapping in `path`. Its values are texts, lists and mappings: the meaning of a text depends on its key,
    so a class may be called `no`, and 1e-3 is a number. A key without a value, or with null, gives None.

    Raises FullconvError if the file holds no mapping, the same key twice, or a key that is not in `keys` (None: any).
    """
    import yaml

    try:
        values = _load(_text(path))
    except UnicodeDecodeError:
        raise FullconvError(
            f"{path}: not a YAML file, because it is not text in UTF-8; give another file, or save it as UTF-8"
        ) from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise FullconvError(f"{path}: not a YAML file ({' '.join(str(error).split())})") from None
    if values is None:
        known = f"; known keys are {', '.join(keys)}" if keys else ""
        raise FullconvError(f"{path}: no `key: value` lines{known}")
    for key in values if keys else ():
        if keys and key not in keys:
            raise FullconvError(f"{path}: unknown key {key!r}; {hint(str(key), keys)}")
    return values


def flow(value: Any) -> str:
    """Returns a value, as `read_yaml` gives it, on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(flow, value))}]"
    text = str(value)
    return text if PLAIN.fullmatch(text) and text.lower() not in WORDS else json.dumps(text, ensure_ascii=False)


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise ValueError("not a plain file")
    if path.is_file() and path.stat().st_size > MOST:
        raise ValueError(f"larger than {MOST} bytes")
    return path.read_text(encoding="utf-8-sig")


def _load(text: str) -> dict[str, Any] | None:
    """Returns None if the document is not a mapping."""
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML's safe loader without its guesses. A list may be a key, and becomes a tuple: {[128, 0, 0]: cat}."""

        yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("<<"))]}  # noqa: RUF012

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            self.refuse_doubles(node)
            for key, _ in node.value:
                if isinstance(key, yaml.SequenceNode):
                    key.tag = "!key"
            return super().construct_mapping(node, deep)

        def refuse_doubles(self, node: yaml.MappingNode) -> None:
            counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for key in counts:
                if counts[key] > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)

        def construct_key(self, node: yaml.SequenceNode) -> tuple[Any, ...]:
            return tuple(self.construct_sequence(node))

    Loader.add_constructor("!key", Loader.construct_key)
    loader = Loader(text)
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        return None
    _refuse_growth(root)
    values: dict[str, Any] = loader.construct_document(root)
    for key, value in root.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError("a list where the name of a key was expected")
        if isinstance(value, yaml.ScalarNode) and value.style is None and value.value in NOTHING:
            values[key.value] = None
    return values


def _refuse_growth(root: Any) -> None:
    """Raises ValueError if aliases repeat aliases, so that a few lines would expand to more than fits in memory."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if isinstance(node.value, str):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = MOST  # a node that contains itself is infinite
            parts = (part for one in node.value for part in (one if isinstance(one, tuple) else (one,)))
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    if size(root) > MOST:
        raise ValueError("aliases (*name) that expand to too much; write the values out")
