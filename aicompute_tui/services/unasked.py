"""Closing launches that will never be asked for: no call was made, so no cloud and no credential is needed."""

from __future__ import annotations

from datetime import datetime

from aicompute_tui.domain.instance import DesiredState, Instance
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.launch import AttemptState
from aicompute_tui.domain.ledger import fail
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction


async def close_unasked(context: Context) -> int:
    """Closes rows whose launch has ended, or that are to end while nobody carries their launch out; how many."""
    async with context.store.read() as transaction:
        rows = [row for row in await transaction.instances.list() if row.remote_id is None]
        waiting = [row.id for row in rows if await _is_over(transaction, row, context.clock.now())]
    closed = 0
    for row_id in waiting:
        async with context.store.write() as transaction:
            row = await transaction.instances.get(row_id)
            if await _is_over(transaction, row, context.clock.now()):
                await _close(context, transaction, row)
                closed += 1
    return closed


async def _is_over(transaction: Transaction, row: Instance, now: datetime) -> bool:
    if row.is_final or row.remote_id is not None:
        return False
    if any(attempt.state is AttemptState.WRITTEN for attempt in await transaction.attempts.list(row.id)):
        return False
    job = await _job(transaction, row)
    if job is None or job.is_final:
        return True
    is_carried_out = job.lease_expires_at is not None and job.lease_expires_at > now
    return row.desired_state is DesiredState.TERMINATED and not is_carried_out


async def _job(transaction: Transaction, row: Instance) -> Job | None:
    return await transaction.jobs.get(row.job_id) if row.job_id else None


async def _close(context: Context, transaction: Transaction, row: Instance) -> None:
    """The row, and its job where it was the last one that waited."""
    now = context.clock.now()
    job = await _job(transaction, row)
    kind, reason = _why(row, job)
    await record(context, transaction, row, "instance.failed", f"{row.name}: {reason}", level="error")
    await save(transaction, row, fail(row, kind, reason, now))
    if job is None or job.is_final:
        return
    if all(each.is_final for each in await transaction.instances.by_job(job.id)):
        await transaction.jobs.update(
            job, state=JobState.FAILED, error_kind=kind, error_message=reason, lease_expires_at=None, ended_at=now
        )


def _why(row: Instance, job: Job | None) -> tuple[str, str]:
    if row.error_message:
        return row.error_kind or "Refused", row.error_message
    if row.desired_state is DesiredState.TERMINATED:
        return "Refused", f"Never asked for: {row.end_reason or 'terminated on request'}."
    if job is not None and job.error_message:
        return job.error_kind or "Refused", job.error_message
    return "Refused", "The launch ended before the cloud was asked."
