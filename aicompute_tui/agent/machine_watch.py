"""One machine of ours: its watch over ssh as long as it runs, what follows of each answer, and its tunnels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from aicompute_tui.agent.kept_tunnel import LONGEST_PAUSE_SECONDS, TunnelDesk, pause_after
from aicompute_tui.agent.rounds import Bell
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, Unreachable
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import LinkState, NodeReading, NodeReport, Tunnel, news
from aicompute_tui.metrics.node_watch import watch_command
from aicompute_tui.services.context import Context
from aicompute_tui.services.gpu_samples import SampleGatherer
from aicompute_tui.services.node_reports import SETTING_UP, report_of, take_link, take_reading
from aicompute_tui.services.node_secrets import SecretsDelivery
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.tunnels import ensure_endpoint, serves
from aicompute_tui.services.watch_reader import WatchReader
from aicompute_tui.ssh.base import RunningCommand

QUICK_SECONDS = 2.0
STEADY_SECONDS = 30.0
CONNECT_SECONDS = 40.0
BOOT_GRACE = timedelta(minutes=3)
"""So long after a boot nothing is wrong with a machine whose ssh does not answer yet."""
_BOOT_PAUSE_SECONDS = 5.0
_BREAKS_TOLD = 6
"""Failures in a row after which the cloud is asked at its own pace again: about a minute."""
_WRITE_SECONDS = 10.0

Value = TypeVar("Value")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doors:
    """Each lets in only so many connects at once; those that failed before have their own, and so delay no others."""

    front: asyncio.Semaphore
    back: asyncio.Semaphore


class MachineWatch:
    """`row` is the newest that is known of the machine's row."""

    def __init__(
        self,
        context: Callable[[], Awaitable[Context]],
        clock: Clock,
        row: Instance,
        doors: Doors,
        on_break: Callable[[], None],
    ) -> None:
        """`on_break` is called while a machine that answered does not: its cloud may know that it ended."""
        self.row = row
        self._on_break = on_break
        self.report: NodeReport | None = None
        self._context = context
        self._clock = clock
        self._doors = doors
        self._bell = Bell(clock)
        self._is_connected = asyncio.Event()
        self._gatherer = SampleGatherer(row.id)
        self._delivery = SecretsDelivery()
        self._failures = 0
        self._was_connected = False
        self._has_answered = False
        self._written_at: datetime | None = None
        self._grace_until = clock.now()
        self._note_boot()
        self.desk = TunnelDesk(context, clock, lambda: self.row, self._is_connected)

    def update(self, row: Instance, tunnels: Sequence[Tunnel]) -> None:
        """What is stored now: a machine that moved or booted is tried again at once."""
        if row.version >= self.row.version:
            before, self.row = self.row, row
            if before.public_address != row.public_address or before.state is not row.state:
                self._note_boot()
                self._bell.ring()
        is_serving = serves(self.row, self.report)
        self.desk.want([tunnel for tunnel in tunnels if is_serving or not tunnel.is_endpoint])

    def _note_boot(self) -> None:
        if self.row.state is InstanceState.BOOTING:
            self._grace_until = self.row.state_since + BOOT_GRACE

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            pause = 0.0
            try:
                context = await self._context()
            except AicError as error:  # the store, not the machine
                log.warning("the watch over %s waits: %s", self.row.name, error.message)
                await self._bell.sleep(_BOOT_PAUSE_SECONDS)
                continue
            try:
                await self._follow(context)
            except AicError as error:
                pause = await self._failed(context, error)
            finally:
                self._is_connected.clear()
                self._gatherer.forget()
            if pause and await self._bell.sleep(pause):
                self._failures = min(self._failures, 1)

    @property
    def _interval(self) -> float:
        return QUICK_SECONDS if self.row.state in SETTING_UP else STEADY_SECONDS

    async def _follow(self, context: Context) -> None:
        """One connection's life; returns where another pace or another address is wanted."""
        address, interval = node_address(context, self.row), self._interval
        if self.report is None or self.report.link is LinkState.NEVER:
            await self._note_link(context, LinkState.CONNECTING)
        reader = WatchReader(self._clock)
        silence = interval * 2 + 20
        async with AsyncExitStack() as stack:
            async with self._doors.back if self._failures else self._doors.front:
                running = await self._connected(stack, context, interval)
            chunks = running.chunks()
            heard_at, has_said = self._clock.now(), False
            while self._interval == interval and self.row.public_address == address.host:
                left = silence - (self._clock.now() - heard_at).total_seconds()
                try:
                    chunk = await within(self._clock, left, _next(chunks))
                except TimeoutError:
                    raise self._silent(silence, has_said=has_said) from None
                if chunk is None:
                    raise Unreachable(f"{self.row.name} ended its own watch.", "It is begun again.")
                has_said = True
                for reading in reader.feed(chunk):
                    heard_at, has_said = self._clock.now(), False
                    await self._take(context, reading, interval)

    async def _connected(self, stack: AsyncExitStack, context: Context, interval: float) -> RunningCommand:
        opening = context.nodes.open(node_address(context, self.row), watch_command(interval, once=False))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await stack.enter_async_context(opening)
        except TimeoutError:
            step = "It may be overloaded: look at it again in a minute."
            raise Unreachable(f"{self.row.name} let no command in within {CONNECT_SECONDS:g} s.", step) from None

    def _silent(self, seconds: float, *, has_said: bool) -> AicError:
        if has_said:
            step = "Look at it with `aic-tui instance ssh`: its shell may print something of its own."
            return BadAnswer(f"{self.row.name} answers, but not in a way that can be read.", step)
        step = "It may be overloaded, or its NVIDIA driver may hang: look at it with `aic-tui instance ssh`."
        return Unreachable(f"{self.row.name} has said nothing for {seconds:g} s on an open connection.", step)

    async def _take(self, context: Context, reading: NodeReading, interval: float) -> None:
        self._failures, self._was_connected = 0, True
        self._is_connected.set()
        samples = self._gatherer.take(reading.gpus, self._clock.now(), interval)
        if not samples and not self._is_due(context, reading, interval):
            return
        try:
            noted = await take_reading(context, self.row.id, reading, samples)
            if noted is None:
                return
            self.row, self.report, self._written_at = noted.row, noted.report, self._clock.now()
            if serves(self.row, self.report) and not self.desk.has_endpoint:
                await ensure_endpoint(context, self.row)
            await self._hand_secrets(context, noted.report)
        except AicError as error:
            log.warning("what %s said could not be stored: %s", self.row.name, error.message)

    async def _hand_secrets(self, context: Context, report: NodeReport) -> None:
        try:
            await self._delivery.see_to(context, self.row, report)
        except AicError as error:
            log.warning("%s was not handed its secrets: %s %s", self.row.name, error.message, error.details)

    def _is_due(self, context: Context, reading: NodeReading, interval: float) -> bool:
        """Whether there is anything to write: each reading of a steady machine, of a quick one the news."""
        if interval >= STEADY_SECONDS or self._written_at is None or self.report is None:
            return True
        if (self._clock.now() - self._written_at).total_seconds() >= _WRITE_SECONDS:
            return True
        return news(report_of(reading, self.row.id, context)) != news(self.report)

    async def _failed(self, context: Context, error: AicError) -> float:
        """Says it where it matters; answers how long to wait."""
        self._failures += 1
        was_connected, self._was_connected = self._was_connected, False
        is_booting = self._clock.now() < self._grace_until and isinstance(error, Unreachable | AuthFailed)
        is_hiccup = was_connected and isinstance(error, Unreachable)
        log.info("%s: %s %s", self.row.name, error.message, error.details)
        self._has_answered = self._has_answered or was_connected
        if self._has_answered and self._failures <= _BREAKS_TOLD:
            self._on_break()
        if is_booting or is_hiccup:
            await self._note_link(context, LinkState.CONNECTING)
        else:
            await self._note_link(context, LinkState.FAILED, error)
        return pause_after(self._failures, _BOOT_PAUSE_SECONDS if is_booting else LONGEST_PAUSE_SECONDS)

    async def _note_link(self, context: Context, link: LinkState, error: AicError | None = None) -> None:
        try:
            self.report = await take_link(context, self.row.id, link, error)
        except AicError as failure:
            log.warning("the link to %s could not be stored: %s", self.row.name, failure.message)


async def within(clock: Clock, seconds: float, work: Coroutine[None, None, Value]) -> Value:
    """The result of `work`. Raises TimeoutError after `seconds` of our clock, at once where none is left."""
    if seconds <= 0:
        work.close()
        raise TimeoutError
    task = asyncio.ensure_future(work)
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()
        sleeper.cancel()
        await asyncio.gather(task, sleeper, return_exceptions=True)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """None at the end."""
    return await anext(chunks, None)
