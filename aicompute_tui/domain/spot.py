"""The spot market: how a price moved, and how likely a wish is to come true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPoint:
    """From `at` on a machine costs this in a zone."""

    zone: str
    at: datetime
    usd_per_hour: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementScore:
    """From 1 to 10. `zone_id` is the same for every account; `zone` is the account's own name for it, where known."""

    region: str
    zone_id: str
    zone: str | None
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneHistory:
    """One zone's price over a span of time; `points` begin with the price in force at its beginning, where known."""

    zone: str
    points: tuple[SpotPoint, ...]
    days: float

    @property
    def now(self) -> Decimal:
        return self.points[-1].usd_per_hour

    @property
    def least(self) -> Decimal:
        return min(point.usd_per_hour for point in self.points)

    @property
    def most(self) -> Decimal:
        return max(point.usd_per_hour for point in self.points)

    @property
    def changes_per_day(self) -> float:
        """How often the price became another one."""
        pairs = zip(self.points, self.points[1:], strict=False)
        changes = sum(before.usd_per_hour != after.usd_per_hour for before, after in pairs)
        return changes / self.days if self.days else 0.0

    @property
    def median(self) -> Decimal:
        """Of all prices that were told."""
        return median(point.usd_per_hour for point in self.points)


def by_zone(points: Sequence[SpotPoint], since: datetime, until: datetime) -> list[ZoneHistory]:
    """Cheapest now first. What was in force at `since` stands as a point of that moment."""
    found: dict[str, list[SpotPoint]] = {}
    for point in sorted(points, key=lambda each: each.at):
        if point.at > until:
            continue
        known = found.setdefault(point.zone, [])
        if point.at <= since:
            known[:] = [SpotPoint(zone=point.zone, at=since, usd_per_hour=point.usd_per_hour)]
        else:
            known.append(point)
    days = (until - since).total_seconds() / 86_400
    zones = [ZoneHistory(zone=zone, points=tuple(told), days=days) for zone, told in found.items()]
    return sorted(zones, key=lambda each: (each.now, each.zone))
