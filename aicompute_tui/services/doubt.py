"""Resolving a launch whose answer was lost: look-ups by tag and token, never a second call."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.launch import AttemptState, LaunchAttempt
from aicompute_tui.domain.ledger import accept, doubt, find_nothing
from aicompute_tui.domain.remote import RemoteMachine
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Context
from aicompute_tui.services.fence import Hold
from aicompute_tui.store.database import Transaction


async def look_up(context: Context, cloud: Cloud, instance: Instance, hold: Hold) -> Instance:
    """The row after one look-up. A failed look-up leaves it unknown and raises what went wrong."""
    async with context.store.read() as transaction:
        attempts = await transaction.attempts.list(instance.id)
    try:
        found = await _find(cloud, instance, attempts)
    except AicError as error:
        await mark_unknown(context, instance.id, error, hold)
        raise
    return await _write_outcome(context, instance.id, attempts, found, hold)


async def find_again(context: Context, cloud: Cloud, instance: Instance, hold: Hold) -> Instance | None:
    """The row with the machine it has already, although no call stands written: a restored backup forgets calls."""
    async with context.store.read() as transaction:
        attempts = await transaction.attempts.list(instance.id)
    found = await _find(cloud, instance, attempts)
    return None if found is None else await _write_outcome(context, instance.id, attempts, found, hold)


async def _find(cloud: Cloud, instance: Instance, attempts: Sequence[LaunchAttempt]) -> RemoteMachine | None:
    """A living machine of the launch before one that is gone."""
    tokens = [attempt.client_token for attempt in attempts]
    machines = await cloud.find_launch(instance.region, instance.id, tokens)
    living = [machine for machine in machines if not machine.is_gone]
    return next(iter(living or machines), None)


async def mark_unknown(context: Context, instance_id: str, error: AicError, hold: Hold) -> Instance:
    """The row in red: nobody knows whether its machine exists."""
    now = context.clock.now()
    async with context.store.write() as transaction:
        await hold(transaction)
        row = await transaction.instances.get(instance_id)
        if row.is_final or row.remote_id is not None:
            return row
        doubted = doubt(row, error.kind, error.message, now)
        if row.state is not InstanceState.UNKNOWN:
            message = f"Whether {row.name} exists is not known: {error.message}"
            await record(context, transaction, row, "instance.unknown", message, level="error")
        return await save(transaction, row, doubted)


async def _write_outcome(
    context: Context,
    instance_id: str,
    attempts: Sequence[LaunchAttempt],
    found: RemoteMachine | None,
    hold: Hold,
) -> Instance:
    now = context.clock.now()
    written = [attempt for attempt in attempts if attempt.state is AttemptState.WRITTEN]
    async with context.store.write() as transaction:
        await hold(transaction)
        row = await transaction.instances.get(instance_id)
        if row.is_final or row.remote_id is not None:
            return row
        if found is not None:
            return await write_acceptance(context, transaction, row, attempts, found)
        last_written_at = max((attempt.written_at for attempt in written), default=row.requested_at)
        looked = find_nothing(row, last_written_at, now)
        if looked.state is InstanceState.FAILED:
            for attempt in written:
                await transaction.attempts.update(attempt, state=AttemptState.ABSENT, ended_at=now)
            await record(context, transaction, row, "instance.absent", f"{row.name}: {looked.error_message}")
        return await save(transaction, row, looked)


async def write_acceptance(
    context: Context,
    transaction: Transaction,
    row: Instance,
    attempts: Sequence[LaunchAttempt],
    machine: RemoteMachine,
) -> Instance:
    """Books the machine that came of a launch, in the transaction given."""
    now = context.clock.now()
    for attempt in attempts:
        if attempt.state is AttemptState.WRITTEN:
            is_it = machine.client_token in (None, attempt.client_token)
            state = AttemptState.ACCEPTED if is_it else AttemptState.ABSENT
            await transaction.attempts.update(attempt, state=state, ended_at=now)
    accepted = accept(row, machine, now)
    where = f"{machine.remote_id} in {machine.zone or machine.region}"
    await record(
        context,
        transaction,
        row,
        "instance.launched",
        f"{row.name} is {where}",
        before={"state": row.state.value},
        after={"state": accepted.state.value, "remote_id": machine.remote_id},
    )
    return await save(transaction, row, accepted)
