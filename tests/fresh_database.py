"""The migrations make one database in each process of tests; the next that are asked for are its copies."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from aicompute_tui.domain.clock import Clock
from aicompute_tui.store import database, engine
from aicompute_tui.store.schema import STORE_ID

migrate = database._upgrade
_first: list[bytes] = []


async def _upgrade(path: Path, clock: Clock, backups: Path) -> None:
    if not _is_empty(path):
        await migrate(path, clock, backups)
    elif _first:
        async with engine.exclusive(path):
            if _is_empty(path):
                _copy(path)
    else:
        await migrate(path, clock, backups)
        _first.append(path.read_bytes())


def _is_empty(path: Path) -> bool:
    return not path.exists() or not path.stat().st_size


def _copy(path: Path) -> None:
    path.write_bytes(_first[0])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE facts SET value = ? WHERE key = ?", (str(uuid.uuid4()), STORE_ID))


def copy_fresh_databases() -> None:
    """For the whole process; a test of the migrations puts `migrate` back in its place."""
    patch.object(database, "_upgrade", _upgrade).start()
