"""Connections to what answers prompts, one of each name for an owner; their keys lie in the vault."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from aicompute_tui.domain.connection import Connection, ConnectionOptions
from aicompute_tui.store.connection_tables import connections
from aicompute_tui.store.named_rows import VersionedRows
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work


class Connections(VersionedRows[Connection]):
    def __init__(self, work: Work) -> None:
        super().__init__(work, connections, "connection", _row, _connection)


def _row(connection: Connection) -> dict[str, Any]:
    return {**to_row(connection), "options": json.dumps(asdict(connection.options), ensure_ascii=False)}


def _connection(row: Row[Any]) -> Connection:
    """Options that a later program may have written and this one does not know are left out."""
    stored: dict[str, Any] = json.loads(row.options)
    known = {name: stored[name] for name in ConnectionOptions.__dataclass_fields__ if name in stored}
    known["headers"] = tuple((name, value) for name, value in known.get("headers", ()))
    return to_model(Connection, {**row._mapping, "options": ConnectionOptions(**known)})  # noqa: SLF001 - public
