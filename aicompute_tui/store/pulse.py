"""The last change and the version of the tables, asked for all the time: one open connection, and microseconds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aicompute_tui.store import engine, fast
from aicompute_tui.store.schema import open_read_only, version_of
from aicompute_tui.store.settling import settled


class Pulse:
    """In a thread of its own: in those of everybody an answer would wait behind calls to clouds."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._threads = ThreadPoolExecutor(1, "store pulse")
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of what is open."""
        self._is_closed = False

    async def latest_change(self) -> int:
        """0 where nothing was changed yet. Raises AicError where the database cannot be read."""
        return await self._told(fast.latest_of)

    async def schema_version(self) -> int:
        """Raises AicError where the database cannot be read."""
        return await self._told(version_of)

    async def aclose(self) -> None:
        self._is_closed = True
        await settled(asyncio.to_thread(self._close))

    async def _told(self, question: Callable[[sqlite3.Connection], int]) -> int:
        if self._is_closed:
            raise engine.store_error(sqlite3.ProgrammingError("it is closed"))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, question)
        except sqlite3.Error as error:
            raise engine.store_error(error) from error

    def _ask(self, question: Callable[[sqlite3.Connection], int]) -> int:
        connection = self._opened()
        try:
            return question(connection)
        except sqlite3.Error:
            self._end()
            raise

    def _opened(self) -> sqlite3.Connection:
        """Of the file that has the name now: another may have been put in its place."""
        file = _identity(self._path)
        if self._connection is None or file != self._file:
            self._end()
            self._connection, self._file = open_read_only(self._path, self._busy_seconds), file
        return self._connection

    def _close(self) -> None:
        self._threads.shutdown()
        self._end()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
