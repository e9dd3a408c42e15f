"""Describes errors of the disk in one line, such as a full or a read-only disk, for every command."""

from __future__ import annotations

import errno
import os

ELSEWHERE = "choose another place"
REMEDIES = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EDQUOT: "free some space, or choose another disk",
    errno.EROFS: ELSEWHERE,
    errno.EACCES: f"{ELSEWHERE}, or correct the permissions",
    errno.EPERM: f"{ELSEWHERE}, or correct the permissions",
    errno.EIO: "check the disk",
    errno.ENOTDIR: ELSEWHERE,
    errno.EISDIR: ELSEWHERE,
    errno.EEXIST: ELSEWHERE,
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENFILE: "close other programs",
}


def in_one_line(error: OSError) -> str | None:
    """Returns what is wrong, where, and what to do; None if the disk is not the cause."""
    if "No usable temporary directory" in str(error):  # Python's tempfile found no folder that it can write to
        return "no folder for temporary files can be written; free some space there, or set TMPDIR to another folder"
    if error.errno not in REMEDIES:
        return None
    place = "the disk" if error.filename is None else os.fsdecode(error.filename)
    return f"{place}: {error.strerror}; {REMEDIES[error.errno]}"
