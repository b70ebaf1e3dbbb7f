"""How many prompts a connection may be asked in a minute, counted over every door that asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aicompute_tui.domain.call import CallFilter
from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import RateLimited
from aicompute_tui.services.context import Context

_MINUTE = timedelta(minutes=1)
_running: Counter[str] = Counter()
"""Calls of this process that have not ended, by connection: they are written down at their end."""


@asynccontextmanager
async def within_rate(context: Context, connection: Connection) -> AsyncIterator[None]:
    """Around one call. Raises RateLimited, with how long to wait, where the last minute had as many as it may."""
    most = connection.options.requests_per_minute
    if most is not None:
        now = context.clock.now()
        # a clock that stood wrong may have left calls in the future
        wanted = CallFilter(since=now - _MINUTE, until=now, connection_id=connection.id)
        async with context.store.read() as transaction:
            calls = await transaction.calls.list(wanted, limit=most)
        free = most - _running[connection.id]
        if len(calls) >= free:
            wait = (calls[free - 1].at + _MINUTE - now).total_seconds() if free > 0 else None
            raise _too_many(connection, most, wait)
    _running[connection.id] += 1
    try:
        yield
    finally:
        _running[connection.id] -= 1


def _too_many(connection: Connection, most: int, wait: float | None) -> RateLimited:
    message = f"“{connection.name}” may be asked {most} times a minute, and was."
    step = f"Wait, or let it be asked more: aic-tui connection edit {connection.word} --requests-per-minute NUMBER"
    return RateLimited(message, step, retry_after=wait)
