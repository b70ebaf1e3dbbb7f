"""The pool: one ssh connection per machine, opened at the first need, shared, and closed when unused for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.ssh import host_keys
from aicompute_tui.ssh.base import Finished, Forward, NodeAddress, RunningCommand, SocketForward

if TYPE_CHECKING:
    from aicompute_tui.ssh.link import Link

IDLE_SECONDS = 120.0
MOST_OUTPUT_BYTES = 8 << 20


@dataclass
class _Attempt:
    """One opening of a connection, waited for by everyone who needs it."""

    address: NodeAddress
    task: asyncio.Task[Link]
    waiting: int = 0


@dataclass
class _Machine:
    link: Link | None = None
    attempt: _Attempt | None = None
    idle: asyncio.Task[None] | None = None
    background: set[asyncio.Task[None]] = field(default_factory=set)
    """Connections being closed."""


class NodePool:
    """Implements Nodes. Used from one event loop; asyncssh is imported at the first connection."""

    def __init__(self, key_file: Path, known_hosts: Path, clock: Clock, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.key_file = key_file
        self.known_hosts = known_hosts
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._machines: dict[str, _Machine] = {}
        self._closed = False

    async def run(
        self,
        address: NodeAddress,
        command: str,
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 20.0,
        most_output_bytes: int = MOST_OUTPUT_BYTES,
    ) -> Finished:
        """The time-out counts from the connection's standing. Raises BadAnswer above `most_output_bytes`."""
        link = await self._acquire(address)
        try:
            return await link.run(command, stdin, timeout_seconds, most_output_bytes)
        finally:
            self._release(link)

    @asynccontextmanager
    async def open(self, address: NodeAddress, command: str) -> AsyncIterator[RunningCommand]:
        """`command` has no standard input; leaving the block ends it on the machine."""
        link = await self._acquire(address)
        try:
            async with link.open(command) as running:
                yield running
        finally:
            self._release(link)

    async def forward(self, address: NodeAddress, remote_port: int, local_port: int) -> Forward:
        link = await self._acquire(address)
        try:
            from aicompute_tui.ssh.tunnel import Tunnel

            tunnel = Tunnel(link, remote_port, lambda: self._release(link))
            await tunnel.listen(local_port)
        except BaseException:
            self._release(link)
            raise
        return tunnel

    async def forward_socket(self, address: NodeAddress, remote_path: str, local_path: Path) -> SocketForward:
        link = await self._acquire(address)
        try:
            from aicompute_tui.ssh.socket_tunnel import SocketTunnel

            tunnel = SocketTunnel(link, remote_path, lambda: self._release(link))
            await tunnel.listen(local_path)
        except BaseException:
            self._release(link)
            raise
        return tunnel

    def watch_break(self, instance_id: str, on_break: Callable[[], None]) -> Callable[[], None]:
        """Without a connection `on_break` is called soon."""
        machine = self._machines.get(instance_id)
        if machine is not None and machine.link is not None and machine.link.is_open:
            return machine.link.watch_break(on_break)
        return asyncio.get_running_loop().call_soon(on_break).cancel

    async def forget(self, instance_id: str) -> None:
        machine = self._machines.pop(instance_id, None)
        if machine is not None:
            await _close(machine)
        await asyncio.to_thread(host_keys.forget, self.known_hosts, host_keys.alias_of(instance_id))

    async def aclose(self) -> None:
        self._closed = True
        machines, self._machines = list(self._machines.values()), {}
        await asyncio.gather(*(_close(machine) for machine in machines))

    async def _acquire(self, address: NodeAddress) -> Link:
        """Whoever gets the link owes a `_release`."""
        if self._closed:
            raise Unreachable("The ssh connections of this process are closed.", "Start it anew.")
        machine = self._machines.setdefault(address.instance_id, _Machine())
        link = machine.link
        if link is None or not link.is_open or _place(link.address) != _place(address):
            link = await self._opened(machine, address)
        link.uses += 1
        if machine.idle is not None:
            machine.idle.cancel()
            machine.idle = None
        return link

    def _release(self, link: Link) -> None:
        link.uses -= 1
        machine = self._machines.get(link.address.instance_id)
        if machine is not None and machine.link is link and link.uses == 0 and link.is_open:
            self._await_idleness(machine, link)

    async def _opened(self, machine: _Machine, address: NodeAddress) -> Link:
        attempt = machine.attempt
        if attempt is None or _place(attempt.address) != _place(address):
            attempt = _Attempt(address, asyncio.create_task(self._open(machine, address)))
            machine.attempt = attempt
        attempt.waiting += 1
        try:
            return await asyncio.shield(attempt.task)
        except asyncio.CancelledError:
            if not attempt.task.cancelled() or _is_cancelled():
                raise
            step = "Look whether it still runs, then try again."
            raise Unreachable(f"The ssh connection to {address.title} was closed.", step) from None
        finally:
            attempt.waiting -= 1
            if machine.attempt is attempt and (attempt.task.done() or attempt.waiting == 0):
                machine.attempt = None
            if attempt.waiting == 0:
                attempt.task.cancel()

    async def _open(self, machine: _Machine, address: NodeAddress) -> Link:
        old, machine.link = machine.link, None
        if old is not None:
            _in_background(machine, old.close())
        link = await (await asyncio.to_thread(_connecting))(address, self.key_file, self.known_hosts)
        machine.link = link
        self._await_idleness(machine, link)
        return link

    def _await_idleness(self, machine: _Machine, link: Link) -> None:
        async def close_after_a_while() -> None:
            await self._clock.sleep(self._idle_seconds)
            if link.uses == 0:
                if machine.link is link:
                    machine.link = None
                await link.close()

        if machine.idle is not None:
            machine.idle.cancel()
        machine.idle = asyncio.create_task(close_after_a_while())


def _connecting() -> Callable[[NodeAddress, Path, Path], Coroutine[None, None, Link]]:
    """In a thread: asyncssh takes a seventh of a second to import."""
    from aicompute_tui.ssh.link import connect

    return connect


def _is_cancelled() -> bool:
    """Whether it is this task that was cancelled, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _place(address: NodeAddress) -> tuple[str, int, str]:
    return (address.host, address.port, address.login)


def _in_background(machine: _Machine, closing: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(closing)
    machine.background.add(task)
    task.add_done_callback(machine.background.discard)


async def _close(machine: _Machine) -> None:
    link, machine.link = machine.link, None
    tasks: list[asyncio.Task[None] | asyncio.Task[Link]] = [*machine.background]
    for task in (machine.idle, machine.attempt.task if machine.attempt is not None else None):
        if task is not None:
            task.cancel()
            tasks.append(task)
    if link is not None:
        await link.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    if machine.link is not None:
        await machine.link.close()
