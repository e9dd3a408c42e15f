"""Finds the commit of the code that runs, without running anything that the repository configures.

A repository's configuration names programs (file system monitors, filters, hooks) that git runs, and the repository may
be a stranger's. The commit is therefore read from git's files. To compare it with the working files, git gets a
separate folder without configuration, which uses the objects and the index of the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REFERENCE = re.compile(r"ref: (refs/[^\0\n]+)")
MOST = 2**24  # bytes of a file of references
PATIENCE = 60  # seconds that git may take to compare
NO_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OPTIONAL_LOCKS": "0"}


class Repository(NamedTuple):
    """`own` is the git folder of this working tree (HEAD, index), `shared` the one of all working trees."""

    top: Path
    own: Path
    shared: Path


def git_state(folder: Path) -> dict[str, Any] | None:
    """{commit, dirty} of the repository that contains `folder`, or None. `dirty` is None if git cannot determine it."""
    repository = _around(folder.resolve())
    commit = _head(repository) if repository else None
    return {"commit": commit, "dirty": _is_dirty(repository, commit)} if repository and commit else None


def _around(folder: Path) -> Repository | None:
    for top in (folder, *folder.parents):
        own = _named_in(top / ".git", "gitdir: ", top)
        if own and own.is_dir():
            return Repository(top, own, _named_in(own / "commondir", "", own) or own)
    return None


def _named_in(path: Path, label: str, start: Path) -> Path | None:
    """Returns the folder `path`, or the folder named in the file `path`, relative to `start`."""
    if path.is_dir():
        return path
    text = _text(path)
    return start / text.removeprefix(label).strip() if text.startswith(label) and text.strip() else None


def _head(repository: Repository) -> str | None:
    """Returns the commit that HEAD contains or refers to, loose or packed."""
    head = _text(repository.own / "HEAD").strip()
    named = REFERENCE.fullmatch(head)
    if named and ".." not in named[1]:
        places = (place / named[1] for place in (repository.own, repository.shared))
        head = next((text for text in map(_text, places) if text), "").strip()
        head = head or _packed(repository.shared, named[1])
    return head if COMMIT.fullmatch(head) else None


def _packed(shared: Path, reference: str) -> str:
    lines = (line.split(" ", 1) for line in _text(shared / "packed-refs").splitlines() if " " in line)
    return next((commit for commit, name in lines if name == reference), "")


def _text(path: Path) -> str:
    """Returns the content of a plain file, or an empty string."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(MOST).decode(errors="replace")
    except (OSError, ValueError):  # a name with a zero byte raises ValueError
        return ""


def _is_dirty(repository: Repository, commit: str) -> bool | None:
    """Whether tracked files differ from the commit. None if git cannot tell."""
    with tempfile.TemporaryDirectory() as hidden:
        _make_plain(Path(hidden), commit)
        places = {
            "GIT_DIR": hidden, "GIT_WORK_TREE": str(repository.top), "GIT_INDEX_FILE": str(repository.own / "index"),
            "GIT_OBJECT_DIRECTORY": str(repository.shared / "objects"),
        }  # fmt: skip
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"]
        try:
            done = subprocess.run(
                command, cwd=repository.top, env=kept | NO_SETTINGS | places, stdin=subprocess.DEVNULL,
                capture_output=True, check=True, timeout=PATIENCE,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        return bool(done.stdout.strip())


def _make_plain(folder: Path, commit: str) -> None:
    """Creates a git folder without settings, on this commit."""
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text(commit + "\n")
    if len(commit) == 64:
        (folder / "config").write_text("[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n")
