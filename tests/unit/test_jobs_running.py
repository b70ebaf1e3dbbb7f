"""Jobs: what is stored when one is carried out, fails, is cancelled, or is taken over by another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AicError, LeaseLost, OutOfQuota, Refused
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, Job, JobState
from aicompute_tui.domain.json import Json
from aicompute_tui.services import jobs
from aicompute_tui.services.context import Arguments, Context, Handler
from aicompute_tui.store.database import Store
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.waiting import until

pytestmark = pytest.mark.asyncio
HOLDER = "cli:box:1:x"


class Bench:
    """A context whose one handler the test gives."""

    def __init__(self, context: Context, clock: MovedClock) -> None:
        self.context = context
        self.clock = clock
        self.store: Store = context.store

    async def submit(self, action_id: str = "setting.set", holder: str | None = HOLDER, **parameters: Any) -> Job:
        return await jobs.submit(
            self.store, self.clock, self.context.actor, action_id, parameters, holder=holder, subject="it"
        )

    async def run(self, job: Job, handler: Handler) -> Json:
        return await jobs.run_job(replace(self.context, handlers=lambda _: handler), job)

    async def stored(self, job: Job) -> Job:
        async with self.store.read() as transaction:
            return await transaction.jobs.get(job.id)

    async def take_over(self, job: Job) -> Job:
        async with self.store.write() as transaction:
            taken = await transaction.jobs.claim(job.id, "agent:other", self.clock.now())
        assert taken is not None
        return taken


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = MovedClock()
    async with fake_cloud.bench(tmp_path) as opened:
        yield Bench(replace(opened.context, clock=clock), clock)


async def answer(context: Context, arguments: Arguments) -> Json:
    return {"said": str(arguments["word"])}


async def test_a_job_belongs_to_its_holder_from_the_commit_that_makes_it(bench: Bench) -> None:
    job = await bench.submit(word="x")
    assert (job.state, job.holder, job.fence) == (JobState.RUNNING, HOLDER, 1)
    left = await bench.submit(holder=None, word="x")
    assert ((await bench.stored(left)).state, left.holder) == (JobState.QUEUED, None)


async def test_parameters_come_back_as_they_were_given(bench: Bench) -> None:
    seen: dict[str, object] = {}

    async def note(context: Context, arguments: Arguments) -> Json:
        seen.update(arguments)
        return None

    given: dict[str, Any] = {"names": ["a", "b"], "count": 2, "off": True, "max_price": Decimal("0.520"), "name": None}
    await bench.run(await bench.submit(**given), note)
    assert seen == {**given, "max_price": "0.520"}


async def test_a_key_never_becomes_a_parameter(bench: Bench) -> None:
    with pytest.raises(Refused, match="may not hold a key"):
        await bench.submit(word="AKIAIOSFODNN7EXAMPLE")


async def test_a_finished_job_holds_its_result(bench: Bench) -> None:
    job = await bench.submit(word="x")
    assert await bench.run(job, answer) == {"said": "x"}
    stored = await bench.stored(job)
    assert (stored.state, stored.result_json, stored.ended_at) == (JobState.DONE, '{"said": "x"}', bench.clock.now())
    assert stored.lease_expires_at is None


async def test_a_failed_job_holds_its_error_in_words(bench: Bench) -> None:
    async def fail(context: Context, arguments: Arguments) -> Json:
        raise OutOfQuota("The limit is used up.", "Ask for more.", details="raw text")

    job = await bench.submit()
    with pytest.raises(OutOfQuota, match="used up"):
        await bench.run(job, fail)
    stored = await bench.stored(job)
    assert stored.state is JobState.FAILED
    assert (stored.error_kind, stored.error_message, stored.error_next_step) == (
        "OutOfQuota",
        "The limit is used up.",
        "Ask for more.",
    )


async def test_a_defect_becomes_a_sentence_and_its_details_go_to_the_log_alone(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(context: Context, arguments: Arguments) -> Json:
        raise KeyError("inner secret")

    job = await bench.submit()
    with caplog.at_level(logging.ERROR), pytest.raises(AicError) as caught:
        await bench.run(job, break_down)
    stored = await bench.stored(job)
    assert "inner secret" not in f"{caught.value.message} {caught.value.next_step} {stored}"
    assert stored.error_message == "Something went wrong inside aic-tui (KeyError)."
    assert "inner secret" in caplog.text


async def test_progress_is_there_for_others_to_read(bench: Bench) -> None:
    async def tell(context: Context, arguments: Arguments) -> Json:
        await context.running_job.progress("half way")
        return (await bench.stored(context.running_job.job)).progress

    assert await bench.run(await bench.submit(), tell) == "half way"


async def test_the_lease_is_renewed_while_the_work_goes_on(bench: Bench) -> None:
    done = asyncio.Event()

    async def wait(context: Context, arguments: Arguments) -> Json:
        await done.wait()
        return "done"

    job = await bench.submit()
    running = asyncio.create_task(bench.run(job, wait))
    for _ in range(2 * JOB_LEASE_SECONDS // 10):
        await until(lambda: bench.clock.sleepers, "the keeper sleeps")
        before = (await bench.stored(job)).lease_expires_at
        bench.clock.advance(10)

        async def renewed(than: object = before) -> bool:
            return (await bench.stored(job)).lease_expires_at != than

        await until(renewed, "the lease moved on")
    async with bench.store.write() as transaction:
        assert await transaction.jobs.claim(job.id, "agent:other", bench.clock.now()) is None
    done.set()
    assert await asyncio.wait_for(running, 10) == "done"


async def test_work_whose_lease_was_lost_stops_at_once_and_writes_nothing(bench: Bench) -> None:
    was_stopped = asyncio.Event()

    async def wait(context: Context, arguments: Arguments) -> Json:
        try:
            await asyncio.Event().wait()
        finally:
            was_stopped.set()
        return None

    job = await bench.submit()
    running = asyncio.create_task(bench.run(job, wait))
    await until(lambda: bench.clock.sleepers, "the keeper sleeps")
    bench.clock.moment = bench.clock.moment.replace(minute=1)
    theirs = await bench.take_over(job)
    bench.clock.advance(0)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(running, 10)
    assert was_stopped.is_set()
    assert await bench.stored(job) == theirs


async def test_a_holder_that_wakes_too_late_cannot_store_its_end(bench: Bench) -> None:
    async def sleep_over(context: Context, arguments: Arguments) -> Json:
        bench.clock.moment = bench.clock.moment.replace(minute=1)
        await bench.take_over(job)
        return "mine"

    job = await bench.submit()
    with pytest.raises(LeaseLost):
        await bench.run(job, sleep_over)
    stored = await bench.stored(job)
    assert (stored.state, stored.holder, stored.result_json) == (JobState.RUNNING, "agent:other", None)


async def test_a_holder_that_lost_the_job_is_stopped_before_its_outside_call(bench: Bench) -> None:
    called: list[str] = []

    async def call(context: Context, arguments: Arguments) -> Json:
        bench.clock.moment = bench.clock.moment.replace(minute=1)
        await bench.take_over(job)
        async with context.store.write() as transaction:
            await context.running_job.hold(transaction)
        called.append("outside")
        return None

    job = await bench.submit()
    with pytest.raises(LeaseLost):
        await bench.run(job, call)
    assert called == []


async def test_a_job_whose_process_is_told_to_stop_waits_for_another(bench: Bench) -> None:
    begun = asyncio.Event()

    async def wait(context: Context, arguments: Arguments) -> Json:
        begun.set()
        await asyncio.Event().wait()
        return None

    job = await bench.submit()
    running = asyncio.create_task(bench.run(job, wait))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await bench.stored(job)).state is JobState.RUNNING
    bench.clock.advance(JOB_LEASE_SECONDS)
    assert (await bench.take_over(job)).fence == 2


async def test_an_end_that_is_being_stored_is_stored_even_when_cancelled(bench: Bench) -> None:
    job = await bench.submit(word="x")
    running = asyncio.create_task(bench.run(job, answer))
    while not (tasks := [task for task in asyncio.all_tasks() if "finish" in repr(task.get_coro())]):
        await asyncio.sleep(0)
    assert tasks
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await bench.stored(job)).state is JobState.DONE


async def test_a_handler_that_heeds_the_wish_to_stop_ends_cancelled(bench: Bench) -> None:
    async def heed(context: Context, arguments: Arguments) -> Json:
        async with context.store.write() as transaction:
            await transaction.jobs.request_cancel(context.running_job.job.id)
        assert await context.running_job.cancelled()
        raise Refused("Stopped before the next machine.")

    job = await bench.submit()
    with pytest.raises(Refused):
        await bench.run(job, heed)
    assert (await bench.stored(job)).state is JobState.CANCELLED


async def test_a_job_that_nobody_began_is_cancelled_at_once(bench: Bench) -> None:
    waiting = await bench.submit(holder=None)
    view = await bench.run(await bench.submit("job.cancel", id=waiting.id), jobs.cancel)
    assert isinstance(view, dict)
    assert (view["id"], view["state"]) == (waiting.id, "cancelled")
    async with bench.store.read() as transaction:
        (event,) = await transaction.events.list()
        assert [each.id for each in await transaction.jobs.claimable("box", bench.clock.now())] == []
    assert (event.kind, event.subject_id, event.after) == ("job.cancelled", waiting.id, {"state": "cancelled"})


async def test_a_running_job_is_asked_to_stop_and_goes_on_until_it_does(bench: Bench) -> None:
    running = await bench.submit()
    view = await bench.run(await bench.submit("job.cancel", id=running.id[:30]), jobs.cancel)
    assert isinstance(view, dict)
    assert (view["state"], view["cancel_requested"]) == ("running", True)


async def test_an_ended_job_cannot_be_cancelled(bench: Bench) -> None:
    ended = await bench.submit(word="x")
    await bench.run(ended, answer)
    with pytest.raises(Refused, match="already ended: done"):
        await bench.run(await bench.submit("job.cancel", id=ended.id), jobs.cancel)


async def test_jobs_are_listed_newest_first_with_times_as_text(bench: Bench) -> None:
    first = await bench.submit(word="x")
    bench.clock.advance(1)
    second = await bench.submit(word="y")
    rows = await jobs.list_jobs(bench.context, {})
    assert isinstance(rows, list)
    assert [row["id"] for row in rows if isinstance(row, dict)] == [second.id, first.id]
    shown = await jobs.show(bench.context, {"id": first.id})
    assert isinstance(shown, dict)
    assert (shown["parameters"], shown["created_at"]) == ({"word": "x"}, "2026-11-20T08:00:00Z")
