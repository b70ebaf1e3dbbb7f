"""The worker that looks after this host's machines over ssh: it begins and ends the watch over each of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from aicompute_tui.agent.machine_watch import Doors, MachineWatch
from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.agent.workers import MakeContext, supervise
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.node import LinkState, NodeReport, Tunnel, TunnelState
from aicompute_tui.services.context import Context
from aicompute_tui.services.gpu_samples import thin_out
from aicompute_tui.services.node_reports import forget, is_watchable, take_link
from aicompute_tui.services.tunnels import take_back

CONNECTS_AT_ONCE = 16
LOOK_SECONDS = 1.0
FULL_LOOK_SECONDS = 300.0
THIN_OUT_SECONDS = 3_600.0
_CONCERNING = frozenset({"instances", "tunnels"})
_MOST_CHANGES = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Watched:
    watch: MachineWatch
    tasks: tuple[asyncio.Task[None], ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored now; reports only in a full look."""

    rows: Mapping[str, Instance]
    tunnels: Mapping[str, Sequence[Tunnel]]
    reports: Sequence[NodeReport] = ()


class NodeKeeper(Rounds):
    """Machines of other hosts are theirs: they hold their keys."""

    name = "nodes"

    def __init__(
        self, context: MakeContext, clock: Clock, host_id: str, on_break: Callable[[], None] = lambda: None
    ) -> None:
        """`on_break` is called while a machine that answered does not any more."""
        super().__init__(clock)
        self._on_break = on_break
        self._make_context = context
        self._host_id = host_id
        half = CONNECTS_AT_ONCE // 2
        self._doors = Doors(asyncio.Semaphore(half), asyncio.Semaphore(half))
        self._watched: dict[str, _Watched] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._has_taken_over = False
        self._seen = -1
        self._full_at: datetime | None = None
        self._thinned_at: datetime | None = None

    async def run(self) -> None:
        try:
            await self._look_every(LOOK_SECONDS, self._look, "the machines could not be looked through")
            await self._leave()
        finally:
            await self._end_everything()

    async def _context(self) -> Context:
        return await self._make_context(None)

    async def _look(self) -> None:
        """Begins and ends watches by what is stored; where nothing of it changed, there is nothing to do."""
        context = await self._context()
        if not self._has_taken_over:
            await self._take_over(context)
        stored = await self._read(context)
        if stored is not None:
            for row in stored.rows.values():
                if is_watchable(row, self._host_id) and row.id not in self._closing:
                    self._keep(row, stored.tunnels.get(row.id, ()))
            for instance_id in self._unwatchable(stored):
                self._close(instance_id, stored.rows.get(instance_id))
        if self._age(self._thinned_at) >= THIN_OUT_SECONDS:
            self._thinned_at = self._clock.now()
            await thin_out(context)

    def _age(self, moment: datetime | None) -> float:
        """Seconds from or to a moment of a clock that may have been moved; endless where there was none."""
        return inf if moment is None else abs((self._clock.now() - moment).total_seconds())

    async def _take_over(self, context: Context) -> None:
        """No port outlives its process: what an agent that was killed left as open is closed."""
        async with context.store.read() as transaction:
            tunnels = await transaction.tunnels.list(self._host_id)
        left = {tunnel.instance_id for tunnel in tunnels if tunnel.state is not TunnelState.OPENING}
        if left:
            await take_back(context, sorted(left), "the agent of this host ended", keep_rows=True)
        self._has_taken_over = True

    async def _read(self, context: Context) -> _Stored | None:
        """None where nothing has changed that concerns machines."""
        now = self._clock.now()
        is_full = self._age(self._full_at) >= FULL_LOOK_SECONDS
        if not is_full and await context.store.latest_change() == self._seen:
            return None
        async with context.store.read() as transaction:
            latest = await transaction.changes.latest()
            if not is_full:
                changes = await transaction.changes.since(self._seen, _MOST_CHANGES)
                if len(changes) < _MOST_CHANGES and not any(each.table in _CONCERNING for each in changes):
                    self._seen = latest
                    return None
            rows = await transaction.instances.list()
            tunnels = await transaction.tunnels.list(self._host_id)
            reports = await transaction.node_reports.list() if is_full else ()
        self._seen = latest
        if is_full:
            self._full_at = now
        by_machine: dict[str, list[Tunnel]] = {}
        for tunnel in tunnels:
            by_machine.setdefault(tunnel.instance_id, []).append(tunnel)
        return _Stored({row.id: row for row in rows}, by_machine, reports)

    def _keep(self, row: Instance, tunnels: Sequence[Tunnel]) -> None:
        known = self._watched.get(row.id)
        if known is None:
            watch = MachineWatch(self._context, self._clock, row, self._doors, self._on_break)
            tasks = (self._begin(f"watch over {row.name}", watch.run), self._begin(f"{row.name} ports", watch.desk.run))
            known = self._watched[row.id] = _Watched(watch, tasks)
        known.watch.update(row, tunnels)

    def _begin(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(supervise(name, run, self._clock), name=name)

    def _unwatchable(self, stored: _Stored) -> set[str]:
        """Machines that are watched no longer, and those of which an earlier agent left something standing."""
        left = {report.instance_id for report in stored.reports if report.host_id == self._host_id}
        left |= stored.tunnels.keys() | self._watched.keys()
        known = {report.instance_id: report.link for report in stored.reports}
        found: set[str] = set()
        for instance_id in left - self._closing.keys():
            row = stored.rows.get(instance_id)
            if row is not None and is_watchable(row, self._host_id):
                continue
            is_open = any(tunnel.state is not TunnelState.OPENING for tunnel in stored.tunnels.get(instance_id, ()))
            is_linked = known.get(instance_id, LinkState.NEVER) is not LinkState.NEVER
            if row is None or instance_id in self._watched or is_open or is_linked:
                found.add(instance_id)
        return found

    def _close(self, instance_id: str, row: Instance | None) -> None:
        watched = self._watched.pop(instance_id, None)
        task = asyncio.create_task(self._closed(instance_id, row, watched), name=f"end of the watch over {instance_id}")
        self._closing[instance_id] = task
        task.add_done_callback(lambda _: self._has_closed(instance_id))

    def _has_closed(self, instance_id: str) -> None:
        self._closing.pop(instance_id, None)
        self._seen = -1  # it may run again by now
        self._bell.ring()

    async def _closed(self, instance_id: str, row: Instance | None, watched: _Watched | None) -> None:
        """Keeps what stays of a stopped machine, nothing of one that is gone. A full look does again what failed."""
        if watched is not None:
            await _ended(watched.tasks)
        try:
            context = await self._context()
            if row is None:
                await take_back(context, [instance_id], "the machine is gone")
                await forget(context, [instance_id])
                await context.nodes.forget(instance_id)
            else:
                await take_back(context, [instance_id], f"it is {row.state.value}", keep_rows=True)
                await take_link(context, instance_id, LinkState.NEVER)
        except AicError as error:
            log.warning("what was kept of %s could not be cleared: %s", instance_id, error.message)

    async def _leave(self) -> None:
        """No port is left that looks open and leads nowhere."""
        watched, self._watched = self._watched, {}
        await _ended([task for each in watched.values() for task in each.tasks])
        try:
            context = await self._context()
            with_tunnels = [instance_id for instance_id, each in watched.items() if each.watch.desk.has_tunnels]
            if with_tunnels:
                await take_back(context, with_tunnels, "the agent of this host ended", keep_rows=True)
        except AicError as error:
            log.warning("the tunnels could not be taken back: %s", error.message)

    async def _end_everything(self) -> None:
        watched, self._watched = self._watched, {}
        await _ended([*(task for each in watched.values() for task in each.tasks), *self._closing.values()])


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
