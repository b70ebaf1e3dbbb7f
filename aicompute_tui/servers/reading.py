"""One look at a server: whether it answers, what it serves, and what it does, in one go and within its time."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.errors import AicError, NotFound, RateLimited, TimedOut, Unreachable
from aicompute_tui.domain.server import ModelServer, ServerFacts, ServerReading, ServerReport, abilities_of, with_rates
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.http.exchange import Line
from aicompute_tui.servers.base import Adapter, Told
from aicompute_tui.servers.registry import ADAPTERS
from aicompute_tui.servers.wire import Wire

_FACTS_FOR = timedelta(minutes=5)
"""How long models and version stay as they were read."""
_MOVING_FOR = timedelta(minutes=1)
_MOVING = frozenset({ServerKind.OLLAMA, ServerKind.LLAMACPP_ROUTER})
"""Those that load and unload by themselves."""
_LONGEST_RATE_SECONDS = 600.0
"""Counters further apart make no rate of now."""


async def read(
    server: ModelServer, secret: str | None, before: ServerReport | None, now: datetime, apart: float | None = None
) -> ServerReading:
    """Raises nothing of ours: a server that does not answer is a reading with its problem.

    `apart` are the seconds since the reading before, where they were measured: a clock may have been moved since.
    """
    with closing(Line()) as line:
        reading, told = await _read(Wire(server, secret, line), ADAPTERS[server.kind], before, now)
    return reading if told is None else _with_rates(reading, told, before, apart)


async def _read(
    wire: Wire, adapter: Adapter, before: ServerReport | None, now: datetime
) -> tuple[ServerReading, Told | None]:
    server, began = wire.server, time.monotonic()
    reading = ServerReading(server_id=server.id, read_at=now)
    try:
        async with asyncio.timeout(server.options.timeout_seconds):
            reading = replace(reading, degraded=await adapter.health(wire))
            reading = replace(reading, latency_microseconds=round((time.monotonic() - began) * 1_000_000))
            reading = await _with_facts(wire, adapter, reading, before)
            return await _with_figures(wire, adapter, reading)
    except TimeoutError:
        seconds = server.options.timeout_seconds
        if reading.latency_microseconds is not None:
            return replace(reading, degraded=reading.degraded or f"its figures do not come within {seconds} s"), None
        step = f"Look whether it is well, or give it more: aic-tui server edit {server.word} --timeout SECONDS"
        return replace(reading, problem=TimedOut(f"“{server.name}” said nothing for {seconds} s.", step)), None
    except RateLimited as error:
        return replace(reading, problem=_down(error)), None
    except AicError as error:
        return replace(reading, problem=error), None


def _down(error: RateLimited) -> AicError:
    """A server that says 503 of its own health is not busy: it, or what stands before it, does not work."""
    is_down = error.details.startswith("503")
    return Unreachable(error.message, error.next_step, error.details) if is_down else error


async def _with_facts(
    wire: Wire, adapter: Adapter, reading: ServerReading, before: ServerReport | None
) -> ServerReading:
    """Models and version, where those known are old, or of a time that is yet to come; a refusal is degraded."""
    kept = _MOVING_FOR if wire.server.kind in _MOVING else _FACTS_FOR
    known_at = before.facts_at if before is not None else None
    if known_at is not None and timedelta() <= reading.read_at - known_at < kept:
        return reading
    try:
        return replace(reading, facts=await adapter.facts(wire))
    except AicError as error:
        return replace(reading, degraded=reading.degraded or error.message)


async def _with_figures(wire: Wire, adapter: Adapter, reading: ServerReading) -> tuple[ServerReading, Told]:
    """A server that refuses its figures is degraded, not down."""
    told, refusal = Told(), reading.degraded
    try:
        if abilities_of(wire.server.kind).has_figures:
            told = await adapter.figures(wire)
    except NotFound:
        told = Told()  # they are switched off there
    except AicError as error:
        refusal = refusal or error.message
    return replace(reading, degraded=refusal), told


def _with_rates(reading: ServerReading, told: Told, before: ServerReport | None, apart: float | None) -> ServerReading:
    figures = told.figures
    if apart is None and before is not None and before.read_at is not None:
        apart = (reading.read_at - before.read_at).total_seconds()
    if before is not None and apart is not None and 0 < apart <= _LONGEST_RATE_SECONDS:
        rate, wait = with_rates(figures, told.counters, before.counters, apart)
        figures = replace(figures, tokens_per_second=rate, first_token_seconds=wait)
    return replace(reading, figures=figures, counters=told.counters)


async def facts_now(server: ModelServer, secret: str | None) -> ServerFacts:
    """Raises AicError."""
    wire = Wire(server, secret)
    try:
        async with asyncio.timeout(server.options.timeout_seconds):
            return await ADAPTERS[server.kind].facts(wire)
    except TimeoutError:
        raise TimedOut(f"“{server.name}” did not tell its models in time.", "Try again.") from None
