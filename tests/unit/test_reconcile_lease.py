"""The lease of a pass over an account: short after a death, and kept however slowly a cloud answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.fence import SEND_WITHIN
from aicompute_tui.services.reconcile import LEASE_SECONDS, reconcile
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class NapCounter(MovedClock):
    """Counts how often somebody went to sleep."""

    naps = 0

    async def sleep(self, seconds: float) -> None:
        self.naps += 1
        await super().sleep(seconds)


class Slow:
    """A machine to look after, and a cloud that answers the first question about it when the test says so."""

    def __init__(self, made: fake_cloud.Bench) -> None:
        self.clock = NapCounter()
        self.context = replace(made.context, clock=self.clock)
        self.cloud = made.cloud
        self.may_answer = asyncio.Event()
        self.asked = 0
        self._describe = made.cloud.describe

    async def describe(self, region: str, remote_ids: Any) -> Any:
        self.asked += 1
        if self.asked == 1:
            await self.may_answer.wait()
        return await self._describe(region, remote_ids)

    async def begin(self) -> asyncio.Task[JsonObject]:
        task = asyncio.create_task(reconcile(self.context, full=False))
        await until(lambda: self.asked and self.clock.naps, "the cloud is asked and the lease kept")
        return task

    async def ten_seconds(self) -> None:
        naps = self.clock.naps
        self.clock.advance(10)
        await until(lambda: self.clock.naps > naps, "whoever was woken sleeps again")


@pytest_asyncio.fixture
async def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Slow]:
    async with fake_cloud.bench(tmp_path) as made:
        await made.job("instance.launch", name="one")
        slow = Slow(made)
        monkeypatch.setattr(made.cloud, "describe", slow.describe)
        yield slow


async def test_a_slow_pass_keeps_its_account_for_as_long_as_it_lasts(slow: Slow) -> None:
    first = await slow.begin()
    for _ in range(18):
        await slow.ten_seconds()
    assert (await reconcile(slow.context, full=False))["busy"] == 1
    slow.may_answer.set()
    assert (await first)["problems"] == []
    assert (await reconcile(slow.context, full=False))["accounts"] == 1
    assert slow.clock.sleepers == 0, "nobody keeps a lease that was given back"


async def test_a_killed_pass_keeps_others_out_for_half_a_minute_only(slow: Slow) -> None:
    async with slow.context.store.write() as transaction:
        name = f"reconcile:aws:{fake_cloud.ACCOUNT}"
        await transaction.leases.acquire(name, "dead", LEASE_SECONDS, slow.clock.now())
    slow.may_answer.set()
    slow.clock.advance(29)
    assert (await reconcile(slow.context, full=False))["busy"] == 1
    slow.clock.advance(1)
    assert (await reconcile(slow.context, full=False))["accounts"] == 1


async def test_a_pass_that_lost_its_account_writes_and_sends_nothing_more(slow: Slow) -> None:
    """Frozen for longer than its lease, then awake again, as a laptop that slept."""
    first = await slow.begin()
    async with slow.context.store.write() as transaction:
        name, later = f"reconcile:aws:{fake_cloud.ACCOUNT}", slow.clock.now() + timedelta(seconds=LEASE_SECONDS)
        assert await transaction.leases.acquire(name, "another", LEASE_SECONDS, later) is not None
        [row] = await transaction.instances.list()
    slow.cloud.known.clear()
    slow.may_answer.set()
    summary = await first
    assert "taken over" in str(summary["problems"])
    async with slow.context.store.read() as transaction:
        assert await transaction.instances.list() == [row]


async def test_a_busy_database_does_not_cost_a_pass_its_account(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await slow.begin()
    write = slow.context.store.write
    refused = 0

    def refuse() -> Any:
        nonlocal refused
        refused += 1
        raise Unreachable("The database is busy.")

    monkeypatch.setattr(slow.context.store, "write", refuse)
    await slow.ten_seconds()
    assert refused == 1
    monkeypatch.setattr(slow.context.store, "write", write)
    naps = slow.clock.naps
    slow.clock.advance(1)
    await until(lambda: slow.clock.naps > naps, "it was tried again after a second")
    slow.clock.advance(28)
    assert (await reconcile(slow.context, full=False))["busy"] == 1
    slow.may_answer.set()
    assert (await first)["problems"] == []


async def test_a_proof_grows_old_before_its_lease_does() -> None:
    assert timedelta(seconds=LEASE_SECONDS) > SEND_WITHIN
