"""What `doctor` says of the health of connections and servers: which are down, and whether anybody looks."""

from __future__ import annotations

from aicompute_tui.domain.health import HealthReport, HealthState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import OK, UNKNOWN, WARNING, finding
from aicompute_tui.services.health import Target, active_targets, interval_seconds

_MISSED = 4
"""Looks; so many may be late before it is told that nobody looks."""


async def health_findings(context: Context) -> list[JsonObject]:
    """From what was written down; nothing is asked."""
    async with context.store.read() as transaction:
        targets = await active_targets(transaction)
        reports = await transaction.health_reports.list(target.id for target in targets)
    if not targets:
        return []
    rows = [_down(target, reports[target.id]) for target in targets if _is_down(reports.get(target.id))]
    moments = [report.checked_at for report in reports.values() if report.checked_at is not None]
    newest = max(moments, default=None)
    age = None if newest is None else (context.clock.now() - newest).total_seconds()
    if age is None or age > _MISSED * interval_seconds(context.preferences):
        step = "The agent looks while a console is open; to have it look always: aic-tui agent --install"
        return [*rows, finding("health", UNKNOWN, "nobody has looked at connections and servers lately", step)]
    return [*rows, finding("health", OK, f"{len(targets) - len(rows)} of {len(targets)} in use answer")]


def _is_down(report: HealthReport | None) -> bool:
    return report is not None and report.state is HealthState.DOWN


def _down(target: Target, report: HealthReport) -> JsonObject:
    held = ", out of use until it answers" if report.is_held_back else ""
    return finding(f"{target.kind.value} {target.row.name}", WARNING, f"{report.problem}{held}", report.next_step)
