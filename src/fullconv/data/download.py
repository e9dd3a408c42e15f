"""Downloads a data set from its own site: fetched (and resumed), verified, unpacked completely or not at all."""

from __future__ import annotations

import errno
import gzip
import hashlib
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from fullconv import __version__
from fullconv.data.catalogue import Archive, CatalogueEntry
from fullconv.data.transfer import CHUNK, Redirects, Watch, ask, fetch, persist, size_of
from fullconv.errors import FullconvError
from fullconv.locks import locked

GROWTH, ROOM, MOST_MEMBERS = 100, 2**30, 2 * 10**6
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


def unpack(path: Path, folder: Path, watch: Watch) -> None:
    """Unpacks every member into `folder`. Refuses and removes a file that is not an archive, or that would write
    outside."""
    try:
        (unpack_zip if path.suffix == ".zip" else unpack_tar)(path, folder, watch)
    except tarfile.FilterError as error:
        path.unlink()
        raise FullconvError(f"{path.name}: {error}: refused and removed; get it from a source you trust") from None
    except DAMAGE:
        path.unlink()
        raise FullconvError(f"{path.name}: not an archive, or damaged; it was removed, run the command again") from None


def unpack_tar(path: Path, folder: Path, watch: Watch) -> None:
    label = f"unpacking {path.name}"
    with path.open("rb") as file, tarfile.open(fileobj=file) as tar, watch(label, size_of(path)) as advance:
        done, budget = 0, Budget.of(path)
        for member in tar:
            if is_wanted(member.name):
                refuse_link(member)
                budget.take(member.size)
                tar.extract(member, folder, filter="data")  # refuses devices, and modes that would run as root
            advance(file.tell() - done)
            done = file.tell()


def unpack_zip(path: Path, folder: Path, watch: Watch) -> None:
    budget = Budget.of(path)
    with zipfile.ZipFile(path) as archive, watch(f"unpacking {path.name}", size_of(path)) as advance:
        for member in archive.infolist():
            if is_wanted(member.filename):
                budget.take(member.file_size)
                archive.extract(member, folder)  # writes a link as a file that holds its target
            advance(member.compress_size)


def refuse_link(member: tarfile.TarInfo) -> None:
    """Raises FilterError for a link that leaves its own folder. The library's own check follows links, and deep ones
    have got past it (CVE-2025-4517)."""
    target = PureWindowsPath(member.linkname)
    if (member.issym() or member.islnk()) and (target.anchor or ".." in target.parts):
        raise tarfile.FilterError(f"{member.name!r} is a link that points outside the archive")


@dataclass
class Budget:
    """The limit of what an archive may unpack to: GROWTH times its own size plus ROOM, in MOST_MEMBERS files."""

    path: Path
    bytes: int
    members: int = MOST_MEMBERS

    @classmethod
    def of(cls, path: Path) -> Budget:
        return cls(path, size_of(path) * GROWTH + ROOM)

    def take(self, size: int) -> None:
        self.bytes, self.members = self.bytes - size, self.members - 1
        if self.bytes < 0 or self.members < 0:
            raise tarfile.FilterError(f"{self.path.name!r} unpacks to far more than its own size")


def is_wanted(name: str) -> bool:
    """False for the ._ files that macOS adds. Raises FilterError for a name that leads elsewhere.

    Both libraries would write such a member to a harmless place, but the archive is then not what it seems.
    """
    path = PureWindowsPath(name)  # knows every way to leave a folder: "/", "..", "C:", with either slash
    if path.anchor or ".." in path.parts:
        raise tarfile.FilterError(f"{name!r} points outside the archive's folder")
    return not path.name.startswith("._")


def is_there(entry: CatalogueEntry, out: Path) -> bool:
    """Whether `out` already contains the data. Raises FullconvError if it contains something else."""
    if all((out / name).exists() for name in entry.contains):
        return True
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FullconvError(f"{out}: already exists and is not {entry.title}; choose another --out")
    return False


def download(
    entry: CatalogueEntry,
    out: Path,
    watch: Watch,
    credentials: tuple[str, str] | None = None,
    unverified: bool = False,
) -> dict[str, str]:
    """Creates the folder `out` and returns {archive: its SHA-256}.

    All work happens in a hidden folder beside `out`. If the run is killed, the next run continues there. `unverified`
    accepts archives without a published checksum. `credentials` are (user name, password). Raises FullconvError for
    what the user can correct: network, disk, login, a wrong file.
    """
    if not (unverified or entry.verifiable):
        raise FullconvError(
            f"{entry.name}: this archive has no published checksum, so it cannot be verified; "
            "add --unverified to accept what the server sends"
        )
    out = out.resolve()
    store = store_of(out)
    with one_line_disk_errors(store), kept_for_later(store):
        fetch_all(entry, store, watch, credentials)
        found = {archive.filename: verify(archive, store / archive.filename, watch) for archive in entry.archives}
        place(unpack_all(entry, store, watch), entry, out)
        shutil.rmtree(store)
    return found


def store_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.download")


def remove_store(out: Path) -> None:
    """Removes what a run left if it was killed after the data was in place."""
    store = store_of(out.resolve())
    if store.is_dir():
        with one_line_disk_errors(store), locked(store):
            shutil.rmtree(store)


@contextmanager
def kept_for_later(store: Path) -> Iterator[None]:
    """Yields a folder for this process only, and removes it if it is empty."""
    store.mkdir(parents=True, exist_ok=True)
    try:
        with locked(store):
            yield
    finally:
        with suppress(OSError):
            store.rmdir()


def fetch_all(entry: CatalogueEntry, store: Path, watch: Watch, credentials: tuple[str, str] | None) -> None:
    """Downloads what is not in the store yet."""
    missing = [archive for archive in entry.archives if not (store / archive.filename).exists()]
    if not missing:
        return
    opener = build_opener(HTTPCookieProcessor(), Redirects())
    opener.addheaders = [("User-Agent", f"fullconv/{__version__}")]
    if entry.login:
        persist(lambda: log_in(opener, entry, credentials), entry.homepage, lambda: 0)
    for archive in missing:
        fetch(opener, archive, store / archive.filename, watch)


def log_in(opener: OpenerDirector, entry: CatalogueEntry, credentials: tuple[str, str] | None) -> None:
    """Puts the cookie of the site in `opener`. A site that accepts the password redirects away from its login page."""
    assert entry.login
    if credentials is None:
        raise FullconvError(f"{entry.name}: needs a login; register at {entry.homepage}")
    user, password = credentials
    form = urlencode({"username": user, "password": password, "submit": "Login"}).encode()
    ask(opener, Request(entry.login)).close()  # sets the cookie that the form requires
    with ask(opener, Request(entry.login, form)) as answer:
        if urlsplit(answer.url).path.rstrip("/") == urlsplit(entry.login).path.rstrip("/"):
            raise FullconvError(f"{entry.login}: user name or password refused; try them in a browser")


def verify(archive: Archive, path: Path, watch: Watch) -> str:
    """Returns the SHA-256 of the file. A file with a wrong one is removed."""
    digest = hashlib.sha256()
    with path.open("rb") as file, watch(f"verifying {path.name}", size_of(path)) as advance:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            advance(len(chunk))
    found = digest.hexdigest()
    if archive.sha256 not in (None, found):
        path.unlink()
        raise FullconvError(
            f"{archive.url}: wrong checksum, SHA-256 expected {archive.sha256}, found {found}; "
            "the file was removed; run the command again, or ask the publisher whether it changed"
        )
    return found


def unpack_all(entry: CatalogueEntry, store: Path, watch: Watch) -> Path:
    """Unpacks all archives into one new folder of the store."""
    folder = store / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)  # incomplete, from a run that was killed
    folder.mkdir()
    try:
        for archive in entry.archives:
            unpack(store / archive.filename, folder, watch)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def place(unpacked: Path, entry: CatalogueEntry, out: Path) -> None:
    """Moves the wanted folder to its final name: the one step that makes the data visible."""
    folder = unpacked / entry.inside
    missing = [name for name in entry.contains if not (folder / name).exists()]
    if missing:
        raise FullconvError(
            f"{entry.name}: the archive lacks {', '.join(missing)} in {entry.inside}; see {entry.homepage}"
        )
    if out.exists():
        out.rmdir()  # is_there made sure that it is empty
    folder.rename(out)


@contextmanager
def one_line_disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "free some space and run the same command again to continue"
        else:
            advice = "choose an --out that you can write to"
        raise FullconvError(f"{folder}: {error.strerror or error}; {advice}") from None
