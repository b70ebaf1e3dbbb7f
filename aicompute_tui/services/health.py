"""What checks tell, written down: the newest report of each target, its history, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.health import (
    Check,
    HealthReport,
    HealthRules,
    HealthSample,
    HealthState,
    TargetKind,
    advance,
)
from aicompute_tui.domain.server import ModelServer, ServerReading
from aicompute_tui.services.context import Context, Preferences
from aicompute_tui.services.events import told
from aicompute_tui.services.server_readings import take_readings
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.health import RAW_SPAN_SECONDS

_LEASE = "health:thin-out"
_EVERY_SECONDS = 3_600.0


class Target(NamedTuple):
    """What is looked at; two are the same while nothing of them was changed."""

    kind: TargetKind
    row: Connection | ModelServer

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def subject(self) -> tuple[str, str, str]:
        """As events name it."""
        return self.kind.value, self.row.id, self.row.name


class Look(NamedTuple):
    """What was seen of a target once; `reading` is what a server told besides."""

    check: Check
    retry_after: float | None = None
    """The seconds it wants to be left alone for."""
    reading: ServerReading | None = None


async def active_targets(transaction: Transaction) -> list[Target]:
    """One held back is still among them: only its recovery puts it back into use."""
    connections = await transaction.connections.list()
    servers = await transaction.servers.list()
    return [
        *(Target(TargetKind.CONNECTION, each) for each in connections if each.is_active),
        *(Target(TargetKind.SERVER, each) for each in servers if each.is_active),
    ]


def interval_seconds(preferences: Preferences) -> float:
    return float(preferences.text("health_interval_seconds"))


def rules_of(preferences: Preferences) -> HealthRules:
    slow = preferences.text("health_slow_milliseconds")
    after = preferences.text("health_deactivate_after")
    return HealthRules(int(slow) * 1_000 if slow else None, int(after) if after else None)


async def take_looks(
    context: Context, transaction: Transaction, looks: Iterable[tuple[Target, Look]]
) -> dict[str, HealthReport]:
    """The reports after these looks, in their order; all of it in the transaction that is given."""
    found = list(looks)
    given = [(target, seen.check) for target, seen in found]
    reports = await transaction.health_reports.list(target.id for target, _ in given)
    rules = rules_of(context.preferences)
    for target, check in given:
        before = reports.get(target.id) or HealthReport(target_id=target.id, target_kind=target.kind)
        after = reports[target.id] = advance(before, check, rules)
        for event in _told(context, target, before, after):
            await transaction.events.append(event)
    await transaction.health_reports.put(reports.values())
    await transaction.health_samples.append(_sample(target, check) for target, check in given)
    await take_readings(transaction, [seen.reading for _, seen in found if seen.reading is not None])
    return reports


def _sample(target: Target, check: Check) -> HealthSample:
    return HealthSample(
        target_id=target.id,
        span_seconds=RAW_SPAN_SECONDS,
        at=check.at,
        checks=1,
        failed_checks=int(check.is_failed),
        latency_microseconds=check.latency_microseconds,
        slowest_microseconds=check.latency_microseconds,
    )


def _told(context: Context, target: Target, before: HealthReport, after: HealthReport) -> Iterator[Event]:
    """A target that goes down, comes back, is taken out of use or put back is told of once."""
    kind, name = target.kind.value, target.row.name
    was_down, is_down = before.state is HealthState.DOWN, after.state is HealthState.DOWN
    if is_down and not was_down:
        yield replace(
            told(context, f"{kind}.down", target.subject, f"{name} is down: {after.problem}"), level="warning"
        )
    if was_down and not is_down:
        yield told(context, f"{kind}.up", target.subject, f"{name} answers again")
    if after.is_held_back and not before.is_held_back:
        message = f"{name} was taken out of use after {after.failures} failed checks; it is looked at until it answers"
        yield replace(told(context, f"{kind}.deactivated", target.subject, message), level="warning")
    if before.is_held_back and not after.is_held_back:
        yield told(context, f"{kind}.activated", target.subject, f"{name} is back in use")


async def tidy(context: Context) -> None:
    """Forgets what no target is left of, and makes old samples fewer, once an hour however many agents there are."""
    now = context.clock.now()
    holder = f"{context.actor.host_id}:{now.timestamp()}"
    async with context.store.write() as transaction:
        if await transaction.leases.acquire(_LEASE, holder, _EVERY_SECONDS, now) is None:
            return
        connections, servers = await transaction.connections.list(), await transaction.servers.list()
        await transaction.health_samples.keep([each.id for each in connections] + [each.id for each in servers])
        await transaction.health_samples.thin_out(now)


async def put_back(transaction: Transaction, target_id: str) -> None:
    """Somebody wants it in use although it fails: what is held back counts its failures anew."""
    report = await transaction.health_reports.get(target_id)
    if report is not None and report.is_held_back:
        await transaction.health_reports.put([replace(report, is_held_back=False, failures=0)])
