"""Doing a job again: what the new one takes over, and what is refused because it would not be safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AicError, OutOfQuota, Refused
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, Job, JobState
from aicompute_tui.domain.json import Json
from aicompute_tui.services import retry
from aicompute_tui.services.context import Arguments, Context
from tests.contract.store_world import instance
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.unit.test_jobs_running import Bench

pytestmark = pytest.mark.asyncio


async def fail(context: Context, arguments: Arguments) -> Json:
    raise OutOfQuota("No vCPU is left.")


async def answer(context: Context, arguments: Arguments) -> Json:
    return None


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = MovedClock()
    async with fake_cloud.bench(tmp_path) as opened:
        yield Bench(replace(opened.context, clock=clock), clock)


async def failed(bench: Bench, action_id: str = "instance.launch", **parameters: Any) -> Job:
    job = await bench.submit(action_id, **parameters)
    with pytest.raises(AicError):
        await bench.run(job, fail)
    return job


async def again(bench: Bench, job: Job) -> Job:
    view = await bench.run(await bench.submit("job.retry", id=job.id), retry.retry)
    assert isinstance(view, dict)
    async with bench.store.read() as transaction:
        return await transaction.jobs.get(str(view["id"]))


async def test_a_failed_job_is_done_again_with_the_same_arguments_and_told_of(bench: Bench) -> None:
    old = await failed(bench, type="g5.xlarge", count=2)
    bench.clock.advance(60)
    new = await again(bench, old)
    assert new.id != old.id
    assert (new.action_id, new.parameters_json, new.subject) == (old.action_id, old.parameters_json, old.subject)
    assert (new.state, new.holder) == (JobState.QUEUED, None)
    assert (await bench.stored(old)).state is JobState.FAILED
    async with bench.store.read() as transaction:
        event = (await transaction.events.list())[0]
    assert (event.kind, event.subject_id, event.after["job_id"]) == ("job.retried", old.id, new.id)


async def test_what_is_done_or_under_way_is_not_done_again(bench: Bench) -> None:
    done = await bench.submit(word="x")
    await bench.run(done, answer)
    with pytest.raises(Refused, match="is done"):
        await again(bench, done)
    with pytest.raises(Refused, match="under way"):
        await again(bench, await bench.submit(word="y"))


async def test_the_same_is_not_under_way_twice(bench: Bench) -> None:
    old = await failed(bench, type="g5.xlarge")
    new = await again(bench, old)
    with pytest.raises(Refused, match=f"under way as job {new.id}"):
        await again(bench, old)


@pytest.mark.parametrize(
    "action_id", ["connection.add", "connection.edit", "credential.set", "instance.reap", "job.cancel"]
)
async def test_what_must_be_asked_for_anew(bench: Bench, action_id: str) -> None:
    with pytest.raises(Refused):
        await again(bench, await failed(bench, action_id, name="x"))


async def test_a_typed_name_counts_once(bench: Bench) -> None:
    old = await failed(bench, "instance.terminate", names=["lab"], confirm_name=["lab"])
    with pytest.raises(Refused, match="typing a name"):
        await again(bench, old)


async def test_a_launch_whose_machine_may_still_run_is_not_done_again(bench: Bench) -> None:
    old = await failed(bench)
    row = instance("lab", id=new_id(bench.clock.now()), job_id=old.id, state=InstanceState.UNKNOWN)
    async with bench.store.write() as transaction:
        await transaction.instances.insert(row)
    with pytest.raises(Refused, match="lab of that job may still run"):
        await again(bench, old)


async def test_a_retry_stopped_after_writing_the_new_job_writes_no_second(bench: Bench) -> None:
    old = await failed(bench, type="g5.xlarge")
    asked = await bench.submit("job.retry", id=old.id)

    written = asyncio.Event()

    async def stop(context: Context, arguments: Arguments) -> Json:
        await retry.retry(context, arguments)
        written.set()
        return await asyncio.Future()

    running = asyncio.create_task(bench.run(asked, stop))
    await written.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    bench.clock.advance(JOB_LEASE_SECONDS)
    await bench.run(await bench.take_over(asked), retry.retry)
    async with bench.store.read() as transaction:
        found = [job for job in await transaction.jobs.list() if job.action_id == old.action_id]
    assert len(found) == 2


async def test_a_typed_word_for_no_end_counts_once(bench: Bench) -> None:
    old = await failed(bench, type="g5.xlarge", ttl="none", ttl_none_confirm="none")
    with pytest.raises(Refused, match="typed word"):
        await again(bench, old)


async def test_a_job_that_was_given_a_token_asks_for_it_again(bench: Bench) -> None:
    old = await failed(bench, name="rack", url="https://rack:9443", kind="portainer")
    with pytest.raises(Refused, match="holds no token"):
        await again(bench, old)
