"""The agent's workers: one carries out jobs, one follows the machines; each is started anew where it fails."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, LeaseLost, Refused
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.jobs import run_job
from aicompute_tui.services.reconcile import reconcile

JOBS_AT_ONCE = 8
HOST_JOBS_AT_ONCE = 4
"""Jobs about container hosts wait for engines and registries for hours: their places are none of the machines'."""
ENDING_JOBS_AT_ONCE = 8
"""Room that what ends machines, or another job, has to itself: a set-up that hangs never holds up an end."""
LOOK_SECONDS = 1.0
MOVING_SECONDS = 5.0
STEADY_SECONDS = 60.0
FULL_SECONDS = 600.0
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 300.0
KEPT_CHANGES = 10_000
"""Lines of the change feed; a follower that is further behind reads everything anew."""
_ABOUT_HOSTS = ("container.", "image.", "volume.", "host.", "server.")
_ENDING = frozenset({"instance.terminate", "instance.reap", "instance.stop", "job.cancel"})
_RESTART_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
_QUIET_AFTER = timedelta(minutes=5)
_STANDS_AFTER = timedelta(minutes=15)
_MOVING = frozenset(
    {
        InstanceState.REQUESTED,
        InstanceState.LAUNCHING,
        InstanceState.BOOTING,
        InstanceState.PREPARING,
        InstanceState.STOPPING,
        InstanceState.TERMINATING,
        InstanceState.UNKNOWN,
    }
)

log = logging.getLogger(__name__)

MakeContext = Callable[[Actor | None], Awaitable[Context]]
"""A fresh context, with the settings as they stand now, for the agent itself or for whoever asked for a job."""


async def supervise(name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Runs a worker until it returns by itself; one that fails is started anew, later each time."""
    failures = 0
    while True:
        started_at = clock.now()
        try:
            await run()
        except Exception:
            log.exception("the %s worker failed and will be started anew", name)
        else:
            return
        failures = 1 if clock.now() - started_at > _QUIET_AFTER else failures + 1
        await clock.sleep(_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS)) - 1])


class JobRunner(Rounds):
    """Takes up jobs that wait or whose holder died, where this host may run them and holds their credential."""

    name = "jobs"

    def __init__(self, context: MakeContext, clock: Clock, host_id: str) -> None:
        super().__init__(clock)
        self._context = context
        self._host_id = host_id
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rooms: dict[str, str] = {}
        """Of each running job."""
        self.holder = f"agent:{host_id}:{os.getpid()}:{new_id(clock.now())}"
        self.finished = 0
        self.failed = 0

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    async def run(self) -> None:
        try:
            await self._look_every(LOOK_SECONDS, self.take_up, "jobs could not be taken up")
            await self._settle()
        finally:
            for task in self._running.values():
                task.cancel()
            await self._settle()

    async def run_all(self) -> None:
        """Carries out what can be taken up now, to its end."""
        while await self.take_up() or self._running:
            if self._running:
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    async def take_up(self) -> int:
        """Begins as many jobs as there is room for; answers how many."""
        if not any(map(self._has_room, _ROOMS)):
            return 0
        context = await self._context(None)
        now = self._clock.now()
        async with context.store.read() as transaction:
            jobs = await transaction.jobs.claimable(self._host_id, now)
        begun = 0
        for job in jobs:
            if self._is_leaving:
                break
            has_room = job.id not in self._running and self._has_room(room_of(job))
            if has_room and await self._claim(context, job):
                begun += 1
        return begun

    def _has_room(self, room: str) -> bool:
        return list(self._rooms.values()).count(room) < _ROOMS[room]

    async def _claim(self, context: Context, job: Job) -> bool:
        reason = await _missing_credential(context, job)
        if reason is not None:
            await _say_why(context, job, reason)
            return False
        async with context.store.write() as transaction:
            claimed = await transaction.jobs.claim(job.id, self.holder, self._clock.now())
        if claimed is None:
            return False
        task = asyncio.create_task(self._carry_out(claimed), name=f"job {job.id}")
        self._running[job.id] = task
        self._rooms[job.id] = room_of(job)
        task.add_done_callback(lambda _: self._ended(job.id))
        return True

    def _ended(self, job_id: str) -> None:
        self._running.pop(job_id, None)
        self._rooms.pop(job_id, None)
        self._bell.ring()

    async def _carry_out(self, job: Job) -> None:
        """A job's failure is stored with the job and is no failure of ours."""
        actor = Actor(job.owner, self._host_id, job.created_by)
        try:
            await run_job(await self._context(actor), job)
        except LeaseLost as error:
            log.warning("job %s was taken over: %s", job.id, error.message)
        except AicError as error:
            self.failed += 1
            log.info("job %s failed: %s", job.id, error.message)
        except Exception:
            self.failed += 1
            log.exception("job %s could not be carried out", job.id)
        else:
            self.finished += 1

    async def _settle(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running.values()))


_ROOMS = {"machines": JOBS_AT_ONCE, "hosts": HOST_JOBS_AT_ONCE, "ending": ENDING_JOBS_AT_ONCE}


def room_of(job: Job) -> str:
    """Which of the rooms a job takes a place in; none of them waits for another."""
    if job.action_id in _ENDING:
        return "ending"
    return "hosts" if job.action_id.startswith(_ABOUT_HOSTS) else "machines"


async def _missing_credential(context: Context, job: Job) -> str | None:
    if job.credential_id is None:
        return None
    try:
        await context.clouds.cloud(job.credential_id)
    except AicError as error:
        return f"waits for the credential {job.credential_id}: {error.message} {error.next_step}".strip()
    return None


async def _say_why(context: Context, job: Job, reason: str) -> None:
    if job.progress == reason:
        return
    try:
        async with context.store.write() as transaction:
            await transaction.jobs.update(job, progress=reason)
    except Refused:
        return  # somebody else took it meanwhile


class Reconciler(Rounds):
    """Follows the machines: known ones often while something moves, everything tagged at the start and regularly."""

    name = "reconcile"

    def __init__(self, context: MakeContext, clock: Clock) -> None:
        super().__init__(clock)
        self._context = context
        self._full_at: datetime | None = None
        self._failures = 0
        self.last: JsonObject | None = None

    def look_everywhere(self) -> None:
        """The next pass is a full one: a credential came."""
        self._full_at = None
        self._bell.ring()

    async def run(self) -> None:
        while not self._is_leaving:
            await self._rest(await self._one_pass())

    async def _rest(self, pause: float) -> None:
        """Until the next pass is due; a machine that begins to move meanwhile, by whoever's hand, makes that sooner."""
        began, looked_at = self._clock.now(), -1
        while not self._is_leaving:
            left = pause - (self._clock.now() - began).total_seconds()
            if left <= 0 or await self._bell.sleep(min(left, MOVING_SECONDS)):
                return
            if not self._failures:
                context = await self._context(None)
                latest = await context.store.latest_change()
                if latest != looked_at:  # rows that are as they were make nothing due sooner
                    looked_at = latest
                    pause = min(pause, await self._pause(context))

    async def _one_pass(self) -> float:
        """One pass; answers how long to wait for the next. Another account's failure is in the pass's own problems."""
        context = await self._context(None)
        now = self._clock.now()
        full = self._full_at is None or (now - self._full_at).total_seconds() >= FULL_SECONDS
        try:
            self.last = await reconcile(context, full=full)
            if full:
                async with context.store.write() as transaction:
                    await transaction.changes.prune(KEPT_CHANGES)
        except AicError as error:
            self._failures += 1
            log.warning("a pass over the machines failed: %s %s", error.message, error.details)
            return _retry_seconds(self._failures)
        is_busy = bool(self.last.get("busy"))
        if full and not is_busy:
            self._full_at = now
        problems = self.last.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            log.warning("reconcile: %s", problem)
        if problems and not is_busy and not self.last.get("accounts"):
            self._failures += 1
            return max(_retry_seconds(self._failures), await self._pause(context))
        self._failures = 0
        return await self._pause(context)

    async def _pause(self, context: Context) -> float:
        async with context.store.read() as transaction:
            rows = await transaction.instances.list()
        now = self._clock.now()
        pace = MOVING_SECONDS if any(is_moving(row, now) for row in rows) else STEADY_SECONDS
        return min(pace, _until_next_end(rows, now))


def is_moving(row: Instance, now: datetime) -> bool:
    """Whether the next seconds will tell something about the machine; one that stood for long is in no hurry."""
    if now - row.state_since > _STANDS_AFTER:
        return False
    if row.state in _MOVING:
        return True
    return row.desired_state is DesiredState.TERMINATED and not row.is_final


def _retry_seconds(failures: int) -> float:
    seconds: float = FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10)
    return min(seconds, LONGEST_RETRY_SECONDS)


def _until_next_end(rows: list[Instance], now: datetime) -> float:
    """Seconds until the next machine's time is over; at least one. A lost machine has none to end."""
    living = [row for row in rows if row.desired_state is DesiredState.RUNNING and row.state is not InstanceState.LOST]
    ends = [row.expires_at for row in living if row.expires_at is not None]
    return max(1.0, min(((end - now).total_seconds() for end in ends), default=STEADY_SECONDS))
