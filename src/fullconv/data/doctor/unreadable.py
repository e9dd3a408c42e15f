"""Files that are missing or damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from fullconv.data.doctor.finding import ERROR, Case, Finding, counted
from fullconv.data.doctor.scan import Facts

LOOKED_UP = 3  # missing files for which a like name is searched


def judge_files(facts: Sequence[Facts]) -> list[Finding]:
    images = [(each.sample.image_path, each.image_error) for each in facts if each.image_error]
    masks = [(each.sample.label_path, each.mask_error) for each in facts if each.mask_error]
    return [*_missing("image", images), *_missing("mask", masks), *_damaged("image", images), *_damaged("mask", masks)]


def _missing(noun: str, errors: Sequence[tuple[Path, str]]) -> list[Finding]:
    paths = [path for path, _ in errors if not path.exists()]
    cases = [Case(path, _like(path) if i < LOOKED_UP else "") for i, path in enumerate(paths)]
    text = f"{counted(len(cases), noun)} not there, though listed"
    remedy = "mend the list or the files' names" + (f"; {cases[0].detail}" if cases and cases[0].detail else "")
    return [Finding(f"missing-{noun}", ERROR, text, tuple(cases), remedy)] if cases else []


def _damaged(noun: str, errors: Sequence[tuple[Path, str]]) -> list[Finding]:
    cases = tuple(Case(path, _reason(error, path)) for path, error in errors if path.exists())
    text = f"{counted(len(cases), noun)} that cannot be read"
    remedy = "copy the files again from their source (of several pages, save one), or take their names out of the lists"
    return [Finding(f"unreadable-{noun}", ERROR, text, cases, remedy)] if cases else []


def _reason(error: str, path: Path) -> str:
    return error.removeprefix(f"{path}: ").split("; ")[0]


def _like(path: Path) -> str:
    close = nearest(path.name, _listing(path.parent))
    return f"did you mean {close}?" if close else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """The name most like `name`, or nothing where none is."""
    return next(iter(get_close_matches(name, list(names), 1, 0.7)), "")


def _listing(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else ()
