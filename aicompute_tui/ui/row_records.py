"""Rows of the console as the records programs see: the same keys, units and times as the command line prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.store.rows import InstanceRow, JobRow, SightingRow
from aicompute_tui.ui.state import ConsoleState

_MOMENTS = frozenset({"launched_at", "first_seen_at", "last_seen_at", "created_at", "started_at", "ended_at"})


def record_of(state: ConsoleState, row_id: str, now: float) -> JsonObject | None:
    """A machine, a sighting or a job; None where there is no such row."""
    if row_id in state.instances:
        return instance_record(state.instances[row_id], now)
    if row_id in state.sightings:
        sighting = state.sightings[row_id]
        since = sighting.launched_at
        return {**_plain_record(sighting), "uptime_seconds": None if since is None else max(0, int(now - since))}
    return _plain_record(state.jobs[row_id]) if row_id in state.jobs else None


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
