"""How long nobody has checked a connection or a server that was well: what is told of it is what was true then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aicompute_tui.domain.health import HealthReport, HealthState
from aicompute_tui.store.rows import ConnectionRow, ServerRow

_INTERVAL = "health_interval_seconds"
_USUAL_SECONDS = 30.0
_INTERVALS = 3
LEFT_ALONE_SECONDS = 3_600.0
"""So long at most a check waits for one that asks to be left alone."""
_SPARE_SECONDS = 90.0
"""The console reads what was checked once a minute, and checks are written down together."""


def unchecked_after(settings: Mapping[str, str]) -> float:
    """Seconds without a check after which what one told is old: three intervals of those that are stored."""
    told = settings.get(_INTERVAL, "")
    return _INTERVALS * (float(told) if told.isdigit() else _USUAL_SECONDS) + _SPARE_SECONDS


def unchecked_seconds(report: HealthReport | None, now: datetime, interval_seconds: float) -> float | None:
    """The same of a report of what is in use."""
    if report is None or report.checked_at is None or report.state in (HealthState.DOWN, HealthState.WAITING):
        return None
    ago = (now - report.checked_at).total_seconds()
    rest = LEFT_ALONE_SECONDS if report.problem_kind == "RateLimited" else 0.0
    return ago if ago >= _INTERVALS * interval_seconds + _SPARE_SECONDS + rest else None


def unchecked_for(row: ConnectionRow | ServerRow, now: float, after: float) -> float | None:
    """In seconds; None where it is checked, rests, is known to be down, or was never checked at all.

    One that asked to be left alone is left alone for an hour at most: until then it is no sign that nobody looks.
    """
    if not row.is_active or row.checked_at is None or row.state in ("down", "waiting"):
        return None
    ago = now - row.checked_at
    rest = LEFT_ALONE_SECONDS if row.problem_kind == "RateLimited" else 0.0
    return ago if ago >= after + rest else None
