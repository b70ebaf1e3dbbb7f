"""The number of the last change, asked for all the time: one open connection, and microseconds for an answer."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aicompute_tui.store import engine, fast
from aicompute_tui.store.schema import open_read_only
from aicompute_tui.store.settling import settled


class Pulse:
    """In a thread of its own: in those of everybody an answer would wait behind calls to clouds."""

    def __init__(self, path: Path, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._threads = ThreadPoolExecutor(1, "store pulse")
        self._connection: sqlite3.Connection | None = None

    async def latest_change(self) -> int:
        """0 where nothing was changed yet. Raises AicError where the database cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask)
        except sqlite3.Error as error:
            raise engine.store_error(error) from error

    async def aclose(self) -> None:
        await settled(asyncio.to_thread(self._close))

    def _ask(self) -> int:
        if self._connection is None:
            self._connection = open_read_only(self._path, self._busy_seconds)
        try:
            return fast.latest_of(self._connection)
        except sqlite3.Error:
            self._end()
            raise

    def _close(self) -> None:
        self._threads.shutdown()
        self._end()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
