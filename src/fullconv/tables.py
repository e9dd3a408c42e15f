"""Tables on disk, so that memory stays the same for any number of files."""

from __future__ import annotations

import sqlite3


def table_on_disk(name: str, columns: str, shared: bool = False) -> sqlite3.Connection:
    """A table of SQLite's in a nameless file of the system's temporary folder, gone with the connection.

    `shared`: several threads use it, one at a time.
    """
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=not shared)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
    return connection
