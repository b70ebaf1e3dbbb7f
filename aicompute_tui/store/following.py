"""Keeps a reading of the store up to date: only the rows that the change feed names are read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

from aicompute_tui.store import fast
from aicompute_tui.store.id_parts import id_parts
from aicompute_tui.store.rows import ChangeRow, InstanceRow, NodeRow, Snapshot, SpendRow
from aicompute_tui.store.schema import open_read_only

MOST_CHANGES = 2_000
"""Beyond so many a whole reading costs no more."""
_PARTS = {
    "hosts": ("host_reports",),
    "connections": ("health_reports",),
    "servers": ("health_reports", "server_reports"),
}
"""Tables that others hold a part of the rows of."""
_MEASURED = ("hosts", "connections", "servers")
"""Read again each minute: what they were measured at is no news for the feed."""


class Follower:
    """One open connection for a poll of microseconds and for what changed. Every call may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._connection = open_read_only(path, fast.BUSY_SECONDS)
        self._minute = self._nodes_minute = self._measured_minute = -1.0

    def latest(self) -> int:
        return fast.latest_of(self._connection)

    def since(self, number: int, limit: int = 1000) -> list[ChangeRow]:
        """In order. A first number beyond `number` + 1 means that older ones were pruned: read everything anew."""
        query = "SELECT number, table_name, row_id FROM changes WHERE number > ? ORDER BY number LIMIT ?"
        return [ChangeRow._make(row) for row in self._connection.execute(query, (number, limit))]

    def renew(self, held: Snapshot, now: float) -> Snapshot | None:
        """`held` as it stands now, with the same objects for rows that did not change; None: read everything anew."""
        self._connection.execute("BEGIN")
        try:
            changes = self.since(held.latest_change, MOST_CHANGES + 1)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version != held.schema_version or not _follows(changes, held.latest_change, self.latest()):
                return None
            touched: dict[str, set[str]] = defaultdict(set)
            for change in changes:
                touched[change.table_name].add(change.row_id)
            for table, parts in _PARTS.items():
                touched[table] |= set().union(*(touched[part] for part in parts))
            fresh = self._with_instances(held, touched["instances"], now)
            if fresh is None:
                return None
            fresh = self._with_nodes(fresh, touched["node_reports"], now)
            fresh = self._with_tables(fresh, touched, self._measured(fresh, now))
            return fresh._replace(latest_change=changes[-1].number if changes else held.latest_change)
        finally:
            self._connection.rollback()

    def utilisation(self, held: Snapshot | None, now: float) -> dict[str, tuple[float | None, ...]]:
        """Read once a minute: its line moves no faster."""
        minute = now - now % 60
        if held is not None and minute == self._minute:
            return held.utilisation
        self._minute = minute
        return fast.utilisation(self._connection, now)

    def close(self) -> None:
        self._connection.close()

    def _with_instances(self, held: Snapshot, touched: Collection[str], now: float) -> Snapshot | None:
        """None where a machine that had left the view changed: it is known there by its costs alone."""
        shown_since = now - fast.ENDED_SHOWN_SECONDS
        left = {row.id for row in held.instances if row.is_final and (row.ended_at or 0.0) < shown_since}
        if not touched and not left:
            return held
        if not left.isdisjoint(touched):
            return None
        by_id = {row.id: row for row in held.instances if row.id not in left}
        spent = [*held.spent, *(_spend(row) for row in held.instances if row.id in left)]
        came, gone = False, set(touched)
        for row in map(InstanceRow._make, self._rows(fast.INSTANCES_BY_ID, touched)):
            is_new = row.id not in by_id
            if (is_new and row.requested_at < shown_since) or (row.is_final and (row.ended_at or 0.0) < shown_since):
                return None
            came = came or is_new
            gone.discard(row.id)
            if is_new or by_id[row.id] != row:
                by_id[row.id] = row
        instances = [row for row in by_id.values() if row.id not in gone]
        if came:
            instances.sort(key=attrgetter("requested_at", "id"), reverse=True)
        return held._replace(instances=instances, spent=spent)

    def _with_nodes(self, held: Snapshot, touched: Collection[str], now: float) -> Snapshot:
        """All of them once a minute: figures that move by themselves are no news for the feed."""
        minute = now - now % 60
        if minute != self._nodes_minute:
            self._nodes_minute = minute
            return held._replace(nodes=fast.nodes_of(self._connection))
        if not touched:
            return held
        nodes = {row_id: row for row_id, row in held.nodes.items() if row_id not in touched}
        for row in map(NodeRow._make, self._rows(fast.NODES_BY_ID, touched)):
            nodes[row.instance_id] = row
        return held._replace(nodes=nodes)

    def _measured(self, held: Snapshot, now: float) -> Collection[str]:
        """The tables whose figures move by themselves, once a minute where they have rows."""
        minute = now - now % 60
        if minute == self._measured_minute:
            return ()
        self._measured_minute = minute
        return [table for table in _MEASURED if getattr(held, table)]

    def _with_tables(self, held: Snapshot, touched: dict[str, set[str]], measured: Collection[str]) -> Snapshot:
        """The small tables are read whole where anything in them changed."""
        for table, read in fast.SMALL_TABLES.items():
            if touched[table] or table in measured:
                held = held._replace(**{table: read(self._connection)})
        return held

    def _rows(self, query: str, row_ids: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        for part in id_parts(row_ids):
            yield from self._connection.execute(query.format(",".join("?" * len(part))), part)


def _follows(changes: list[ChangeRow], number: int, latest: int) -> bool:
    """Whether they are all there is after `number`, without a gap."""
    if not changes:
        return latest == number
    return len(changes) <= MOST_CHANGES and changes[0].number == number + 1


def _spend(row: InstanceRow) -> SpendRow:
    return SpendRow(
        requested_at=row.requested_at,
        launched_at=row.launched_at,
        ended_at=row.ended_at,
        settled_nano_usd=row.settled_nano_usd,
        price_usd_per_hour=row.price_usd_per_hour,
        gpu_count=row.gpu_count,
    )
