"""One container host: its event stream as long as it answers, and its containers written down as they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from aicompute_tui.agent.host_endpoints import HostEndpoints
from aicompute_tui.agent.rounds import Bell
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.container import EngineEvent
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.context import Context
from aicompute_tui.services.host_reports import silent, take_containers, take_failure

CONNECT_SECONDS = 15.0
LIST_SECONDS = 20.0
STEADY_SECONDS = 30.0
"""So often a host is looked at where nothing happens: its connection may be dead without anybody having said so."""
FACTS_SECONDS = 300.0
_GATHER_SECONDS = 0.3
"""Events of one moment are answered by one look."""
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 3.0)
_LONG_PAUSES_SECONDS = (1.0, 3.0, 10.0, 20.0)
"""After failures that took their time: nobody refused, the host was silent."""
_SLOW_SECONDS = 3.0
_MEANING_NOTHING = ("exec_", "top", "attach", "resize", "archive-path", "extract-to-dir", "export")
"""What others do in a container that changes nothing of what is told of it."""

Value = TypeVar("Value")

log = logging.getLogger(__name__)


class HostWatch:
    """Runs until it is cancelled."""

    def __init__(self, context: Callable[[], Awaitable[Context]], clock: Clock, host: Host) -> None:
        self.host = host
        self._context = context
        self._clock = clock
        self._bell = Bell(clock)
        self.endpoints = HostEndpoints(context, clock, host)
        self._failures = 0
        self._facts_at: float | None = None

    def nudge(self) -> None:
        """Somebody wants to know now: a host that is down is tried again at once."""
        self._bell.ring()

    async def run(self) -> None:
        while True:
            began = asyncio.get_running_loop().time()
            try:
                context = await self._context()
                await self._follow(context)
            except AicError as error:
                await self._failed(error)
            took = asyncio.get_running_loop().time() - began
            pauses = _LONG_PAUSES_SECONDS if took > _SLOW_SECONDS and self._failures else _PAUSES_SECONDS
            await self._bell.sleep(pauses[min(self._failures, len(pauses)) - 1] if self._failures else 0.0)

    async def _follow(self, context: Context) -> None:
        """One connection's life. Events are listened to before the first look, so that nothing falls between."""
        engine = await context.hosts.engine(self.host)
        stream = engine.events()
        events = await self._in_time(stream.__aenter__(), CONNECT_SECONDS)
        queue: asyncio.Queue[EngineEvent] = asyncio.Queue()
        reading = asyncio.create_task(_read(events, queue), name=f"events of {self.host.name}")
        try:
            await self._look(context, engine, frozenset())
            while True:
                changed = await self._changed(queue, reading)
                await self._look(await self._context(), engine, changed)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await stream.__aexit__(None, None, None)

    async def _changed(self, queue: asyncio.Queue[EngineEvent], reading: asyncio.Task[None]) -> frozenset[str]:
        """The containers something happened to; after a quiet while none. Raises where the stream has ended."""
        changed: set[str] = set()
        first = asyncio.create_task(queue.get())
        rest = asyncio.create_task(self._bell.sleep(STEADY_SECONDS))
        try:
            await asyncio.wait({first, rest, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                if reading.done():
                    reading.result()
                    raise Unreachable(f"The events of {self.host.name} ended.", "Its engine may have been stopped.")
                return frozenset()
            changed.add(first.result().id)
        finally:
            first.cancel()
            rest.cancel()
            await asyncio.gather(first, rest, return_exceptions=True)
        await self._clock.sleep(_GATHER_SECONDS)
        while not queue.empty():
            changed.add(queue.get_nowait().id)
        return frozenset(changed)

    async def _look(self, context: Context, engine: Engine, changed: frozenset[str]) -> None:
        now = asyncio.get_running_loop().time()
        facts = None
        if self._facts_at is None or now - self._facts_at >= FACTS_SECONDS:
            facts = await self._in_time(engine.facts(), LIST_SECONDS)
            self._facts_at = now
        look = await self._in_time(take_containers(context, self.host, engine, changed, facts), LIST_SECONDS)
        self.endpoints.update(look.containers)
        self._failures = 0

    async def _in_time(self, work: Awaitable[Value], seconds: float) -> Value:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise silent(self.host, seconds) from None

    async def _failed(self, error: AicError) -> None:
        self._failures += 1
        self._facts_at = None
        log.info("%s: %s %s", self.host.name, error.message, error.details)
        try:
            await take_failure(await self._context(), self.host, error)
        except AicError as failure:
            log.warning("the state of %s could not be stored: %s", self.host.name, failure.message)


async def _read(events: AsyncIterator[EngineEvent], queue: asyncio.Queue[EngineEvent]) -> None:
    async for event in events:
        if event.kind == "container" and not event.action.startswith(_MEANING_NOTHING):
            queue.put_nowait(event)
