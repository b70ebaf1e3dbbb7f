"""Tunnels kept open: opened whenever their machine answers, opened again where they break, and told of each time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from aicompute_tui.agent.workers import supervise
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, Conflict
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.node import Tunnel, TunnelState
from aicompute_tui.services.context import Context
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.tunnels import move_port, set_state

LONGEST_PAUSE_SECONDS = 60.0
_STORE_RETRY_SECONDS = 2.0
_MOST_MOVES = 5

log = logging.getLogger(__name__)


def pause_after(failures: int, longest: float = LONGEST_PAUSE_SECONDS) -> float:
    """1, 2, 4 … seconds."""
    seconds: float = 2.0 ** min(max(failures, 1) - 1, 10)
    return min(seconds, longest)


class KeptTunnel:
    """`is_connected` is set while the machine's watch answers: nothing is tried before that."""

    def __init__(
        self,
        context: Callable[[], Awaitable[Context]],
        clock: Clock,
        row: Callable[[], Instance],
        tunnel: Tunnel,
        is_connected: asyncio.Event,
    ) -> None:
        self._context = context
        self._clock = clock
        self._row = row
        self._is_connected = is_connected
        self.tunnel = tunnel

    async def run(self) -> None:
        failures = moves = 0
        while True:
            await self._is_connected.wait()
            try:
                context = await self._context()
                await self._hold_open(context)
                failures = moves = 0
            except Conflict as error:
                moves += 1
                if self.tunnel.is_endpoint and moves <= _MOST_MOVES and await self._move():
                    continue
                failures += 1
                await self.note(TunnelState.FAILED, error.message)
            except AicError as error:
                failures += 1
                await self.note(TunnelState.FAILED, error.message)
            await self._clock.sleep(pause_after(failures))

    async def _hold_open(self, context: Context) -> None:
        """Returns when the connection broke."""
        row, tunnel = self._row(), self.tunnel
        broken = asyncio.Event()
        forward = await context.nodes.forward(node_address(context, row), tunnel.remote_port, tunnel.local_port)
        unwatch = context.nodes.watch_break(tunnel.instance_id, broken.set)
        try:
            await self.note(TunnelState.OPEN)
            if forward.is_open:
                await broken.wait()
        finally:
            unwatch()
            await forward.aclose()
        await self.note(TunnelState.FAILED, "the ssh connection broke; it is opened again when the machine answers")

    async def _move(self) -> bool:
        try:
            self.tunnel = await move_port(await self._context(), self.tunnel)
        except AicError as error:
            log.warning("no other port for a tunnel: %s", error.message)
            return False
        return True

    async def note(self, state: TunnelState, problem: str = "") -> None:
        """Goes on until it is written: whoever calls the endpoint lives by it."""
        while True:
            try:
                await set_state(await self._context(), self.tunnel, state, problem)
            except AicError as error:
                log.warning("the state of a tunnel could not be stored: %s", error.message)
                await self._clock.sleep(_STORE_RETRY_SECONDS)
            else:
                return


class TunnelDesk:
    """The tunnels of one machine: begins those that are wanted and ends those that no longer are."""

    def __init__(
        self,
        context: Callable[[], Awaitable[Context]],
        clock: Clock,
        row: Callable[[], Instance],
        is_connected: asyncio.Event,
    ) -> None:
        self._context = context
        self._clock = clock
        self._row = row
        self._is_connected = is_connected
        self._wanted: dict[int, Tunnel] = {}
        self._kept: dict[int, tuple[KeptTunnel, asyncio.Task[None]]] = {}
        self._is_news = asyncio.Event()

    @property
    def has_endpoint(self) -> bool:
        return any(tunnel.is_endpoint for tunnel in self._wanted.values())

    @property
    def has_tunnels(self) -> bool:
        return bool(self._wanted)

    def want(self, tunnels: Sequence[Tunnel]) -> None:
        self._wanted = {tunnel.remote_port: tunnel for tunnel in tunnels}
        self._is_news.set()

    async def run(self) -> None:
        """Until it is cancelled; then all are closed."""
        try:
            while True:
                await self._is_news.wait()
                self._is_news.clear()
                await self._settle()
        finally:
            for port in list(self._kept):
                await self._end(port)

    async def _settle(self) -> None:
        for port, (kept, task) in list(self._kept.items()):
            wanted = self._wanted.get(port)
            if wanted is not None and wanted.local_port == kept.tunnel.local_port and not task.done():
                continue
            await self._end(port)
            if wanted is None:
                await kept.note(TunnelState.OPENING)
        for port, wanted in self._wanted.items():
            if port not in self._kept:
                kept = KeptTunnel(self._context, self._clock, self._row, wanted, self._is_connected)
                name = f"tunnel to port {port} of {self._row().name}"
                self._kept[port] = kept, asyncio.create_task(supervise(name, kept.run, self._clock), name=name)

    async def _end(self, port: int) -> None:
        _, task = self._kept.pop(port)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
