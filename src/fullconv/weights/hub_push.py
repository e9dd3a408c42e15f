"""Uploads a model folder to a repository on the Hugging Face hub, with a card whose front matter the hub
understands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.models.config import ModelConfig
from fullconv.weights.hub import FILES, RUNNABLE, Address, import_library, one_line_errors, parse
from fullconv.weights.model_files import CARD, CONFIG, read_config
from fullconv.weights.model_folder import ModelFolder, open_folder
from fullconv.weights.no_model import nothing_to_run

METRICS = {  # of config.json: the hub's name, and the name that people read
    "mean_iou": ("mean_iou", "mean IoU"),
    "boundary_iou": ("boundary_iou", "boundary IoU"),
    "pixel_accuracy": ("accuracy", "pixel accuracy"),
    "mean_accuracy": ("mean_accuracy", "mean accuracy"),
}
TASK = "image-segmentation"


@dataclass(frozen=True)
class Pushed:
    """`page`: the web page of the commit. `licence`: as the card states it, or None."""

    page: str
    files: tuple[str, ...]
    bytes: int
    licence: str | None


def push(
    model: str | Path,
    repo: str,
    private: bool = False,
    licence: str | None = None,
    message: str | None = None,
    overwrite: bool = False,
) -> Pushed:
    """Creates the repository `owner/name` if it does not exist, and commits the model's files to it.

    Raises FullconvError for a model that cannot be run, for a repository with another library's model (unless
    `overwrite`), and for anything that the hub refuses.
    """
    address = parse(f"hf://{repo.removeprefix('hf://')}")
    if address.revision:
        raise FullconvError(f"{repo}: a push always becomes the newest commit; remove @{address.revision}")
    folder = open_folder(model)
    names = [name for name in FILES if name != CARD and (folder.path / name).is_file()]
    if not set(RUNNABLE) & set(names):
        none = f"{folder.path}: contains none of {', '.join(RUNNABLE)}; copy the model folder again"
        raise nothing_to_run(folder.path, none)
    library = import_library()
    with one_line_errors(address, library, "try again; nothing was committed"):
        card, stated = card_for(folder, library, licence)
        hub = library.HfApi()
        hub.create_repo(address.repo, private=private or None, exist_ok=True)
        if not overwrite:
            refuse_another(address, hub, library)
        added = [library.CommitOperationAdd(name, str((folder.path / name).resolve())) for name in names]
        added.append(library.CommitOperationAdd(CARD, card.encode()))
        said = message or f"{folder.config.name}: {folder.config.architecture.title}, by fullconv"
        commit = hub.create_commit(address.repo, added, commit_message=said)
    size = sum((folder.path / name).stat().st_size for name in names)
    return Pushed(commit.commit_url, (*names, CARD), size + len(card.encode()), stated)


def refuse_another(address: Address, hub: Any, library: Any) -> None:
    """Raises FullconvError if the repository has a config.json of another library."""
    info = hub.model_info(address.repo)
    if CONFIG not in {file.rfilename for file in info.siblings or ()}:
        return
    try:
        read_config(Path(library.hf_hub_download(address.repo, CONFIG, revision=info.sha)).parent)
    except FullconvError:
        raise FullconvError(
            f"{address}: contains a model from another library; choose another name, or add --overwrite"
        ) from None


def card_for(folder: ModelFolder, library: Any, licence: str | None) -> tuple[str, str | None]:
    """Returns (the folder's card, or a short one, completed with what its front matter lacks; the licence in it)."""
    path = folder.path / CARD
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {folder.config.name}\n"
    card = library.ModelCard(text)
    data = card.data
    data.library_name = "fullconv"
    data.pipeline_tag = data.pipeline_tag or TASK
    data.tags = data.tags or ["semantic-segmentation"]
    data.license = licence or data.license
    data.model_name = data.model_name or folder.config.name
    data.eval_results = data.eval_results or results(folder.config, library) or None
    return str(card), data.license


def results(config: ModelConfig, library: Any) -> list[Any]:
    """Returns the hub's model-index: the numbers on the validation split, 0–1."""
    numbers = config.metrics.get("val") or {}
    split = {"dataset_type": "custom", "dataset_name": "the validation split beside its training data"}
    return [
        library.EvalResult(
            task_type=TASK, **split, dataset_split="val", metric_type=kind, metric_name=title,
            metric_value=round(numbers[key], 4),
        )
        for key, (kind, title) in METRICS.items() if isinstance(numbers.get(key), (int, float))
    ]  # fmt: skip
