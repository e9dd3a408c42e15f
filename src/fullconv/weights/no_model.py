"""Says why there is no model at the place that the user gave, and which place was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fullconv.errors import FullconvError, nearest
from fullconv.weights.model_files import CONFIG, DEEPNESS, GRAPH, INT8, IR, PARAMETERS, PROGRAM

# What `fullconv export` writes for other programs, and which these are.
FOR_OTHERS = {DEEPNESS: "the QGIS plugin Deepness", PROGRAM: "torch.export.load"}
ABOVE = 2  # folders above a file in which its model is looked for


def model_in(folder: Path) -> Path | None:
    """Returns the model folder that `folder` is, or that it contains as a training run does."""
    return next((place for place in (folder, folder / "model") if (place / CONFIG).is_file()), None)


def no_model(given: str, bundled: Iterable[str]) -> FullconvError:
    """Returns the error for a place without a model: a file of a model, a folder of models, or a wrong name."""
    path = Path(given)
    if path.is_file():
        folder = next((place for place in path.parents[:ABOVE] if model_in(place)), None)
        return FullconvError(f"{given}: is a file; give the model folder{f', {folder}' if folder else ''}")
    bundled = tuple(bundled)
    near = nearest(given, bundled) or _meant(path)
    asked = f"; did you mean {near}?" if near else ""
    return FullconvError(
        f"no model {given!r}: neither bundled ({', '.join(bundled)}) nor a folder with {CONFIG}{asked}"
    )


def nothing_to_run(folder: Path, otherwise: str) -> FullconvError:
    """Returns the error for a model folder without a file that fullconv can run. `otherwise` is the message, unless the
    folder was written for another program."""
    if not any((folder / name).is_file() for name in (GRAPH, PARAMETERS, IR, INT8)):
        for name, program in FOR_OTHERS.items():
            if (folder / name).is_file():
                return FullconvError(
                    f"{folder}: contains only {name}, which is for {program}; give the model folder that it was "
                    "exported from"
                )
    return FullconvError(otherwise)


def _meant(path: Path) -> Path | None:
    """Returns a model folder inside `path`, or one beside it with a similar name."""
    inside, beside = _models_in(path), _models_in(path.parent)
    if inside:
        return path / inside[0]
    near = nearest(path.name, beside)
    return path.parent / near if near else None


def _models_in(folder: Path) -> list[str]:
    """Returns the names of the folders in `folder` that have a model."""
    with suppress(OSError, ValueError):  # not a folder, or not the name of one
        return sorted(place.name for place in folder.iterdir() if model_in(place))
    return []
