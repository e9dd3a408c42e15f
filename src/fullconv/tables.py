"""Keeps tables on disk, so that memory use does not grow with the number of files."""

from __future__ import annotations

import sqlite3


def table_on_disk(name: str, columns: str, shared: bool = False) -> sqlite3.Connection:
    """Returns an SQLite table in an unnamed file in the system's temporary folder. It is deleted with the connection.

    `shared`: several threads use it, one at a time.
    """
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=not shared)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID")
    return connection
