"""Hosts, their reports and their containers in the store: kept whole, found by name, told as changes once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.container import Container, ContainerState, GpuRequest, Health, PortBinding
from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound
from aicompute_tui.domain.host import Host, HostFacts, HostReport, HostState
from aicompute_tui.store.database import Store
from tests.contract.store_world import opened

pytestmark = pytest.mark.asyncio
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def host(name: str, host_id: str = "") -> Host:
    return Host(
        id=host_id or f"018f-{name}",
        owner="me",
        created_by="me@here",
        name=name,
        url="unix:///run/docker.sock",
        kept_by="here",
        created_at=NOW,
    )


def container(name: str, host_id: str = "018f-box") -> Container:
    return Container(
        host_id=host_id,
        id=name * 8,
        name=name,
        image="bb:1",
        state=ContainerState.RUNNING,
        health=Health.HEALTHY,
        created_at=NOW,
        ports=(PortBinding(80, "tcp", "127.0.0.1", 8080), PortBinding(53, "udp")),
        gpus=GpuRequest(device_ids=("0", "3"), driver="nvidia"),
        labels=(("a", "b"),),
        restart_count=2,
        is_inspected=True,
    )


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "a.db") as made:
        async with made.write() as transaction:
            await transaction.hosts.insert(host("box"))
        yield made


async def changes(store: Store, since: int) -> list[tuple[str, str]]:
    async with store.read() as transaction:
        return [(each.table, each.row_id) for each in await transaction.changes.since(since, 100)]


async def test_a_host_is_found_by_name_id_and_beginning(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.hosts.insert(host("boxer"))
        with pytest.raises(Conflict, match="already a host named “box”"):
            await transaction.hosts.insert(host("box", "other"))
    async with store.read() as transaction:
        assert (await transaction.hosts.find("box")).id == "018f-box"
        assert (await transaction.hosts.find("018f-boxe")).name == "boxer"
        with pytest.raises(InvalidInput, match="more than one"):
            await transaction.hosts.find("018f")
        with pytest.raises(NotFound, match="no host “nope”"):
            await transaction.hosts.find("nope")


async def test_a_report_is_kept_whole_and_a_later_look_alone_is_no_news(store: Store) -> None:
    report = HostReport(
        host_id="018f-box",
        state=HostState.UP,
        read_at=NOW,
        since=NOW,
        facts=HostFacts(engine_version="20.10", runtimes=("nvidia", "runc"), gpus=("H200",), free_disk_bytes=5),
    )
    async with store.write() as transaction:
        assert (await transaction.host_reports.get("018f-box")).state is HostState.WAITING
        await transaction.host_reports.put(report)
    seen = await store.latest_change()
    async with store.write() as transaction:
        await transaction.host_reports.put(replace(report, read_at=NOW + timedelta(seconds=30)))
    assert await changes(store, seen) == []
    async with store.write() as transaction:
        await transaction.host_reports.put(replace(report, state=HostState.DOWN, problem="It is gone."))
    assert await changes(store, seen) == [("host_reports", "018f-box")]
    async with store.read() as transaction:
        known = (await transaction.host_reports.list())["018f-box"]
    assert known == replace(report, state=HostState.DOWN, problem="It is gone.")


async def test_containers_are_kept_whole_and_only_differences_are_told(store: Store) -> None:
    first, second = container("a"), container("b")
    async with store.write() as transaction:
        assert await transaction.containers.replace("018f-box", [first, second])
    async with store.read() as transaction:
        assert await transaction.containers.list("018f-box") == [first, second]
    seen = await store.latest_change()
    ended = replace(second, state=ContainerState.EXITED, exit_code=137, gpus=None)
    async with store.write() as transaction:
        assert not await transaction.containers.replace("018f-box", [first, second])
        assert await transaction.containers.replace("018f-box", [ended])
    assert sorted(await changes(store, seen)) == [("containers", first.key), ("containers", second.key)]
    async with store.read() as transaction:
        assert await transaction.containers.list() == [ended]


async def test_a_host_goes_with_all_that_is_known_of_it(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.host_reports.put(HostReport(host_id="018f-box"))
        await transaction.containers.replace("018f-box", [container("a")])
    seen = await store.latest_change()
    async with store.write() as transaction:
        await transaction.hosts.remove("018f-box")
    assert sorted(await changes(store, seen)) == [("containers", container("a").key), ("hosts", "018f-box")]
    async with store.read() as transaction:
        assert await transaction.containers.list() == []
        assert await transaction.hosts.list() == []
