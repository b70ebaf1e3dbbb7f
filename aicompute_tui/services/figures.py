"""What all machines burn and have cost, and how many GPU hours they ran: the figures of header, cards and chart."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.instance import RUNNING_STATES
from aicompute_tui.store.rows import InstanceRow, Snapshot, day_start, month_start


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


def figures(snapshot: Snapshot, now: float) -> Figures:
    """Days and months begin at midnight UTC."""
    living = [row for row in snapshot.instances if not row.is_final]
    billed = [row for row in living if _is_billed(row)]
    costs, month = snapshot.costs(now), month_start(now)
    return Figures(
        running=sum(1 for row in living if row.state in RUNNING_STATES),
        total=len(living),
        burn_usd_per_hour=sum(row.price_usd_per_hour or 0.0 for row in billed),
        unpriced_count=sum(1 for row in billed if row.price_usd_per_hour is None),
        today_nano_usd=costs.since(day_start(now)),
        month_nano_usd=costs.since(month),
        gpu_hours_month=costs.gpu_hours_since(month),
        seen_at=max((row.last_seen_at for row in living if row.last_seen_at is not None), default=None),
    )


def _is_billed(row: InstanceRow) -> bool:
    """It costs now, or may: nobody has yet heard from the cloud whether it exists."""
    return row.billing_since is not None or row.remote_id is None
