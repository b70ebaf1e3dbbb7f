"""The end of a machine: moved by its owner, enforced by the agent beside the machine's own dead-man unit."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.durations import format_duration, parse_duration
from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.domain.expiry import awake_until, extended_end
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.fence import Hold, prove_held
from aicompute_tui.services.targets import find_meant
from aicompute_tui.services.terminate import wish_end
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction


async def extend(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.extend`: the new end is committed, then told to the machine through its tag."""
    job = context.running_job
    by_seconds = parse_duration(text(arguments, "by") or "1h")
    async with context.store.write() as transaction:
        await job.hold(transaction)
        row = await find_meant(context, transaction, required_text(arguments, "name"))
        if row.is_final or row.desired_state is DesiredState.TERMINATED:
            raise Refused(f"{row.name} has ended or is about to.", "Launch another one.")
        if not await _was_extended(transaction, row, job.job):
            row = await _write_end(context, transaction, row, by_seconds, job.job)
    if row.remote_id is not None:
        cloud = await context.clouds.account_cloud(row.cloud, row.account_id or "", row.credential_id)
        try:
            row = await tell_machine(context, cloud, row, job.hold)
        except AicError as error:
            step = f"It still ends at the old time until the agent gets through. {error.next_step}".strip()
            raise type(error)(f"The new end did not reach {row.name}: {error.message}", step, error.details) from None
    return instance_view(row, context.clock.now(), context.actor.host_id)


async def _was_extended(transaction: Transaction, row: Instance, job: Job) -> bool:
    """Whether this very job wrote the new end before it was taken over: twice would be twice the time."""
    if job.fence <= 1:
        return False
    events = await transaction.events.list(wanted=EventFilter(subject=row.id))
    return any(event.kind == "instance.extended" and event.after.get("job_id") == job.id for event in events)


async def _write_end(context: Context, transaction: Transaction, row: Instance, by_seconds: int, job: Job) -> Instance:
    end = extended_end(row, by_seconds)
    before = {"expires_at": format_moment(row.expires_at) if row.expires_at else "none"}
    after = {"expires_at": format_moment(end), "job_id": job.id}
    gained = format_duration((end - row.expires_at).total_seconds()) if row.expires_at else ""
    message = f"{row.name} ends {gained} later, at {format_moment(end)}"
    await record(context, transaction, row, "instance.extended", message, before=before, after=after)
    awake = awake_until(context.clock.now(), by_seconds, end)
    return await save(transaction, row, replace(row, expires_at=end, awake_until=awake))


async def tell_machine(context: Context, cloud: Cloud, row: Instance, hold: Hold) -> Instance:
    """Writes the row's end, and until when it may be idle, into the tags that the machine reads each minute."""
    if row.remote_id is None or row.expires_at is None:
        return row
    await prove_held(context, hold)
    await cloud.set_expiry(row.region, row.remote_id, row.expires_at, row.awake_until)
    async with context.store.write() as transaction:
        await hold(transaction)
        present = await transaction.instances.get(row.id)
        return await save(transaction, present, replace(present, node_expires_at=row.expires_at))


async def enforce(context: Context) -> int:
    """Wishes the end of every machine whose end has passed; a reconcile pass carries it out. Returns how many.

    A lost one stays as it is: it has no machine to end, and its owner has not acknowledged that yet.
    """
    now = context.clock.now()
    ended = 0
    async with context.store.read() as transaction:
        rows = await transaction.instances.list()
    for row in rows:
        if row.expires_at is None or row.expires_at > now or row.desired_state is DesiredState.TERMINATED:
            continue
        async with context.store.write() as transaction:
            present = await transaction.instances.get(row.id)
            if present.is_final or present.state is InstanceState.LOST:
                continue
            if present.expires_at is None or present.expires_at > now:
                continue
            await wish_end(context, transaction, present, "its time to live was over")
            ended += 1
    return ended
