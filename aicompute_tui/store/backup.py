"""Whole copies of a database file, out and back in."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

from aicompute_tui.domain.errors import BadAnswer, NotConfigured, NotFound, Unreachable
from aicompute_tui.store.engine import file_error, make_file, store_error
from aicompute_tui.store.schema import open_read_only, schema_state

_COMPANIONS = ("-wal", "-shm", "-journal")


def copy_database(source: Path, target: Path) -> None:
    """A copy of one moment in one file, also while others write. It stands under `target` only when it is whole."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        make_file(part)
        _copy(source, part)
        part.replace(target)
    except OSError as error:
        raise file_error(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def restore(copy: Path, database: Path, now: datetime) -> Path | None:
    """Puts a backup in the database's place; the file that was there is kept aside, under the name given back.

    Nothing may have the database open. Raises NotFound, BadAnswer or NotConfigured where the copy cannot be used, and
    Unreachable while the database is in use; then everything stays as it was.
    """
    check_copy(copy)
    incoming = database.with_name(f".{database.name}.restore")
    aside = database.with_name(f"{database.stem}-before-restore-{now:%Y%m%dT%H%M%SZ}{database.suffix}")
    copy_database(copy, incoming)
    try:
        kept = _set_aside(database, aside)
        incoming.replace(database)
    except OSError as error:
        raise file_error(database, error) from error
    finally:
        with contextlib.suppress(OSError):
            incoming.unlink(missing_ok=True)
    return kept


def check_copy(copy: Path) -> None:
    """Raises where `copy` is no whole database of ours, or of a version this program does not know."""
    if not copy.is_file():
        raise NotFound(f"There is no file {copy}.", "Give the path of a backup.")
    try:
        state = schema_state(copy)
        connection = open_read_only(copy)
        try:
            verdict = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BadAnswer(f"{copy} is not a whole backup.", "Give another one.", details=str(error)) from error
    if state.version == 0:
        raise BadAnswer(f"{copy} is not a backup of aic-tui.", "Give another one.")
    if verdict != "ok":
        raise BadAnswer(f"{copy} is damaged.", "Give another one.", details=verdict)
    if state.is_newer:
        raise NotConfigured(f"{copy} was made by a newer aic-tui.", "Upgrade this aic-tui first.")


def _copy(source: Path, target: Path) -> None:
    try:
        reader = open_read_only(source, busy_seconds=5.0)
        try:
            writer = sqlite3.connect(target)
            try:
                reader.backup(writer)
                writer.execute("PRAGMA journal_mode=delete")
            finally:
                writer.close()
        finally:
            reader.close()
    except sqlite3.Error as error:
        raise store_error(error) from error


def _set_aside(database: Path, aside: Path) -> Path | None:
    """Moves the present file with all it still has in its log, also when it is damaged."""
    if not database.exists():
        return None
    _check_unused(database)
    for suffix in ("", *_COMPANIONS):
        present = database.with_name(database.name + suffix)
        if present.exists():
            shutil.move(present, aside.with_name(aside.name + suffix))
    return aside


def _check_unused(database: Path) -> None:
    """Raises Unreachable while another process has the database open; a damaged file counts as unused."""
    try:
        connection = sqlite3.connect(database, timeout=0.2, isolation_level=None)
        try:
            connection.execute("PRAGMA locking_mode=exclusive")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unreachable(
                "The database is in use.",
                "Close every aic-tui and end the agent, then do it again.",
                details=str(error),
            ) from error
