"""Words for numbers, paths in commands that are to be pasted, and safe printing of text from files."""

import shlex

LONGEST = 2000  # characters of a line for the user


def counted(count: int, noun: str, several: str = "") -> str:
    """Returns "1 mask", "2 masks"."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def was(count: int) -> str:
    """Returns the verb for this number."""
    return "was" if count == 1 else "were"


def pasted(path: object) -> str:
    """Returns a path, or another value, as it is written in a command for the shell: in quotes if it needs them."""
    return shlex.quote(str(path))


def printable(text: str) -> str:
    """Returns one line for a terminal. Characters that could disturb it (newlines, escapes) are written as escape
    codes."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
