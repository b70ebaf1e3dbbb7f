"""What the agent needed once is given back to the system."""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress

import pytest

from aicompute_tui.agent import heaps
from tests.moved_clock import MovedClock


class ShortDay(MovedClock):
    """Sleeps take no time; the third is cancelled."""

    naps = 0

    async def sleep(self, seconds: float) -> None:
        self.naps += 1
        if self.naps == 3:
            raise asyncio.CancelledError
        assert seconds == heaps.TRIM_SECONDS


@pytest.mark.asyncio
async def test_free_pages_are_given_back_after_each_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    class Allocator:
        trims = 0

        def malloc_trim(self, keep: int) -> None:
            assert keep == 0
            self.trims += 1

    allocator = Allocator()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: allocator)
    with suppress(asyncio.CancelledError):
        await heaps.keep_heaps_small(ShortDay())
    assert allocator.trims == 2


@pytest.mark.asyncio
async def test_a_library_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heaps.share_heaps()
    with suppress(asyncio.CancelledError):
        await heaps.keep_heaps_small(ShortDay())
