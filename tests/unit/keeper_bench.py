"""A keeper of machines by a clock that stands, with its store and the machines it connects to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from aicompute_tui.agent.node_keeper import NodeKeeper
from aicompute_tui.domain.event import Change, Event
from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import LinkState, NodeReport, Tunnel
from aicompute_tui.services.context import Actor, Context
from tests.contract import store_world
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.unit.fake_nodes import FakeMachine, FakeNodes
from tests.waiting import until

PULLING = ("boot done  100 1 2 x", "image running  40 1 - pulls")
READY = ("boot done  100 1763625600 1763625610 x", "ready done  100 1763625610 1763625700 x")


class Bench:
    """One keeper, its store and its machines."""

    def __init__(self, context: Context, clock: MovedClock, nodes: FakeNodes) -> None:
        self.context = context
        self.clock = clock
        self.nodes = nodes
        self.tasks: list[asyncio.Task[None]] = []
        self.breaks = 0
        self.keeper = self.start()

    async def make_context(self, actor: Actor | None) -> Context:
        return self.context

    def start(self) -> NodeKeeper:
        self.keeper = NodeKeeper(self.make_context, self.clock, self.context.actor.host_id, self._broken)
        self.tasks.append(asyncio.create_task(self.keeper.run()))
        return self.keeper

    def _broken(self) -> None:
        self.breaks += 1

    async def leave(self) -> None:
        self.keeper.leave()
        await asyncio.wait_for(self.tasks[-1], 10)

    async def add(self, name: str = "alpha", **fields: Any) -> tuple[Instance, FakeMachine]:
        values = {
            "host_id": self.context.actor.host_id,
            "framework": "ollama",
            "state": InstanceState.PREPARING,
            "remote_id": f"i-{name}",
            "public_address": "192.0.2.7",
            "state_since": self.clock.now(),
        }
        row = store_world.instance(name, **{**values, **fields})
        async with self.context.store.write() as transaction:
            await transaction.instances.insert(row)
        self.keeper.nudge()
        return row, self.nodes.of(row.id)

    async def change(self, row: Instance, **fields: Any) -> Instance:
        async with self.context.store.write() as transaction:
            present = await transaction.instances.get(row.id)
            changed = await transaction.instances.update(present, **fields)
        self.keeper.nudge()
        return changed

    async def row(self, row: Instance) -> Instance:
        async with self.context.store.read() as transaction:
            return await transaction.instances.get(row.id)

    async def report(self, row: Instance) -> NodeReport | None:
        async with self.context.store.read() as transaction:
            return await transaction.node_reports.get(row.id)

    async def tunnels(self, row: Instance) -> list[Tunnel]:
        async with self.context.store.read() as transaction:
            return await transaction.tunnels.of(row.id)

    async def events(self, kind: str) -> list[Event]:
        async with self.context.store.read() as transaction:
            return [event for event in await transaction.events.list() if event.kind == kind]

    async def ask_port(self, row: Instance, remote_port: int = 3000, local_port: int = 18_300) -> None:
        tunnel = Tunnel(instance_id=row.id, host_id=row.host_id, remote_port=remote_port, local_port=local_port)
        async with self.context.store.write() as transaction:
            await transaction.tunnels.put(tunnel)
        self.keeper.nudge()

    async def changes(self, since: int) -> list[Change]:
        async with self.context.store.read() as transaction:
            return await transaction.changes.since(since)

    async def samples(self, row: Instance) -> list[GpuSample]:
        async with self.context.store.read() as transaction:
            return await transaction.gpu_samples.list(row.id, store_world.START - timedelta(days=1))

    async def watched(self, machine: FakeMachine, times: int = 1) -> None:
        await until(lambda: len(machine.opened) >= times and machine.followers, f"it is watched for the {times}. time")

    async def waits(self, sleepers: int = 2) -> None:
        """Until keeper and watch both sleep, and as many tunnels as broke with the watch."""
        await until(lambda: self.clock.sleepers >= sleepers, "it waits for the next try")

    async def tried_after(self, machine: FakeMachine, seconds: float) -> None:
        """Once it was tried again, `seconds` later, and waits for the next time."""
        await self.waits()
        tries = machine.tries
        self.clock.advance(seconds)
        await until(lambda: machine.tries > tries and self.clock.sleepers >= 2, "it was tried again")

    async def linked(self, row: Instance, link: LinkState) -> NodeReport:
        async def look() -> NodeReport | None:
            report = await self.report(row)
            return report if report is not None and report.link is link else None

        found = await until(look, f"its link is {link.value}")
        assert isinstance(found, NodeReport)
        return found

    async def read_now(self, row: Instance) -> NodeReport:
        async def look() -> NodeReport | None:
            report = await self.report(row)
            return report if report is not None and report.read_at == self.clock.now() else None

        found = await until(look, "its answer is stored")
        assert isinstance(found, NodeReport)
        return found

    async def became(self, row: Instance, state: InstanceState) -> Instance:
        async def look() -> Instance | None:
            present = await self.row(row)
            return present if present.state is state else None

        found = await until(look, f"it is {state.value}")
        assert isinstance(found, Instance)
        return found

    async def served(self, row: Instance) -> Instance:
        """Once a program can call it; time goes on until then."""

        async def look() -> Instance | None:
            self.keeper.nudge()
            present = await self.row(row)
            return present if present.endpoint is not None else None

        found = await until(look, "it has an endpoint")
        assert isinstance(found, Instance)
        return found


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = MovedClock()
    nodes = FakeNodes(tmp_path)
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = "22"
        bench = Bench(replace(opened.context, clock=clock, open_nodes=lambda: nodes), clock, nodes)
        yield bench
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)
