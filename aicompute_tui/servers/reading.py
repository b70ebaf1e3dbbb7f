"""One look at a server: whether it answers, what it serves, and what it does, in one go and within its time."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.errors import AicError, NotFound, RateLimited, TimedOut, Unreachable
from aicompute_tui.domain.server import (
    ModelServer,
    ServerFacts,
    ServerFigures,
    ServerReading,
    ServerReport,
    abilities_of,
    with_rates,
)
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
        return await _read(Wire(server, secret, line), before, now, apart)


async def _read(wire: Wire, before: ServerReport | None, now: datetime, apart: float | None) -> ServerReading:
    server, adapter, began = wire.server, ADAPTERS[wire.server.kind], time.monotonic()
    degraded, told = "", Told()
    latency: int | None = None
    facts: ServerFacts | None = None
    problem: AicError | None = None
    try:
        async with asyncio.timeout(server.options.timeout_seconds):
            degraded = await adapter.health(wire)
            latency = round((time.monotonic() - began) * 1_000_000)
            facts, refusal = await _facts(wire, adapter, now, before)
            degraded = degraded or refusal
            told, refusal = await _told(wire, adapter)
            degraded = degraded or refusal
    except TimeoutError:
        if latency is None:
            problem = _silent(server)
        degraded = degraded or f"its figures do not come within {server.options.timeout_seconds} s"
    except RateLimited as error:
        problem = _down(error)
    except AicError as error:
        problem = error
    return ServerReading(
        server_id=server.id,
        read_at=now,
        latency_microseconds=latency,
        problem=problem,
        degraded="" if latency is None else degraded,
        facts=facts,
        figures=_with_rates(told, now, before, apart),
        counters=told.counters,
    )


def _silent(server: ModelServer) -> TimedOut:
    seconds = server.options.timeout_seconds
    step = f"Look whether it is well, or give it more: aic-tui server edit {server.word} --timeout SECONDS"
    return TimedOut(f"“{server.name}” said nothing for {seconds} s.", step)


def _down(error: RateLimited) -> AicError:
    """A server that says 503 of its own health is not busy: it, or what stands before it, does not work."""
    is_down = error.details.startswith("503")
    return Unreachable(error.message, error.next_step, error.details) if is_down else error


async def _facts(
    wire: Wire, adapter: Adapter, now: datetime, before: ServerReport | None
) -> tuple[ServerFacts | None, str]:
    """Models and version, where those known are old, or of a time that is yet to come; a refusal is degraded."""
    kept = _MOVING_FOR if wire.server.kind in _MOVING else _FACTS_FOR
    known_at = before.facts_at if before is not None else None
    if known_at is not None and timedelta() <= now - known_at < kept:
        return None, ""
    try:
        return await adapter.facts(wire), ""
    except AicError as error:
        return None, error.message


async def _told(wire: Wire, adapter: Adapter) -> tuple[Told, str]:
    """A server that refuses its figures is degraded, not down."""
    if not abilities_of(wire.server.kind).has_figures:
        return Told(), ""
    try:
        return await adapter.figures(wire), ""
    except NotFound:
        return Told(), ""  # they are switched off there
    except AicError as error:
        return Told(), error.message


def _with_rates(told: Told, now: datetime, before: ServerReport | None, apart: float | None) -> ServerFigures:
    figures = told.figures
    if apart is None and before is not None and before.read_at is not None:
        apart = (now - before.read_at).total_seconds()
    if before is None or apart is None or not 0 < apart <= _LONGEST_RATE_SECONDS:
        return figures
    rate, wait = with_rates(figures, told.counters, before.counters, apart)
    if (rate, wait) == (figures.tokens_per_second, figures.first_token_seconds):
        return figures
    return replace(figures, tokens_per_second=rate, first_token_seconds=wait)


async def facts_now(server: ModelServer, secret: str | None) -> ServerFacts:
    """Raises AicError."""
    wire = Wire(server, secret)
    try:
        async with asyncio.timeout(server.options.timeout_seconds):
            return await ADAPTERS[server.kind].facts(wire)
    except TimeoutError:
        raise TimedOut(f"“{server.name}” did not tell its models in time.", "Try again.") from None
