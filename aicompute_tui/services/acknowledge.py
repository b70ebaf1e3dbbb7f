"""Closing a row whose machine nobody will see again: the cloud denies it, or its account can be asked no more."""

from __future__ import annotations

from datetime import timedelta

from aicompute_tui.domain import ledger
from aicompute_tui.domain.errors import AicError, AuthFailed, NotAllowed, NotConfigured, Refused
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.services.arguments import required_text, texts
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.targets import find_meant
from aicompute_tui.services.views import instance_view

UNSEEN_FOR = timedelta(hours=24)
_CLOSED_DOORS = (AuthFailed, NotAllowed, NotConfigured)
"""What an account says for ever once it is closed or its keys are gone; a network that is down passes."""


async def acknowledge(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.acknowledge`."""
    name = required_text(arguments, "name")
    async with context.store.read() as transaction:
        row = await find_meant(context, transaction, name)
    why = None if row.state is InstanceState.LOST else await _why_given_up(context, row, arguments)
    now = context.clock.now()
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.version != row.version:
            raise Refused(f"{row.name} has changed meanwhile.", "Look at it again, then repeat.")
        if why is None:
            await record(context, transaction, row, "instance.acknowledged", f"{row.name}: its loss is acknowledged")
            closed = ledger.acknowledge(row, now)
        else:
            message = f"{row.name} is given up: {why}. It may still run and cost money; nobody here can end it"
            await record(context, transaction, row, "instance.given-up", message, level="error")
            closed = ledger.give_up(row, now)
        row = await save(transaction, present, closed)
    return instance_view(row, now, context.actor.host_id)


async def _why_given_up(context: Context, row: Instance, arguments: Arguments) -> str:
    """What its account answers instead of an answer. Raises Refused where the row is not to be given up."""
    is_ending = row.desired_state is DesiredState.TERMINATED or row.state is InstanceState.UNKNOWN
    if row.is_final or not is_ending:
        raise Refused(f"{row.name} is {row.state.value}, not lost.", "Terminate it to end it.")
    seen = row.last_seen_at or row.requested_at
    if context.clock.now() - seen < UNSEEN_FOR:
        hours = int(UNSEEN_FOR.total_seconds() // 3600)
        step = "Until then the agent goes on trying to end it."
        raise Refused(f"{row.name} was heard of at {format_moment(seen)}, less than {hours} hours ago.", step)
    why = await _closed_door(context, row)
    if row.name not in texts(arguments, "confirm_name"):
        raise Refused(
            f"Nobody can say whether {row.name} still runs ({why}), and it may go on costing money.",
            f"Look in the account itself; to give it up here, add --confirm-name {row.name}.",
        )
    return why


async def _closed_door(context: Context, row: Instance) -> str:
    """Raises Refused where the account answers, or where nothing says that it never will."""
    try:
        if row.account_id is None:
            cloud = await context.clouds.cloud(row.credential_id)
        else:
            cloud = await context.clouds.account_cloud(row.cloud, row.account_id, row.credential_id)
        await cloud.describe(row.region, [row.remote_id] if row.remote_id else [])
    except _CLOSED_DOORS as error:
        return error.message.rstrip(".")
    except AicError as error:
        step = "Try again when it answers: only an account that refuses us is given up."
        raise Refused(f"The cloud of {row.name} cannot be asked now: {error.message}", step) from error
    raise Refused(f"The cloud of {row.name} answers.", "The agent ends it and says when it is gone.")
