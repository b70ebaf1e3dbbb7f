"""Rows of the console as the records programs see: the same keys, units and times as the command line prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.store.rows import ContainerRow, HostRow, InstanceRow, JobRow, SightingRow
from aicompute_tui.ui.state import ConsoleState

_HOST_FACTS = (
    "engine",
    "engine_version",
    "api_version",
    "operating_system",
    "architecture",
    "cpus",
    "memory_bytes",
    "gpus",
    "runtimes",
    "free_disk_bytes",
    "containers",
    "running",
    "images",
)
_MOMENTS = frozenset({"launched_at", "first_seen_at", "last_seen_at", "created_at", "started_at", "ended_at"})


def record_of(state: ConsoleState, row_id: str, now: float) -> JsonObject | None:
    """A machine, a sighting, a container, a connection, a host or a job; None where there is no such row."""
    if row_id in state.instances:
        return instance_record(state.instances[row_id], now)
    if row_id in state.sightings:
        sighting = state.sightings[row_id]
        since = sighting.launched_at
        return {**_plain_record(sighting), "uptime_seconds": None if since is None else max(0, int(now - since))}
    if row_id in state.containers:
        row = state.containers[row_id]
        return container_record(row, state.hosts.get(row.host_id), now)
    if row_id in state.connections or row_id in state.servers:
        return _answering_record(state, row_id)
    if row_id in state.hosts:
        return host_record(state.hosts[row_id], now)
    return _plain_record(state.jobs[row_id]) if row_id in state.jobs else None


def _answering_record(state: ConsoleState, row_id: str) -> JsonObject:
    """Of what answers prompts."""
    if row_id in state.servers:
        from aicompute_tui.ui.server_records import server_record

        return server_record(state.servers[row_id])
    from aicompute_tui.ui.connection_records import connection_record

    return connection_record(state.connections[row_id])


def instance_record(row: InstanceRow, now: float) -> JsonObject:
    """What the snapshot knows of a machine; `instance.show` knows all."""
    until = row.ended_at if row.ended_at is not None else now
    return {
        "id": row.id,
        "name": row.name,
        "cloud": row.cloud,
        "remote_id": row.remote_id,
        "region": row.region,
        "zone": row.zone,
        "instance_type": row.instance_type,
        "market": row.market,
        "state": row.state,
        "desired_state": row.desired_state,
        "price_usd_per_hour": row.price_usd_per_hour,
        "price_source": row.price_source,
        "cost_usd": _usd(row.cost_nano_usd(now)),
        "endpoint": row.endpoint,
        "node_endpoint": row.node_endpoint,
        "public_address": row.public_address,
        "expires_at": _moment(row.expires_at),
        "node_expires_at": _moment(row.node_expires_at),
        "ttl_seconds": row.ttl_seconds,
        "idle_seconds": row.idle_seconds,
        "protected": bool(row.protected),
        "owner": row.owner,
        "account_id": row.account_id,
        "credential_id": row.credential_id,
        "gpu_name": row.gpu_name,
        "gpu_count": row.gpu_count,
        "gpu_memory_mib": row.gpu_memory_mib,
        "framework": row.framework,
        "models": _models(row.models),
        "uptime_seconds": None if row.launched_at is None else max(0, int(until - row.launched_at)),
        "requested_at": _moment(row.requested_at),
        "launched_at": _moment(row.launched_at),
        "ended_at": _moment(row.ended_at),
        "end_reason": row.end_reason,
        "last_seen_at": _moment(row.last_seen_at),
        "error_kind": row.error_kind,
        "error_message": row.error_message,
        "version": row.version,
    }


def container_record(row: ContainerRow, host: HostRow | None, now: float) -> JsonObject:
    """What `container list` tells of it; `container.show` asks its host for the rest."""
    is_up = row.is_alive and host is not None and host.state == "up" and row.started_at is not None
    return {
        "host": None if host is None else host.name,
        "host_id": row.host_id,
        "host_state": None if host is None else host.state,
        "id": row.id,
        "name": row.name,
        "image": row.image,
        "state": row.state,
        "health": None if row.health == "none" else row.health,
        "exit_code": row.exit_code,
        "out_of_memory": bool(row.is_out_of_memory),
        "error": row.error or None,
        "restart_count": row.restart_count,
        "restart_policy": row.restart_policy or None,
        "up_seconds": max(0, int(now - (row.started_at or 0))) if is_up else None,
        "ports": [*port_texts(row)],
        "gpus": gpu_text(row),
        "project": row.project or None,
        "command": row.command or None,
        "image_id": row.image_id or None,
        "labels": _json(row.labels, {}),
        "created_at": _moment(row.created_at),
        "started_at": _moment(row.started_at),
        "finished_at": _moment(row.finished_at),
        "seen_seconds_ago": None if host is None or host.read_at is None else max(0, int(now - host.read_at)),
    }


def port_texts(row: ContainerRow) -> list[str]:
    """As docker writes them: `127.0.0.1:8080->80/tcp`."""
    return [_port(*each) for each in _json(row.ports, [])]


def gpu_text(row: ContainerRow) -> str | None:
    """`all`, a count, or ids; None where it asked for none."""
    gpus = _json(row.gpus, None)
    if gpus is None:
        return None
    ids = ",".join(gpus["device_ids"])
    return ids or ("all" if gpus["count"] < 0 else str(gpus["count"]))


def host_record(row: HostRow, now: float) -> JsonObject:
    """What `host list` tells of it but for its owner's files."""
    facts = _json(row.facts, {})
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "url": row.url,
        "state": row.state,
        "answered_seconds_ago": None if row.read_at is None else max(0, int(now - row.read_at)),
        "problem": row.problem or None,
        "next_step": row.next_step or None,
        **{name: facts.get(name) for name in _HOST_FACTS},
        "address": row.address,
        "environment": row.environment,
        "since": _moment(row.since),
        "owner": row.owner,
        "created_at": _moment(row.created_at),
        "version": row.version,
    }


def _port(container_port: int, protocol: str, address: str, host_port: int | None) -> str:
    inside = f"{container_port}/{protocol}"
    if host_port is None:
        return inside
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{host_port}->{inside}" if shown else f"{host_port}->{inside}"


def _json(text: str, absent: Any) -> Any:
    return json.loads(text) if text else absent


def _plain_record(row: SightingRow | JobRow) -> JsonObject:
    values: JsonObject = row._asdict()
    return {
        name: _moment(value) if name in _MOMENTS and isinstance(value, (int, float)) else value
        for name, value in values.items()
    }


def _models(text: str) -> Json:
    try:
        models: Json = json.loads(text)
    except ValueError:
        return []
    return models


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else round(nano_usd / NANO_PER_USD, 6)


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else format_moment(datetime.fromtimestamp(seconds, UTC))
