"""Numbers in sentences, and foreign words in lines."""

LONGEST = 2000  # characters of a line for the user


def counted(count: int, noun: str, several: str = "") -> str:
    """ "1 mask", "2 masks"."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def was(count: int) -> str:
    """The verb for so many."""
    return "was" if count == 1 else "were"


def printable(text: str) -> str:
    """One line for a terminal: what names in files may hold beside letters (newlines, escapes) is written out."""
    shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
