"""Making a row for a machine that has none: an orphan of ours, or another store's by its typed name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import InvalidInput, NotFound, Refused
from aicompute_tui.domain.expiry import default_max_ttl_seconds
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import DEFAULT_TTL_SECONDS
from aicompute_tui.domain.ledger import accept
from aicompute_tui.domain.moments import format_moment, parse_moment
from aicompute_tui.domain.remote import (
    TAG_EXPIRES_AT,
    TAG_LAUNCH,
    TAG_OWNER,
    TAG_STORE,
    Ownership,
    RemoteMachine,
    Sighting,
)
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.audit import record
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction


async def adopt(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.adopt`: the row is committed, then the machine's tags are made ours."""
    remote_id = required_text(arguments, "remote_id")
    async with context.store.read() as transaction:
        sightings = await transaction.sightings.by_remote_id(remote_id)
    if not sightings:
        step = "See `aic-tui instance list --sightings`."
        raise NotFound(f"No orphan or foreign machine {remote_id} has been seen.", step)
    if len(sightings) > 1:
        raise InvalidInput(f"{remote_id} is seen in more than one account.", "Remove one of the credentials for now.")
    sighting = sightings[0]
    if sighting.ownership is Ownership.FOREIGN and text(arguments, "confirm_name") not in {sighting.name, remote_id}:
        step = f"If it is meant to be yours, type its name: --confirm-name {sighting.name}."
        raise Refused(f"{remote_id} belongs to another store (owner {sighting.owner or 'unknown'}).", step)
    row, _ = await take_over(context, sighting, DesiredState.RUNNING)
    return instance_view(row, context.clock.now(), context.actor.host_id)


async def take_over(context: Context, sighting: Sighting, desired: DesiredState) -> tuple[Instance, Cloud]:
    """A row for the machine, if the cloud still shows it with the same store's tag. Raises NotFound, Refused."""
    job = context.running_job
    cloud = await context.clouds.account_cloud(sighting.cloud, sighting.account_id, sighting.credential_id)
    machines = await cloud.describe(sighting.region, [sighting.remote_id])
    machine = next((each for each in machines if not each.is_gone), None)
    if machine is None:
        raise NotFound(f"{sighting.remote_id} is gone.", "Nothing is left to do.")
    if machine.tags.get(TAG_STORE) != sighting.store_id:
        raise Refused(f"{sighting.remote_id} belongs to another store by now.", "Look at it again.")
    async with context.store.write() as transaction:
        await job.hold(transaction)
        row = await _insert(context, transaction, sighting, machine, desired)
    if desired is not DesiredState.TERMINATED:
        expiry = machine.tags.get(TAG_EXPIRES_AT) or "none"
        if row.expires_at is not None:
            expiry = format_moment(row.expires_at)
        tags = {TAG_STORE: context.store.store_id, TAG_LAUNCH: row.id, TAG_OWNER: row.owner, TAG_EXPIRES_AT: expiry}
        await cloud.set_tags(row.region, sighting.remote_id, tags)
    return row, cloud


async def _insert(
    context: Context, transaction: Transaction, sighting: Sighting, machine: RemoteMachine, desired: DesiredState
) -> Instance:
    now = context.clock.now()
    present = await transaction.instances.by_remote(
        machine.cloud, machine.account_id, machine.region, machine.remote_id
    )
    if present is not None and not present.is_final:
        return present
    fresh = _fresh_row(context, sighting, machine, desired, now)
    if await transaction.instances.name_taken(fresh.owner, fresh.name):
        fresh = replace(fresh, name=f"{fresh.name}-{machine.remote_id[-6:]}")
    row = accept(fresh, machine, now)
    await transaction.instances.insert(row)
    await transaction.sightings.remove(sighting.cloud, sighting.account_id, sighting.region, sighting.remote_id)
    kind = "instance.reaped" if desired is DesiredState.TERMINATED else "instance.adopted"
    verb = "is to end, an orphan" if desired is DesiredState.TERMINATED else "is adopted"
    before = {"store": sighting.store_id, "owner": sighting.owner}
    message = f"{sighting.remote_id} {verb} as {row.name}"
    await record(context, transaction, row, kind, message, level="warning", before=before)
    return row


def _fresh_row(
    context: Context, sighting: Sighting, machine: RemoteMachine, desired: DesiredState, now: datetime
) -> Instance:
    launched_at = machine.launched_at or now
    expires_at = parse_moment(machine.tags.get(TAG_EXPIRES_AT))
    if expires_at is not None and expires_at <= now:
        expires_at = None  # who adopts it does not want it ended by the next pass
    ttl = DEFAULT_TTL_SECONDS if expires_at is None else max(60, int((expires_at - launched_at).total_seconds()))
    if expires_at is None:
        expires_at = (now + timedelta(seconds=ttl)).replace(microsecond=0)
    name = sighting.name if sighting.name != sighting.remote_id else f"adopted-{sighting.remote_id[-6:]}"
    return Instance(
        id=new_id(now),
        owner=context.actor.owner,
        created_by=context.actor.name,
        name=name,
        cloud=sighting.cloud,
        credential_id=sighting.credential_id,
        account_id=sighting.account_id,
        region=sighting.region,
        instance_type=machine.instance_type,
        market=machine.market,
        desired_state=desired,
        ttl_seconds=ttl,
        max_ttl_seconds=int((expires_at - launched_at).total_seconds()) - ttl + default_max_ttl_seconds(ttl),
        expires_at=expires_at,
        requested_at=launched_at,
        state_since=now,
        host_id=context.actor.host_id,
    )
