"""What servers were seen to do, written down: the newest report of each, and samples for charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aicompute_tui.domain.server import (
    FIGURES,
    ServerCounters,
    ServerFigures,
    ServerReading,
    ServerReport,
    ServerSample,
)
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.servers import RAW_SPAN_SECONDS

_LEASE = "server-samples"
_EVERY_SECONDS = 3_600


async def take_readings(transaction: Transaction, readings: Sequence[ServerReading]) -> dict[str, ServerReport]:
    """Writes all of them in one go; answers the reports as they stand now, by server."""
    known = await transaction.server_reports.list([reading.server_id for reading in readings])
    reports: dict[str, ServerReport] = {}
    for reading in readings:
        before = reports.get(reading.server_id) or known.get(reading.server_id)
        reports[reading.server_id] = report_after(reading, before)
    await transaction.server_reports.put(reports.values())
    await transaction.server_samples.append(sample for each in readings if (sample := sample_of(each)) is not None)
    return reports


def report_after(reading: ServerReading, before: ServerReport | None) -> ServerReport:
    """Models stay as they were read last; figures of a server that does not answer are not those of before."""
    report = before or ServerReport(server_id=reading.server_id)
    if reading.problem is not None:
        return replace(report, figures=ServerFigures(), counters=ServerCounters())
    if reading.facts is not None:
        report = replace(report, facts=reading.facts, facts_at=reading.read_at)
    return replace(report, read_at=reading.read_at, figures=reading.figures, counters=reading.counters)


def sample_of(reading: ServerReading) -> ServerSample | None:
    """None where there is no figure."""
    figures = {name: getattr(reading.figures, name) for name in FIGURES}
    if all(value is None for value in figures.values()):
        return None
    at = reading.read_at.replace(microsecond=0)
    return ServerSample(server_id=reading.server_id, span_seconds=RAW_SPAN_SECONDS, at=at, **figures)


async def thin_out(context: Context) -> int:
    """Merges and forgets old samples, once an hour however many agents share the store; says how many it took."""
    now = context.clock.now()
    holder = f"{context.actor.host_id}:{now.timestamp()}"
    async with context.store.write() as transaction:
        if await transaction.leases.acquire(_LEASE, holder, _EVERY_SECONDS, now) is None:
            return 0
        return await transaction.server_samples.thin_out(now)
