"""What all machines burn and have cost, how many GPU hours they ran, and what runs in containers: header and cards."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.states import RUNNING_STATES
from aicompute_tui.services.health_age import unchecked_after, unchecked_for
from aicompute_tui.store.rows import ConnectionRow, InstanceRow, ServerRow, Snapshot, day_start, month_start

_ANSWERING = frozenset({"up", "degraded"})


@dataclass(frozen=True, slots=True)
class Figures:
    """`unpriced_count` machines run at a price nobody knows; they are in none of the sums."""

    running: int
    total: int
    burn_usd_per_hour: float
    unpriced_count: int
    today_nano_usd: int
    month_nano_usd: int
    gpu_hours_month: float
    seen_at: float | None
    """When a cloud last told of any of them; None where none is running."""
    containers_running: int = 0
    """Those on hosts that answer."""
    hosts_up: int = 0
    hosts: int = 0
    """Container hosts, those that do not answer too."""
    connections_healthy: int = 0
    connections: int = 0
    """Connections in use, those held back too."""
    servers_online: int = 0
    servers: int = 0
    """Model servers in use."""


def figures(snapshot: Snapshot, now: float) -> Figures:
    """Days and months begin at midnight UTC."""
    living = [row for row in snapshot.instances if not row.is_final]
    billed = [row for row in living if _is_billed(row)]
    costs, month = snapshot.costs(now), month_start(now)
    connections = snapshot.connections
    up = {row.id for row in snapshot.hosts if row.state == "up"}
    after = unchecked_after(snapshot.settings)

    def is_of_now(row: ConnectionRow | ServerRow) -> bool:
        return unchecked_for(row, now, after) is None

    return Figures(
        running=sum(1 for row in living if row.state in RUNNING_STATES),
        total=len(living),
        burn_usd_per_hour=sum(row.price_usd_per_hour or 0.0 for row in billed),
        unpriced_count=sum(1 for row in billed if row.price_usd_per_hour is None),
        today_nano_usd=costs.since(day_start(now)),
        month_nano_usd=costs.since(month),
        gpu_hours_month=costs.gpu_hours_since(month),
        seen_at=max((row.last_seen_at for row in living if row.last_seen_at is not None), default=None),
        containers_running=sum(1 for row in snapshot.containers if row.is_alive and row.host_id in up),
        hosts_up=len(up),
        hosts=len(snapshot.hosts),
        connections_healthy=sum(
            row.is_active and not row.is_held_back and row.state == "up" and is_of_now(row) for row in connections
        ),
        connections=sum(1 for row in connections if row.is_active),
        servers_online=sum(
            1 for row in snapshot.servers if row.is_active and row.state in _ANSWERING and is_of_now(row)
        ),
        servers=sum(1 for row in snapshot.servers if row.is_active),
    )


def _is_billed(row: InstanceRow) -> bool:
    """It costs now, or may: nobody has yet heard from the cloud whether it exists."""
    return row.billing_since is not None or row.remote_id is None
