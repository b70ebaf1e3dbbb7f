"""Jobs: a mutating action written down, carried out under a lease, and its end stored whatever happens."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, InvalidInput, LeaseLost, Refused, Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import address_holds_secret, holds_key, holds_secret
from aicompute_tui.services.arguments import integer, required_text, texts
from aicompute_tui.services.container_words import VARIABLE_STEP, own_words
from aicompute_tui.services.context import Actor, Arguments, Context
from aicompute_tui.services.lease import keep
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.database import Store, Transaction

_LONGEST_PROGRESS = 500
_FINAL_TRIES = 4
_PAIRS = {"env": VARIABLE_STEP, "header": "Give keys with --stdin."}
"""Parameters that are words like NAME=VALUE, and where a secret among them belongs."""

Value = TypeVar("Value")
Beside = Callable[[Transaction, Job], Awaitable[None]]

log = logging.getLogger(__name__)


def pending_secret(job_id: str) -> str:
    """Where a door leaves what is sealed for one job; it goes when the job ends, however it ends."""
    return f"pending/{job_id}"


def encode_arguments(arguments: Arguments) -> str:
    """JSON text; a Decimal stands as its digits. Raises Refused where a value is a key, which no row may hold."""
    own_words(arguments)
    for parameter, step in _PAIRS.items():
        for name, _, value in (word.partition("=") for word in texts(arguments, parameter)):
            if holds_secret(name, value):
                raise InvalidInput(f"{name} looks like a secret, which no stored job may hold.", step)
    if any(address_holds_secret(each) for each in texts(arguments, "url")):
        raise InvalidInput("An address may hold no password or key, which no stored job may hold.", "Leave it out.")
    text = json.dumps(dict(arguments), default=_plain, ensure_ascii=False, sort_keys=True)
    if holds_key(text):
        raise Refused("A job's parameters may not hold a key.", "Give keys to `aic-tui credential set` instead.")
    return text


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} cannot stand in a job's parameters")


def decode_arguments(text: str) -> dict[str, object]:
    values = json.loads(text)
    return values if isinstance(values, dict) else {}


async def submit(  # noqa: PLR0913 - who, what, about what and where are all facts of one row
    store: Store,
    clock: Clock,
    actor: Actor,
    action_id: str,
    parameters: Arguments,
    *,
    subject: str | None = None,
    credential_id: str | None = None,
    host_id: str | None = None,
    holder: str | None = None,
    beside: Beside | None = None,
) -> Job:
    """Writes a job down, and in the same commit what is to be there `beside` it.

    With `holder` it is that process's own from then on.
    """
    now = clock.now()
    job = Job(
        id=new_id(now),
        owner=actor.owner,
        created_by=actor.name,
        action_id=action_id,
        parameters_json=encode_arguments(parameters),
        subject=subject,
        credential_id=credential_id,
        host_id=host_id,
        created_at=now,
    )

    async def write() -> Job:
        async with store.write() as transaction:
            await transaction.jobs.insert(job)
            if beside is not None:
                await beside(transaction, job)
            if holder is None:
                return job
            return await transaction.jobs.claim(job.id, holder, now) or job

    return await _to_the_end(write())


class RunningJob:
    """The job a handler runs in, as its holder sees it."""

    def __init__(self, store: Store, clock: Clock, job: Job) -> None:
        self._store = store
        self._clock = clock
        self.job = job
        self.saw_cancel = False

    async def progress(self, text: str) -> None:
        """Stores a line of progress. Raises LeaseLost where another process took the job over."""
        line = text[:_LONGEST_PROGRESS]
        if line == self.job.progress:
            return
        async with self._store.write() as transaction:
            self.job = await transaction.jobs.update(self.job, progress=line)

    async def hold(self, transaction: Transaction) -> None:
        """Proves in `transaction` that the job is still ours, and moves the lease on."""
        self.job = await transaction.jobs.hold(self.job, self._clock.now())

    async def cancelled(self) -> bool:
        """Whether somebody asked it to stop; once true, an error it ends with counts as the cancellation."""
        if not self.saw_cancel:
            async with self._store.read() as transaction:
                self.saw_cancel = (await transaction.jobs.get(self.job.id)).cancel_requested
        return self.saw_cancel

    async def renew(self) -> None:
        async with self._store.write() as transaction:
            await self.hold(transaction)

    async def finish(self, changes: Mapping[str, Any]) -> None:
        """Stores the end; a busy database gets several tries within the lease."""
        for attempt in range(1, _FINAL_TRIES + 1):
            try:
                async with self._store.write() as transaction:
                    self.job = await transaction.jobs.update(self.job, **changes)
                    await transaction.secrets.remove(pending_secret(self.job.id))
            except Unreachable:
                if attempt == _FINAL_TRIES:
                    raise
                await self._clock.sleep(attempt)
            else:
                return


async def run_job(context: Context, job: Job) -> Json:
    """Carries out a job this process holds and stores its end; answers the result or raises the error.

    Losing the lease stops the work at once and raises LeaseLost. Being cancelled from outside leaves the job to whoever
    takes it up when the lease ends.
    """
    handle = RunningJob(context.store, context.clock, job)
    work = asyncio.create_task(_carry_out(context.with_job(handle), job), name=f"job {job.id}")
    keeping = keep(context.clock, f"job {job.id}", handle.renew, lambda: handle.job.lease_expires_at)
    keeper = asyncio.create_task(keeping, name=f"lease of job {job.id}")
    try:
        await asyncio.wait({work, keeper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        await asyncio.wait({work})
        keeper.cancel()
        await asyncio.wait({keeper})
    if work.cancelled():
        raise _lease_lost(job)
    error = work.exception()
    if isinstance(error, LeaseLost):
        raise error
    outcome = _failure(handle, error) if error else _success(work.result())
    await _to_the_end(handle.finish(outcome | {"lease_expires_at": None, "ended_at": context.clock.now()}))
    if error is not None:
        raise error
    return work.result()


async def _carry_out(context: Context, job: Job) -> Json:
    """The error boundary: whatever goes wrong inside comes out as an AicError, its details in the log only."""
    if context.handlers is None:
        raise RuntimeError("the composition root gave no handlers")
    try:
        await _refuse_cancelled(context, job)
        result = await context.handlers(job.action_id)(context, decode_arguments(job.parameters_json))
        json.dumps(result)
    except AicError as error:
        log.info("job %s (%s): %s %s", job.id, job.action_id, error.message, error.details)
        raise
    except Exception as error:
        log.exception("job %s (%s) failed unexpectedly", job.id, job.action_id)
        raise AicError(
            f"Something went wrong inside aic-tui ({type(error).__name__}).",
            f"The log in {context.places.logs} has the details; run it again or tell its makers.",
        ) from error
    return result


async def _refuse_cancelled(context: Context, job: Job) -> None:
    """Raises Refused for a job that was cancelled while nobody carried it out."""
    if job.cancel_requested and await context.running_job.cancelled():
        raise Refused("It was cancelled before it was taken up.", "Do it again if it is meant.")


def _lease_lost(job: Job) -> LeaseLost:
    return LeaseLost(f"Another process holds job {job.id} now.", "Follow it with `aic-tui job show`.")


def _success(result: Json) -> dict[str, Any]:
    return {"state": JobState.DONE, "result_json": json.dumps(result, ensure_ascii=False)}


def _failure(handle: RunningJob, error: BaseException) -> dict[str, Any]:
    state = JobState.CANCELLED if handle.saw_cancel else JobState.FAILED
    message = error.message if isinstance(error, AicError) else str(error)
    kind = error.kind if isinstance(error, AicError) else AicError.__name__
    next_step = error.next_step if isinstance(error, AicError) else ""
    return {"state": state, "error_kind": kind, "error_message": message, "error_next_step": next_step}


async def _to_the_end(work: Coroutine[Any, Any, Value]) -> Value:
    """Awaits `work` whole even where we are cancelled meanwhile, so that a commit is never left in doubt."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise


async def list_jobs(context: Context, arguments: Arguments) -> Json:
    limit = integer(arguments, "limit", least=1, most=10_000) or 200
    async with context.store.read() as transaction:
        return [job_view(job) for job in await transaction.jobs.list(limit=limit)]


async def show(context: Context, arguments: Arguments) -> Json:
    async with context.store.read() as transaction:
        return job_view(await transaction.jobs.find(required_text(arguments, "id")))


async def cancel(context: Context, arguments: Arguments) -> Json:
    """Asks a job to stop at its next safe place; one that nobody carries out ends here."""
    now = context.clock.now()
    running = context.running_job
    async with context.store.write() as transaction:
        await running.hold(transaction)
        job = await transaction.jobs.find(required_text(arguments, "id"))
        if job.is_final or job.id == running.job.id:
            raise Refused(f"Job {job.id} has already ended: {job.state.value}.", "There is nothing to cancel.")
        await transaction.jobs.request_cancel(job.id)
        asked = await transaction.jobs.get(job.id)
        if asked.lease_expires_at is None or asked.lease_expires_at <= now:
            asked = await transaction.jobs.update(asked, state=JobState.CANCELLED, ended_at=now)
            await transaction.secrets.remove(pending_secret(asked.id))
        await transaction.events.append(_cancel_event(context, job, asked))
    return job_view(asked)


def _cancel_event(context: Context, before: Job, after: Job) -> Event:
    ended = after.state is JobState.CANCELLED
    now = context.clock.now()
    return Event(
        id=new_id(now),
        at=now,
        actor=context.actor.name,
        kind="job.cancelled" if ended else "job.cancel-requested",
        subject_kind="job",
        subject_id=after.id,
        subject_name=after.action_id,
        message=f"{after.action_id} was cancelled." if ended else f"{after.action_id} was asked to stop.",
        before={"state": before.state.value},
        after={"state": after.state.value},
    )


def job_view(job: Job) -> JsonObject:
    return {
        "id": job.id,
        "action_id": job.action_id,
        "state": job.state.value,
        "subject": job.subject,
        "progress": job.progress,
        "parameters": json.loads(job.parameters_json),
        "result": None if job.result_json is None else json.loads(job.result_json),
        "error_kind": job.error_kind,
        "error_message": job.error_message,
        "error_next_step": job.error_next_step,
        "cancel_requested": job.cancel_requested,
        "owner": job.owner,
        "created_by": job.created_by,
        "host_id": job.host_id,
        "credential_id": job.credential_id,
        "holder": job.holder,
        "fence": job.fence,
        "lease_expires_at": moment_or_none(job.lease_expires_at),
        "created_at": moment_or_none(job.created_at),
        "started_at": moment_or_none(job.started_at),
        "ended_at": moment_or_none(job.ended_at),
        "version": job.version,
    }
