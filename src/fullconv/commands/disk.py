"""A disk that is full, or where nothing can be written, in one line, wherever a command meets it."""

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
    """What is wrong, where, and what to do; None for what is no matter of the disk's."""
    if "No usable temporary directory" in str(error):  # Python looks for one that can be written
        return "no folder for temporary files can be written; free some space there, or set TMPDIR to another folder"
    if error.errno not in REMEDIES:
        return None
    place = "the disk" if error.filename is None else os.fsdecode(error.filename)
    return f"{place}: {error.strerror}; {REMEDIES[error.errno]}"
