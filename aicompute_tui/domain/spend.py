"""What the machines have cost this month and may still cost, in nano-dollars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.money import accrued_nano_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """`unpriced_count` machines have no known price and are in none of the sums."""

    month_to_date_nano_usd: int
    committed_nano_usd: int
    burn_usd_per_hour: Decimal
    unpriced_count: int

    @property
    def total_nano_usd(self) -> int:
        return self.month_to_date_nano_usd + self.committed_nano_usd


def month_start(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_end(now: datetime) -> datetime:
    year, month = divmod(now.year * 12 + now.month, 12)
    return month_start(now).replace(year=year, month=month + 1)


def cost_since_nano_usd(instance: Instance, since: datetime, now: datetime) -> int:
    """The part of a machine's cost that fell after `since`, at its present price where it began before."""
    cost = instance.cost_nano_usd(now) or 0
    began = instance.launched_at or instance.requested_at
    if began >= since:
        return cost
    stopped = instance.billed_until or instance.ended_at or instance.state_since
    ended = stopped if instance.billing_since is None else now
    if ended <= since:
        return 0
    if instance.price_usd_per_hour is None:
        return cost
    return min(cost, accrued_nano_usd(instance.price_usd_per_hour, ended - since))


def committed_nano_usd(price_usd_per_hour: Decimal, expires_at: datetime | None, now: datetime) -> int:
    """What it costs until its end, or until the month's end where it has none."""
    return accrued_nano_usd(price_usd_per_hour, (expires_at or month_end(now)) - now)


def spend(instances: Iterable[Instance], now: datetime) -> Spend:
    """Month to date of all `instances`, and price × remaining TTL of those that still run or may."""
    since = month_start(now)
    month = committed = unpriced = 0
    burn = Decimal(0)
    for instance in instances:
        month += cost_since_nano_usd(instance, since, now)
        if instance.is_final or (instance.billing_since is None and instance.remote_id is not None):
            continue
        if instance.price_usd_per_hour is None:
            unpriced += 1
            continue
        # Nobody knows what a doubtful launch has cost already, so all of its life stands as promised.
        since_when = instance.requested_at if instance.state is InstanceState.UNKNOWN else now
        committed += committed_nano_usd(instance.price_usd_per_hour, instance.expires_at, since_when)
        burn += instance.price_usd_per_hour
    return Spend(
        month_to_date_nano_usd=month, committed_nano_usd=committed, burn_usd_per_hour=burn, unpriced_count=unpriced
    )
