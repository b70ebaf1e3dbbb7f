"""Connections to what answers prompts, one of each name for an owner; their keys lie in the vault."""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from aicompute_tui.domain.connection import Connection, ConnectionOptions
from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound
from aicompute_tui.store.connection_tables import connections
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work

_SHORTEST_PREFIX = 4


class Connections:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def insert(self, connection: Connection) -> None:
        """Raises Conflict where the owner has one of that name."""
        try:
            await self._work.write(insert(connections).values(_row(connection)))
        except Conflict as conflict:
            raise _taken(connection, conflict) from conflict
        self._work.changed("connections", connection.id)

    async def list(self) -> builtins.list[Connection]:
        """By name."""
        statement = select(connections).order_by(connections.c.name, connections.c.id)
        return [_connection(row) for row in await self._work.rows(statement)]

    async def find(self, reference: str) -> Connection:
        """By name, id or the beginning of one. Raises NotFound, and InvalidInput where several are meant."""
        everything = await self.list()
        found = [each for each in everything if each.name == reference] or [
            each
            for each in everything
            if each.id == reference or (len(reference) >= _SHORTEST_PREFIX and each.id.startswith(reference))
        ]
        if len(found) > 1:
            names = ", ".join(f"{each.name} ({each.id})" for each in found[:4])
            raise InvalidInput(f"“{reference}” fits more than one connection: {names}.", "Give the id.")
        if not found:
            raise NotFound(f"There is no connection “{reference}”.", "`aic-tui connection list` shows them all.")
        return found[0]

    async def update(self, seen: Connection, changed: Connection) -> Connection:
        """Raises Conflict where it is no longer the version that was seen, or the new name is taken."""
        written = replace(changed, version=seen.version + 1)
        here = (connections.c.id == seen.id) & (connections.c.version == seen.version)
        try:
            count = await self._work.write(update(connections).where(here).values(_row(written)))
        except Conflict as conflict:
            raise _taken(changed, conflict) from conflict
        if not count:
            raise Conflict(f"“{seen.name}” was changed meanwhile.", "Look at it again, then repeat what you meant.")
        self._work.changed("connections", seen.id)
        return written

    async def remove(self, connection_id: str) -> None:
        await self._work.write(delete(connections).where(connections.c.id == connection_id))
        self._work.changed("connections", connection_id)


def _taken(connection: Connection, conflict: Conflict) -> Conflict:
    step = "Choose another name, or remove that one first."
    return Conflict(f"There is already a connection named “{connection.name}”.", step, conflict.details)


def _row(connection: Connection) -> dict[str, Any]:
    return {**to_row(connection), "options": json.dumps(asdict(connection.options), ensure_ascii=False)}


def _connection(row: Row[Any]) -> Connection:
    """Options that a later program may have written and this one does not know are left out."""
    stored: dict[str, Any] = json.loads(row.options)
    known = {name: stored[name] for name in ConnectionOptions.__dataclass_fields__ if name in stored}
    known["headers"] = tuple((name, value) for name, value in known.get("headers", ()))
    return to_model(Connection, {**row._mapping, "options": ConnectionOptions(**known)})  # noqa: SLF001 - public
