"""What a machine said of itself, written down: its report, the state that follows of it, and the events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import RUNNING_STATES, Instance, InstanceState
from aicompute_tui.domain.ledger import SETUP_FAILED, hear
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.node import LinkState, NodeReading, NodeReport, is_set_up, news
from aicompute_tui.metrics.node_watch import watch_command
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.connection_sources import instance_source
from aicompute_tui.services.context import Context
from aicompute_tui.services.endpoint_connections import follow_end
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.serving_key import sealed_name
from aicompute_tui.services.watch_reader import WatchReader
from aicompute_tui.store.database import Transaction

SETTING_UP = frozenset({InstanceState.BOOTING, InstanceState.PREPARING})
IDLE_SOON = timedelta(minutes=5)
_TREMBLE = timedelta(seconds=3)
_LOOKS_AT_ONCE = 16
_SSH_REFUSALS = frozenset({"AuthFailed", "Refused"})
"""Kinds of problems that no waiting mends: our key or the machine's is not what it was."""


@dataclass(frozen=True, slots=True)
class Noted:
    """The row and the report as they stand after a reading."""

    row: Instance
    report: NodeReport


def is_watchable(row: Instance, host_id: str) -> bool:
    """Whether this host is the one that looks after the machine, and it has an address to be looked at."""
    return row.host_id == host_id and row.state in RUNNING_STATES and row.public_address is not None


def report_of(reading: NodeReading, instance_id: str, context: Context) -> NodeReport:
    now = context.clock.now()
    return NodeReport(
        instance_id=instance_id,
        host_id=context.actor.host_id,
        read_at=now,
        link=LinkState.CONNECTED,
        steps=reading.steps,
        activity=reading.activity,
        gpus=reading.gpus,
        gpu_problem=reading.gpu_problem,
        clock_off_seconds=round((reading.node_now - now).total_seconds(), 1),
    )


async def take_reading(
    context: Context, instance_id: str, reading: NodeReading, samples: Sequence[GpuSample] = ()
) -> Noted | None:
    """Everything that follows of one reading, in one commit; None where the machine is no longer ours to report on."""
    report = report_of(reading, instance_id, context)
    async with context.store.write() as transaction:
        row = await transaction.instances.get(instance_id)
        if not is_watchable(row, context.actor.host_id):
            return None
        before = await transaction.node_reports.get(instance_id)
        report = _steadied(report, before)
        row = await _hear(context, transaction, row, report, before)
        await transaction.node_reports.put(report)
        await transaction.gpu_samples.append(samples)
    return Noted(row, report)


def _steadied(report: NodeReport, before: NodeReport | None) -> NodeReport:
    """Moments that only tremble by whole seconds of two clocks stay what they were, and so are no news."""
    if report.activity is None or before is None or before.activity is None:
        return report
    since = _same_moment(before.activity.idle_since, report.activity.idle_since)
    ends_at = _same_moment(before.activity.idle_ends_at, report.activity.idle_ends_at)
    return replace(report, activity=replace(report.activity, idle_since=since, idle_ends_at=ends_at))


def _same_moment(old: datetime | None, new: datetime | None) -> datetime | None:
    return old if old is not None and new is not None and abs(new - old) <= _TREMBLE else new


async def _hear(
    context: Context, transaction: Transaction, row: Instance, report: NodeReport, before: NodeReport | None
) -> Instance:
    now = context.clock.now()
    notice = "" if report.activity is None else report.activity.notice
    heard = hear(row, report.steps, notice, now, had_steps=before is not None and bool(before.steps))
    framework = FRAMEWORKS.get(heard.framework)
    if framework is not None and is_set_up(report.steps):
        heard = replace(heard, node_endpoint=framework.node_endpoint)
    await _tell_state(context, transaction, row, heard, notice)
    if heard.state is InstanceState.READY and row.state is not InstanceState.READY:
        await transaction.setup_times.record(heard, report.steps, now)
    await _tell_idleness(context, transaction, heard, report, before)
    return await save(transaction, row, heard)


async def _tell_state(context: Context, transaction: Transaction, old: Instance, new: Instance, notice: str) -> None:
    failed = new.error_kind == SETUP_FAILED and new.error_message != old.error_message
    if failed:
        message = f"{new.name}: {new.error_message}"
        after = {"state": new.state.value, "problem": new.error_message or ""}
        before = {"state": old.state.value}
        await record(
            context, transaction, new, "instance.setup-failed", message, level="error", before=before, after=after
        )
    if new.state is old.state or (failed and new.state is InstanceState.DEGRADED):
        return
    is_draining = new.state is InstanceState.DRAINING
    message = f"{new.name} is {new.state.value}"
    await record(
        context,
        transaction,
        new,
        f"instance.{new.state.value}",
        f"{message}: {notice}" if is_draining and notice else message,
        level="warning" if is_draining else "info",
        before={"state": old.state.value},
        after={"state": new.state.value, **({"notice": notice} if notice else {})},
    )


async def _tell_idleness(
    context: Context, transaction: Transaction, row: Instance, report: NodeReport, before: NodeReport | None
) -> None:
    """One event a stretch of idleness, when its end is near; a short limit leaves half of itself as the warning."""
    ends_at = None if report.activity is None else report.activity.idle_ends_at
    if ends_at is None:
        return
    warning = IDLE_SOON if row.idle_seconds is None else min(IDLE_SOON, timedelta(seconds=row.idle_seconds / 2))
    now = context.clock.now()
    was = before.activity if before is not None else None
    was_told = (
        before is not None
        and before.read_at is not None
        and was is not None
        and was.idle_ends_at is not None
        and was.idle_ends_at - before.read_at <= warning
    )
    if was_told or ends_at - now > warning:
        return
    left = format_duration(max(0.0, (ends_at - now).total_seconds()))
    message = f"{row.name} is idle and ends in {left}, at {format_moment(ends_at)}"
    after = {"idle_ends_at": format_moment(ends_at)}
    await record(context, transaction, row, "instance.idle-soon", message, level="warning", after=after)


async def take_link(
    context: Context, instance_id: str, link: LinkState, error: AicError | None = None
) -> NodeReport | None:
    """How the machine is reached now; what it said last stays, with its moment. None where it is not ours."""
    async with context.store.write() as transaction:
        row = await transaction.instances.get(instance_id)
        if row.host_id != context.actor.host_id or row.is_final:
            return None
        before = await transaction.node_reports.get(instance_id)
        known = before or NodeReport(instance_id=instance_id, host_id=context.actor.host_id)
        report = replace(
            known,
            host_id=context.actor.host_id,
            link=link,
            problem_kind="" if error is None else error.kind,
            problem="" if error is None else error.message,
            next_step="" if error is None else error.next_step,
        )
        if link is LinkState.NEVER:
            report = replace(report, steps=(), activity=None, gpus=(), gpu_problem="")
        if before is None or news(before) != news(report):
            await transaction.node_reports.put(report)
        if error is not None and report.problem_kind in _SSH_REFUSALS and report.problem_kind != known.problem_kind:
            message = f"{error.message} {error.next_step}".strip()
            await record(context, transaction, row, "instance.ssh-refused", message, level="error")
    return report


async def forget(context: Context, instance_ids: Iterable[str]) -> None:
    """Reports and keys of machines that are gone are of no use to anybody."""
    async with context.store.write() as transaction:
        for instance_id in instance_ids:
            await transaction.node_reports.remove(instance_id)
            await transaction.secrets.remove(sealed_name(instance_id))
            await follow_end(context, transaction, instance_source(instance_id), "the machine is gone")


async def look_at_all(context: Context, rows: Iterable[Instance]) -> None:
    """One reading each of machines that set themselves up, where no agent watches over them; failures are stored."""
    watchable = [row for row in rows if row.framework in FRAMEWORKS and is_watchable(row, context.actor.host_id)]
    door = asyncio.Semaphore(_LOOKS_AT_ONCE)

    async def look(row: Instance) -> None:
        async with door:
            try:
                await look_once(context, row)
            except AicError as error:
                is_booting = row.state is InstanceState.BOOTING
                link = LinkState.CONNECTING if is_booting else LinkState.FAILED
                await take_link(context, row.id, link, None if is_booting else error)

    await asyncio.gather(*(look(row) for row in watchable))


async def look_once(context: Context, row: Instance) -> Noted | None:
    """One reading where no agent looks after the machine. Raises as the connections do."""
    reader = WatchReader(context.clock)
    async with context.nodes.open(node_address(context, row), watch_command(1, once=True)) as running:
        async for chunk in running.chunks():
            for reading in reader.feed(chunk):
                return await take_reading(context, row.id, reading)
    raise Unreachable(f"{row.name} answered without telling anything.", "Look at it with `aic-tui instance ssh`.")
