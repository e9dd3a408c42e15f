"""An archive into a folder; one that reaches out of it, or is none, is refused."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from pathlib import Path, PureWindowsPath

from fullconv.data.transfer import Watch, size_of
from fullconv.errors import FullconvError

DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


def unpack(path: Path, folder: Path, watch: Watch) -> None:
    """Every member into `folder`. An archive that reaches out of it, or is none, is refused and removed."""
    try:
        (unpack_zip if path.suffix == ".zip" else unpack_tar)(path, folder, watch)
    except tarfile.FilterError as error:
        path.unlink()
        raise FullconvError(f"{path.name}: {error}: refused and removed, get it from a source that you trust") from None
    except DAMAGE:
        path.unlink()
        raise FullconvError(f"{path.name}: no archive, or a damaged one; removed, run again") from None


def unpack_tar(path: Path, folder: Path, watch: Watch) -> None:
    label = f"unpacking {path.name}"
    with path.open("rb") as file, tarfile.open(fileobj=file) as tar, watch(label, size_of(path)) as advance:
        done = 0
        for member in tar:
            if is_wanted(member.name):
                tar.extract(member, folder, filter="data")  # refuses links that lead outside, devices, modes
            advance(file.tell() - done)
            done = file.tell()


def unpack_zip(path: Path, folder: Path, watch: Watch) -> None:
    with zipfile.ZipFile(path) as archive, watch(f"unpacking {path.name}", size_of(path)) as advance:
        for member in archive.infolist():
            if is_wanted(member.filename):
                archive.extract(member, folder)  # writes a link as a file that holds its target
            advance(member.compress_size)


def is_wanted(name: str) -> bool:
    """False for the ._ files that macOS adds. Raises FilterError for a name that leads elsewhere.

    Both libraries would write such a member at a harmless place instead; but then the archive is not what it seems.
    """
    path = PureWindowsPath(name)  # knows every way to leave a folder: "/", "..", "C:", with either slash
    if path.anchor or ".." in path.parts:
        raise tarfile.FilterError(f"{name!r} leads out of the archive's folder")
    return not path.name.startswith("._")
