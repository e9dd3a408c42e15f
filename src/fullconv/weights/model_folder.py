"""A model folder, and where it is. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fullconv.errors import FullconvError, argument
from fullconv.files import path_of
from fullconv.weights.hub import fetch
from fullconv.weights.model_files import CONFIG, HUB, read_config
from fullconv.weights.no_model import model_in, no_model

if TYPE_CHECKING:
    from fullconv.models.config import ModelConfig

BUNDLED = Path(__file__).parent.parent / "bundled"
REPLACED = {"animals": "photos"}  # models that used to be bundled, and their replacements


@dataclass(frozen=True)
class ModelFolder:
    """A model folder with its config.json. Each of its files is hashed once."""

    path: Path
    config: ModelConfig
    digests: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def digest(self, name: str) -> str:
        """ "sha256:…" of one of its files."""
        if name not in self.digests:
            with (self.path / name).open("rb") as file:
                self.digests[name] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        return self.digests[name]

    def digests_of(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.digest(name) for name in names}

    def content(self, names: Sequence[str]) -> str:
        """Returns one digest of several of its files."""
        return hashlib.sha256(" ".join(map(self.digest, names)).encode()).hexdigest()


def open_folder(name_or_dir: str | Path) -> ModelFolder:
    """Opens a bundled model by name, a model folder, or a model on the hub (hf://owner/name).

    Raises FullconvError if there is none, or config.json is wrong.
    """
    path = find_model(name_or_dir)
    return ModelFolder(path, read_config(path))


def bundled_models() -> dict[str, Path]:
    """{name: folder} of the models inside the package."""
    return {path.parent.name: path.parent for path in sorted(BUNDLED.glob(f"*/{CONFIG}"))}


def find_model(name_or_dir: str | Path) -> Path:
    """Returns the folder of a bundled model, or of one on disk: a model folder, or the folder of a training run, which
    contains one. A model on the hub is downloaded.

    Raises FullconvError if there is none.
    """
    path_of("model", name_or_dir)
    if str(name_or_dir).startswith(HUB):
        return fetch(name_or_dir)
    bundled = bundled_models()
    if str(name_or_dir) in bundled:
        return bundled[str(name_or_dir)]
    if folder := model_in(Path(name_or_dir)):
        return folder
    if str(name_or_dir) in REPLACED:
        new = REPLACED[str(name_or_dir)]
        raise FullconvError(
            f"no model {str(name_or_dir)!r} any more; {new} has its classes and more: {argument('model', new)}"
        )
    raise no_model(str(name_or_dir), bundled)
