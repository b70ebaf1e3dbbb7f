"""How many prompts a connection may be asked in a minute, counted where each begins, over every door that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import RateLimited
from aicompute_tui.services.context import Context

_MINUTE = timedelta(minutes=1)


@asynccontextmanager
async def within_rate(context: Context, connection: Connection) -> AsyncIterator[None]:
    """Around one call. Raises RateLimited, with how long to wait, where the last minute had as many as it may."""
    most = connection.options.requests_per_minute
    wait = None
    if most is not None:
        from aicompute_tui.store.begun import begin_within

        path = context.places.cache / "rates" / connection.id
        wait = await begin_within(path, context.clock.now(), _MINUTE, most)
    if wait is not None:
        message = f"“{connection.name}” may be asked {most} times a minute, and was."
        step = f"Wait, or let it be asked more: aic-tui connection edit {connection.word} --requests-per-minute NUMBER"
        raise RateLimited(message, step, retry_after=wait)
    yield
