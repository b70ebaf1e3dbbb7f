"""The keeper of machines against a real sshd: figures arrive, ports lead there, and both come back after a break."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from aicompute_tui.agent.node_keeper import NodeKeeper
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import LinkState, NodeReport, Tunnel
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.node_reports import look_once
from aicompute_tui.ssh.pool import NodePool
from tests.contract import store_world
from tests.contract.ssh_world import SshWorld, free_port, pool, ssh_world
from tests.unit import fake_cloud
from tests.waiting import until

__all__ = ["pool", "ssh_world"]

pytestmark = pytest.mark.asyncio
GPU = "0, GPU-1, 560.35.03, 23028, 512, 37, 41, 70.12, 300.00, NVIDIA A10G"
WATCH = "@aic-tui 1"


class Kept:
    """One machine at that sshd, and the keeper's store."""

    def __init__(self, context: Context, row: Instance) -> None:
        self.context = context
        self.row = row

    async def report(self) -> NodeReport | None:
        async with self.context.store.read() as transaction:
            return await transaction.node_reports.get(self.row.id)

    async def linked(self, link: LinkState) -> NodeReport:
        async def look() -> NodeReport | None:
            report = await self.report()
            return report if report is not None and report.link is link else None

        found = await until(look, f"its link is {link.value}", seconds=40)
        assert isinstance(found, NodeReport)
        return found

    async def endpoint(self) -> str | None:
        async with self.context.store.read() as transaction:
            return (await transaction.instances.get(self.row.id)).endpoint


@pytest_asyncio.fixture
async def kept(tmp_path: Path, ssh_world: SshWorld, pool: NodePool) -> AsyncIterator[Kept]:
    ssh_world.program_on_path("nvidia-smi", f"echo '{GPU}'")
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = str(ssh_world.port)
        context = replace(opened.context, clock=SystemClock(), open_nodes=lambda: pool)
        row = store_world.instance(
            "alpha",
            host_id=context.actor.host_id,
            framework="ollama",
            state=InstanceState.READY,
            public_address="127.0.0.1",
            login=getpass.getuser(),
        )
        async with context.store.write() as transaction:
            await transaction.instances.insert(row)
        yield Kept(context, row)


@pytest_asyncio.fixture
async def keeper(kept: Kept) -> AsyncIterator[NodeKeeper]:
    async def make_context(actor: Actor | None) -> Context:
        return kept.context

    made = NodeKeeper(make_context, kept.context.clock, kept.context.actor.host_id)
    task = asyncio.create_task(made.run())
    yield made
    made.leave()
    await asyncio.wait_for(task, 20)


async def _say_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello\n")
    writer.close()
    await writer.wait_closed()


async def _said_at(port: int) -> bytes:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = await reader.read(100)
    except OSError:
        return b""
    writer.close()
    return bytes(said)


def watches(world: SshWorld) -> list[psutil.Process]:
    found = []
    for each in world.sessions():
        with contextlib.suppress(psutil.Error):
            if WATCH in " ".join(each.cmdline()):
                found.append(each)
    return found


async def test_figures_and_ports_come_back_after_a_break(kept: Kept, keeper: NodeKeeper, ssh_world: SshWorld) -> None:
    server = await asyncio.start_server(_say_hello, "127.0.0.1", 0)
    remote_port, local_port = server.sockets[0].getsockname()[1], free_port()
    async with kept.context.store.write() as transaction:
        await transaction.tunnels.put(
            Tunnel(
                instance_id=kept.row.id,
                host_id=kept.context.actor.host_id,
                remote_port=remote_port,
                local_port=local_port,
            )
        )
    keeper.nudge()
    report = await kept.linked(LinkState.CONNECTED)
    assert [(gpu.name, gpu.utilisation_percent) for gpu in report.gpus] == [("NVIDIA A10G", 37)]
    assert abs(report.clock_off_seconds or 0) <= 60

    async def answers() -> bool:
        return (await _said_at(local_port)) == b"hello\n"

    await until(answers, "the port leads to the machine")
    url = await until(kept.endpoint, "the endpoint")
    ssh_world.kill()
    assert (await kept.linked(LinkState.FAILED)).problem_kind == "Unreachable"
    assert await kept.endpoint() is None
    ssh_world.start()
    await kept.linked(LinkState.CONNECTED)
    await until(answers, "the same port leads there again")

    async def is_back() -> bool:
        return bool(await kept.endpoint() == url)

    await until(is_back, "the endpoint is where it was")
    server.close()


async def test_another_host_key_is_not_spoken_to(kept: Kept, keeper: NodeKeeper, ssh_world: SshWorld) -> None:
    await kept.linked(LinkState.CONNECTED)
    ssh_world.kill()
    ssh_world.new_host_key()
    ssh_world.start()
    report = await kept.linked(LinkState.FAILED)
    while report.problem_kind == "Unreachable":  # the moment between the two
        await asyncio.sleep(0.05)
        report = await kept.linked(LinkState.FAILED)
    assert report.problem_kind == "Refused"
    assert "forget-key alpha" in report.next_step


async def test_nothing_runs_on_at_the_machine_when_the_agent_leaves(kept: Kept, ssh_world: SshWorld) -> None:
    async def make_context(actor: Actor | None) -> Context:
        return kept.context

    keeper = NodeKeeper(make_context, kept.context.clock, kept.context.actor.host_id)
    task = asyncio.create_task(keeper.run())
    await kept.linked(LinkState.CONNECTED)
    assert watches(ssh_world)
    keeper.leave()
    await asyncio.wait_for(task, 20)
    await until(lambda: not watches(ssh_world), "the watch ended on the machine")


async def test_one_look_without_an_agent(kept: Kept) -> None:
    noted = await look_once(kept.context, kept.row)
    assert noted is not None
    assert noted.report.gpus[0].name == "NVIDIA A10G"
