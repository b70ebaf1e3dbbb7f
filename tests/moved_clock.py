"""A clock that stands until a test moves it, and whose sleepers wake when their moment has come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class MovedClock:
    def __init__(self) -> None:
        self.moment = START
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self.moment + timedelta(seconds=seconds), woken)
        self._sleepers.append(entry)
        try:
            await woken
        finally:
            self._sleepers.remove(entry)

    @property
    def sleepers(self) -> int:
        return len(self._sleepers)

    @property
    def is_still(self) -> bool:
        """Somebody sleeps, and nobody whose moment has come."""
        return bool(self._sleepers) and all(until > self.moment for until, _ in self._sleepers)

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        for until, woken in self._sleepers:
            if until <= self.moment and not woken.done():
                woken.set_result(None)
