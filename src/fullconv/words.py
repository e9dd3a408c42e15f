"""Numbers in sentences."""


def counted(count: int, noun: str, several: str = "") -> str:
    """ "1 mask", "2 masks"."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def was(count: int) -> str:
    """The verb for so many."""
    return "was" if count == 1 else "were"
