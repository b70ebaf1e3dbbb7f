"""Stopping, starting and rebooting machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError, LeaseLost, Refused
from aicompute_tui.domain.instance import RUNNING_STATES, DesiredState, Instance, InstanceState, Market
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.services.arguments import texts
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.expiry import tell_machine
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.targets import find_meant
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction

_LEAST_LIFE = timedelta(minutes=10)

Prepare = Callable[[Context, Transaction, Instance], Awaitable[Instance]]
Call = Callable[[Context, Cloud, Instance], Awaitable[None]]


async def stop(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.stop`: the wish is committed before the call, and repeated by the agent until it holds."""
    return await _each(context, arguments, _wish_stop, _call_stop)


async def start(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.start`: an end too near to be of use is moved first, as far as the cap allows."""
    return await _each(context, arguments, _wish_start, _call_start)


async def reboot(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.reboot`."""
    return await _each(context, arguments, _note_reboot, _call_reboot)


async def _each(context: Context, arguments: Arguments, prepare: Prepare, call: Call) -> list[Json]:
    job = context.running_job
    async with context.store.write() as transaction:
        await job.hold(transaction)
        found = [await find_meant(context, transaction, name) for name in texts(arguments, "names")]
        rows = [await prepare(context, transaction, row) for row in {row.id: row for row in found}.values()]
    failure: AicError | None = None
    for row in rows:
        await job.progress(f"{context.running_job.job.action_id.partition('.')[2]} {row.name}")
        try:
            cloud = await context.clouds.account_cloud(row.cloud, row.account_id or "", row.credential_id)
            await prove_held(context, job.hold)
            await call(context, cloud, row)
        except LeaseLost:
            raise
        except AicError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    async with context.store.read() as transaction:
        present = [await transaction.instances.get(row.id) for row in rows]
    now = context.clock.now()
    return [instance_view(row, now, context.actor.host_id) for row in present]


def _require_machine(row: Instance) -> str:
    if row.is_final or row.remote_id is None or row.desired_state is DesiredState.TERMINATED:
        raise Refused(f"{row.name} has no machine that goes on.", "See `aic-tui instance show`.")
    return row.remote_id


async def _wish_stop(context: Context, transaction: Transaction, row: Instance) -> Instance:
    _require_machine(row)
    if row.market is Market.SPOT:
        raise Refused(f"{row.name} is a one-time spot machine, which cannot be stopped.", "Terminate it instead.")
    if row.state not in RUNNING_STATES and row.state is not InstanceState.STOPPING:
        raise Refused(f"{row.name} is {row.state.value}.", "Only a running machine can be stopped.")
    after = {"desired_state": DesiredState.STOPPED.value}
    before = {"desired_state": row.desired_state.value}
    until = f" until it is ended at {format_moment(row.expires_at)}" if row.expires_at else ""
    message = f"{row.name} is to stop; its volume stays and is billed by the cloud{until}"
    await record(context, transaction, row, "instance.stop-requested", message, before=before, after=after)
    now = context.clock.now()
    wished = replace(row, desired_state=DesiredState.STOPPED, state=InstanceState.STOPPING, state_since=now)
    return await save(transaction, row, wished)


async def _call_stop(_: Context, cloud: Cloud, row: Instance) -> None:
    _require_ability(cloud, cloud.capabilities.can_stop, "stop")
    await cloud.stop(row.region, _require_machine(row))


async def _wish_start(context: Context, transaction: Transaction, row: Instance) -> Instance:
    _require_machine(row)
    if row.state is not InstanceState.STOPPED:
        raise Refused(f"{row.name} is {row.state.value}.", "Only a stopped machine can be started.")
    now = context.clock.now()
    end = row.expires_at
    if end is not None and end - now < _LEAST_LIFE:
        latest = row.max_expires_at
        end = now + timedelta(seconds=row.ttl_seconds or 0)
        end = (min(end, latest) if latest is not None else end).replace(microsecond=0)
        if end - now < _LEAST_LIFE:
            step = "Terminate it and launch another one."
            raise Refused(f"{row.name} would end at once: its --max-ttl fixed at launch is used up.", step)
    after = {"desired_state": "running", "expires_at": format_moment(end) if end else "none"}
    await record(context, transaction, row, "instance.start-requested", f"{row.name} is to start", after=after)
    return await save(transaction, row, replace(row, desired_state=DesiredState.RUNNING, expires_at=end))


async def _call_start(context: Context, cloud: Cloud, row: Instance) -> None:
    _require_ability(cloud, cloud.capabilities.can_stop, "start")
    job = context.running_job
    if row.node_expires_at != row.expires_at:
        row = await tell_machine(context, cloud, row, job.hold)
    await cloud.start(row.region, _require_machine(row))
    async with context.store.write() as transaction:
        await job.hold(transaction)
        present = await transaction.instances.get(row.id)
        now = context.clock.now()
        started = replace(present, state=InstanceState.BOOTING, state_since=now)
        if present.billing_since is None:
            started = replace(started, billing_since=now)
        await save(transaction, present, started)


async def _note_reboot(context: Context, transaction: Transaction, row: Instance) -> Instance:
    _require_machine(row)
    if row.state not in RUNNING_STATES:
        raise Refused(f"{row.name} is {row.state.value}.", "Only a running machine can be rebooted.")
    await record(context, transaction, row, "instance.reboot-requested", f"{row.name} is to reboot")
    return row


async def _call_reboot(_: Context, cloud: Cloud, row: Instance) -> None:
    _require_ability(cloud, cloud.capabilities.can_reboot, "reboot")
    await cloud.reboot(row.region, _require_machine(row))


def _require_ability(cloud: Cloud, able: bool, verb: str) -> None:
    if not able:
        raise Refused(f"{cloud.name} cannot {verb} machines.", "Terminate it instead.")
