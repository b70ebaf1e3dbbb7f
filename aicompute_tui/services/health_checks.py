"""One look at a target: what costs nothing is asked, in its own time, with its own key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import AicError, NotAllowed, RateLimited, Refused
from aicompute_tui.domain.health import Check, HealthReport, TargetKind
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import ModelServer, ServerReading
from aicompute_tui.llms.base import Endpoint
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.health import Look, Target, active_targets, take_looks
from aicompute_tui.services.keyed_rows import CONNECTIONS, SERVERS
from aicompute_tui.services.server_readings import report_after

ANSWER_SECONDS = 10.0
"""What takes longer has failed."""
_AT_ONCE = 64
_UNWELL = "NotWell"
"""The kind of a problem that a server that answers tells of itself."""

Probe = Callable[[], Awaitable[Look]]


def refuse_resting(row: Connection | ModelServer) -> None:
    """Raises Refused for one whose endpoint is gone: whoever answers there now is not who its key is for.

    One that a person switched off may be asked by its name.
    """
    if row.inactive_reason is not None:
        step = "It is back in use once that answers again."
        raise Refused(f"“{row.name}” is out of use: {row.inactive_reason}.", step)


async def prepared(context: Context, target: Target) -> Probe:
    """Its key is opened once, for as long as the target is as it is. Raises AicError where it cannot be."""
    row, clock = target.row, context.clock
    if not context.clouds.may_reach(row.base_url):
        raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to use your own.")
    refuse_resting(row)
    if isinstance(row, ModelServer):
        return await _server_probe(context, row)
    endpoint = Endpoint(row, preset_of(row.kind), await CONNECTIONS.opened_key(context, row))
    return lambda: _look_at_connection(clock, endpoint)


async def _look_at_connection(clock: Clock, endpoint: Endpoint) -> Look:
    from aicompute_tui.llms.probing import probe

    at, began = clock.now(), time.monotonic()
    try:
        problem = await probe(endpoint, min(ANSWER_SECONDS, float(endpoint.connection.options.timeout_seconds)))
    except AicError as error:
        return failed(at, error)
    return _judged(at, round((time.monotonic() - began) * 1_000_000), problem)


async def _server_probe(context: Context, server: ModelServer) -> Probe:
    """Its figures are read in the same go: rates are told by two readings."""
    secret = await SERVERS.opened_key(context, server)
    async with context.store.read() as transaction:
        before = (await transaction.server_reports.list([server.id])).get(server.id)

    read_at: float | None = None

    async def look() -> Look:
        from aicompute_tui.servers.reading import read

        nonlocal before, read_at
        at, began = context.clock.now(), time.monotonic()
        apart = None if read_at is None else began - read_at
        reading = await read(server, secret, before, at, apart)
        read_at = began if reading.problem is None else read_at
        before = report_after(reading, before)
        return look_of(reading, round((time.monotonic() - began) * 1_000_000))

    return look


def look_of(reading: ServerReading, took_microseconds: int = 0) -> Look:
    """A server's reading as its check; `took_microseconds` counts where it told no latency of its own."""
    at, latency = reading.read_at, reading.latency_microseconds or took_microseconds
    if reading.problem is None and reading.degraded:
        told = Check(at=at, latency_microseconds=latency, problem_kind=_UNWELL, problem=reading.degraded)
        return Look(told, reading=reading)
    return _judged(at, latency, reading.problem)._replace(reading=reading)


def _judged(at: datetime, latency: int, problem: AicError | None) -> Look:
    """One that answers and only wants fewer requests is not well, and has not failed."""
    if problem is None:
        return Look(Check(at=at, latency_microseconds=latency))
    if not isinstance(problem, RateLimited):
        return failed(at, problem)
    told = Check(
        at=at,
        latency_microseconds=latency,
        problem_kind=problem.kind,
        problem=problem.message,
        next_step="It is asked again later by itself.",
    )
    return Look(told, problem.retry_after)


def failed(at: datetime, error: AicError) -> Look:
    return Look(Check(at=at, problem_kind=error.kind, problem=error.message, next_step=error.next_step))


async def check_connections(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.check`: looks now, at one or at all that are in use, and writes down what it saw."""
    name = text(arguments, "name")
    async with context.store.read() as transaction:
        if name is None:
            targets = [each for each in await active_targets(transaction) if each.kind is TargetKind.CONNECTION]
        else:
            targets = [Target(TargetKind.CONNECTION, await transaction.connections.find(name))]
    door = asyncio.Semaphore(_AT_ONCE)

    async def looked_at(target: Target) -> Look:
        async with door:
            try:
                return await (await prepared(context, target))()
            except AicError as error:
                return failed(context.clock.now(), error)

    seen = list(zip(targets, await asyncio.gather(*(looked_at(target) for target in targets)), strict=True))
    async with context.store.write() as transaction:
        reports = await take_looks(context, transaction, [each for each in seen if each[0].row.is_active])
    return [_checked_view(target.row.name, seen_now.check, reports.get(target.id)) for target, seen_now in seen]


def _checked_view(name: str, check: Check, report: HealthReport | None) -> JsonObject:
    latency = check.latency_microseconds
    return {
        "name": name,
        "ok": not check.is_failed,
        "state": "inactive" if report is None else report.state.value,
        "latency_ms": None if latency is None else round(latency / 1_000, 1),
        "problem": check.problem or None,
        "next_step": check.next_step or None,
    }
