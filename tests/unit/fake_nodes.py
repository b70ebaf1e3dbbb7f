"""Connections to machines in memory: each answers its watch as a test says, breaks, refuses or stays silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aicompute_tui.domain.errors import AicError, Conflict, Unreachable
from aicompute_tui.ssh.base import Finished, Forward, NodeAddress, RunningCommand

A10G = "0, GPU-1, 560.35.03, 23028, {used}, {busy}, 41, 70.12, 300.00, NVIDIA A10G"


@dataclass
class FakeMachine:
    """What it answers. `error` refuses every connection, `hangs` lets none in and none out."""

    error: AicError | None = None
    hangs: bool = False
    tries: int = 0
    opened: list[tuple[NodeAddress, str]] = field(default_factory=list)
    commands: list[tuple[str, bytes]] = field(default_factory=list)
    answer: Finished = field(default_factory=lambda: Finished(0, b"", b""))
    output: asyncio.Queue[bytes | AicError | None] = field(default_factory=asyncio.Queue)
    """To the watch that is open: bytes, an error that breaks it, None for its end."""
    followers: int = 0
    breaks: list[Callable[[], None]] = field(default_factory=list)

    def say(
        self, at: datetime, *steps: str, activity: Sequence[str] | None = None, busy: int = 37, used: int = 512
    ) -> None:
        """One round of the watch; steps and activity as the machine's own files have them."""
        lines = [f"@aic-tui 1 {int(at.timestamp())}"]
        lines += ["@progress", *(step.replace(" ", "\t", 6) for step in steps)] if steps else ["@progress absent"]
        lines += ["@activity absent"] if activity is None else ["@activity", *activity]
        lines += ["@gpu 0", A10G.format(busy=busy, used=used), "@end", ""]
        self.output.put_nowait("\n".join(lines).encode())

    def break_off(self, error: AicError | None = None) -> None:
        """The connection is gone, with all that ran over it."""
        if self.followers:
            self.output.put_nowait(error or Unreachable("The ssh connection broke.", "Try again."))
        watchers, self.breaks = self.breaks, []
        for on_break in watchers:
            on_break()


class _Command:
    exit_code: int | None = None
    stderr_tail = ""

    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            item = await self._machine.output.get()
            if item is None:
                return
            if isinstance(item, AicError):
                raise item
            yield item


class FakeForward:
    def __init__(self, machine: FakeMachine, local_port: int, ports: dict[int, FakeForward]) -> None:
        self.local_port = local_port
        self.is_open = True
        self._ports = ports
        ports[local_port] = self
        machine.breaks.append(self._broke)

    def _broke(self) -> None:
        self.is_open = False

    async def aclose(self) -> None:
        self.is_open = False
        self._ports.pop(self.local_port, None)


class FakeNodes:
    """Implements Nodes. `taken` are ports of this host that some other program has."""

    def __init__(self, folder: Path) -> None:
        self.key_file = folder / "id_ed25519"
        self.known_hosts = folder / "known_hosts"
        self.machines: dict[str, FakeMachine] = {}
        self.ports: dict[int, FakeForward] = {}
        self.taken: set[int] = set()
        self.forgotten: list[str] = []
        self.connecting = 0
        self.most_connecting = 0

    def of(self, instance_id: str) -> FakeMachine:
        return self.machines.setdefault(instance_id, FakeMachine())

    async def run(
        self, address: NodeAddress, command: str, *, stdin: bytes = b"", timeout_seconds: float = 20.0
    ) -> Finished:
        machine = await self._reach(address)
        machine.commands.append((command, stdin))
        return machine.answer

    @asynccontextmanager
    async def open(self, address: NodeAddress, command: str) -> AsyncIterator[RunningCommand]:
        machine = await self._reach(address)
        machine.opened.append((address, command))
        machine.followers += 1
        try:
            yield _Command(machine)
        finally:
            machine.followers -= 1

    async def forward(self, address: NodeAddress, remote_port: int, local_port: int) -> Forward:
        machine = await self._reach(address)
        if local_port in self.taken or local_port in self.ports:
            raise Conflict(f"Port {local_port} of this host is taken by another program.", "Choose another port.")
        return FakeForward(machine, local_port, self.ports)

    async def _reach(self, address: NodeAddress) -> FakeMachine:
        machine = self.of(address.instance_id)
        machine.tries += 1
        self.connecting += 1
        self.most_connecting = max(self.most_connecting, self.connecting)
        try:
            await asyncio.sleep(0)
            if machine.hangs:
                await asyncio.Event().wait()
            if machine.error is not None:
                raise machine.error
        finally:
            self.connecting -= 1
        return machine

    def watch_break(self, instance_id: str, on_break: Callable[[], None]) -> Callable[[], None]:
        breaks = self.of(instance_id).breaks
        breaks.append(on_break)

        def take_back() -> None:
            if on_break in breaks:
                breaks.remove(on_break)

        return take_back

    async def forget(self, instance_id: str) -> None:
        self.forgotten.append(instance_id)

    async def aclose(self) -> None:
        return
