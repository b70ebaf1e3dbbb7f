"""Waiting that a cancelled task cannot cut short: a statement, a commit and a close always come to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


async def settled(work: Awaitable[Answer]) -> Answer:
    """Waits for `work` to its end even when the waiting task is cancelled, which it then still is."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from (None if task.cancelled() else task.exception())
    return task.result()
