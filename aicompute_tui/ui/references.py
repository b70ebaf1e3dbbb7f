"""From what a person calls a row to the id it goes by here: by the names of its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from aicompute_tui.store.rows import ConnectionRow, HostRow, ServerRow
from aicompute_tui.ui.state import ConsoleState
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

NamedRow = TypeVar("NamedRow", ConnectionRow, ServerRow)

_SHORTEST_ID = 4
_TABLES = ("instances", "sightings", "containers", "hosts", "connections", "servers", "jobs")
_BY_NAME = frozenset({"hosts", "connections", "servers"})
"""Scopes, by the name of their table too, whose rows go by a name alone."""


def find_row(state: ConsoleState, reference: str, scope: str = "") -> str | None:
    """By id, else by the names of the rows that an action of `scope` is about; None where none or several are meant."""
    if any(reference in getattr(state, table) for table in _TABLES):
        return reference
    if scope == "containers":
        found = _containers(state, reference)
    elif scope in _BY_NAME:
        rows: Iterable[HostRow | ConnectionRow | ServerRow] = getattr(state, scope).values()
        found = [row.id for row in rows if row.name == reference]
    else:
        found = [row.id for row in state.instances.values() if reference in {row.name, row.remote_id}]
    return found[0] if len(found) == 1 else None


def go_to_named(table: VirtualTable[NamedRow], name: str) -> None:
    """Puts the cursor on the row that a filter spells out, though others have its words too."""
    found = next((row_id for row_id in table.order if table.rows[row_id].name.lower() == name.lower()), None)
    if found is not None:
        table.move_to_row(found)


def _containers(state: ConsoleState, reference: str) -> list[str]:
    """By name, HOST/NAME, id or its beginning, whether its host answers or not."""
    host, _, name = reference.rpartition("/")
    hosts = {row.id for row in state.hosts.values() if not host or host in {row.id, row.name}}
    here = [(key, row) for key, row in state.containers.items() if row.host_id in hosts]
    found = [(key, row) for key, row in here if row.name == name]
    if not found and len(name) >= _SHORTEST_ID:
        found = [(key, row) for key, row in here if row.id.startswith(name.lower())]
    return [key for key, _ in found]
