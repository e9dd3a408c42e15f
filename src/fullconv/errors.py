"""The one exception that users meet."""


class FullconvError(Exception):
    """Something the user can mend. The message is one line: what was wrong, where, and what to do."""


class MissingExtra(FullconvError, ImportError):
    """A library that an extra brings is not installed."""


def missing_extra(library: str, extra: str) -> MissingExtra:
    """The error for a library that is not installed, naming the extra that brings it."""
    return MissingExtra(f"{library} is not installed; run: pip install 'fullconv[{extra}]'")
