"""The use of machines and when hosts were read move with the minutes although no change tells of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.host import Host, HostReport, HostState
from aicompute_tui.domain.node import NodeReport
from aicompute_tui.ui.follower import StoreFollower
from aicompute_tui.ui.overview import Sums
from aicompute_tui.ui.state import StateUpdate
from tests.contract.store_world import START, instance, opened

pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_use_is_read_again_each_minute(tmp_path: Path) -> None:
    clock = Clock(START + timedelta(hours=1))
    told: list[StateUpdate] = []

    def deliver(update: StateUpdate, sums: Sums | None) -> None:
        told.append(update)

    async with opened(tmp_path / "aic-tui.db") as store:
        row = instance("lab")
        async with store.write() as transaction:
            await transaction.instances.insert(row)
            await transaction.node_reports.put(NodeReport(instance_id=row.id, host_id="h", read_at=clock.now()))
        follower = StoreFollower(tmp_path / "aic-tui.db", clock, deliver)
        follower.poll_seconds = 0.02
        follower.start(None)
        try:
            until(lambda: bool(told))
            at = clock.now()
            async with store.write() as transaction:
                sample = GpuSample(instance_id=row.id, gpu_index=0, at=at, span_seconds=30, utilisation_percent=80.0)
                await transaction.gpu_samples.append([sample])
            clock.moment += timedelta(minutes=1)
            until(lambda: any(each.snapshot and each.snapshot.utilisation.get(row.id) for each in told))
        finally:
            follower.stop()


async def test_hosts_are_read_again_each_minute(tmp_path: Path) -> None:
    clock = Clock(START + timedelta(hours=1))
    told: list[StateUpdate] = []
    async with opened(tmp_path / "aic-tui.db") as store:
        host = Host(
            id="018f-h", owner="me", created_by="me", name="lab", url="unix:///s", kept_by="h", created_at=START
        )
        report = HostReport(host_id=host.id, state=HostState.UP, read_at=clock.now(), since=START)
        async with store.write() as transaction:
            await transaction.hosts.insert(host)
            await transaction.host_reports.put(report)
        follower = StoreFollower(tmp_path / "aic-tui.db", clock, lambda update, _: told.append(update))
        follower.poll_seconds = 0.02
        follower.start(None)
        try:
            until(lambda: bool(told))
            later = clock.now() + timedelta(seconds=50)
            async with store.write() as transaction:
                await transaction.host_reports.put(replace(report, read_at=later))
            clock.moment += timedelta(minutes=1)
            until(lambda: any(each.snapshot and each.snapshot.hosts[0].read_at == later.timestamp() for each in told))
        finally:
            follower.stop()


async def test_a_host_that_is_read_again_after_long_is_news(tmp_path: Path) -> None:
    async with opened(tmp_path / "aic-tui.db") as store:
        host = Host(
            id="018f-h", owner="me", created_by="me", name="lab", url="unix:///s", kept_by="h", created_at=START
        )
        report = HostReport(host_id=host.id, state=HostState.UP, read_at=START, since=START)
        async with store.write() as transaction:
            await transaction.hosts.insert(host)
            await transaction.host_reports.put(report)
        seen = []
        for seconds in (30, 630):
            before = await store.latest_change()
            async with store.write() as transaction:
                await transaction.host_reports.put(replace(report, read_at=START + timedelta(seconds=seconds)))
            seen.append(await store.latest_change() > before)
        assert seen == [False, True]
