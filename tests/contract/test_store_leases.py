"""Jobs and leases: one holder at a time, and a holder that slept too long does nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import Conflict, InvalidInput, LeaseLost, NotFound
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, Job, JobState
from aicompute_tui.store.database import Store
from tests.contract.store_world import START, instance, job, opened

pytestmark = pytest.mark.asyncio
LATER = START + timedelta(seconds=JOB_LEASE_SECONDS + 1)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as store:
        yield store


async def claimed(store: Store, holder: str = "one") -> Job:
    row = job()
    async with store.write() as transaction:
        await transaction.jobs.insert(row)
        mine = await transaction.jobs.claim(row.id, holder, START)
    assert mine is not None
    return mine


async def test_a_job_is_claimed_once_until_its_lease_ends(store: Store) -> None:
    mine = await claimed(store)
    assert (mine.state, mine.fence, mine.started_at) == (JobState.RUNNING, 1, START)
    async with store.write() as transaction:
        assert await transaction.jobs.claim(mine.id, "two", START) is None
        assert await transaction.jobs.claimable("box", START) == []
        theirs = await transaction.jobs.claim(mine.id, "two", LATER)
    assert theirs is not None
    assert (theirs.holder, theirs.fence, theirs.started_at) == ("two", 2, START)


async def test_a_job_waits_for_the_host_that_must_run_it(store: Store) -> None:
    anywhere, here, there = job(), job(host_id="box"), job(host_id="other")
    async with store.write() as transaction:
        for row in (anywhere, here, there):
            await transaction.jobs.insert(row)
        assert await transaction.jobs.claimable("box", START) == [anywhere, here]


async def test_a_holder_that_froze_and_woke_writes_nothing(store: Store) -> None:
    row = instance("alpha")
    mine = await claimed(store)
    async with store.write() as transaction:
        await transaction.instances.insert(row)
        assert await transaction.jobs.claim(mine.id, "two", LATER) is not None
    before = await store.latest_change()

    async def wake() -> None:
        async with store.write() as transaction:
            await transaction.instances.update(row, zone="written by the sleeper")
            await transaction.jobs.hold(mine, LATER)

    with pytest.raises(LeaseLost):
        await wake()
    with pytest.raises(LeaseLost):
        async with store.write() as transaction:
            await transaction.jobs.update(mine, progress="still here")
    async with store.read() as transaction:
        assert await transaction.instances.get(row.id) == row
        assert (await transaction.jobs.get(mine.id)).progress == ""
    assert await store.latest_change() == before


async def test_the_same_holder_after_a_new_claim_is_another_one(store: Store) -> None:
    mine = await claimed(store)
    async with store.write() as transaction:
        assert await transaction.jobs.claim(mine.id, "one", LATER) is not None
        with pytest.raises(LeaseLost):
            await transaction.jobs.hold(mine, LATER)


async def test_a_job_that_has_ended_cannot_be_held_or_changed(store: Store) -> None:
    mine = await claimed(store)
    async with store.write() as transaction:
        done = await transaction.jobs.update(mine, state=JobState.DONE, ended_at=START)
        with pytest.raises(LeaseLost):
            await transaction.jobs.hold(done, START)
        with pytest.raises(LeaseLost):
            await transaction.jobs.update(done, progress="more")
        assert await transaction.jobs.claim(done.id, "two", LATER) is None


async def test_holding_renews_the_lease_and_tells_of_a_wish_to_cancel(store: Store) -> None:
    mine = await claimed(store)
    async with store.write() as transaction:
        await transaction.jobs.request_cancel(mine.id)
    async with store.write() as transaction:
        held = await transaction.jobs.hold(mine, LATER)
        updated = await transaction.jobs.update(mine, progress="booting")
    assert held.cancel_requested
    assert held.lease_expires_at == LATER + timedelta(seconds=JOB_LEASE_SECONDS)
    assert (updated.cancel_requested, updated.progress) == (True, "booting")


async def test_a_waiting_job_is_changed_as_it_was_read(store: Store) -> None:
    row = job()
    async with store.write() as transaction:
        await transaction.jobs.insert(row)
        await transaction.jobs.request_cancel(row.id)
        with pytest.raises(Conflict):
            await transaction.jobs.update(row, state=JobState.CANCELLED)
        assert await transaction.jobs.claim(row.id, "one", START) is not None
        with pytest.raises(Conflict):
            await transaction.jobs.update(row, state=JobState.CANCELLED)


async def test_finding_and_listing_jobs(store: Store) -> None:
    one = job(id="01aaaaaa-0000-7000-8000-000000000001", subject="m")
    two = job(id="01aaaaaa-0000-7000-8000-000000000002", state=JobState.DONE, subject="n")
    async with store.write() as transaction:
        await transaction.jobs.insert(one)
        await transaction.jobs.insert(two)
        assert await transaction.jobs.find(one.id) == one
        with pytest.raises(InvalidInput):
            await transaction.jobs.find("01aaaa")
        with pytest.raises(NotFound):
            await transaction.jobs.find("01bb")
        assert await transaction.jobs.list() == [two, one]
        assert await transaction.jobs.list(include_final=False) == [one]
        assert await transaction.jobs.active_subject("m") == one
        assert await transaction.jobs.active_subject("n") is None


async def test_a_lease_has_one_holder_and_a_growing_fence(store: Store) -> None:
    async with store.write() as transaction:
        first = await transaction.leases.acquire("reconcile", "one", 30, START)
        assert first is not None
        assert await transaction.leases.acquire("reconcile", "two", 30, START) is None
        assert await transaction.leases.acquire("health", "two", 30, START) is not None
        renewed = await transaction.leases.hold(first, 30, LATER)
        assert await transaction.leases.acquire("reconcile", "two", 30, LATER) is None
        second = await transaction.leases.acquire("reconcile", "two", 30, renewed.expires_at)
        assert second is not None
        assert second.fence == first.fence + 1
        with pytest.raises(LeaseLost):
            await transaction.leases.hold(renewed, 30, LATER)
        await transaction.leases.release(renewed)
        await transaction.leases.hold(second, 30, LATER)
        await transaction.leases.release(second)
        third = await transaction.leases.acquire("reconcile", "one", 30, START)
        assert third is not None
        assert third.fence == second.fence + 1


async def test_a_lost_lease_rolls_its_transaction_back(store: Store) -> None:
    row = instance("alpha")
    async with store.write() as transaction:
        await transaction.instances.insert(row)
        lease = await transaction.leases.acquire("reconcile", "one", 30, START)
        assert lease is not None
        assert await transaction.leases.acquire("reconcile", "two", 30, LATER) is not None

    async def wake() -> None:
        async with store.write() as transaction:
            await transaction.instances.update(row, zone="written by the sleeper")
            await transaction.leases.hold(lease, 30, LATER)

    with pytest.raises(LeaseLost):
        await wake()
    async with store.read() as transaction:
        assert await transaction.instances.get(row.id) == row


async def test_a_lease_of_a_clock_that_stood_wrong_keeps_nobody_out(store: Store) -> None:
    wrong = START + timedelta(hours=1)
    row = job()
    async with store.write() as transaction:
        await transaction.jobs.insert(row)
        before = await transaction.jobs.claim(row.id, "one", wrong)
        lease = await transaction.leases.acquire("reconcile", "one", 30, wrong)
        assert before is not None
        assert lease is not None
        assert [each.id for each in await transaction.jobs.claimable("box", START)] == [row.id]
        assert await transaction.jobs.claim(row.id, "two", START) is not None
        second = await transaction.leases.acquire("reconcile", "two", 30, START)
        assert second is not None
        assert second.fence == lease.fence + 1
        with pytest.raises(LeaseLost):
            await transaction.leases.hold(lease, 30, START)
        with pytest.raises(LeaseLost):
            await transaction.jobs.hold(before, START)
