"""Ending machines: the wish is committed first, then carried out until the cloud says gone."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError, LeaseLost, Refused
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.json import Json
from aicompute_tui.services.arguments import texts
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.fence import Hold, prove_held
from aicompute_tui.services.targets import find_meant
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction


async def terminate(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.terminate`: all wishes in one transaction, then one call each."""
    job = context.running_job
    typed = set(texts(arguments, "confirm_name"))
    wished: list[Instance] = []
    async with context.store.write() as transaction:
        await job.hold(transaction)
        rows = [await find_meant(context, transaction, name) for name in texts(arguments, "names")]
        for row in {row.id: row for row in rows}.values():
            if row.protected and row.name not in typed and row.desired_state is not DesiredState.TERMINATED:
                step = f"Type its name: --confirm-name {row.name}, or take the protection back first."
                raise Refused(f"{row.name} is protected.", step)
            wished.append(await wish_end(context, transaction, row, "terminated on request"))
    return await _call_for_each(context, wished)


async def wish_end(context: Context, transaction: Transaction, row: Instance, reason: str) -> Instance:
    """Writes the wish; nothing changes for a row that is final or has it already."""
    if row.is_final or row.desired_state is DesiredState.TERMINATED:
        return row
    now = context.clock.now()
    wished = replace(row, desired_state=DesiredState.TERMINATED, end_reason=reason)
    if row.remote_id is not None:
        wished = replace(wished, state=InstanceState.TERMINATING, state_since=now)
    before = {"state": row.state.value, "desired_state": row.desired_state.value}
    after = {"state": wished.state.value, "desired_state": wished.desired_state.value}
    message = f"{row.name} is to end: {reason}"
    await record(context, transaction, row, "instance.terminate-requested", message, before=before, after=after)
    return await save(transaction, row, wished)


async def _call_for_each(context: Context, rows: list[Instance]) -> list[Json]:
    job = context.running_job
    failure: AicError | None = None
    views: list[Json] = []
    for row in rows:
        ended = row
        if not row.is_final and row.remote_id is not None:
            await job.progress(f"terminating {row.name}")
            try:
                cloud = await context.clouds.account_cloud(row.cloud, row.account_id or "", row.credential_id)
                ended = await carry_out_termination(context, cloud, row, job.hold)
            except LeaseLost:
                raise
            except AicError as error:
                failure = failure or error
        views.append(instance_view(ended, context.clock.now(), context.actor.host_id))
    if failure is not None:
        note = "The wish is written down: the agent repeats it until the cloud says gone."
        raise type(failure)(failure.message, f"{note} {failure.next_step}".strip(), failure.details)
    return views


async def carry_out_termination(context: Context, cloud: Cloud, row: Instance, hold: Hold) -> Instance:
    """One call. On failure the wish stands with the error beside it, and the next pass repeats it."""
    if row.remote_id is None:
        return row
    await prove_held(context, hold)
    try:
        await cloud.terminate(row.region, row.remote_id)
    except AicError as error:
        await _note_failure(context, row, error, hold)
        raise
    now = context.clock.now()
    async with context.store.write() as transaction:
        await hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.is_final:
            return present
        called = replace(present, state=InstanceState.TERMINATING, error_kind=None, error_message=None)
        if present.state is not InstanceState.TERMINATING:
            called = replace(called, state_since=now)
        await record(context, transaction, present, "instance.terminate-sent", f"The cloud was told to end {row.name}")
        return await save(transaction, present, called)


async def _note_failure(context: Context, row: Instance, error: AicError, hold: Hold) -> None:
    async with context.store.write() as transaction:
        await hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.is_final:
            return
        message = f"Ending {row.name} failed and will be tried again: {error.message}"
        if present.error_message != error.message:
            await record(context, transaction, present, "instance.terminate-failed", message, level="error")
        await save(transaction, present, replace(present, error_kind=error.kind, error_message=error.message))
