"""Models on the Hugging Face hub: hf://owner/name, or hf://owner/name@revision, as a folder on this machine.

The library keeps downloads in its own cache. HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE have the meaning in its
documentation (huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.damage import reason_of
from fullconv.errors import FullconvError, UnknownValue, missing_extra
from fullconv.weights.model_files import CARD, CONFIG, GRAPH, HUB, INT8, IR, PARAMETERS, read_config

# Only these files are downloaded or uploaded.
FILES = (CONFIG, CARD, PARAMETERS, GRAPH, IR, "model.bin", INT8, "model_int8.bin")
RUNNABLE = (GRAPH, PARAMETERS, IR)
LARGEST, LARGEST_CONFIG = 4 * 10**9, 10**7  # bytes: of all files together, and of config.json, which is read first

_ADDRESS = re.compile(r"hf:/{1,2}(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w.-]+(/[\w.-]+)*))?/?", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A repository and a branch, tag or commit of it. None is its main branch."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"hf://{self.repo}" + (f"@{self.revision}" if self.revision else "")

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


def is_address(model: str | Path) -> bool:
    """Whether it is an address."""
    return str(model).startswith(HUB)


def parse(model: str | Path) -> Address:
    """Parses an address. Raises FullconvError if it is not one."""
    match = _ADDRESS.fullmatch(str(model))
    if not match or ".." in str(model):
        raise UnknownValue(
            f"{model}: not the address of a model on the hub; give hf://owner/name, or hf://owner/name@revision"
        )
    return Address(match["repo"], match["revision"])


def fetch(model: str | Path) -> Path:
    """Returns the model folder in the library's cache, after checking the hub for a newer version; offline, the cached
    one. Raises FullconvError if it does not exist, is not a fullconv model, or is too large."""
    address = parse(model)
    library = import_library()
    with one_line_errors(address, library, "try again, or set HF_HUB_OFFLINE=1 to use the copy downloaded before"):
        if library.constants.HF_HUB_OFFLINE:
            folder = library.snapshot_download(address.repo, revision=address.revision, local_files_only=True)
        else:
            folder = _downloaded(address, library)
    _refuse_other(address, Path(folder))
    return Path(folder)


def _downloaded(address: Address, library: Any) -> str:
    info = library.HfApi().model_info(address.repo, revision=address.revision, files_metadata=True)
    check_files(address, {file.rfilename: file.size or 0 for file in info.siblings or ()})
    config = library.hf_hub_download(address.repo, CONFIG, revision=info.sha)
    _refuse_other(address, Path(config).parent)  # before downloading gigabytes of another library's model
    given: dict[str, Any] = {"allow_patterns": list(FILES), "tqdm_class": terminal_bar(library)}
    folder: str = library.snapshot_download(address.repo, revision=address.revision, **given)
    return folder


def check_files(address: Address, sizes: dict[str, int]) -> None:
    """Raises FullconvError if the files of a repository ({name: bytes}) are not a model folder, or are too large."""
    if CONFIG not in sizes or not any(name in sizes for name in RUNNABLE):
        raise FullconvError(
            f"{address}: not a fullconv model; its repository lacks {CONFIG} or {GRAPH}: `fullconv push` writes both"
        )
    total = sum(size for name, size in sizes.items() if name in FILES)
    if total > LARGEST or sizes[CONFIG] > LARGEST_CONFIG:
        raise FullconvError(
            f"{address}: too large; its files have {total / 1e9:.1f} GB and the limit is {LARGEST / 1e9:g}, {CONFIG} "
            f"{sizes[CONFIG] / 1e6:.1f} MB of {LARGEST_CONFIG / 1e6:g}; download what you trust and give the folder"
        )


def _refuse_other(address: Address, folder: Path) -> None:
    """Raises FullconvError for the config.json of another library."""
    try:
        read_config(folder)
    except FullconvError as error:
        raise FullconvError(f"{address}: not a model that this fullconv can read ({error})") from None


def import_library() -> Any:
    try:
        import huggingface_hub.constants
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError:
        raise missing_extra("huggingface_hub", "hub") from None
    return huggingface_hub


@contextmanager
def one_line_errors(address: Address, library: Any, remedy: str) -> Iterator[None]:
    """Turns any error of the library into one line. `remedy` is for errors that have none of their own."""
    try:
        yield
    except FullconvError:
        raise
    except Exception as error:  # the library's own errors, those of its HTTP client, and those of the disk
        message = next(
            (message for kind, message in remedies(address, library).items() if isinstance(error, kind)), None
        )
        if getattr(getattr(error, "response", None), "status_code", 0) in (401, 403) and not message:
            message = "the hub denied access; run `hf auth login`, or set HF_TOKEN to a token that may write there"
        reason = reason_of(error).partition(" For more information")[0]
        message = message or f"{library.constants.ENDPOINT} did not answer correctly ({reason}); {remedy}"
        raise FullconvError(f"{address}: {message}") from None


def remedies(address: Address, library: Any) -> dict[type[Exception], str]:
    """Returns remedies by the library's errors, the most specific first."""
    errors, site = library.errors, library.constants.ENDPOINT
    return {
        errors.GatedRepoError: f"its owner requires you to accept terms first; open {site}/{address.repo}",
        errors.RevisionNotFoundError: f"no such revision; see {site}/{address.repo}/tree/main for the list",
        errors.RepositoryNotFoundError: (
            f"no such repository at {site}, or it is private; if so, run `hf auth login` or set HF_TOKEN"
        ),
        errors.LocalEntryNotFoundError: "not in this machine's cache; go online without HF_HUB_OFFLINE to download it",
        errors.OfflineModeIsEnabled: "HF_HUB_OFFLINE is set; unset it to go online",
        errors.HFValidationError: "not a repository name; give owner/name",
    }


def terminal_bar(library: Any) -> Any:
    """Returns the library's progress bar, which is shown only on a terminal."""
    bar: Any = library.utils.tqdm

    class Bar(bar):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **{**named, "disable": not sys.stderr.isatty()})

    return Bar
