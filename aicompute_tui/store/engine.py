"""Everything that is SQLite's own: opening, transactions, files, locks and what its errors mean."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from aicompute_tui.domain.errors import AicError, BadAnswer, Conflict, InvalidInput, NotConfigured, Refused, Unreachable

BUSY_SECONDS = 5.0
LOCK_SECONDS = 60.0
"""How long a start waits for another one that is making or upgrading the same database."""

_NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "gpfs", "beegfs"),
        *(
            "fuse.sshfs",
            "fuse.glusterfs",
            "fuse.ceph",
            "fuse.rclone",
            "fuse.s3fs",
            "fuse.gcsfuse",
            "davfs",
            "fuse.davfs",
        ),
    }
)
_OTHER_HOME = "Set AIC_TUI_HOME to a folder on a local disk, or AIC_TUI_DATABASE_URL to a PostgreSQL database."
_RESTORE = "Put a backup in its place with “aic-tui restore”; the file itself is left as it is."


def database_url(path: Path) -> str:
    """The URL of a database file."""
    return URL.create("sqlite+aiosqlite", database=str(path)).render_as_string(hide_password=False)


def database_path(url: str) -> Path:
    """The file a URL names. Raises NotConfigured for another kind of database, InvalidInput for no URL at all."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(
            "The database URL cannot be read.",
            "Write AIC_TUI_DATABASE_URL like sqlite+aiosqlite:////home/you/aic-tui.db.",
        ) from error
    if parsed.get_backend_name() != "sqlite":
        raise NotConfigured(
            f"This version cannot use {parsed.get_backend_name()} as its database.",
            "Unset AIC_TUI_DATABASE_URL, or give a sqlite+aiosqlite URL.",
        )
    if not parsed.database or parsed.database == ":memory:":
        raise InvalidInput("The database URL names no file.", "Give the path of a file on a local disk.")
    return Path(parsed.database).absolute()


def open_engine(path: Path, busy_seconds: float = BUSY_SECONDS) -> AsyncEngine:
    """Connections that write take the write lock at their first statement; those with the option `ro` do not."""
    engine = create_async_engine(
        database_url(path),
        connect_args={"timeout": busy_seconds},
        pool_size=3,
        max_overflow=9,
        pool_timeout=max(busy_seconds, 1.0) * 2,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
        cursor.execute("PRAGMA journal_mode=wal")
        cursor.execute("PRAGMA synchronous=full")
        cursor.execute("PRAGMA foreign_keys=on")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("ro") else "BEGIN IMMEDIATE")

    return engine


def set_schema_version(connection: Connection, version: int) -> None:
    """Says in the file itself which version its tables have, in the caller's transaction."""
    connection.exec_driver_sql(f"PRAGMA user_version={version}")


def schema_version(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system `path` lies on, empty where the system does not say."""
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
    best, kind = "", ""
    place = str(path)
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) < 3:
            continue
        point = parts[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, parts[2]
    return kind


def check_file_system(path: Path, mounts: str | None = None) -> None:
    """Raises NotConfigured on a network file system, where SQLite's locks do not hold."""
    kind = file_system(path.resolve(), mounts)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise NotConfigured(f"The database would lie on a network file system ({kind}): {path}.", _OTHER_HOME)


def make_file(path: Path) -> None:
    """Makes an empty private file where there is none, and takes others' rights from one that is there."""
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.parent.chmod(0o700)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            if path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
                path.chmod(0o600)
    except OSError as error:
        raise file_error(path, error) from error


def check_writable(path: Path) -> None:
    """Raises NotConfigured where the file or its folder cannot be written: SQLite keeps its log beside the file."""
    if not os.access(path.parent, os.W_OK | os.X_OK) or not os.access(path, os.R_OK | os.W_OK):
        raise NotConfigured(
            f"The database cannot be written: {path}.", f"Make the file and its folder yours. {_OTHER_HOME}"
        )


@asynccontextmanager
async def exclusive(path: Path, seconds: float = LOCK_SECONDS) -> AsyncIterator[None]:
    """One process at a time makes or upgrades the database. Raises Unreachable when another takes too long."""
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_error(lock, error) from error
    try:
        deadline = time.monotonic() + seconds
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise Unreachable(
                    "Another aic-tui is upgrading the database and does not finish.",
                    f"Look for a stuck aic-tui process that holds {lock}, end it, and start again.",
                )
            await asyncio.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def file_error(path: Path, error: OSError) -> AicError:
    """What a failure of the file system means to a person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Refused(
            f"The disk is full: {path} cannot be written.", "Free some space, then do it again.", details=str(error)
        )
    return NotConfigured(f"{path} cannot be written: {error.strerror}.", _OTHER_HOME, details=str(error))


def store_error(error: SQLAlchemyError | sqlite3.Error) -> AicError:
    """What a failure of the database means to a person; the driver's own text is behind `details`."""
    if isinstance(error, IntegrityError):
        return Conflict("Such a row is there already.", "Look at it again, then repeat.", details=str(error.orig))
    if isinstance(error, PoolTimeout):
        return Unreachable("The database is busy.", "Do it again in a moment.", details=str(error))
    original: object = error if isinstance(error, sqlite3.Error) else getattr(error, "orig", None)
    code = getattr(original, "sqlite_errorcode", None)
    return _sqlite_error(code & 0xFF if isinstance(code, int) else -1, str(original or error))


def _sqlite_error(code: int, details: str) -> AicError:
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unreachable("The database is busy.", "Do it again in a moment.", details=details)
    if code == sqlite3.SQLITE_FULL:
        return Refused("The disk is full: nothing was stored.", "Free some space, then do it again.", details=details)
    if code == sqlite3.SQLITE_IOERR:
        return Refused(
            "The database file could not be read or written: nothing was stored.",
            "Check the disk (is it full?), then do it again.",
            details=details,
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BadAnswer("The database file is damaged.", _RESTORE, details=details)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return NotConfigured(
            "The database cannot be opened for writing.",
            f"Make the file and its folder yours. {_OTHER_HOME}",
            details=details,
        )
    return BadAnswer("The database did not understand us.", "Run “aic-tui doctor”.", details=details)
