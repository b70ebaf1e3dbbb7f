"""Fifty container hosts at once, some dead or stalling: the others are told of in time, and the agent stays small."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from aicompute_tui.agent.start import ensure_agent
from aicompute_tui.runtime import Runtime
from aicompute_tui.store.fast import Snapshot, read_snapshot
from tests.contract.agent_home import Home, opened_home
from tests.contract.engines import RealEngine, engines, lines_of, two_engines
from tests.contract.host_crowd import CONTAINERS_EACH, LIVING, Crowd, host_crowd, host_row
from tests.waiting import until

__all__ = ["engines", "two_engines"]

pytestmark = pytest.mark.asyncio
EACH = 6
ALL = LIVING * CONTAINERS_EACH + 2 * EACH
FIRST_SECONDS, NEWS_SECONDS = 60.0, 20.0
QUIET_SECONDS = 5.0
MOST_MIB, MOST_CPU_SHARE, MOST_THREADS = 200.0, 0.5, 20
STAYS = lines_of(["echo here"])


@dataclass
class Fleet:
    home: Home
    runtime: Runtime
    engines: tuple[RealEngine, RealEngine]
    agent: psutil.Process

    def snapshot(self) -> Snapshot:
        found = read_snapshot(self.runtime.places.database_file, time.time())
        assert found is not None
        return found

    def names(self) -> set[str]:
        """Containers of the real engines that are told of as running."""
        real = {row.id for row in self.snapshot().hosts if row.name in {"a", "b"}}
        return {row.name for row in self.snapshot().containers if row.host_id in real and row.state == "running"}

    async def told(self, count: int) -> None:
        await until(lambda: len(self.snapshot().containers) >= count, f"{count} containers", FIRST_SECONDS)


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    with host_crowd(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def fleet(tmp_path: Path, crowd: Crowd, engines: tuple[RealEngine, RealEngine]) -> AsyncIterator[Fleet]:
    """1,000 containers on 40 hosts that answer; 10 do not."""
    for each in engines:
        for number in range(EACH):
            each.run(f"{each.name}-{number}", STAYS)
    async with opened_home(tmp_path) as home:
        runtime = home.runtime()
        async with (await runtime.open_store()).write() as transaction:
            for host in [*crowd.hosts(runtime), *(host_row(runtime, each.name, each.unix) for each in engines)]:
                await transaction.hosts.insert(host)
        agent = await ensure_agent(runtime)
        made = Fleet(home, runtime, engines, psutil.Process(agent.status.pid))
        await made.told(ALL)
        yield made


async def test_rows_of_the_living_stay_right_and_the_dead_delay_nobody(fleet: Fleet) -> None:
    first, second = fleet.engines
    for number in range(3):
        for each in (first, second):
            name = f"{each.name}-new-{number}"
            each.run(name, STAYS)
            await until(lambda: name in fleet.names(), f"{name} is told of", NEWS_SECONDS)  # noqa: B023
            each.docker("rm", "-f", name)
            await until(lambda: name not in fleet.names(), f"{name} is forgotten", NEWS_SECONDS)  # noqa: B023
    await until(lambda: len(fleet.snapshot().containers) == ALL, "no row of the removed is left", NEWS_SECONDS)
    hosts = {row.name: row for row in fleet.snapshot().hosts}
    assert {name for name, row in hosts.items() if row.state == "up"} == {
        name for name in hosts if not name.startswith("dead")
    }

    def all_dead_are_told() -> bool:
        rows = [row for row in fleet.snapshot().hosts if row.name.startswith("dead")]
        return all(row.state == "down" and row.problem for row in rows)

    await until(all_dead_are_told, "the dead are told of as down", FIRST_SECONDS)


async def test_the_agent_stays_small_while_it_watches_them_all(fleet: Fleet) -> None:
    async def is_quiet() -> bool:
        before, began = fleet.agent.cpu_times(), time.monotonic()
        await asyncio.sleep(QUIET_SECONDS)
        after, took = fleet.agent.cpu_times(), time.monotonic() - began
        used: float = after.user + after.system - before.user - before.system
        return used / took <= MOST_CPU_SHARE

    await until(is_quiet, "it uses little of a processor once it knows them all")
    assert fleet.agent.memory_info().rss / 2**20 <= MOST_MIB
    assert fleet.agent.num_threads() <= MOST_THREADS
