"""What the agent's heaps keep of what a sweep once needed: one heap for all threads, given back once a minute."""

from __future__ import annotations

import asyncio
import ctypes

from aicompute_tui.domain.clock import Clock

TRIM_SECONDS = 60.0
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_heaps() -> None:
    """Before any thread: glibc else gives each of them a heap of its own, which keeps what a sweep once needed."""
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        allocator.mallopt(_M_ARENA_MAX, 2)


async def keep_heaps_small(clock: Clock) -> None:
    """Gives free pages back to the system, now and then; where the C library cannot, it keeps them."""
    while True:
        await clock.sleep(TRIM_SECONDS)
        await asyncio.to_thread(_give_back)


def _give_back() -> None:
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "malloc_trim"):
        allocator.malloc_trim(0)
