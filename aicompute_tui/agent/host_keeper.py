"""The worker that looks after this installation's container hosts: it begins and ends the watch over each of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aicompute_tui.agent.host_watch import HostWatch
from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.agent.workers import MakeContext, supervise
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.host import Host
from aicompute_tui.services.context import Context

LOOK_SECONDS = 1.0
_MOST_CHANGES = 1_000


@dataclass(frozen=True, slots=True)
class _Watched:
    watch: HostWatch
    tasks: tuple[asyncio.Task[None], ...]


class HostKeeper(Rounds):
    """Hosts that another installation added are its own: their sockets, keys and tunnels are there."""

    name = "hosts"

    def __init__(self, context: MakeContext, clock: Clock, host_id: str) -> None:
        super().__init__(clock)
        self._make_context = context
        self._host_id = host_id
        self._watched: dict[str, _Watched] = {}
        self._seen = -1

    async def run(self) -> None:
        try:
            await self._look_every(LOOK_SECONDS, self._look, "the container hosts could not be looked through")
        finally:
            await self._end(list(self._watched))

    async def _context(self) -> Context:
        return await self._make_context(None)

    async def _look(self) -> None:
        """Begins and ends watches by what is stored; where no host changed, there is nothing to do."""
        context = await self._context()
        if await context.store.latest_change() == self._seen:
            return
        async with context.store.read() as transaction:
            latest = await transaction.changes.latest()
            changes = await transaction.changes.since(self._seen, _MOST_CHANGES) if self._seen >= 0 else []
            is_news = self._seen < 0 or len(changes) >= _MOST_CHANGES or any(each.table == "hosts" for each in changes)
            hosts = await transaction.hosts.list() if is_news else []
        self._seen = latest
        if is_news:
            ours = {host.id: host for host in hosts if host.kept_by == self._host_id}
            gone = [key for key, each in self._watched.items() if ours.get(key) != each.watch.host]
            await self._end(gone)
            for host in ours.values():
                self._begin(host)

    def _begin(self, host: Host) -> None:
        if host.id in self._watched:
            return
        watch = HostWatch(self._context, self._clock, host)
        runs = {f"watch over the host {host.name}": watch.run, f"endpoints of {host.name}": watch.endpoints.run}
        tasks = [asyncio.create_task(supervise(name, run, self._clock), name=name) for name, run in runs.items()]
        self._watched[host.id] = _Watched(watch, tuple(tasks))

    async def _end(self, host_ids: list[str]) -> None:
        tasks = [task for host_id in host_ids for task in self._watched.pop(host_id).tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
