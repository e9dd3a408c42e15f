"""Hashes the data of a run, to show whether a later run gets the same data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fullconv.data.dataset import Sample, UnlabelledPicture
from fullconv.errors import FullconvError
from fullconv.words import counted

Picture = Sample | UnlabelledPicture
Hashes = dict[str, str]  # {file, relative to the data's root: SHA-256 of its content}
SHOWN = 3  # files named in one line


@dataclass(frozen=True)
class SplitDigest:
    """`names`: the pictures in order; `values`: what mask values mean; `files`: the content of images and masks."""

    pictures: int
    bytes: int
    names: str
    values: str
    files: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def hash_files(root: Path, samples: Iterable[Picture]) -> Hashes:
    """Reads every file of the samples completely, each once. Raises FullconvError if one cannot be read."""
    paths = _paths(samples)
    with ThreadPoolExecutor() as threads:
        return dict(zip((_name(path, root) for path in paths), threads.map(sha256_of, paths), strict=True))


def digest_split(root: Path, samples: Sequence[Picture], hashes: Hashes) -> SplitDigest:
    paths = _paths(samples)
    contents = [f"{hashes[_name(path, root)]}  {_name(path, root)}" for path in paths]
    meanings = dict.fromkeys(sample.meaning for sample in samples)
    return SplitDigest(
        len(samples), sum(path.stat().st_size for path in paths), _digest(sample.name.encode() for sample in samples),
        _digest(meanings), _digest(line.encode() for line in contents),
    )  # fmt: skip


def differences(then: Mapping[str, Any], now: Mapping[str, SplitDigest], old: Hashes, new: Hashes) -> list[str]:
    """Describes what has changed, in words; empty if nothing has. `then`: {split: SplitDigest.to_json()}."""
    found = [
        _files("changed", [name for name in old if new.get(name, old[name]) != old[name]]),
        _files("missing", [name for name in old if name not in new]),
        _files("new", [name for name in new if name not in old]),
    ]
    for split in sorted({*then, *now}):
        if split not in then or split not in now:
            found.append(f"split {split} is {'new' if split in now else 'missing'}")
        elif then[split]["values"] != now[split].values:
            found.append(f"mask values or classes of {split} have a different meaning (names, label_mapping)")
        elif then[split]["names"] != now[split].names:
            found.append(f"{split} lists {counted(now[split].pictures, 'picture')} in a different order or selection")
    return [words for words in found if words]


def write_lines(hashes: Hashes) -> str:
    """Writes hashes like sha256sum, so that `sha256sum -c` in the data's root can check them."""
    return "".join(f"{value}  {name}\n" for name, value in hashes.items())


def read_lines(text: str) -> Hashes:
    return {name: value for value, name in (line.split("  ", 1) for line in text.split("\n") if line)}


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FullconvError(
            f"{path}: cannot be read ({error.strerror}); restore it, or correct its permissions"
        ) from None


def _files(what: str, names: Sequence[str]) -> str:
    some = ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
    return f"{len(names)} {what} ({some})" if names else ""


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part + b"\n")
    return digest.hexdigest()


def _paths(samples: Iterable[Picture]) -> list[Path]:
    """A file that several samples share (COCO's JSON) is listed once."""
    return list(dict.fromkeys(path for sample in samples for path in sample.files))


def _name(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
