"""A worker's rounds: it looks, rests until it is rung for or time is over, and leaves when it is asked to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError

log = logging.getLogger(__name__)


class Bell:
    """Rings for one sleeper: a sleep that ends early when something is there to be done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def sleep(self, seconds: float) -> bool:
        """True where it was rung."""
        sleeper = asyncio.ensure_future(self._clock.sleep(seconds))
        waiter = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({sleeper, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()
        rung = self._event.is_set()
        self._event.clear()
        return rung


class Rounds:
    """What every worker has: a bell that wakes it, and a way to ask it to leave."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bell = Bell(clock)
        self._is_leaving = False

    def nudge(self) -> None:
        self._bell.ring()

    def leave(self) -> None:
        self._is_leaving = True
        self._bell.ring()

    async def _look_every(self, seconds: float, look: Callable[[], Awaitable[object]], failing: str) -> None:
        """Until it is asked to leave. A busy database costs a look and ends nothing that is under way."""
        while not self._is_leaving:
            try:
                await look()
            except AicError as error:
                log.warning("%s: %s %s", failing, error.message, error.details)
            await self._bell.sleep(seconds)
