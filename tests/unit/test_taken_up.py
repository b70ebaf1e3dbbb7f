"""Launches and other jobs that wait, are cancelled, or go on in another process: nothing twice, nothing stuck."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aicompute_tui.actions.registry import ACTIONS, resolve_handler
from aicompute_tui.domain.errors import (
    NotAllowed,
    NotConfigured,
    OutOfCapacity,
    Refused,
)
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_LAUNCH, TAG_STORE, RemoteMachine, RemoteState
from aicompute_tui.services.jobs import RunningJob, encode_arguments, run_job
from aicompute_tui.services.launch import request_detached
from aicompute_tui.services.reconcile import reconcile
from tests.unit.fake_cloud import Bench, FakeCloud, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio


async def detached(at: Bench, **arguments: object) -> Job:
    """A launch that waits for whoever takes it up."""
    now = at.clock.now()
    job = Job(
        id=new_id(now),
        owner="ada",
        created_by="ada@jump",
        action_id="instance.launch",
        parameters_json=encode_arguments(arguments),
        credential_id="aws:env",
        host_id="host-1",
        created_at=now,
    )
    await request_detached(at.context, arguments, job)
    return job


async def take_up(at: Bench, job_id: str) -> Any:
    """What an agent does with a job that waits, or whose holder's lease has ended."""
    async with at.context.store.write() as transaction:
        job = await transaction.jobs.claim(job_id, "agent", at.clock.now())
    assert job is not None
    return await run_job(at.context, job)


async def stored_job(at: Bench, job_id: str) -> Job:
    async with at.context.store.read() as transaction:
        return await transaction.jobs.get(job_id)


async def test_a_launch_is_not_carried_on_in_another_account(at: Bench) -> None:
    job = await detached(at, name="one")
    other = FakeCloud(at.clock)

    async def moved(credential_id: str) -> FakeCloud:
        return other

    async def of_account(cloud: str, account_id: str, preferred_credential_id: str) -> FakeCloud:
        raise NotConfigured("No credential here opens aws account 123456789012.", "")

    at.directory.cloud = moved  # type: ignore[method-assign]
    at.directory.account_cloud = of_account  # type: ignore[method-assign]
    with pytest.raises(NotConfigured):
        await take_up(at, job.id)
    assert other.orders == []


async def test_a_lost_answer_is_not_looked_for_in_another_account(at: Bench) -> None:
    at.cloud.after["launch"] = KeyboardInterrupt  # type: ignore[assignment]
    job = await at.submitted("instance.launch", name="one")
    with pytest.raises(KeyboardInterrupt):
        await run_by_hand(at, job)
    at.cloud.after.clear()
    other = FakeCloud(at.clock)

    async def moved(credential_id: str) -> FakeCloud:
        return other

    at.directory.cloud = moved  # type: ignore[method-assign]
    at.clock.advance(seconds=31)
    await take_up(at, job.id)
    assert (await at.views())[0]["remote_id"] == "i-00000000"


async def run_by_hand(at: Bench, job: Job) -> Any:
    """Runs the handler alone, so that what kills it leaves the job as a killed process would."""
    handler: Any = resolve_handler(ACTIONS[job.action_id])
    running = at.context.with_job(RunningJob(at.context.store, at.clock, job))
    return await handler(running, json.loads(job.parameters_json))


def hold_no_credential(at: Bench) -> None:
    async def none_here(cloud: str, account_id: str, preferred_credential_id: str) -> FakeCloud:
        raise NotConfigured(f"No credential here opens {cloud} account {account_id}.", "")

    at.directory.account_cloud = none_here  # type: ignore[method-assign]


async def test_a_launch_that_waits_for_ever_can_be_ended(at: Bench) -> None:
    job = await detached(at, name="one")
    await at.job("instance.terminate", names=["one"])
    await reconcile(at.context, full=False)
    assert await at.views() == []
    assert (await stored_job(at, job.id)).is_final
    assert at.cloud.orders == []


async def test_a_launch_that_waits_past_its_end_closes_without_any_credential(at: Bench) -> None:
    job = await detached(at, name="one", ttl="1h")

    hold_no_credential(at)
    at.clock.advance(hours=2)
    await reconcile(at.context, full=False)
    assert await at.views() == []
    assert (await stored_job(at, job.id)).state is JobState.FAILED


async def test_a_launch_taken_up_after_its_end_asks_for_nothing(at: Bench) -> None:
    job = await detached(at, name="one", ttl="1h")
    at.clock.advance(hours=2)
    with pytest.raises(Refused, match="time to live was over"):
        await take_up(at, job.id)
    assert at.cloud.orders == []
    assert await at.views() == []


async def test_a_cancelled_waiting_launch_closes_its_row_without_a_credential(at: Bench) -> None:
    job = await detached(at, name="one")

    hold_no_credential(at)
    await at.job("job.cancel", id=job.id)
    await reconcile(at.context, full=False)
    assert await at.views() == []


async def test_a_launch_taken_up_twice_finds_the_machine_it_has(at: Bench) -> None:
    """As after a restored backup, in which the attempt was not written down yet."""
    job = await detached(at, name="one")
    [row] = await at.views()
    at.cloud.known["i-before"] = RemoteMachine(
        cloud="aws",
        account_id="123456789012",
        region="ca-central-1",
        remote_id="i-before",
        state=RemoteState.RUNNING,
        instance_type="g5.xlarge",
        market=Market.SPOT,
        tags={TAG_STORE: at.context.store.store_id, TAG_LAUNCH: str(row["id"])},
        launched_at=at.clock.now(),
    )
    [view] = await take_up(at, job.id)
    assert view["remote_id"] == "i-before"
    assert at.cloud.orders == []


async def test_an_extension_taken_up_again_extends_once(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h")
    at.cloud.before["set_expiry"] = KeyboardInterrupt  # type: ignore[assignment]
    job = await at.submitted("instance.extend", name="one", by="1h")
    with pytest.raises(KeyboardInterrupt):
        await run_by_hand(at, job)
    at.cloud.before.clear()
    at.clock.advance(seconds=31)
    view = await take_up(at, job.id)
    assert view["expires_at"] == view["node_expires_at"] == "2026-11-20T10:00:00Z"
    assert at.cloud.known["i-00000000"].tags[TAG_EXPIRES_AT] == "2026-11-20T10:00:00Z"


async def test_a_cancelled_launch_asks_in_no_further_zone(at: Bench) -> None:
    job = await at.submitted("instance.launch", name="one")
    asked: list[int] = []

    async def launch(order: Any) -> Any:
        asked.append(1)
        async with at.context.store.write() as transaction:
            await transaction.jobs.request_cancel(job.id)
        raise OutOfCapacity("No g5 here.")

    at.cloud.launch = launch  # type: ignore[method-assign]
    with pytest.raises(Refused, match="cancelled"):
        await run_job(at.context, job)
    assert len(asked) == 1
    assert (await stored_job(at, job.id)).state is JobState.CANCELLED
    assert await at.views() == []


async def test_why_a_launch_taken_up_could_not_go_on_stands_on_its_row(at: Bench) -> None:
    job = await detached(at, name="one")
    at.cloud.before["image"] = lambda: NotAllowed("You may not read images.")
    with pytest.raises(NotAllowed):
        await take_up(at, job.id)
    [view] = await at.views(all=True)
    assert (view["state"], view["error_message"]) == ("failed", "You may not read images.")


async def test_a_cancelled_job_is_not_taken_up(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    job = await at.submitted("instance.terminate", names=["one"])
    await at.job("job.cancel", id=job.id)
    at.clock.advance(seconds=31)
    with pytest.raises(Refused, match="cancelled"):
        await take_up(at, job.id)
    assert (await stored_job(at, job.id)).state is JobState.CANCELLED
    assert len(at.cloud.living) == 1


async def test_a_job_whose_holder_died_is_cancelled_at_once(at: Bench) -> None:
    job = await at.submitted("instance.launch", name="one")
    at.clock.advance(seconds=31)
    await at.job("job.cancel", id=job.id)
    assert (await stored_job(at, job.id)).state is JobState.CANCELLED


async def test_a_job_taken_up_late_does_not_mean_a_younger_machine_of_the_same_name(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    job = await at.submitted("instance.terminate", names=["one"])
    at.cloud.become("i-00000000", RemoteState.TERMINATED)
    await reconcile(at.context, full=False)
    at.clock.advance(minutes=5)
    await at.job("instance.launch", name="one")
    with pytest.raises(Refused, match="launched after"):
        await take_up(at, job.id)
    assert len(at.cloud.living) == 1


async def test_a_launch_left_before_it_began_is_not_made_days_later(at: Bench) -> None:
    job = await at.submitted("instance.launch", name="one")
    at.clock.advance(days=3)
    with pytest.raises(Refused, match="never begun"):
        await take_up(at, job.id)
    assert at.cloud.orders == []
    assert (await stored_job(at, job.id)).is_final
