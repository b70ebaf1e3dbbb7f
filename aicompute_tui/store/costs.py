"""What machines have cost up to one moment, told apart by time; each machine is worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicompute_tui.store.rows import InstanceRow, SpendRow

_DAY = 86_400
_NANO_PER_HOUR = 3.6e-6
"""Dollars an hour times seconds, divided by this, are nano-dollars."""


class Costs:
    """The same rule as the ledger's; machines without a known price are in no sum of hours."""

    def __init__(self, living: Iterable[InstanceRow], ended: Iterable[SpendRow], now: float) -> None:
        self.now = now
        self._spans = [*(_of_instance(row, now) for row in living), *(_of_ended(row, now) for row in ended)]
        """(began, ended, nano-dollars, dollars an hour, GPUs) of each machine."""

    def since(self, moment: float) -> int:
        """Nano-dollars that fell after `moment`."""
        total = 0
        for began, ended, cost, price, _ in self._spans:
            total += cost if began >= moment else _part(ended, cost, price, moment)
        return total

    def by_day(self, days: int) -> list[int]:
        """What fell on each of the last days in UTC, today last; the present price stands for all days."""
        today = self.now - self.now % _DAY
        since = [0] * days
        """By days back: what fell after that midnight."""
        for began, ended, cost, price, _ in self._spans:
            for back in range(days):
                moment = today - back * _DAY
                if began >= moment:
                    since[back] += cost
                else:
                    since[back] += _part(ended, cost, price, moment)
                    continue
                for further in range(back + 1, days):
                    since[further] += cost
                break
        return [later - earlier for earlier, later in zip([0, *since], since, strict=False)][::-1]

    def gpu_hours_since(self, moment: float) -> float:
        """Billed hours times GPUs."""
        total = 0.0
        for began, ended, cost, price, gpus in self._spans:
            if price and gpus:
                total += (cost if began >= moment else _part(ended, cost, price, moment)) / 1e9 / price * gpus
        return total


def _of_instance(row: InstanceRow, now: float) -> tuple[float, float, int, float | None, int | None]:
    stopped = row.billed_until or row.ended_at or row.state_since
    ended = stopped if row.billing_since is None else now
    began = row.requested_at if row.launched_at is None else row.launched_at
    return began, ended, row.cost_nano_usd(now) or 0, row.price_usd_per_hour, row.gpu_count


def _of_ended(row: SpendRow, now: float) -> tuple[float, float, int, float | None, int | None]:
    began = row.requested_at if row.launched_at is None else row.launched_at
    ended = row.billed_until or row.ended_at or now
    return began, ended, row.settled_nano_usd or 0, row.price_usd_per_hour, row.gpu_count


def _part(ended: float, cost: int, price: float | None, moment: float) -> int:
    """Of a machine that began before `moment`."""
    if ended <= moment:
        return 0
    if price is None:
        return cost
    return min(cost, round(price * (ended - moment) / _NANO_PER_HOUR))
