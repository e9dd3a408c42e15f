"""The one exception that users meet."""


class FullconvError(Exception):
    """Something the user can mend. The message is one line: what was wrong, where, and what to do."""


def missing_extra(library: str, extra: str) -> FullconvError:
    """The error for a library that is not installed, naming the extra that brings it."""
    return FullconvError(f"{library} is not installed; run: pip install 'fullconv[{extra}]'")
