"""Which version of the tables this program knows, and which one a database file has; standard library only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

SCHEMA_VERSION = 8
STORE_ID = "store_id"


class SchemaState(NamedTuple):
    """`version` 0 is a file that is absent or empty, or one that another program made (`is_foreign`)."""

    version: int
    is_foreign: bool = False

    @property
    def is_current(self) -> bool:
        return self.version == SCHEMA_VERSION

    @property
    def is_newer(self) -> bool:
        return self.version > SCHEMA_VERSION

    @property
    def is_absent(self) -> bool:
        return self.version == 0 and not self.is_foreign


def open_read_only(path: Path, busy_seconds: float = 1.0) -> sqlite3.Connection:
    """A connection that can neither write nor make the file. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Of its tables, 0 where none were made."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def schema_state(path: Path, busy_seconds: float = 5.0) -> SchemaState:
    """Raises sqlite3.Error where the file cannot be read."""
    if not path.exists() or path.stat().st_size == 0:
        return SchemaState(0)
    connection = open_read_only(path, busy_seconds)
    try:
        version = version_of(connection)
        tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        connection.close()
    return SchemaState(version, is_foreign=version == 0 and tables > 0)
