"""Hosts of the product's own on the tests' engines, over every road there is."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.docker.engine import DockerEngine
from aicompute_tui.hosts.docker.ssh_road import SshRoad
from aicompute_tui.hosts.docker.wire import Wire
from aicompute_tui.ssh.pool import NodePool
from tests.contract.engines import RealEngine, running_engine
from tests.contract.ssh_world import SshWorld

ROADS = ("unix", "tcp", "tls", "ssh")


def host(url: str, name: str = "box", **more: Any) -> Host:
    given = {"id": f"018f-{name}", "owner": "me", "created_by": "me@here", "kept_by": "here", **more}
    return Host(name=name, url=url, created_at=datetime.now(UTC), **given)


def tls_host(engine: RealEngine, **more: Any) -> Host:
    tls = engine.certificates
    usual = {"tls_ca": str(tls.authority), "tls_cert": str(tls.client), "tls_key": str(tls.client_key)}
    return host(**{"url": engine.tls, **usual, **more})


@asynccontextmanager
async def engine_of(described: Host) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(described, Wire(described))
    try:
        yield engine
    finally:
        await engine.aclose()


@asynccontextmanager
async def engine_over_ssh(described: Host, world: SshWorld, home: Path | None = None) -> AsyncIterator[DockerEngine]:
    """With the world's own key as this installation's."""
    from aicompute_tui.runtime.clock import SystemClock

    pool = NodePool(world.key_file, world.known_hosts, SystemClock())
    road = SshRoad(
        described, pool, world.folder, login=getpass.getuser(), home=home or world.folder / "nobody", agent_socket=""
    )
    engine = DockerEngine(described, Wire(described, road), road)
    try:
        yield engine
    finally:
        await engine.aclose()
        await pool.aclose()


@pytest.fixture(scope="session")
def tls_engine() -> Iterator[RealEngine]:
    with running_engine("t", has_tls=True) as made:
        yield made


@asynccontextmanager
async def reached(road: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[DockerEngine, RealEngine]]:
    """An engine by one of ROADS, and the real one behind it, which is left without containers."""
    name = "tls_engine" if road == "tls" else "engine"
    real: RealEngine = request.getfixturevalue(name)
    described = {"unix": host(real.unix), "tcp": host(real.tcp), "tls": tls_host(real)}.get(road)
    try:
        if described is not None:
            async with engine_of(described) as made:
                yield made, real
            return
        world: SshWorld = request.getfixturevalue("ssh_world")
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{world.port}{real.socket}"
        async with engine_over_ssh(host(url), world) as made:
            yield made, real
    finally:
        real.clear()


async def soon(is_so: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = is_so()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)
