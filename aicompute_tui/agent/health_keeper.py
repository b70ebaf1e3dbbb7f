"""The worker that looks after the health of what is in use: a watch over each target, and their checks written down."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from math import inf

from aicompute_tui.agent.health_watch import HealthWatch
from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.agent.workers import MakeContext, supervise
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, LeaseLost
from aicompute_tui.domain.health import Check
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.job import Lease
from aicompute_tui.services.context import Context
from aicompute_tui.services.health import Look, Target, active_targets, interval_seconds, take_looks, tidy
from aicompute_tui.services.health_checks import Probe, prepared
from aicompute_tui.services.server_readings import thin_out

LOOK_SECONDS = 1.0
WRITE_SECONDS = 5.0
"""So long checks that tell nothing new are gathered for one transaction."""
TIDY_SECONDS = 3_600.0
LEASE_SECONDS = 30.0
LOOKS_AT_ONCE = 400
"""More than can stall at the same time among a thousand: each is given up long before its next turn."""
_PER_SECOND = 40.0
"""First looks after a start, so that a thousand targets do not begin at the same moment."""
_SETTLED_AFTER = 3
"""Looks with the same outcome after which another one is no news."""
_LEASE = "health"
_ASK_SECONDS = 10.0
_RENEW_SECONDS = 10.0
_CONCERNING = frozenset({"connections", "servers"})
_MOST_CHANGES = 1_000
_MOST_GATHERED = 10_000

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    watch: HealthWatch
    task: asyncio.Task[None]
    outcome: tuple[bool, str] | None = None
    times: int = 0
    """The same outcome in a row."""

    def is_news(self, check: Check) -> bool:
        outcome = check.is_failed, check.problem
        self.times = self.times + 1 if outcome == self.outcome else 1
        self.outcome = outcome
        return self.times <= _SETTLED_AFTER


class HealthKeeper(Rounds):
    """Of several agents that share a store one looks: whoever holds the lease."""

    name = "health"

    def __init__(self, context: MakeContext, clock: Clock, host_id: str) -> None:
        super().__init__(clock)
        self._make_context = context
        self._holder = f"{host_id}:{os.getpid()}:{new_id(clock.now())}"
        self._door = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._targets: dict[str, Target] = {}
        self._watched: dict[str, _Watched] = {}
        self._lease: Lease | None = None
        self._seen = -1
        self._is_news = True
        """Watches may not be over what is in use: it is so until they were brought in line."""
        self._settings: Context | None = None
        """With the settings as they stood a moment ago: reading them each time costs as much as a look."""
        self._settings_at: datetime | None = None
        self._interval = 0.0
        self._gathered: list[tuple[Target, Look]] = []
        self._is_urgent = False
        self._asked_at: datetime | None = None
        self._written_at: datetime | None = None
        self._tidied_at: datetime | None = None

    async def run(self) -> None:
        self._seen, self._is_news = -1, True
        try:
            await self._look_every(LOOK_SECONDS, self._look, "the health of what is in use is not known")
            await self._leave()
        finally:
            await self._end(list(self._watched))

    async def _context(self) -> Context:
        return await self._make_context(None)

    async def _look(self) -> None:
        """Begins and ends watches by what is stored, and writes down what was gathered."""
        if self._settings is None or self._age(self._settings_at) >= WRITE_SECONDS:
            self._settings, self._settings_at = await self._context(), self._clock.now()
        context = self._settings
        self._interval = interval_seconds(context.preferences)
        self._is_news |= await self._read(context)
        if self._lease is None and self._targets:
            self._is_news |= await self._ask_for_lease(context)
        if self._lease is None:
            return
        if self._is_news:
            await self._follow(context)
            self._is_news = False
        await self._write(context)
        if self._age(self._tidied_at) >= TIDY_SECONDS:
            self._tidied_at = self._clock.now()
            await tidy(context)
            await thin_out(context)

    def _age(self, moment: datetime | None) -> float:
        """Seconds from or to a moment of a clock that may have been moved; endless where there was none."""
        return inf if moment is None else abs((self._clock.now() - moment).total_seconds())

    async def _read(self, context: Context) -> bool:
        """Whether what is to be looked at may have changed."""
        if await context.store.latest_change() == self._seen:
            return False
        async with context.store.read() as transaction:
            latest = await transaction.changes.latest()
            changes = await transaction.changes.since(self._seen, _MOST_CHANGES) if self._seen >= 0 else []
            is_told = any(each.table in _CONCERNING for each in changes)
            is_news = self._seen < 0 or len(changes) >= _MOST_CHANGES or is_told
            if is_news:
                self._targets = {target.id: target for target in await active_targets(transaction)}
        self._seen = latest
        return is_news

    async def _ask_for_lease(self, context: Context) -> bool:
        """Whether it is ours now."""
        if self._age(self._asked_at) < _ASK_SECONDS:
            return False
        self._asked_at = self._clock.now()
        async with context.store.write() as transaction:
            self._lease = await transaction.leases.acquire(_LEASE, self._holder, LEASE_SECONDS, self._clock.now())
        return self._lease is not None

    async def _follow(self, context: Context) -> None:
        """Watches over what is in use, and no report of anything else."""
        async with context.store.write() as transaction:
            await transaction.health_reports.keep(self._targets)
        await self._end([key for key, each in self._watched.items() if self._targets.get(key) != each.watch.target])
        new = [target for key, target in self._targets.items() if key not in self._watched]
        spread = min(self._interval, len(new) / _PER_SECOND)
        for target in new:
            self._begin(target, random.uniform(0.0, spread))  # noqa: S311 - no secret
        if not self._targets:
            await self._give_up(context)

    def _begin(self, target: Target, first_after: float) -> None:
        watch = HealthWatch(target, self._clock, self._door, self._prepared, self._take)
        name = f"health of {target.row.name}"
        running = supervise(name, lambda: watch.run(first_after, lambda: self._interval), self._clock)
        self._watched[target.id] = _Watched(watch, asyncio.create_task(running, name=name))

    async def _prepared(self, target: Target) -> Probe:
        return await prepared(await self._context(), target)

    def _take(self, target: Target, seen: Look) -> None:
        watched = self._watched.get(target.id)
        if watched is not None and watched.watch.target is target:
            self._gathered.append((target, seen))
            self._is_urgent |= watched.is_news(seen.check)

    async def _write(self, context: Context) -> None:
        """Holds the lease by it. What could not be written is kept for the next time, as far as there is room."""
        age = self._age(self._written_at)
        if age < (WRITE_SECONDS if self._gathered else _RENEW_SECONDS) and not self._is_urgent:
            return
        batch, self._gathered, self._is_urgent = self._gathered, [], False
        try:
            await self._write_down(context, [each for each in batch if self._targets.get(each[0].id) == each[0]])
        except LeaseLost:
            log.info("another agent looks after the health of connections now")
            self._lease = None
            await self._end(list(self._watched))
        except AicError:
            self._gathered = [*batch, *self._gathered][-_MOST_GATHERED:]
            raise
        else:
            self._written_at = self._clock.now()

    async def _write_down(self, context: Context, looks: list[tuple[Target, Look]]) -> None:
        if self._lease is None:
            return
        async with context.store.write() as transaction:
            held = await transaction.leases.hold(self._lease, LEASE_SECONDS, self._clock.now())
            await take_looks(context, transaction, looks)
        self._lease = held

    async def _give_up(self, context: Context) -> None:
        """Nothing is left to look at: another agent need not wait for the end of the lease."""
        lease, self._lease = self._lease, None
        if lease is not None:
            async with context.store.write() as transaction:
                await transaction.leases.release(lease)

    async def _leave(self) -> None:
        await self._end(list(self._watched))
        if self._lease is not None:
            context = await self._context()
            with suppress(AicError):
                await self._write_down(context, self._gathered)
                await self._give_up(context)

    async def _end(self, target_ids: list[str]) -> None:
        tasks = [self._watched.pop(target_id).task for target_id in target_ids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
