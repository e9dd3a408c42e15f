"""The files that are in the output folder or store before a run on a cluster, and to which pictures they belong."""

from __future__ import annotations

import os
import re
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path, PurePath, PurePosixPath

from fullconv.files import sweep
from fullconv.jobs.cluster_manifest import copy_of_manifest
from fullconv.jobs.cluster_task import Task
from fullconv.jobs.stores import Place, relative
from fullconv.outputs.manifest import NAME, Owners


class Names:
    """The names of the files in `out` before anything is written. Those in a store are listed at once, and those on
    disk folder by folder when they are needed, which also follows links."""

    def __init__(self, out: Place) -> None:
        self.out = out
        self.inside: Callable[[str], list[str] | None] = lru_cache(maxsize=64)(self._on_disk)
        if out.scheme:
            folders = defaultdict(list)
            for path in (relative(file, out) for file, _ in out.files()):
                folders[str(path.parent)].append(path.name)
            self.inside = {folder: sorted(names) for folder, names in folders.items()}.get

    def _on_disk(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(Path(self.out.path, folder)))
        except OSError:
            return []

    def __contains__(self, name: str) -> bool:
        return name in self.starting_with(name)

    def starting_with(self, start: str) -> list[str]:
        """Returns the names, relative to `out`, that begin with `start`."""
        path = PurePosixPath(start)
        names = self.inside(str(path.parent)) or []
        first = bisect_left(names, path.name)
        found = takewhile(lambda name: name.startswith(path.name), islice(names, first, None))
        return [str(path.with_name(name)) for name in found]


class ResultsInStore:
    """Whether objects in a store are results of earlier runs, from these manifests. They are copied into `folder`."""

    def __init__(self, manifests: Iterable[Place], folder: Path) -> None:
        self.owners: dict[str, Owners] = {}
        for number, manifest in enumerate(manifests):
            if manifest.stamp():
                manifest.fetch(folder / str(number) / NAME)
                self.owners[manifest.path.removesuffix(NAME)] = Owners(folder / str(number))

    def __contains__(self, path: PurePath) -> bool:
        name = str(path)
        own = (owners.of(name.removeprefix(top))[0] for top, owners in self.owners.items() if name.startswith(top))
        return any(target is not None for target in own)


def in_the_way_of(task: Task, there: Names, sources: Container[str]) -> Callable[[str], list[str]]:
    """Returns a function that finds the existing files which the picture of this name must not replace.

    These are files that a result of this picture would have the name of, but that no earlier run wrote for it. With
    --overwrite, only input pictures are protected in this way.
    """
    with tempfile.TemporaryDirectory() as folder:
        owners = Owners(copy_of_manifest(task.out, Path(folder)).parent)
        owners.of("")  # reads the manifest before its copy is removed

    def foreign(name: str) -> list[str]:
        mine = written_for(name, task.endings, task.pages)
        names = [one for mark in "_." for one in there.starting_with(name + mark) if mine.fullmatch(one)]
        others = [one for one in names if owners.known(one)[0] != name]
        return [one for one in others if not task.overwrite or str(task.out.below(one)) in sources]

    return foreign


def written_for(name: str, endings: Sequence[str], pages: bool) -> re.Pattern[str]:
    """Returns a pattern that matches the possible names of a picture's result files."""
    page = r"(_page\d+)?" if pages else ""
    return re.compile(f"{re.escape(name)}{page}({'|'.join(map(re.escape, endings))})", re.DOTALL)


def tidy(out: Place, names: Iterable[str]) -> None:
    """Removes the incomplete files that dead workers left on disk. In an object store, there are none."""
    if not out.scheme:
        sweep(Path(out.path), (Path(out.path, name) for name in names))
