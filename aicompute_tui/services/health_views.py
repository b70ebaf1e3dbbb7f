"""How what was added has answered: state, share of good checks, latencies, and both over time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.health import HealthReport, HealthSample, TargetKind
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.health import Target
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.health import Latencies, Uptime

UPTIMES = (("uptime_24h_percent", timedelta(hours=24)), ("uptime_7d_percent", timedelta(days=7)),
           ("uptime_30d_percent", timedelta(days=30)))  # fmt: skip
_LONGEST = 365 * 86_400
_MOST_STRETCHES = 240
_WIDTHS = (30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800)


async def connection_health(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.health`: from what was checked; nothing is asked. Of one alone with its history."""
    return await _told(context, arguments, TargetKind.CONNECTION)


async def server_health(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.health`."""
    return await _told(context, arguments, TargetKind.SERVER)


async def _told(context: Context, arguments: Arguments, kind: TargetKind) -> Json:
    now = context.clock.now()
    since = now - timedelta(seconds=_seconds(text(arguments, "since") or "24h"))
    name = text(arguments, "name")
    async with context.store.read() as transaction:
        table = transaction.connections if kind is TargetKind.CONNECTION else transaction.servers
        found = await table.list() if name is None else [await table.find(name)]
        targets = [Target(kind, each) for each in found]
        rows = await _health(transaction, targets, since, now)
        if name is not None:
            rows[0]["samples"] = await _samples(transaction, targets[0], since, now)
    return [*rows]


def _seconds(value: str) -> int:
    seconds = parse_duration(value)
    if not 60 <= seconds <= _LONGEST:
        raise InvalidInput(f"“{value}” is not between a minute and a year.", "Write it like 24h, 7d or 30d.")
    return seconds


async def _health(transaction: Transaction, targets: list[Target], since: datetime, now: datetime) -> list[JsonObject]:
    ids = [target.id for target in targets]
    samples = transaction.health_samples
    reports = await transaction.health_reports.list(ids)
    latencies = await samples.latencies(ids, since, now)
    uptimes = {key: await samples.uptimes(ids, now - span, now) for key, span in UPTIMES}
    return [
        _view(target, reports.get(target.id), latencies.get(target.id))
        | _uptimes_view({key: found.get(target.id) for key, found in uptimes.items()})
        for target in targets
    ]


def _view(target: Target, report: HealthReport | None, latencies: Latencies | None) -> JsonObject:
    seen = report if report is not None and target.row.is_active else None
    return {
        "id": target.id,
        "name": target.row.name,
        "state": "inactive" if not target.row.is_active else seen.state.value if seen else "waiting",
        "is_held_back": bool(seen and seen.is_held_back),
        "since": moment_or_none(seen.since if seen else None),
        "checked_at": moment_or_none(seen.checked_at if seen else None),
        "latency_ms": _milliseconds(seen.latency_microseconds if seen else None),
        "failures": seen.failures if seen else 0,
        "problem_kind": (seen.problem_kind if seen else "") or None,
        "problem": (seen.problem if seen else "") or None,
        "next_step": (seen.next_step if seen else "") or None,
        "latency_p50_ms": _milliseconds(latencies.p50 if latencies else None),
        "latency_p95_ms": _milliseconds(latencies.p95 if latencies else None),
    }


async def _samples(transaction: Transaction, target: Target, since: datetime, now: datetime) -> list[Json]:
    least = (now - since).total_seconds() / _MOST_STRETCHES
    width = next((each for each in _WIDTHS if each >= least), _WIDTHS[-1])
    found = await transaction.health_samples.stretches(target.id, since, now, width)
    return [_sample_view(sample) for sample in found]


def _sample_view(sample: HealthSample) -> JsonObject:
    return {
        "at": moment_or_none(sample.at),
        "span_seconds": sample.span_seconds,
        "checks": sample.checks,
        "failed_checks": sample.failed_checks,
        "latency_ms": _milliseconds(sample.latency_microseconds),
        "slowest_ms": _milliseconds(sample.slowest_microseconds),
    }


def _uptimes_view(found: Mapping[str, Uptime | None]) -> JsonObject:
    """With the checks that each share is of, and the first of them all: a share may be of minutes alone."""
    counts = {key.replace("_percent", "_checks"): uptime.checks if uptime else 0 for key, uptime in found.items()}
    since = min((uptime.first_at for uptime in found.values() if uptime), default=None)
    shares = {key: _percent(uptime) for key, uptime in found.items()}
    return {**shares, **counts, "checked_since": moment_or_none(since)}


def _percent(uptime: Uptime | None) -> float | None:
    """Never 100 where a check failed."""
    percent = None if uptime is None else uptime.percent
    return None if percent is None else math.floor(percent * 100) / 100


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1_000, 1)
