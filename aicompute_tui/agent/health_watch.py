"""One target: looked at in even steps from a moment of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError
from aicompute_tui.services.health import Look, Target
from aicompute_tui.services.health_age import LEFT_ALONE_SECONDS
from aicompute_tui.services.health_checks import Probe, failed


class HealthWatch:
    """Runs until it is cancelled. `door` is held while it looks, `take` is given what was seen."""

    def __init__(
        self,
        target: Target,
        clock: Clock,
        door: asyncio.Semaphore,
        prepare: Callable[[Target], Awaitable[Probe]],
        take: Callable[[Target, Look], None],
    ) -> None:
        self.target = target
        self._clock = clock
        self._door = door
        self._prepare = prepare
        self._take = take
        self._probe: Probe | None = None

    async def run(self, first_after: float, interval: Callable[[], float]) -> None:
        due = self._clock.now() + timedelta(seconds=first_after)
        while True:
            await self._clock.sleep((due - self._clock.now()).total_seconds())
            async with self._door:
                seen = await self._look()
            self._take(self.target, seen)
            due = next_due(due, self._clock.now(), interval(), seen.retry_after)

    async def _look(self) -> Look:
        try:
            if self._probe is None:
                self._probe = await self._prepare(self.target)
        except AicError as error:
            return failed(self._clock.now(), error)
        return await self._probe()


def next_due(due: datetime, now: datetime, interval: float, retry_after: float | None) -> datetime:
    """The next of its even steps that lies ahead; those it missed are not made up for.

    A clock that was put back or forward delays it by no more than a step.
    """
    step = timedelta(seconds=interval)
    following = due + step
    if not now < following <= now + step:
        following = now + step
    if retry_after is not None:
        following = max(following, now + timedelta(seconds=min(retry_after, LEFT_ALONE_SECONDS)))
    return following
