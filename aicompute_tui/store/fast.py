"""What the console paints first, read with the standard library alone and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

from aicompute_tui.store.rows import (
    SPEND_DAYS,
    UTILISATION_MINUTES,
    ConnectionRow,
    ContainerRow,
    CredentialRow,
    EventRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    QuotaRequestRow,
    ServerRow,
    SightingRow,
    Snapshot,
    SpendRow,
    TunnelRow,
    day_start,
    month_start,
)
from aicompute_tui.store.schema import SCHEMA_VERSION, SchemaState, open_read_only, schema_state

__all__ = [
    "SCHEMA_VERSION",
    "CredentialRow",
    "EventRow",
    "InstanceRow",
    "JobRow",
    "SchemaState",
    "SightingRow",
    "Snapshot",
    "SpendRow",
    "latest_change",
    "read_snapshot",
    "schema_state",
]

BUSY_SECONDS = 0.1
ENDED_SHOWN_SECONDS = 3600.0


def _select(kind: type[tuple[Any, ...]], rest: str) -> str:
    """A query for the fields of a row type: microseconds become seconds, a price in text becomes a float."""
    columns = []
    for name, annotation in kind.__annotations__.items():
        if name == "price_usd_per_hour":
            columns.append("CAST(price_usd_per_hour AS REAL) AS price_usd_per_hour")
        elif "float" in str(annotation):
            columns.append(f"{name} / 1e6 AS {name}")
        else:
            columns.append(name)
    return f"SELECT {', '.join(columns)} FROM {rest}"  # noqa: S608 - only constants of this module come here


_FINAL = "state IN ('terminated', 'failed')"
_FINAL_JOB = "state IN ('done', 'failed', 'cancelled')"
_LIVE = _select(InstanceRow, f"instances WHERE NOT {_FINAL}")
_ENDED = _select(InstanceRow, f"instances WHERE {_FINAL} AND ended_at >= ?")
INSTANCES_BY_ID = _select(InstanceRow, "instances WHERE id IN ({})")
_SPENT = _select(SpendRow, f"instances WHERE {_FINAL} AND ended_at >= ? AND ended_at < ?")
_LAST_END = f"SELECT max(ended_at) / 1e6 FROM instances WHERE {_FINAL}"  # noqa: S608 - a constant
_SIGHTINGS = _select(SightingRow, "sightings ORDER BY first_seen_at, remote_id")
# Qualified names sort by the column and its index, not by the seconds of the same name; `+` keeps off the state's.
_OPEN_JOBS = _select(JobRow, f"jobs WHERE NOT {_FINAL_JOB} ORDER BY jobs.created_at DESC LIMIT 20")
_LAST_JOBS = _select(JobRow, f"jobs WHERE +{_FINAL_JOB} ORDER BY jobs.ended_at DESC LIMIT 10")
_EVENTS = _select(EventRow, "events ORDER BY position DESC LIMIT 20")
_NODES = _select(NodeRow, "node_reports")
NODES_BY_ID = _select(NodeRow, "node_reports WHERE instance_id IN ({})")
_TUNNELS = _select(TunnelRow, "tunnels ORDER BY tunnels.instance_id, tunnels.remote_port")
_HOSTS = _select(
    HostRow,
    "(SELECT hosts.*, coalesce(r.state, 'waiting') AS state, r.read_at, r.since, coalesce(r.facts, '') AS facts,"
    " coalesce(r.problem_kind, '') AS problem_kind, coalesce(r.problem, '') AS problem,"
    " coalesce(r.next_step, '') AS next_step"
    " FROM hosts LEFT JOIN host_reports r ON r.host_id = hosts.id) ORDER BY name, id",
)
_CONTAINERS = _select(ContainerRow, "containers ORDER BY name, host_id, containers.id")
_HEALTH = (
    "coalesce(h.state, 'waiting') AS state, h.since, h.checked_at, h.latency_microseconds AS latency_seconds,"
    " coalesce(h.failures, 0) AS failures, coalesce(h.problem_kind, '') AS problem_kind,"
    " coalesce(h.problem, '') AS problem, coalesce(h.next_step, '') AS next_step,"
    " coalesce(h.is_held_back, 0) AS is_held_back"
)
_CONNECTIONS = _select(
    ConnectionRow,
    f"(SELECT c.*, c.secret_id IS NOT NULL AS has_key, {_HEALTH},"  # noqa: S608 - a constant
    " coalesce((SELECT max(at) FROM calls WHERE connection_id = c.id),"
    " (SELECT max(at) FROM call_hours WHERE connection_id = c.id)) AS used_at"
    " FROM connections c LEFT JOIN health_reports h ON h.target_id = c.id) ORDER BY name, id",
)
_SERVERS = _select(
    ServerRow,
    f"(SELECT s.*, s.secret_id IS NOT NULL AS has_key, {_HEALTH}, r.read_at,"  # noqa: S608 - a constant
    " coalesce(r.server_version, '') AS server_version, coalesce(r.models, '') AS models,"
    " coalesce(r.figures, '') AS figures"
    " FROM servers s LEFT JOIN health_reports h ON h.target_id = s.id"
    " LEFT JOIN server_reports r ON r.server_id = s.id) ORDER BY name, id",
)
_QUOTA_REQUESTS = _select(QuotaRequestRow, "quota_requests ORDER BY quota_requests.created_at DESC, id LIMIT 200")
_UTILISATION = (
    "SELECT instance_id, (at - ?) / 60000000 AS minute, avg(utilisation_percent) FROM gpu_samples"
    " WHERE span_seconds = 30 AND at >= ? AND utilisation_percent IS NOT NULL GROUP BY instance_id, minute"
)
_CREDENTIALS = _select(CredentialRow, "credentials ORDER BY id")
_LATEST_CHANGE = "SELECT value FROM counters WHERE name = 'changes'"


def read_snapshot(path: Path, now: float | None = None, *, with_utilisation: bool = False) -> Snapshot | None:
    """What the store holds for a first paint, None where there is no database yet. Never raises for a bad file.

    `now` (seconds since 1970) sets which ended machines still count; without it the last end stands for now.
    """
    try:
        state = schema_state(path, BUSY_SECONDS)
        if state.is_absent:
            return None
        if not state.is_current:
            return _unread(state.version, _version_problem(state))
        connection = open_read_only(path, BUSY_SECONDS)
        try:
            connection.execute("BEGIN")
            return _read(connection, now, with_utilisation=with_utilisation)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        return _unread(0, _problem(error))


def latest_change(path: Path) -> int:
    """The number of the last change, 0 where the database is absent or cannot be read."""
    try:
        connection = open_read_only(path, BUSY_SECONDS)
    except sqlite3.Error:
        return 0
    try:
        return latest_of(connection)
    except sqlite3.Error:
        return 0
    finally:
        connection.close()


def latest_of(connection: sqlite3.Connection) -> int:
    """The number of the last change."""
    row = connection.execute(_LATEST_CHANGE).fetchone()
    return int(row[0]) if row else 0


def _read(connection: sqlite3.Connection, now: float | None, *, with_utilisation: bool) -> Snapshot:
    def value(query: str) -> Any:
        row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    moment = now if now is not None else value(_LAST_END) or 0.0
    shown = round((moment - ENDED_SHOWN_SECONDS) * 1e6)
    counted = round(min(month_start(moment), day_start(moment) - (SPEND_DAYS - 1) * 86_400) * 1e6)
    instances = list(map(InstanceRow._make, connection.execute(_LIVE)))
    instances += map(InstanceRow._make, connection.execute(_ENDED, (shown,)))
    instances.sort(key=attrgetter("requested_at", "id"), reverse=True)
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        store_id=value("SELECT value FROM facts WHERE key = 'store_id'") or "",
        latest_change=value(_LATEST_CHANGE) or 0,
        instances=instances,
        sightings=_sightings(connection),
        jobs=_jobs(connection),
        events=_events(connection),
        credentials=_credentials(connection),
        settings=_settings(connection),
        nodes=nodes_of(connection),
        tunnels=_tunnels(connection),
        hosts=_hosts(connection),
        containers=_containers(connection),
        connections=_connections(connection),
        servers=_servers(connection),
        quota_requests=_quota_requests(connection),
        spent=list(map(SpendRow._make, connection.execute(_SPENT, (counted, shown)))),
        utilisation=utilisation(connection, moment) if with_utilisation else {},
    )


def nodes_of(connection: sqlite3.Connection) -> dict[str, NodeRow]:
    """By machine, as `Snapshot.nodes` has it."""
    return {row.instance_id: row for row in map(NodeRow._make, connection.execute(_NODES))}


def _sightings(connection: sqlite3.Connection) -> list[SightingRow]:
    return list(map(SightingRow._make, connection.execute(_SIGHTINGS)))


def _jobs(connection: sqlite3.Connection) -> list[JobRow]:
    return [JobRow._make(row) for query in (_OPEN_JOBS, _LAST_JOBS) for row in connection.execute(query)]


def _events(connection: sqlite3.Connection) -> list[EventRow]:
    return list(map(EventRow._make, connection.execute(_EVENTS)))


def _credentials(connection: sqlite3.Connection) -> list[CredentialRow]:
    return list(map(CredentialRow._make, connection.execute(_CREDENTIALS)))


def _settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM settings"))


def _tunnels(connection: sqlite3.Connection) -> list[TunnelRow]:
    return list(map(TunnelRow._make, connection.execute(_TUNNELS)))


def _hosts(connection: sqlite3.Connection) -> list[HostRow]:
    return list(map(HostRow._make, connection.execute(_HOSTS)))


def _containers(connection: sqlite3.Connection) -> list[ContainerRow]:
    return list(map(ContainerRow._make, connection.execute(_CONTAINERS)))


def _connections(connection: sqlite3.Connection) -> list[ConnectionRow]:
    return list(map(ConnectionRow._make, connection.execute(_CONNECTIONS)))


def _servers(connection: sqlite3.Connection) -> list[ServerRow]:
    return list(map(ServerRow._make, connection.execute(_SERVERS)))


def _quota_requests(connection: sqlite3.Connection) -> list[QuotaRequestRow]:
    return list(map(QuotaRequestRow._make, connection.execute(_QUOTA_REQUESTS)))


SMALL_TABLES: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "sightings": _sightings,
    "jobs": _jobs,
    "events": _events,
    "credentials": _credentials,
    "settings": _settings,
    "tunnels": _tunnels,
    "hosts": _hosts,
    "containers": _containers,
    "connections": _connections,
    "servers": _servers,
    "quota_requests": _quota_requests,
}
"""Fields of a snapshot, by the name of their table too, that are read whole."""


def utilisation(connection: sqlite3.Connection, now: float) -> dict[str, tuple[float | None, ...]]:
    """By machine, as `Snapshot.utilisation` has it. Whole minutes of the clock, so that a line moves once a minute."""
    began = round((now - now % 60 - (UTILISATION_MINUTES - 1) * 60) * 1e6)
    found: dict[str, list[float | None]] = {}
    for instance_id, minute, percent in connection.execute(_UTILISATION, (began, began)):
        if minute < UTILISATION_MINUTES:
            found.setdefault(instance_id, [None] * UTILISATION_MINUTES)[minute] = percent
    return {instance_id: tuple(minutes) for instance_id, minutes in found.items()}


def _unread(version: int, problem: str) -> Snapshot:
    return Snapshot(version, "", 0, [], [], [], [], [], {}, [], problem)


def _version_problem(state: SchemaState) -> str:
    if state.is_foreign:
        return "The database file was made by another program."
    if state.is_newer:
        return "The database was made by a newer aic-tui: upgrade this one."
    return "The database is of an older version: the agent upgrades it."


def _problem(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "The database is busy; it is read again in a moment."
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "The database file is damaged: put back a backup with “aic-tui restore”."
    if isinstance(error, OSError) or code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return "The database file cannot be opened: is it yours to read?"
    return "The database cannot be read: run “aic-tui doctor”."
