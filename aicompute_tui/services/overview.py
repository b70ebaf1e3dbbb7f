"""Everything at a glance, for programs: what runs, what it costs, and what needs a person."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.services.attention import OF_CONNECTIONS, OF_CONTAINERS, OF_QUOTAS, OF_SERVERS, Need, needs
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.figures import figures
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.fast import read_snapshot
from aicompute_tui.store.rows import (
    ConnectionRow,
    ContainerRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    QuotaRequestRow,
    ServerRow,
    SightingRow,
    Snapshot,
    TunnelRow,
)

_NAMED: Mapping[str, str] = {
    "orphan": "sighting", "job-failed": "job", "store": "store", "host-down": "host",
    **dict.fromkeys(OF_CONTAINERS, "container"),
    **dict.fromkeys(OF_CONNECTIONS, "connection"),
    **dict.fromkeys(OF_SERVERS, "server"),
    **dict.fromkeys(OF_QUOTAS, "quota"),
}  # fmt: skip
"""What a need is about where that is not a machine."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """A reading by id; sightings by the cloud's id."""

    instances: dict[str, InstanceRow]
    nodes: dict[str, NodeRow]
    sightings: dict[str, SightingRow]
    jobs: dict[str, JobRow]
    tunnels: dict[str, tuple[TunnelRow, ...]] = field(default_factory=dict)
    hosts: dict[str, HostRow] = field(default_factory=dict)
    containers: dict[str, ContainerRow] = field(default_factory=dict)
    connections: dict[str, ConnectionRow] = field(default_factory=dict)
    servers: dict[str, ServerRow] = field(default_factory=dict)
    quota_requests: dict[str, QuotaRequestRow] = field(default_factory=dict)
    problem: str = ""


async def show(context: Context, arguments: Arguments) -> JsonObject:  # noqa: ARG001
    """Handler of `overview.show`: the figures of the console's dashboard. Raises BadAnswer for an unreadable store."""
    now = context.clock.now().timestamp()
    path = context.store.database_path
    snapshot = None if path is None else await asyncio.to_thread(read_snapshot, path, now)
    if snapshot is None or snapshot.problem:
        raise BadAnswer(snapshot.problem if snapshot else "There is no database yet.", "Run `aic-tui doctor`.")
    return overview_view(snapshot, now)


def overview_view(snapshot: Snapshot, now: float) -> JsonObject:
    """Money in dollars, days in UTC, today last; `unpriced_machines` are in none of the sums."""
    found = figures(snapshot, now)
    return {
        "machines_running": found.running,
        "machines_total": found.total,
        "burn_usd_per_hour": round(found.burn_usd_per_hour, 6),
        "unpriced_machines": found.unpriced_count,
        "spent_today_usd": _usd(found.today_nano_usd),
        "spent_month_usd": _usd(found.month_nano_usd),
        "gpu_hours_month": round(found.gpu_hours_month, 2),
        "containers_running": found.containers_running,
        "hosts_up": found.hosts_up,
        "hosts_total": found.hosts,
        "needs": [need_view(need) for need in needs(_rows(snapshot), now)],
        "spend_by_day": _by_day(snapshot, now),
    }


def need_view(need: Need) -> JsonObject:
    return {
        "level": need.level,
        "kind": need.kind,
        "subject": need.subject,
        "text": need.text,
        "next_step": next_command(need),
        "since": None if need.since is None else moment_or_none(datetime.fromtimestamp(need.since, UTC)),
        "about": _NAMED.get(need.kind, "instance"),
        "id": need.row_id,
    }


def next_command(need: Need) -> str:
    """The command that mends it, or that shows more of it."""
    if need.kind == "store":
        return "aic-tui doctor"
    if need.kind in OF_QUOTAS:
        return "aic-tui quota requests"
    if need.kind == "job-failed":
        return f"aic-tui job {'retry' if need.action_id == 'job.retry' else 'show'} {need.row_id}"
    words = (need.action_id or "instance.show").replace(".", " ")
    return f"aic-tui {words} {need.row_id if need.kind == 'orphan' else shlex.quote(need.subject)}"


def _by_day(snapshot: Snapshot, now: float) -> list[Json]:
    today = datetime.fromtimestamp(now, UTC).date()
    spent = snapshot.spent_by_day_nano_usd(now)
    return [
        {"day": (today - timedelta(days=back)).isoformat(), "usd": _usd(nano)}
        for back, nano in zip(range(len(spent) - 1, -1, -1), spent, strict=True)
    ]


def _rows(snapshot: Snapshot) -> _Rows:
    rows = _Rows(
        {row.id: row for row in snapshot.instances},
        snapshot.nodes,
        {row.remote_id: row for row in snapshot.sightings},
        {row.id: row for row in snapshot.jobs},
        hosts={row.id: row for row in snapshot.hosts},
        containers={row.key: row for row in snapshot.containers},
        connections={row.id: row for row in snapshot.connections},
        servers={row.id: row for row in snapshot.servers},
        quota_requests={row.id: row for row in snapshot.quota_requests},
    )
    for tunnel in snapshot.tunnels:
        rows.tunnels[tunnel.instance_id] = (*rows.tunnels.get(tunnel.instance_id, ()), tunnel)
    return rows


def _usd(nano_usd: int) -> float:
    return round(nano_usd / NANO_PER_USD, 6)
