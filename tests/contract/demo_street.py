"""The demo's machines on their own for tests: a world, a store with their rows, and the process that plays them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aicompute_tui.demo.beginning import plant
from aicompute_tui.demo.fleet import Seed
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, InstanceState, Market
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_LAUNCH, TAG_OWNER, TAG_STORE
from aicompute_tui.runtime import build
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.settings.places import Places
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.pool import NodePool
from tests.contract.ssh_world import free_port
from tests.waiting import until
from tests.world import World, start_world

SET_UP_SECONDS = 2.0
CLOCK = SystemClock()


@dataclass(frozen=True)
class Machine:
    row: Instance
    remote_id: str
    address: NodeAddress


@dataclass
class Street:
    home: Path
    world: World
    port: int
    process: subprocess.Popen[bytes]

    @property
    def places(self) -> Places:
        return build(environment=self.environment()).places

    def environment(self) -> dict[str, str]:
        return {"AIC_TUI_HOME": str(self.home), "HOME": str(self.home)}

    def pool(self) -> NodePool:
        return NodePool(self.places.ssh_key, self.places.known_hosts, CLOCK)

    def state(self, remote_id: str) -> tuple[str, str]:
        """The world's state and reason of a machine."""
        [row] = [row for row in self.world.machines() if row["instance_id"] == remote_id]
        return row["state"], row["state_reason"]

    async def launch(
        self,
        framework: str = "none",
        models: tuple[str, ...] = (),
        *,
        market: Market = Market.SPOT,
        idle_seconds: int | None = None,
        ttl_seconds: int = 3_600,
        is_awaited: bool = True,
    ) -> Machine:
        """A machine with its row, as a launch leaves it; `is_awaited` until it has booted and answers."""
        now = datetime.now(UTC)
        launch_id = new_id(now)
        seed = Seed(
            region="ca-central-1",
            zone="ca-central-1b",
            instance_type="g5.xlarge",
            market=market.value,
            age_seconds=0,
            tags={
                "Name": "gpu-1",
                TAG_STORE: "store",
                TAG_LAUNCH: launch_id,
                TAG_OWNER: "me",
                TAG_EXPIRES_AT: format_moment(now + timedelta(seconds=ttl_seconds)),
            },
            client_token=launch_id,
        )
        [made] = await asyncio.to_thread(plant, int(self.world.url.rpartition(":")[2]), [seed])
        row = Instance(
            id=launch_id,
            owner="me",
            created_by="me",
            name=f"gpu-{launch_id[-6:]}",
            cloud="aws",
            credential_id="aws:env",
            region="ca-central-1",
            instance_type="g5.xlarge",
            market=market,
            framework=framework,
            models=models,
            idle_seconds=idle_seconds,
            state=InstanceState.PREPARING,
            state_since=now,
            requested_at=now,
            host_id="here",
            remote_id=made["instance_id"],
        )
        runtime = build(environment=self.environment())
        try:
            async with (await runtime.open_store()).write() as transaction:
                await transaction.instances.insert(row)
        finally:
            await runtime.aclose()
        address = NodeAddress(instance_id=launch_id, host=made["public_address"], port=self.port, login="ubuntu")
        if is_awaited:
            await until(lambda: answers(address), "the machine answers")
        return Machine(row, made["instance_id"], address)


async def answers(address: NodeAddress) -> bool:
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


async def refuses(address: NodeAddress) -> bool:
    return not await answers(address)


@contextmanager
def open_street(folder: Path, set_up_seconds: float = SET_UP_SECONDS) -> Iterator[Street]:
    home = folder / "home"
    home.mkdir(mode=0o700)
    world_process, world = start_world(folder)
    port = free_port()
    words = ["--home", str(home), "--world-port-file", str(folder / "port"), "--port", str(port)]
    words += ["--set-up-seconds", str(set_up_seconds), "--until-stdin-closes"]
    process = subprocess.Popen([sys.executable, "-m", "aicompute_tui.demo.nodes", *words], stdin=subprocess.PIPE)
    street = Street(home, world, port, process)
    try:
        deadline = time.monotonic() + 30
        while not street.places.ssh_key.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield street
    finally:
        for each in (process, world_process):
            each.kill()
            each.communicate()
        shutil.rmtree(home, ignore_errors=True)


def told(text: bytes, token: str) -> Any:
    """What a log's reader says of it, and the log's own lines."""
    lines = text.decode().splitlines()
    said = [line.removeprefix(token) for line in lines if line.startswith(token)]
    return said, [line for line in lines if not line.startswith(token)]
