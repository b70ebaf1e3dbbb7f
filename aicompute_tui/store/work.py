"""One transaction's connection: statements with our errors, and the change feed it owes at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Executable, Insert, Row, Table, insert, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import CursorResult, Result
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from aicompute_tui.store.engine import store_error
from aicompute_tui.store.settling import settled
from aicompute_tui.store.tables import changes, counters

CHANGE_COUNTER = "changes"


class Work:
    """Used by the repositories of one transaction and by nobody after it."""

    def __init__(self, connection: AsyncConnection, *, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self._owed: dict[tuple[str, str], None] = {}

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        return (await self._execute(statement)).all()

    async def first(self, statement: Executable) -> Row[Any] | None:
        return (await self._execute(statement)).first()

    async def value(self, statement: Executable) -> Any:
        return (await self._execute(statement)).scalar()

    async def write(self, statement: Executable, parameters: Any = None) -> int:
        """How many rows it touched. Raises RuntimeError in a transaction opened for reading."""
        if not self._writes:
            raise RuntimeError("a transaction opened by read() cannot write")
        result = await self._execute(statement, parameters)
        return result.rowcount if isinstance(result, CursorResult) else 0

    def insert_new(self, table: Table) -> Insert:
        """An insert that drops a row whose key is taken; every database has its own words for that."""
        if self._connection.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()

    def changed(self, table: str, row_id: str) -> None:
        """Owes the feed one line, however often the row is written in this transaction."""
        self._owed[table, row_id] = None

    async def number(self, table: str, row_id: str) -> int:
        """Writes a line of the feed now and gives its number."""
        number = await self._take(1)
        await self._append([(table, row_id)], number)
        return number

    async def settle(self) -> None:
        """Writes what the feed is owed.

        The counter's row stays locked until the commit, so numbers become visible in their order: a follower
        that has seen number N has seen all before it.
        """
        owed = list(self._owed)
        if not owed:
            return
        self._owed.clear()
        last = await self._take(len(owed))
        await self._append(owed, last - len(owed) + 1)

    async def _take(self, count: int) -> int:
        statement = (
            update(counters)
            .where(counters.c.name == CHANGE_COUNTER)
            .values(value=counters.c.value + count)
            .returning(counters.c.value)
        )
        return int((await self._execute(statement)).scalar_one())

    async def _append(self, lines: Sequence[tuple[str, str]], first: int) -> None:
        await self.write(
            insert(changes),
            [
                {"number": number, "table_name": table, "row_id": row_id}
                for number, (table, row_id) in enumerate(lines, first)
            ],
        )

    async def _execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Waits for the answer also when cancelled: a connection left in the middle would keep the write lock."""
        try:
            return await settled(self._connection.execute(statement, parameters))
        except DBAPIError as error:
            raise store_error(error) from error
