"""The agent's workers by a clock that stands: how often they look, what they leave alone, and how they recover."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.agent import workers
from aicompute_tui.agent.workers import (
    ENDING_JOBS_AT_ONCE,
    HOST_JOBS_AT_ONCE,
    JOBS_AT_ONCE,
    JobRunner,
    Reconciler,
    supervise,
)
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.json import Json
from aicompute_tui.services import jobs
from aicompute_tui.services.context import Actor, Arguments, Context
from tests.contract import store_world
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class Bench:
    def __init__(self, context: Context, clock: MovedClock) -> None:
        self.context = context
        self.clock = clock
        self.actors: list[Actor] = []
        self.passes: list[bool] = []
        self.outcome: Callable[[], dict[str, Any]] = lambda: {"accounts": 1, "problems": []}
        self.release = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    async def make_context(self, actor: Actor | None) -> Context:
        if actor is not None:
            self.actors.append(actor)
        return replace(self.context, handlers=lambda _: self.work, actor=actor or self.context.actor)

    async def work(self, context: Context, arguments: Arguments) -> Json:
        await self.release.wait()
        if arguments.get("fail"):
            raise AicError("It went wrong.")
        return context.actor.name

    async def reconcile(self, context: Context, *, full: bool) -> dict[str, Any]:
        self.passes.append(full)
        return self.outcome()

    async def submit(self, **more: Any) -> Job:
        parameters = {"fail": True} if more.pop("fail", False) else {}
        context = self.context
        action_id = more.pop("action_id", "setting.set")
        return await jobs.submit(context.store, self.clock, context.actor, action_id, parameters, **more)

    async def states(self) -> list[JobState]:
        async with self.context.store.read() as transaction:
            return [job.state for job in await transaction.jobs.list()]

    async def job(self, job: Job) -> Job:
        async with self.context.store.read() as transaction:
            return await transaction.jobs.get(job.id)

    def runner(self) -> JobRunner:
        return JobRunner(self.make_context, self.clock, self.context.actor.host_id)

    def start(self, worker: JobRunner | Reconciler) -> asyncio.Task[None]:
        task = asyncio.create_task(worker.run())
        self.tasks.append(task)
        return task

    async def passed(self, count: int) -> list[bool]:
        """The passes once there are `count`, when the worker sleeps again."""
        await until(lambda: len(self.passes) >= count and self.clock.sleepers, f"{count} passes")
        return self.passes


@pytest_asyncio.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    clock = MovedClock()
    async with fake_cloud.bench(tmp_path) as opened:
        bench = Bench(replace(opened.context, clock=clock), clock)
        monkeypatch.setattr(workers, "reconcile", bench.reconcile)
        yield bench
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)


async def test_a_job_is_done_in_the_name_of_who_asked(bench: Bench) -> None:
    job = await bench.submit()
    bench.release.set()
    runner = bench.runner()
    await runner.run_all()
    assert (runner.finished, runner.failed) == (1, 0)
    done = await bench.job(job)
    assert (done.state, done.result_json) == (JobState.DONE, f'"{job.created_by}"')
    assert done.holder is not None
    assert done.holder.startswith("agent:")


async def test_no_more_than_eight_jobs_at_once(bench: Bench) -> None:
    for _ in range(JOBS_AT_ONCE + 3):
        await bench.submit()
    runner = bench.runner()
    assert [await runner.take_up(), await runner.take_up()] == [JOBS_AT_ONCE, 0]
    assert (await bench.states()).count(JobState.QUEUED) == 3
    bench.release.set()
    await runner.run_all()
    assert set(await bench.states()) == {JobState.DONE}


@pytest.mark.parametrize("stuck", ["container.deploy", "image.pull", "volume.prune", "host.add"])
async def test_a_machine_is_ended_at_once_however_many_jobs_wait_for_container_hosts(bench: Bench, stuck: str) -> None:
    for _ in range(JOBS_AT_ONCE):
        await bench.submit(action_id=stuck)
    runner = bench.runner()
    assert await runner.take_up() == HOST_JOBS_AT_ONCE
    end = await bench.submit(action_id="instance.terminate")
    cancel = await bench.submit(action_id="job.cancel")
    assert await runner.take_up() == 2
    assert [(await bench.job(job)).state for job in (end, cancel)] == [JobState.RUNNING, JobState.RUNNING]
    bench.release.set()
    await runner.run_all()
    assert set(await bench.states()) == {JobState.DONE}


@pytest.mark.parametrize("stuck", ["instance.setup", "instance.launch", "connection.add"])
async def test_a_machine_is_ended_at_once_however_many_other_jobs_hang(bench: Bench, stuck: str) -> None:
    for _ in range(JOBS_AT_ONCE + 1):
        await bench.submit(action_id=stuck)
    runner = bench.runner()
    assert await runner.take_up() == JOBS_AT_ONCE
    ends = [await bench.submit(action_id=each) for each in ("instance.terminate", "instance.reap", "job.cancel")]
    assert await runner.take_up() == len(ends) < ENDING_JOBS_AT_ONCE
    assert [(await bench.job(job)).state for job in ends] == [JobState.RUNNING] * len(ends)
    bench.release.set()
    await runner.run_all()
    assert set(await bench.states()) == {JobState.DONE}


async def test_jobs_of_another_host_or_of_a_credential_that_is_not_here_are_left(bench: Bench) -> None:
    bench.release.set()
    other = await bench.submit(host_id="elsewhere")
    unheld = await bench.submit(credential_id="aws:profile:work")
    held = await bench.submit(credential_id="aws:env")
    await bench.runner().run_all()
    assert (await bench.job(other)).progress == ""
    assert (await bench.job(held)).state is JobState.DONE
    waiting = await bench.job(unheld)
    assert waiting.state is JobState.QUEUED
    assert waiting.progress.startswith("waits for the credential aws:profile:work: ")
    version = waiting.version
    await bench.runner().run_all()
    assert (await bench.job(unheld)).version == version


async def test_a_failed_job_does_not_stop_the_next(bench: Bench) -> None:
    await bench.submit(fail=True)
    await bench.submit()
    bench.release.set()
    runner = bench.runner()
    await runner.run_all()
    assert (runner.finished, runner.failed) == (1, 1)
    assert sorted(await bench.states()) == [JobState.DONE, JobState.FAILED]


async def test_a_busy_database_ends_no_job_under_way(bench: Bench) -> None:
    job = await bench.submit()
    refused: list[int] = []

    async def make_context(actor: Actor | None) -> Context:
        if actor is None and bench.actors:
            refused.append(1)
            raise Unreachable("The database is busy.")
        return await bench.make_context(actor)

    runner = JobRunner(make_context, bench.clock, bench.context.actor.host_id)
    task = bench.start(runner)
    await until(lambda: bench.actors and bench.clock.sleepers, "the job to begin")
    bench.clock.advance(2)
    await until(lambda: refused, "a look that fails")
    bench.release.set()
    await until(lambda: runner.finished, "the job to end")
    assert (await bench.job(job)).state is JobState.DONE
    assert not task.done()


async def test_leaving_finishes_what_runs_and_begins_nothing(bench: Bench) -> None:
    await bench.submit()
    runner = bench.runner()
    run = bench.start(runner)
    await until(lambda: runner.is_busy, "it runs")
    runner.leave()
    await bench.submit()
    bench.release.set()
    await asyncio.wait_for(run, 10)
    assert sorted(await bench.states()) == [JobState.DONE, JobState.QUEUED]


async def test_the_change_feed_does_not_grow_without_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "KEPT_CHANGES", 3)
    for _ in range(5):
        await bench.submit()
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    async with bench.context.store.read() as transaction:
        assert len(await transaction.changes.since(0)) == 3


async def test_a_full_pass_that_was_kept_out_is_made_up_for(bench: Bench) -> None:
    bench.outcome = lambda: {"accounts": 0, "busy": 1, "problems": ["1 accounts are being looked at."]}
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    bench.clock.advance(60)
    assert await bench.passed(2) == [True, True]


async def test_everything_is_looked_at_first_and_every_ten_minutes(bench: Bench) -> None:
    bench.start(Reconciler(bench.make_context, bench.clock))
    assert await bench.passed(1) == [True]
    for number in range(2, 11):
        bench.clock.advance(60)
        await bench.passed(number)
    assert bench.passes == [True] + [False] * 9
    bench.clock.advance(60)
    assert (await bench.passed(11))[-1] is True


@pytest.mark.parametrize(
    ("state", "seconds"), [(InstanceState.BOOTING, 5), (InstanceState.UNKNOWN, 5), (InstanceState.READY, 60)]
)
async def test_the_pace_follows_what_moves(bench: Bench, state: InstanceState, seconds: int) -> None:
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(store_world.instance("alpha", state=state))
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    bench.clock.advance(seconds - 1)
    await until(lambda: bench.clock.is_still, "it sleeps again")
    assert len(bench.passes) == 1
    bench.clock.advance(1)
    await bench.passed(2)


@pytest.mark.parametrize(
    "row",
    [
        store_world.instance("alpha", state=InstanceState.LOST, expires_at=store_world.START),
        store_world.instance("alpha", state=InstanceState.TERMINATING, state_since=store_world.START),
    ],
    ids=["lost past its end", "an end refused for long"],
)
async def test_what_stands_for_long_is_not_looked_at_all_the_time(bench: Bench, row: Instance) -> None:
    bench.clock.moment = store_world.START + timedelta(hours=1)
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(row)
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    bench.clock.advance(59)
    await until(lambda: bench.clock.is_still, "it sleeps again")
    assert len(bench.passes) == 1
    bench.clock.advance(1)
    await bench.passed(2)


async def test_a_machine_that_another_process_begins_to_end_is_looked_at_soon(bench: Bench) -> None:
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(store_world.instance("alpha", state=InstanceState.READY))
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    async with bench.context.store.write() as transaction:
        [row] = await transaction.instances.list()
        await transaction.instances.update(row, state=InstanceState.TERMINATING)
    bench.clock.advance(5)
    await bench.passed(2)


async def test_a_machine_whose_time_is_over_is_not_kept_waiting(bench: Bench) -> None:
    async with bench.context.store.write() as transaction:
        row = store_world.instance("alpha", state=InstanceState.READY)
        row = replace(row, expires_at=bench.clock.now().replace(second=20))
        await transaction.instances.insert(row)
    bench.start(Reconciler(bench.make_context, bench.clock))
    await bench.passed(1)
    bench.clock.advance(20)
    await bench.passed(2)


async def test_failing_passes_come_further_and_further_apart(bench: Bench) -> None:
    def fail() -> dict[str, Any]:
        raise Unreachable("No network.")

    bench.outcome = fail
    bench.start(Reconciler(bench.make_context, bench.clock))
    for number, pause in enumerate([5, 10, 20, 40, 80, 160, 300, 300], start=1):
        await bench.passed(number)
        bench.clock.advance(pause - 1)
        await until(lambda: bench.clock.is_still, "it sleeps again")
        assert len(bench.passes) == number
        bench.clock.advance(1)
    await bench.passed(9)
    assert set(bench.passes) == {True}, "a full pass that failed is still owed"


async def test_one_bad_account_does_not_slow_the_others(bench: Bench) -> None:
    bench.outcome = lambda: {"accounts": 1, "problems": ["account 2: expired"]}
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(store_world.instance("alpha", state=InstanceState.BOOTING))
    bench.start(Reconciler(bench.make_context, bench.clock))
    for number in range(1, 5):
        await bench.passed(number)
        bench.clock.advance(5)
    await bench.passed(5)


async def test_a_nudge_and_a_new_credential_are_heeded_at_once(bench: Bench) -> None:
    reconciler = Reconciler(bench.make_context, bench.clock)
    bench.start(reconciler)
    await bench.passed(1)
    reconciler.nudge()
    assert await bench.passed(2) == [True, False]
    reconciler.look_everywhere()
    assert await bench.passed(3) == [True, False, True]


async def test_a_worker_that_breaks_is_started_again_later_each_time(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[float] = []

    async def break_down() -> None:
        runs.append((bench.clock.now() - store_world.START).total_seconds())
        if len(runs) < 5:
            raise KeyError("inner")

    task = asyncio.create_task(supervise("test", break_down, bench.clock))
    bench.tasks.append(task)
    for number, pause in enumerate([1, 2, 5, 15], start=1):
        await until(lambda n=number: len(runs) == n and bench.clock.sleepers, "it broke")  # type: ignore[misc]
        bench.clock.advance(pause)
    await asyncio.wait_for(task, 10)
    assert [later - earlier for earlier, later in itertools.pairwise(runs)] == [1, 2, 5, 15]
    assert caplog.text.count("the test worker failed") == 4
